//! How does the operator do? Runs it as a process of its own under its account, from its start to the last request Ready.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::batch::Batch;
use crate::measured::{Idle, Run, Start, requests};
use crate::site::{Site, program};
use crate::usage::{cpu_seconds, resident};

/// After its last request the operator still posts events: it is idle once it has been silent for this long.
const SILENT_FOR: Duration = Duration::from_secs(3);

/// An operator that ends with this value.
struct Operator {
    process: Child,
    log: PathBuf,
}

/// Runs the operator on a batch; with `idle`, also watches it doing nothing afterwards.
pub(crate) async fn run(site: &Site, batch: &Batch, idle: Option<Duration>) -> Result<Run> {
    let count = batch.count(site).await?;
    let start = Start::now(site, None).await?;
    let mut operator = Operator::start(site)?;
    let start = start.of_process(operator.process.id());
    let end = tokio::select! {
        end = count.all_ready() => end?,
        problem = operator.ended() => return Err(problem),
    };
    let process = operator.process.id();
    let mut run = start.run(site, end, batch.shape(site).await?).await?;
    run.peak = resident(process).map(|(peak, _)| peak);
    if let Some(length) = idle {
        let before_events = start.mark;
        let mark = silence(site).await?;
        let events = requests(site, before_events)?;
        let cpu = cpu_seconds(process);
        let began = Instant::now();
        tokio::time::sleep(length).await;
        run.idle = Some(Idle {
            seconds: began.elapsed().as_secs_f64(),
            cpu: cpu.and_then(|before| Some(cpu_seconds(process)? - before)),
            requests: requests(site, mark)?,
            resident: resident(process).map(|(_, now)| now),
            events: events.get("create events").copied().unwrap_or_default(),
        });
        run.peak = resident(process).map(|(peak, _)| peak);
    }
    Ok(run)
}

impl Operator {
    fn start(site: &Site) -> Result<Self> {
        let log = site.control_plane.description().folder.join("operator.log");
        let mut command = Command::new(program("rocketlawyer-operator")?);
        for proxy in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(proxy);
        }
        let process = command
            .args(["--allow-endpoint", site.origin()])
            .args(["--http-bind-address", "127.0.0.1:0", "--log-format", "json"])
            // Limiter off for both.
            .args(["--auth-rate", "0"])
            .env("KUBECONFIG", &site.account)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        Ok(Self { process, log })
    }

    /// Why it ended before it was told to.
    async fn ended(&mut self) -> Box<dyn std::error::Error + Send + Sync> {
        loop {
            match self.process.try_wait() {
                Ok(None) => tokio::time::sleep(Duration::from_millis(100)).await,
                Ok(Some(status)) => {
                    let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                    let last: Vec<&str> = said.lines().rev().take(5).collect();
                    return format!("the operator ended ({status}); last lines first:\n{}", last.join("\n"))
                        .into();
                }
                Err(problem) => return problem.into(),
            }
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the operator asks for nothing any more; returns where the audit log was then.
async fn silence(site: &Site) -> Result<control_plane::Mark> {
    let audit = site.control_plane.audit();
    loop {
        let mark = audit.mark()?;
        tokio::time::sleep(SILENT_FOR).await;
        if audit.by_user(mark, &site.user)?.is_empty() {
            return Ok(audit.mark()?);
        }
    }
}
