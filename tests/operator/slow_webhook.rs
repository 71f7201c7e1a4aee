//! What if a webhook takes long for the objects of one namespace? They wait for it, and nobody else does.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::process::until;
use super::server::{self, Kind};
use super::told;
use super::world::{PATIENCE, Wishes, World};

/// More than the places that there are for all.
const MANY: usize = 100;
/// As many as one namespace may have of them.
const AT_ONCE: usize = 32;

#[test]
fn a_webhook_that_hangs_for_one_namespace_keeps_the_others_from_nothing() {
    let mut world = World::new("webhook", &Wishes { others: &["webhook-slow"], ..Wishes::default() });
    let slow = world.others[0].clone();
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    let webhook = Webhook::start();
    asks(&world, &slow, webhook.address);
    let heeded = until(PATIENCE, || {
        let probe = json!({"metadata": {"generateName": "probe-"}, "type": "Opaque"});
        server::create(Kind::Secret, &slow, probe).expect("whatever the webhook says");
        (webhook.seen().count > 0).then_some(())
    });
    assert_eq!(heeded, Some(()), "the server does not ask the webhook");

    webhook.hang();
    for n in 0..MANY {
        world.request_in(&slow, &format!("r{n}"), json!({"deliver": "ServiceToken"}));
    }
    let issued = || world.auth_calls() == 1 + MANY as u64 && webhook.held() >= AT_ONCE;
    let full = until(PATIENCE, || issued().then_some(()));
    assert_eq!(full, Some(()), "{} writes hang\n{}", webhook.held(), world.situation());
    // In this order: what is written meanwhile makes it fewer.
    let asked = webhook.held();
    let under_way = asked.saturating_sub(written(&slow));
    assert!(under_way <= AT_ONCE, "{under_way} writes of one namespace are under way");
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    world.edit(Kind::Request, "interview", json!({"spec": {"secret": {"labels": {"team": "legal"}}}}));
    world.wait_for(Kind::Secret, "interview-token", |it| it["metadata"]["labels"]["team"] == "legal");

    webhook.end();
    for n in 0..MANY {
        world.wait_in(&slow, Kind::Request, &format!("r{n}"), |it| told::is(it, "True/Issued"));
    }
    world.control_plane.kubectl(&["delete", "validatingwebhookconfiguration", &slow]).expect("deleted");
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2 + MANY as u64);
}

/// The managed Secrets of a namespace.
fn written(namespace: &str) -> usize {
    let is_managed = |it: &&Value| it["type"] == "auth.rocketlawyer.com/token";
    server::list(Kind::Secret, namespace).iter().filter(is_managed).count()
}

/// The API server asks a webhook there of each write of a Secret in this namespace. One that does not answer refuses nothing.
fn asks(world: &World, namespace: &str, webhook: SocketAddr) {
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
    });
    let manifest = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "slow.example.com", "rules": [rule], "failurePolicy": "Ignore", "timeoutSeconds": 30,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "clientConfig": {"url": format!("https://{webhook}")},
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
        }],
    });
    world.control_plane.apply(&manifest.to_string()).expect("a webhook");
}

/// Something that takes connections, and says nothing.
struct Webhook {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// How many connections there were.
    count: usize,
    /// Those that hang; `None`: each is closed at once.
    held: Option<Vec<TcpStream>>,
    /// It takes no more.
    over: bool,
}

impl Webhook {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let webhook = Self { address: listener.local_addr().expect("an address"), seen: Arc::default() };
        let seen = webhook.seen.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if seen.over {
                    return;
                }
                seen.count += 1;
                if let Some(held) = &mut seen.held {
                    held.push(connection);
                }
            }
        });
        webhook
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hang(&self) {
        self.seen().held = Some(Vec::new());
    }

    fn held(&self) -> usize {
        self.seen().held.as_ref().map_or(0, Vec::len)
    }

    /// All that hang are closed, and it listens no more.
    fn end(&self) {
        *self.seen() = Seen { over: true, ..Seen::default() };
        // So that it notices.
        let _ = TcpStream::connect(self.address);
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.end();
    }
}
