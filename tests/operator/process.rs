//! How does a test run the operator? As the process that users run, with a log file, and never longer than the test.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::runtime;

/// What it shows to whoever asks.
const PAGES: [&str; 3] = ["metrics", "readyz", "healthz"];
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// An operator that is started, stopped and started again.
pub struct Operator {
    /// What runs: the operator as users run it, unless a test says otherwise.
    program: PathBuf,
    kubeconfig: PathBuf,
    pub arguments: Vec<String>,
    log: PathBuf,
    /// All that the operator finds in its environment, beside `KUBECONFIG`.
    pub environment: Vec<(&'static str, String)>,
    child: Option<Child>,
    /// What its pages showed when it was about to end, each time.
    shown: String,
    /// Where in the log the last start begins.
    begins: usize,
    /// How often it was started.
    pub starts: usize,
}

impl Operator {
    /// One that does not run yet. What it logs is appended to `log`. `scripts/seeded-bugs` puts one with a bug in its place.
    pub fn new(kubeconfig: PathBuf, arguments: Vec<String>, log: PathBuf) -> Self {
        let ours = || env!("CARGO_BIN_EXE_rocketlawyer-operator").into();
        let program = std::env::var_os("OPERATOR_UNDER_TEST").unwrap_or_else(ours).into();
        Self {
            program,
            kubeconfig,
            arguments,
            log,
            environment: Vec::new(),
            child: None,
            shown: String::new(),
            begins: 0,
            starts: 0,
        }
    }

    /// Starts it with this besides, from now on.
    pub fn argument(&mut self, flag: &str, value: &str) {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
    }

    /// From the next start on it is `testing/stepped-clock`: the same, with a clock that [`Operator::set_clock`] sets.
    pub fn has_a_clock_of_its_own(&mut self) {
        let program = Path::new(env!("CARGO_BIN_EXE_rocketlawyer-operator")).with_file_name("stepped-clock");
        assert!(program.exists(), "{} is missing: cargo build --workspace --bins", program.display());
        self.program = program;
    }

    /// Sets its clock so many seconds apart from the machine's, at once.
    pub fn set_clock(&mut self, apart: i64) {
        let done = |log: &str| log.matches("set apart").count();
        let before = done(&self.log());
        let input = self.child.as_mut().and_then(|child| child.stdin.as_mut()).expect("it runs");
        writeln!(input, "{apart}").expect("it listens");
        let set = until(Duration::from_secs(15), || (done(&self.log()) > before).then_some(()));
        assert!(set.is_some(), "its clock was not set:\n{}", self.log_tail());
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Starts it. Nothing of this process's environment reaches it.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.begins = self.log().len();
        let mut options = File::options();
        let log = options.create(true).append(true).open(&self.log).expect("a log file");
        self.starts += 1;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("the operator starts"));
    }

    /// Asks it to stop, as Kubernetes does, and returns how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        // Until it has begun, it heeds no signal and simply ends.
        self.address();
        self.shown += &self.pages_now();
        let mut child = self.child.take().expect("it runs");
        let pid = child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("kill").success(), "it had ended before it was asked to");
        let ended = until(Duration::from_secs(15), || child.try_wait().expect("a process"));
        ended.unwrap_or_else(|| {
            end(&mut child);
            panic!("it does not stop:\n{}", self.log_tail())
        })
    }

    /// Ends it where it stands.
    pub fn kill(&mut self) {
        assert!(self.child.is_some(), "it does not run");
        self.end();
    }

    /// Ends it if it runs.
    pub fn end(&mut self) {
        self.shown += &self.pages_now();
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }

    /// All that its pages ever showed when it was about to end, and what they show now.
    pub fn pages(&self) -> String {
        self.shown.clone() + &self.pages_now()
    }

    /// A page, with its status.
    pub fn page(&self, name: &str) -> (u16, String) {
        get(&self.address(), name).expect("a page")
    }

    /// One that has only begun shows none yet.
    fn pages_now(&self) -> String {
        let runs = self.child.is_some() && !std::thread::panicking();
        let address = runs.then(|| self.announced()).flatten();
        let pages =
            address.iter().flat_map(|address| PAGES.map(|page| get(address, page).expect("a page").1));
        pages.collect()
    }

    /// All that it ever logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it logged last.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().rev().take(25).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are served since the last start.
    pub fn address(&self) -> String {
        let announced = until(Duration::from_secs(15), || self.announced());
        announced.unwrap_or_else(|| panic!("it says no address:\n{}", self.log_tail()))
    }

    fn announced(&self) -> Option<String> {
        let log = self.log();
        let lines = log[self.begins..].lines();
        let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find_map(|line| Some(line["address"].as_str()?.to_owned()))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}

/// Looks at what cannot be watched, until it is there.
pub fn until<T>(within: Duration, look: impl FnMut() -> Option<T>) -> Option<T> {
    until_seen(within, LOOK_AGAIN_AFTER, look)
}

/// The same where each look costs much.
pub fn until_seen<T>(within: Duration, pause: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = look();
        if found.is_some() || started.elapsed() >= within {
            return found;
        }
        std::thread::sleep(pause);
    }
}

fn get(address: &str, page: &str) -> reqwest::Result<(u16, String)> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(15)).build()?;
    runtime().block_on(async {
        let answer = client.get(format!("http://{address}/{page}")).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    })
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
