//! No connection is used for long: its buffers hold what went through it.

use std::time::{Duration, Instant};

use super::super::CaBundle;
use super::{IN_USE, Limits, MOST_CLIENTS, Transport, Young};

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

/// Whoever brings bundles without end has the oldest of them built anew, and nobody's connection ended but that.
#[test]
fn one_bundle_more_costs_the_oldest_its_client_and_nobody_else() {
    let transport = Transport::new(None, Limits::default());
    let begun = Instant::now();
    let client = transport.client(None, begun).unwrap();
    let bundles: Vec<CaBundle> = (0..=MOST_CLIENTS)
        .map(|n| {
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = rcgen::CertificateParams::new([format!("h{n}")]).unwrap().self_signed(&key);
            certificate.unwrap().pem().parse().unwrap()
        })
        .collect();
    let (last, others) = bundles.split_last().unwrap();
    for (n, bundle) in others.iter().enumerate() {
        let since = begun + Duration::from_millis(1 + u64::try_from(n).unwrap());
        transport.clients().insert(Some(bundle.clone()), Young { client: client.clone(), since });
    }
    transport.client(Some(last), begun + Duration::from_secs(1)).unwrap();
    let clients = transport.clients();
    assert!(clients.contains_key(&None) && clients.contains_key(&Some(last.clone())));
    let gone: Vec<bool> = others.iter().map(|it| !clients.contains_key(&Some(it.clone()))).collect();
    assert!(gone[0] && !gone[1..].contains(&true), "{gone:?}");
}
