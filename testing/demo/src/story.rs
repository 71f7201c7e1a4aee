//! What is shown, in which order, and was it what should have been seen? Applies the manifests, looks at the objects, and
//! tells what changes.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::objects::{self, Change, Object, Objects};
use crate::stage::Stage;
use crate::terminal::Terminal;
use crate::witness::Witness;
use crate::{Result, guide};

/// Both kinds are renewed within a minute; the rest is for a machine that is busy.
const ONCE_WITHIN: Duration = Duration::from_mins(3);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Tells everything, until both kinds were renewed or a signal comes.
pub(crate) fn tell(terminal: Terminal, once: bool) -> Result<()> {
    let mut stage = Stage::set_up(terminal)?;
    let stop = signals()?;
    terminal.step(
        "Two manifests",
        "The login of an app, and a token for one interview: examples, pointed at the emulator.",
    );
    let folder = stage.manifests().display().to_string();
    let printed = stage.kubectl(&["apply", "-f", &folder])?;
    terminal.command(&format!("kubectl apply -f {folder}"), &printed);

    terminal.step(
        "Watching",
        "First tokens come at once, renewals when half to two thirds of the minute have passed.",
    );
    let mut story = Story::new(terminal, once);
    loop {
        let ended = story.look(&mut stage);
        let stopped = stop.recv_timeout(if ended.is_err() { LOOK_AGAIN_AFTER / 2 } else { LOOK_AGAIN_AFTER });
        if stopped != Err(RecvTimeoutError::Timeout) {
            return story.stopped(&stage);
        }
        if ended? {
            return Ok(());
        }
    }
}

struct Story {
    terminal: Terminal,
    once: bool,
    started: Instant,
    known: Objects,
    witness: Witness,
    events: BTreeSet<String>,
    guided: bool,
}

impl Story {
    fn new(terminal: Terminal, once: bool) -> Self {
        Self {
            terminal,
            once,
            started: Instant::now(),
            known: Objects::new(),
            witness: Witness::default(),
            events: BTreeSet::new(),
            guided: false,
        }
    }

    /// One look, and what is told of it. True when there is nothing more to show.
    fn look(&mut self, stage: &mut Stage) -> Result<bool> {
        stage.check_emulator()?;
        if !stage.operator_runs() {
            self.replace_operator(stage)?;
        }
        let list = stage.look(&["get", "rlc,str,events", "-A", "-o", "json"])?;
        let now = objects::read(&list);
        let mut table = false;
        for (name, change) in objects::changes(&self.known, &now) {
            table |= self.tell(stage, &name, &change, now.get(&name));
        }
        for (uid, line) in objects::events(&list) {
            if self.events.insert(uid) {
                self.seen(&line);
            }
        }
        self.known = now;
        if table {
            self.terminal.command("kubectl get rlc", &stage.kubectl(&["get", "rlc"])?);
            self.terminal.command("kubectl get str", &stage.kubectl(&["get", "str"])?);
        }
        if self.once {
            return self.once_is_enough(stage);
        }
        if !self.guided && self.witness.has_seen_both() {
            guide::show(self.terminal, stage);
            self.guided = true;
        }
        Ok(false)
    }

    /// Tells of one change, and says whether it is worth a table: not each of many renewals is.
    fn tell(&mut self, stage: &Stage, name: &str, change: &Change, now: Option<&Object>) -> bool {
        let Some(now) = now else {
            self.seen(&format!("{name} is gone"));
            return true;
        };
        let Some(token) = now.token.as_ref().filter(|_| *change != Change::Verdict) else {
            let [status, reason, failing] = &now.verdict;
            let failing = Some(failing).filter(|failing| !failing.is_empty() && *failing != reason);
            let behind = failing.map_or_else(String::new, |failing| format!(" (failing: {failing})"));
            self.seen(&format!("{name} Ready={status} {reason}{behind}: {}", now.message));
            return true;
        };
        let happened = if *change == Change::Renewed { "renewed" } else { "issued" };
        let next = token.renew_at.as_ref().map_or_else(String::new, |at| format!(", renews {at}"));
        self.seen(&format!(
            "{name} {happened}: Secret {} holds a token that expires {}{next}",
            token.secret, token.expires_at
        ));
        let first_time = !self.witness.has_renewed(name);
        match self.witness.check(stage, name, token) {
            Ok(None) => {}
            Ok(Some(proof)) => self.seen(&proof),
            Err(doubt) => self.seen(&format!("{name}: {doubt}")),
        }
        first_time || !now.is_ready()
    }

    /// Whether both renewals were seen; an error once that takes too long.
    fn once_is_enough(&self, stage: &Stage) -> Result<bool> {
        let missing = self.witness.missing();
        if missing.is_empty() {
            self.terminal.done(&format!(
                "Both kinds were issued and renewed, and every token opened its page. {}",
                granted(stage)
            ));
            return Ok(true);
        }
        if self.started.elapsed() < ONCE_WITHIN {
            return Ok(false);
        }
        let seconds = ONCE_WITHIN.as_secs();
        let said = missing.iter().map(|name| {
            let object = self.known.get(*name);
            let message = object.map_or("it is not there", |object| object.message.as_str());
            format!("{name} was not seen renewed within {seconds} s: {message}")
        });
        let said: Vec<String> = said.collect();
        Err(format!("{}\nthe end of the operator's log:\n{}", said.join("\n"), stage.operator_log()))
    }

    fn replace_operator(&self, stage: &mut Stage) -> Result<()> {
        let log = stage.operator_log();
        if self.once {
            return Err(format!("the operator ended; the end of its log:\n{log}"));
        }
        self.seen("the operator ended: another one is started, as a Deployment would");
        stage.restart_operator()?;
        self.seen(&format!(
            "it is ready (process {}), and asked for nothing that it has already. {}",
            stage.operator_pid(),
            granted(stage)
        ));
        Ok(())
    }

    fn stopped(&self, stage: &Stage) -> Result<()> {
        let calls = granted(stage);
        if self.once {
            return Err("stopped before both kinds were renewed".to_owned());
        }
        self.terminal.done(&format!("Ending, and leaving nothing behind. {calls}"));
        Ok(())
    }

    fn seen(&self, what: &str) {
        self.terminal.seen(self.started.elapsed().as_secs(), what);
    }
}

fn granted(stage: &Stage) -> String {
    let of = |call: &str| stage.granted(call);
    format!(
        "The service granted {} access tokens, {} service tokens and {} exchanges.",
        of("access_token"),
        of("service_token"),
        of("exchange")
    )
}

fn signals() -> Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| format!("cannot listen for signals: {error}"))?;
    let (stop, stopped) = mpsc::channel();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _ = stop.send(());
        }
    });
    Ok(stopped)
}
