//! What does the service refuse once, and grants when it is asked again as it said? The rows of the tables.

use rocketlawyer_operator::emulator::{BodyKind, Call};

use super::super::sources::Source;
use super::Row;
use super::rows::{TOKEN_CODES, answers, gateway, row};

/// Seconds that a service asks to wait.
pub(super) const NAMED: u64 = 5;

/// Each way to say that the shared token is refused, once.
pub(super) fn refused_tokens() -> Vec<Row> {
    let mut rows = Vec::new();
    for code in TOKEN_CODES {
        for status in [401, 500, 400] {
            let Source::Emulator(mut plan) = answers(status, gateway(code)) else { continue };
            (plan.call, plan.times) = (Some(Call::ServiceToken), Some(1));
            rows.push(row(&format!("{code} with {status}"), Source::Emulator(plan), "Issued", ""));
        }
    }
    rows
}

/// Each way to name a time: as a header, and as the gateway's rate, of which one message's share is five seconds.
pub(super) fn named_times() -> Vec<Row> {
    let rate = "MessageRate{messagesPerPeriod=12, periodInMicroseconds=60000000, maxBurstMessageCount=6.0}";
    let spike = "policies.ratelimit.SpikeArrestViolation";
    let paced = BodyKind::Gateway { code: spike.to_owned(), text: rate.to_owned() };
    let mut rows = Vec::new();
    for (why, body, header, code) in [
        ("Retry-After", BodyKind::Empty, true, "response.empty"),
        ("Retry-After beside a code", gateway(spike), true, spike),
        ("MessageRate", paced, false, spike),
    ] {
        let Source::Emulator(mut plan) = answers(429, body) else { continue };
        if header {
            plan.headers.insert("retry-after".to_owned(), NAMED.to_string());
        }
        plan.times = Some(1);
        rows.push(row(why, Source::Emulator(plan), "Throttled", code));
    }
    rows
}
