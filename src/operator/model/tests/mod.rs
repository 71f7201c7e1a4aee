//! Walks through the model world, named after the rules of behaviour.md.

mod abuse;
mod backlog;
mod beside;
mod chain;
mod clock;
mod consent;
mod contested;
mod crash;
mod failures;
mod firewall;
mod forged;
mod gate;
mod hostile;
mod interrupted;
mod issuing;
mod lists;
mod outage;
mod ownership;
mod probes;
mod promises;
mod quota;
mod refusals;
mod restored;
mod rights;
mod settled;
mod word;

use jiff::SignedDuration;

fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}
