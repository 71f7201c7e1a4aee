//! No connection is used for long: its buffers hold what went through it.

use std::time::Instant;

use super::{IN_USE, Limits, Transport};

#[test]
fn connections_are_left_behind_before_their_buffers_are_old() {
    let transport = Transport::new(None, Limits::default());
    let since = || transport.clients.lock().unwrap()[&None].since;
    let begun = Instant::now();
    for (now, expected) in [
        (begun, begun),
        (begun + IN_USE / 2, begun),
        (begun + IN_USE, begun + IN_USE),
        (begun + IN_USE + IN_USE / 2, begun + IN_USE),
    ] {
        assert!(transport.client(None, now).is_ok());
        assert_eq!(since(), expected);
    }
}
