//! The properties of architecture §4 of queue and gates, by their names there, over 10,000 random schedules each.

use std::cell::Cell;
use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRunner};

use super::super::Limits;
use super::schedule::{Job, Run, Schedule};

const SCHEDULES: u32 = 10_000;
/// No call takes longer here, in milliseconds.
const LONGEST_CALL: i64 = 400;

fn limits(rates: RangeInclusive<u32>) -> impl Strategy<Value = Limits> {
    (rates, 2..=50_u32).prop_map(|(per_second, burst)| Limits {
        per_second,
        burst,
        // As many as are needed for that rate, and more.
        in_flight: per_second.max(8),
    })
}

fn job() -> impl Strategy<Value = Job> {
    let life = option::weighted(0.8, (0..6_000_i64, 500..12_000_i64));
    let namespace = prop_oneof![8 => Just(0_u8), 1 => Just(1), 1 => Just(2)];
    (namespace, 0..4000_i64, 1..=2_u32, 20..=LONGEST_CALL, any::<bool>(), life).prop_map(
        |(namespace, arrives, permits, takes, renewal, life)| Job {
            namespace,
            // Many at once, as after a restart.
            arrives: arrives - arrives % 1000 + 1,
            permits,
            takes,
            renewal,
            life: life.map(|(before, quarter)| (arrives + before, arrives + before + quarter)),
            gives_up: None,
            chokes: 0,
        },
    )
}

fn quiet(
    rates: RangeInclusive<u32>,
    jobs: impl Strategy<Value = Vec<Job>>,
) -> impl Strategy<Value = Schedule> {
    (limits(rates), jobs).prop_map(|(limits, jobs)| Schedule {
        limits,
        jobs,
        nudges: Vec::new(),
        trouble: Vec::new(),
        steps: Vec::new(),
    })
}

/// With everything that can go wrong.
fn rough() -> impl Strategy<Value = Schedule> {
    let jobs = vec((job(), option::weighted(0.2, 0..30_000_i64), 0..20_u32), 1..12);
    let nudges = vec((0..20_000_i64, 0..20_usize), 0..15);
    let trouble = vec((0..10_000_i64, 0..60_000_i64, any::<bool>()), 0..3);
    let steps = vec((0..20_000_i64, prop_oneof![-90_000..90_000_i64, -5..5_i64]), 0..3);
    (limits(4..=25), jobs, nudges, trouble, steps).prop_map(|(limits, jobs, nudges, trouble, steps)| {
        Schedule {
            limits,
            jobs: jobs
                .into_iter()
                .map(|(job, gives_up, chokes)| Job {
                    gives_up: gives_up.map(|after| job.arrives + after),
                    chokes: match chokes {
                        0 => u32::MAX,
                        1 => 3,
                        _ => 0,
                    },
                    ..job
                })
                .collect(),
            nudges,
            trouble: trouble
                .into_iter()
                .map(|(from, long, throttling)| (from, from + long, throttling))
                .collect(),
            steps,
        }
    })
}

fn for_each(schedules: impl Strategy<Value = Schedule>, check: impl Fn(&Schedule)) {
    let config = ProptestConfig {
        source_file: Some(file!()),
        cases: SCHEDULES,
        // In a debug build the others take longer than what is tested.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&schedules, |schedule| {
        check(&schedule);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// [`Run`] looks at every turn: no key has two calls under way, no more calls are made than may be, and one probe at a time.
#[test]
fn no_key_runs_twice_at_once() {
    let calls = Cell::new(0);
    let nudged = (quiet(4..=25, vec(job(), 1..12)), vec((0..6000_i64, 0..12_usize), 20..40));
    let nudged = nudged.prop_map(|(schedule, nudges)| Schedule { nudges, ..schedule });
    for_each(nudged, |schedule| {
        calls.set(calls.get() + u64::from(Run::of(schedule).calls));
    });
    assert!(calls.get() > 50_000, "{} calls", calls.get());
}

/// Whatever the service, the keys and the clock do: when the trouble is over, everybody is served.
#[test]
fn no_key_starves() {
    for_each(rough(), |schedule| {
        assert_eq!(Run::of(schedule).open(), Vec::<usize>::new());
    });
}

/// Found by the property: all that wait have tried in vain, and the better of the two would have probed for ever.
#[test]
fn two_keys_that_the_service_chokes_on_probe_in_turn() {
    let job = |life, chokes| Job {
        namespace: 1,
        arrives: 1,
        permits: 1,
        takes: 20,
        renewal: false,
        life,
        gives_up: None,
        chokes,
    };
    let schedule = Schedule {
        limits: Limits { per_second: 7, burst: 4, in_flight: 8 },
        jobs: vec![job(None, 3), job(Some((0, 500)), u32::MAX)],
        nudges: Vec::new(),
        trouble: Vec::new(),
        steps: Vec::new(),
    };
    assert_eq!(Run::of(&schedule).open(), Vec::<usize>::new());
}

/// A second reading of "as long as demand fits the rate": see [`Demand`].
#[test]
fn no_deadline_is_missed_while_demand_fits() {
    let reasons = [const { Cell::new(0) }; 3];
    for_each(quiet(2..=5, vec(job(), 4..24)), |schedule| {
        let run = Run::of(schedule);
        for (n, job) in schedule.jobs.iter().enumerate() {
            let Some((_, end)) = job.life else { continue };
            let demand = Demand { schedule, served: &run.served, n };
            let Some(reason) = demand.why_it_fits() else { continue };
            reasons[reason].set(reasons[reason].get() + 1);
            let served = run.served[n].expect("all are served");
            assert!(served <= end, "job {n} was served at {served} instead of {end}; it fits by {reason}");
        }
    });
    for (reason, times) in reasons.iter().enumerate() {
        assert!(times.get() > 1000, "reason {reason} was met {} times", times.get());
    }
}

/// What is asked for between the moment a job could be served and its deadline.
struct Demand<'a> {
    schedule: &'a Schedule,
    served: &'a [Option<i64>],
    n: usize,
}

impl Demand<'_> {
    /// 0: all that is in line or comes until then fits. 1: all of it whose life is ending fits, and every fourth turn that is left
    /// to others. 2: the share of its namespace fits, and of that namespace those whose life ends no later.
    fn why_it_fits(&self) -> Option<usize> {
        let job = &self.schedule.jobs[self.n];
        let (quarter, end) = job.life?;
        let all: u32 = self.rivals(job.arrives, end, |_| true).map(|job| job.permits).sum();
        if self.fits(all, job.arrives, end) {
            return Some(0);
        }
        let from = quarter.max(job.arrives);
        let is_ending =
            |job: &Job| job.life.is_some_and(|(quarter, its_end)| quarter < end && its_end > from);
        let ending: Vec<u32> = self.rivals(from, end, is_ending).map(|job| job.permits).collect();
        if self.fits(ending.iter().sum::<u32>() + others(ending.len()), from, end) {
            return Some(1);
        }
        let is_before = |it: &Job| {
            is_ending(it) && it.namespace == job.namespace && it.life.is_some_and(|(_, its)| its <= end)
        };
        let before = self.rivals(from, end, is_before).count();
        // A round of three namespaces, each with one that needs two, and one round until its turn comes first.
        let turns = (before + 1) * 3;
        let permits = u32::try_from(turns * 2).ok()? + others(turns);
        self.fits(permits, from, end).then_some(2)
    }

    fn rivals(&self, from: i64, end: i64, which: impl Fn(&Job) -> bool) -> impl Iterator<Item = &Job> {
        let jobs = self.schedule.jobs.iter().zip(self.served);
        jobs.filter(move |(job, served)| which(job) && job.arrives < end && served.is_none_or(|at| at > from))
            .map(|(job, _)| job)
    }

    /// So many permits, its own among them, at the rate alone; less what calls that were under way may hold up, what was not
    /// yet earned for the one that came before, and its own call.
    fn fits(&self, permits: u32, from: i64, end: i64) -> bool {
        let rate = i64::from(self.schedule.limits.per_second);
        let span = end - from - LONGEST_CALL - 50;
        let earned = (rate * span - rate * LONGEST_CALL) / 1000 - 2;
        i64::from(permits) <= earned
    }
}

/// What others take between so many turns of those whose life is ending: two permits at the beginning, and after each three.
fn others(turns: usize) -> u32 {
    u32::try_from(turns / 3 + 1).unwrap_or(u32::MAX).saturating_mul(2)
}
