//! The loop around queue and gates, in virtual time: who asks for what when, how the service answers, and what the clock does.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::{Gates, Limits, Need, Verdict};
use super::{in_namespace, millis, origin};
use crate::auth::Origin;
use crate::decision::{Key, Urgency};
use crate::operator::queue::Queue;

/// Everything that will happen. Times are milliseconds from the beginning.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub limits: Limits,
    pub jobs: Vec<Job>,
    /// Something changes for a job: it is looked at once more.
    pub nudges: Vec<(i64, usize)>,
    /// From when to when every call fails, and whether by throttling.
    pub trouble: Vec<(i64, i64, bool)>,
    /// When the clock is set, by how many seconds.
    pub steps: Vec<(i64, i64)>,
}

/// One key that needs the service once.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub namespace: u8,
    pub arrives: i64,
    pub permits: u32,
    /// How long its calls take.
    pub takes: i64,
    /// It is a renewal; otherwise somebody waits for it.
    pub renewal: bool,
    /// When the last quarter of its token's life begins, and when it ends.
    pub life: Option<(i64, i64)>,
    /// It needs nothing any more.
    pub gives_up: Option<i64>,
    /// So many of its calls fail whatever the service does for others.
    pub chokes: u32,
}

/// How it went.
pub(super) struct Run<'a> {
    schedule: &'a Schedule,
    origin: Origin,
    queue: Queue,
    gates: Gates,
    /// Milliseconds since the beginning, and how far the clock is off.
    time: i64,
    clock_off: i64,
    keys: Vec<Key>,
    numbers: BTreeMap<Key, usize>,
    flights: BTreeMap<Key, Flight>,
    /// When each job was served.
    pub served: Vec<Option<i64>>,
    failed: Vec<u32>,
    pub calls: u32,
}

#[derive(Clone, Copy)]
struct Flight {
    began: i64,
    ends: i64,
    is_probe: bool,
}

const TOO_MANY: usize = 100_000;
/// The loop comes round at least this often.
const ROUND: i64 = 30_000;

impl<'a> Run<'a> {
    /// Runs until every job that can be is done.
    pub(super) fn of(schedule: &'a Schedule) -> Self {
        let key = |(n, job): (usize, &Job)| {
            in_namespace(&format!("team-{}", job.namespace), u8::try_from(n).expect("few jobs"))
        };
        let keys: Vec<Key> = schedule.jobs.iter().enumerate().map(key).collect();
        let mut run = Run {
            schedule,
            origin: origin(false),
            queue: Queue::default(),
            gates: Gates::new(schedule.limits),
            time: 0,
            clock_off: 0,
            numbers: keys.iter().cloned().zip(0..).collect(),
            served: vec![None; keys.len()],
            failed: vec![0; keys.len()],
            keys,
            flights: BTreeMap::new(),
            calls: 0,
        };
        run.go();
        run
    }

    fn go(&mut self) {
        let events = self.events();
        let mut passed = 0;
        for _ in 0..TOO_MANY {
            self.round();
            if self.is_over() {
                return;
            }
            let now = self.now();
            let arranged = [self.gates.next_opening(now), self.queue.next_look()];
            let arranged = arranged.into_iter().flatten().map(|at| self.time + until(now, at));
            let others = self.flights.values().map(|flight| flight.ends).chain(events.get(passed).copied());
            let next = arranged.chain(others).min().unwrap_or(i64::MAX).clamp(self.time, self.time + ROUND);
            if events.get(passed).is_some_and(|at| *at <= next) {
                passed += 1;
                self.change(self.time, next);
            }
            self.time = next;
        }
        panic!("it never comes to an end; open: {:?}", self.open());
    }

    /// The jobs that are neither done nor given up, nor such as the service always chokes on.
    pub(super) fn open(&self) -> Vec<usize> {
        (0..self.keys.len()).filter(|n| self.is_open(*n)).collect()
    }

    fn is_over(&self) -> bool {
        let last = self.schedule.jobs.iter().map(|job| job.arrives).max();
        last.is_none_or(|at| at <= self.time) && (0..self.keys.len()).all(|n| !self.is_open(n))
    }

    fn is_open(&self, n: usize) -> bool {
        let job = &self.schedule.jobs[n];
        let gone = job.gives_up.is_some_and(|at| at <= self.time);
        self.served[n].is_none() && !gone && job.chokes < u32::MAX
    }

    fn events(&self) -> Vec<i64> {
        let jobs = self.schedule.jobs.iter().flat_map(|job| [Some(job.arrives), job.gives_up]).flatten();
        let nudges = self.schedule.nudges.iter().map(|(at, _)| *at);
        let mut all: Vec<i64> =
            jobs.chain(nudges).chain(self.schedule.steps.iter().map(|(at, _)| *at)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn now(&self) -> Timestamp {
        millis(self.time + self.clock_off)
    }

    /// What happens between two moments.
    fn change(&mut self, before: i64, next: i64) {
        let is_new = |at: i64| before < at && at <= next;
        for (at, by) in &self.schedule.steps {
            self.clock_off += if is_new(*at) { by * 1000 } else { 0 };
        }
        let jobs = self.schedule.jobs.iter().enumerate();
        let woken = jobs.filter(|(_, job)| is_new(job.arrives) || job.gives_up.is_some_and(is_new));
        let nudged = self.schedule.nudges.iter().filter(|(at, _)| is_new(*at)).map(|(_, n)| *n);
        for n in woken.map(|(n, _)| n).chain(nudged) {
            if let Some(key) = self.keys.get(n) {
                self.queue.wake(key.clone());
            }
        }
    }

    /// What the loop does between two waits.
    fn round(&mut self) {
        let back = self.flights.iter().filter(|(_, flight)| flight.ends <= self.time);
        let back: Vec<(Key, Flight)> = back.map(|(key, flight)| (key.clone(), *flight)).collect();
        for (key, flight) in back {
            self.land(&key, flight);
        }
        let called = self.gates.pass(self.now());
        self.wake(called);
        self.queue.pass(self.now());
        while let Some(key) = self.queue.take() {
            self.turn(&key);
        }
    }

    fn turn(&mut self, key: &Key) {
        assert!(!self.flights.contains_key(key), "{key:?} runs twice at once");
        let n = self.numbers[key];
        let job = &self.schedule.jobs[n];
        let gone = job.gives_up.is_some_and(|at| at <= self.time);
        if self.served[n].is_some() || gone || job.arrives > self.time {
            let called = self.gates.give_up(key, self.now());
            self.wake(called);
            self.queue.wake_at(key, None);
            return self.queue.done(key);
        }
        let asked = self.gates.ask(&self.origin, key, self.need(job), self.now());
        self.wake(asked.called);
        if asked.through {
            return self.begin(key, job);
        }
        // As the operator does: what is ending goes first, and once it has ended no more.
        let turns = job.life.into_iter().flat_map(|(quarter, end)| [quarter, end]);
        let next = turns.filter(|at| *at > self.time).min();
        let look = next.map(|at| self.now() + SignedDuration::from_millis(at - self.time));
        self.queue.wake_at(key, look);
        self.queue.done(key);
    }

    fn need(&self, job: &Job) -> Need {
        let ending = job.life.is_some_and(|(quarter, end)| quarter <= self.time && self.time < end);
        let ended = job.life.is_some_and(|(_, end)| end <= self.time);
        let urgency = match (ending, job.renewal && !ended) {
            (true, _) => Urgency::LifeIsEnding,
            (false, true) => Urgency::Renewal,
            (false, false) => Urgency::Wanted,
        };
        let expires_at = job.life.map(|(_, end)| millis(end));
        Need { permits: job.permits, urgency, expires_at }
    }

    fn begin(&mut self, key: &Key, job: &Job) {
        let is_probe = self.gates.parked(&self.origin).is_some();
        // Beside one of the namespace that alone has met it, one of another is let through.
        let probing = self.flights.iter().filter(|(_, flight)| flight.is_probe);
        let probing: Vec<_> = probing.map(|(probe, _)| &probe.namespace).collect();
        assert!(!is_probe || probing.len() < 2 && !probing.contains(&&key.namespace), "a second probe");
        let flight = Flight { began: self.time, ends: self.time + job.takes, is_probe };
        assert!(self.flights.insert(key.clone(), flight).is_none(), "{key:?} runs twice at once");
        let used: u32 = self.flights.keys().map(|key| self.schedule.jobs[self.numbers[key]].permits).sum();
        assert!(used <= self.schedule.limits.in_flight, "{used} calls in flight");
        self.calls += job.permits;
        if self.schedule.steps.is_empty() {
            let earned = i64::from(self.schedule.limits.per_second) * self.time / 1000;
            assert!(i64::from(self.calls) <= earned, "{} calls in {} ms", self.calls, self.time);
        }
    }

    fn land(&mut self, key: &Key, flight: Flight) {
        self.flights.remove(key);
        let n = self.numbers[key];
        let mut trouble = self.schedule.trouble.iter();
        let trouble = trouble.rfind(|(from, to, _)| *from <= flight.began && flight.began < *to);
        let verdict = match trouble {
            Some((_, _, true)) => Verdict::Throttled { retry_after: None },
            Some(_) => Verdict::Unreachable,
            None if self.failed[n] < self.schedule.jobs[n].chokes => Verdict::Unreachable,
            None => Verdict::Served,
        };
        if verdict == Verdict::Served {
            self.served[n] = Some(self.time);
        } else if trouble.is_none() {
            self.failed[n] = self.failed[n].saturating_add(1);
        }
        let called = self.gates.leave(key, verdict, self.now());
        if self.gates.parked(&self.origin).is_none() {
            // What was a probe when the gate was opened by another call is one no more, should the gate be closed again.
            self.flights.values_mut().for_each(|flight| flight.is_probe = false);
        }
        self.wake(called);
        self.turn(key);
    }

    fn wake(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake_first(key);
        }
    }
}

/// Whole milliseconds, rounded up as a timer does.
fn until(now: Timestamp, at: Timestamp) -> i64 {
    let nanos = now.duration_until(at).as_nanos();
    i64::try_from(nanos.div_euclid(1_000_000) + i128::from(nanos.rem_euclid(1_000_000) > 0))
        .unwrap_or(i64::MAX)
}
