//! Which manifests and statuses would nobody in their right mind write? The same ones in every run.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::super::server::Kind;

/// Makes objects, from one seed.
pub struct Maker {
    rng: Rng,
    endpoint: String,
    others: Vec<String>,
}

/// Texts that some reader may stumble over.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "\u{0}",
    "\n",
    "\u{7f}",
    "\u{202e}gnp.exe",
    "\u{feff}x",
    "é",
    "\u{10ffff}",
    "../../etc/passwd",
    "a/b",
    "%2e%2e%2f",
    "{{.}}",
    "$(id)",
    "'; --",
    "null",
    "true",
    "-1",
    "1e999",
    "9999h",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "kube-system",
    "-----BEGIN",
];
/// Names of things that are there, in the wrong places.
const NAMES: [&str; 9] = [
    "client",
    "partner",
    "partner-access-token",
    "missing",
    "shared-token",
    "kube-root-ca.crt",
    "anchor",
    "hostile-3",
    "hostile-3-token",
];
const INSTANTS: [&str; 7] = [
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-06-30T23:59:60Z",
    "2999-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
];
const DURATIONS: [&str; 8] = ["0s", "10s", "59s", "1m", "1h30m", "8760h", "8761h", "9999h999999m99999999s"];

/// How long a name may be that gives the managed Secret its own.
pub fn longest_name(kind: Kind) -> usize {
    if kind == Kind::Credential { 240 } else { 247 }
}

impl Maker {
    pub fn new(seed: u64, endpoint: String, others: Vec<String>) -> Self {
        Self { rng: Rng::with_seed(seed), endpoint, others }
    }

    /// A manifest that was good until one or two of its fields were replaced.
    pub fn manifest(&mut self, number: usize) -> (Kind, Value) {
        let kind = if self.rng.bool() { Kind::Credential } else { Kind::Request };
        let mut spec = match kind {
            Kind::Credential => json!({
                "environment": "Custom", "endpoint": {"url": self.endpoint}, "clientSecretRef": {"name": "client"},
            }),
            _ => json!({"credentialRef": {"name": "partner"}, "interviewId": format!("interview-{number}")}),
        };
        for _ in 0..self.rng.usize(1..3) {
            let (field, value) =
                if kind == Kind::Credential { self.of_credential() } else { self.of_request() };
            // One in six is anything at all.
            let value = if self.rng.usize(0..6) == 0 { self.anything(3) } else { value };
            if !(field == "environment" && ["Sandbox", "Production"].map(Value::from).contains(&value)) {
                spec[field] = value;
            }
        }
        let mut manifest = json!({"metadata": {"name": self.name(kind, number)}, "spec": spec});
        if self.rng.usize(0..4) == 0 {
            let (field, value) = self.of_metadata();
            manifest["metadata"][field] = value;
        }
        (kind, manifest)
    }

    /// Heads or tails.
    pub fn chance(&mut self) -> bool {
        self.rng.bool()
    }

    fn of_credential(&mut self) -> (&'static str, Value) {
        match self.rng.usize(0..10) {
            0 => ("clientSecretRef", json!({"name": self.name_of_another(), "clientIdKey": self.text()})),
            1 => ("clientSecretRef", json!({"name": self.name_of_another()})),
            2 => ("secret", self.template()),
            3 => ("renewal", self.renewal()),
            4 => (
                "allowedNamespaces",
                json!({"from": self.pick(&["All", "Same", "Names", "Selector"]), "names": [self.text()]}),
            ),
            5 => ("allowedPurposes", json!(vec!["x".repeat(253); self.rng.usize(0..66)])),
            6 => ("maxServiceTokenTTL", json!(self.pick(&DURATIONS))),
            7 => ("suspend", json!(self.rng.bool())),
            8 => ("appType", json!(self.pick(&["Frontend", "Backend", "frontend"]))),
            _ => {
                let path = self.pick(&["/..//", "/%00", "/%2e%2e/%2e%2e", "x", ":1", "/a/b", ""]);
                // Whose call went astray, its path tells.
                let path =
                    if path.is_empty() { String::new() } else { format!("{path}/{}", self.rng.u32(..)) };
                ("endpoint", json!({"url": format!("{}{path}", self.endpoint)}))
            }
        }
    }

    fn of_request(&mut self) -> (&'static str, Value) {
        match self.rng.usize(0..12) {
            0 => ("credentialRef", self.reference()),
            1 => ("exchangeCredentialRef", self.reference()),
            2 => {
                ("purpose", json!(self.pick(&["api.rocketlawyer.com/binder-party-access", "x", "\u{ff0f}"])))
            }
            3 => ("interviewId", json!(self.pick(&["\u{202e}42", "é\u{301}", "0", "<script>"]).repeat(40))),
            4 => ("partnerEndUserId", json!("\u{1f680}".repeat(self.rng.usize(60..70)))),
            5 => ("upid", json!(self.text())),
            6 => ("claims", self.claims()),
            7 => ("deliver", json!(self.pick(&["ServiceToken", "ScopedAccessToken", "Both"]))),
            8 => ("serviceTokenTTL", json!(self.pick(&DURATIONS))),
            9 => ("secret", self.template()),
            10 => ("renewal", self.renewal()),
            _ => ("renewUntil", json!(self.pick(&INSTANTS))),
        }
    }

    /// What the server lets through, the operator has to live with.
    fn of_metadata(&mut self) -> (&'static str, Value) {
        match self.rng.usize(0..16) {
            0 => (
                "labels",
                json!({"auth.rocketlawyer.com/team": "x".repeat(63), "app.kubernetes.io/managed-by": "rocketlawyer-operator"}),
            ),
            1 => ("annotations", json!({"note": "x".repeat(255 * 1024)})),
            2..6 => ("finalizers", json!(["example.com/held"])),
            _ => ("annotations", self.annotations()),
        }
    }

    /// Ours, forged.
    pub fn annotations(&mut self) -> Value {
        let names = [
            "renew-requested-at",
            "issued-at",
            "expires-at",
            "inputs-hash",
            "content-hash",
            "renew-request-handled",
        ];
        let mut forged = Map::new();
        for name in names {
            if self.rng.bool() {
                let texts = [
                    self.pick(&INSTANTS).to_owned(),
                    self.text(),
                    format!("v1:{}.{}", "0".repeat(32), "f".repeat(32)),
                    "v9:x".to_owned(),
                ];
                forged.insert(
                    format!("auth.rocketlawyer.com/{name}"),
                    json!(texts[self.rng.usize(0..texts.len())]),
                );
            }
        }
        Value::Object(forged)
    }

    /// A status that says what no operator would.
    pub fn status(&mut self) -> Value {
        let instant = json!(self.pick(&[
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "2999-12-31T23:59:59Z",
            "9999-12-31T23:59:59Z"
        ]));
        let condition = |type_: &str, status: &str, text: &str| json!({"type": type_, "status": status, "reason": text, "message": text, "lastTransitionTime": instant, "observedGeneration": i64::MAX});
        let text = self.text();
        let conditions = match self.rng.usize(0..4) {
            0 => json!([]),
            1 => json!([
                condition("Ready", "True", "Issued"),
                condition("CredentialsValid", "False", "InvalidClient")
            ]),
            2 => json!([condition("Ready", "Perhaps", &text), condition(&text, &text, &text)]),
            _ => {
                json!([{"type": "Ready"}, condition("Stalled", "True", "Expired"), condition("Reconciling", "", "")])
            }
        };
        let number = self.rng.i32(..);
        json!({"status": {
            "observedGeneration": self.rng.i64(..),
            "conditions": conditions,
            "token": {"secretName": self.pick(&NAMES), "issuedAt": instant, "expiresAt": instant, "renewAt": instant},
            "lastHandledRenewRequest": self.text(),
            "failure": {"step": self.text(), "reason": self.pick(&["Throttled", "InvalidClient", "", "Nope"]), "httpStatus": number,
                "errorCode": self.text(), "count": self.rng.i32(..), "since": instant, "nextAttemptAt": instant},
        }})
    }

    /// What becomes of a managed Secret in the hands of somebody.
    pub fn secret_edit(&mut self) -> Value {
        match self.rng.usize(0..24) {
            0..4 => json!({"metadata": {"annotations": self.annotations()}}),
            6..12 => json!({"data": {"access_token": "eA==", "authorization": "QmVhcmVyIHg="}}),
            12..15 => json!({"data": null}),
            15..18 => json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}),
            4 => json!({"stringData": {"added": "x".repeat(900_000)}}),
            18..23 => json!({"metadata": {"ownerReferences": null, "annotations": self.annotations()}}),
            _ => {
                json!({"metadata": {"annotations": {"note": "x".repeat(200_000)}}, "stringData": {"expires_at": self.text()}})
            }
        }
    }

    /// The longest names that there may be, and some that are longer by one, among plain ones.
    fn name(&mut self, kind: Kind, number: usize) -> String {
        let plain = format!("hostile-{number}");
        let longest = longest_name(kind);
        match self.rng.usize(0..20) {
            0 => {
                let dotted = format!("{plain}{}", ".a".repeat((longest - plain.len()) / 2));
                let missing = longest - dotted.len();
                dotted + &"a".repeat(missing)
            }
            1 => format!("{plain}-{}", "a".repeat(longest - plain.len())),
            2 => format!("{plain}{}", self.text()),
            _ => plain,
        }
    }

    fn template(&mut self) -> Value {
        match self.rng.usize(0..6) {
            0 => json!({"name": self.name_of_another()}),
            1 => json!({"name": "s".repeat(253)}),
            2 => json!({"labels": {"team": self.text(), "a.b/c": "x".repeat(63)}}),
            3 => json!({"annotations": {"note": self.text().repeat(50), "big": "x".repeat(4096)}}),
            4 => json!({"keys": {"accessToken": "k".repeat(253), "expiresAt": self.text()}}),
            _ => json!({"keys": {"accessToken": "authorization"}}),
        }
    }

    fn renewal(&mut self) -> Value {
        match self.rng.usize(0..3) {
            0 => json!({"renewBefore": self.pick(&DURATIONS)}),
            1 => json!({"renewBeforePercentage": self.rng.i64(-1..92)}),
            _ => json!({"renewBefore": "1h", "renewBeforePercentage": 50}),
        }
    }

    fn reference(&mut self) -> Value {
        let mut reference = json!({"name": self.name_of_another()});
        if self.rng.bool() {
            let foreign = ["default", "kube-system", "..", "a/b"].map(str::to_owned);
            let all: Vec<_> = foreign.iter().chain(&self.others).cloned().collect();
            reference["namespace"] = json!(all[self.rng.usize(0..all.len())]);
        }
        reference
    }

    fn claims(&mut self) -> Value {
        let entry = |number: usize| (format!("claim{number}"), json!("\u{1f680}".repeat(60)));
        match self.rng.usize(0..4) {
            0 => json!({"purpose": "x"}),
            1 => json!({"claim": "x".repeat(1 << 20)}),
            2 => json!({self.text(): self.text()}),
            _ => Value::Object((0..self.rng.usize(1..17)).map(entry).collect()),
        }
    }

    fn anything(&mut self, depth: usize) -> Value {
        match self.rng.usize(0..if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.rng.bool()),
            2 => json!(self.pick(&[i64::MIN, -1, 0, 1, i64::MAX])),
            3 => json!(self.pick(&[1e300, -0.5, f64::MIN_POSITIVE])),
            4 => json!(self.text()),
            5 => json!("x".repeat(self.pick(&[64, 254, 1025, 70_000]))),
            6 => Value::Array((0..self.rng.usize(0..4)).map(|_| self.anything(depth - 1)).collect()),
            _ => {
                let keys = ["name", "names", "url", "labels", "keys", "from", "renewBefore", "namespace"];
                Value::Object(
                    (0..self.rng.usize(0..4))
                        .map(|_| (self.pick(&keys).to_owned(), self.anything(depth - 1)))
                        .collect(),
                )
            }
        }
    }

    fn name_of_another(&mut self) -> &'static str {
        self.pick(&NAMES)
    }

    fn text(&mut self) -> String {
        self.pick(&TEXTS).to_owned()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(0..from.len())]
    }
}
