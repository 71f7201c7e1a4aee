//! The auth client against the emulator, over real HTTP on loopback. One module per promise.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test program")]

mod broken_answers;
mod emulator_controls;
mod emulator_is_strict;
mod faults_over_the_wire;
mod leaks;
mod lifetimes;
mod proxy;
mod refusals;
mod three_calls;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use rocketlawyer_operator::auth::{
    AuthClient, Endpoint, Fault, Issued, Limits, Login, Origin, Subject, Term,
};
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{App, AppScope, Emulator, Settings};
use rocketlawyer_operator::token::{AccessToken, ClientSecret, ScopedToken, ServiceToken};

const ROCKETDOC: &str = "api.rocketlawyer.com/rocketdoc";
const BINDER: &str = "api.rocketlawyer.com/binder-party-access";

/// An emulator with a backend and a frontend app, and a client that calls it.
struct World {
    emulator: Emulator,
    endpoint: Endpoint,
    client: AuthClient,
    backend: Login,
    frontend: Login,
}

impl World {
    async fn start() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let emulator = Emulator::start(settings, ([127, 0, 0, 1], 0).into()).await.unwrap();
        Self {
            endpoint: endpoint(&emulator.base_url()),
            emulator,
            client: AuthClient::new(None),
            backend: login("backend-key", "backend-secret"),
            frontend: login("frontend-key", "frontend-secret"),
        }
    }

    /// The same with a client that gives up early.
    async fn impatient() -> Self {
        let mut world = Self::start().await;
        world.client = AuthClient::with_limits(None, short());
        world
    }

    async fn access(&self) -> Result<Issued<AccessToken>, Fault> {
        self.client.access_token(&self.endpoint, &self.backend).await
    }

    async fn service(&self, subject: &Subject) -> Result<Issued<ServiceToken>, Fault> {
        let access = self.access().await.expect("an access token");
        self.service_with(&access.token, subject, 3600).await
    }

    async fn service_with(
        &self,
        access: &AccessToken,
        subject: &Subject,
        seconds: i64,
    ) -> Result<Issued<ServiceToken>, Fault> {
        let term =
            Term { life: SignedDuration::from_secs(seconds), until: clock::now().as_second() + seconds };
        self.client.service_token(&self.endpoint, access, subject, term).await
    }

    async fn exchange(&self, service: &ServiceToken) -> Result<Issued<ScopedToken>, Fault> {
        self.client.exchange(&self.endpoint, &self.frontend, service).await
    }

    /// The status of a protected page for a token, and the page.
    async fn page(&self, path: &str, token: &str) -> (u16, serde_json::Value) {
        let url = format!("http://{}{path}", self.emulator.address());
        let response = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

fn settings() -> Settings {
    Settings {
        apps: vec![
            App::new("backend-key", "backend-secret", AppScope::Backend),
            App::new("frontend-key", "frontend-secret", AppScope::Frontend),
        ],
        ..Settings::default()
    }
}

fn endpoint(base_url: &str) -> Endpoint {
    let origin: Origin = base_url.trim_end_matches("/partners/v1/auth").parse().unwrap();
    Endpoint::custom(base_url, None, &[origin]).unwrap()
}

fn login(client_id: &str, secret: &str) -> Login {
    Login { client_id: client_id.to_owned(), client_secret: ClientSecret::read(secret.as_bytes()).unwrap() }
}

fn short() -> Limits {
    Limits {
        connect: Duration::from_millis(300),
        whole_call: Duration::from_millis(600),
        ..Limits::default()
    }
}

fn subject(purpose: &str, claims: &[(&str, &str)]) -> Subject {
    let claims: BTreeMap<String, String> =
        claims.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Subject::new(purpose.to_owned(), claims).unwrap()
}

fn interview() -> Subject {
    subject(ROCKETDOC, &[("interviewId", "interview-42"), ("partnerEndUserId", "customer-77")])
}
