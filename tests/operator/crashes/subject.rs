//! What does the operator die at? One credential and one request, as they are made, changed, and looked at afterwards.

use rocketlawyer_operator::auth::wire;
use rocketlawyer_operator::emulator::{App, AppScope, Call, Outcome};
use serde_json::{Value, json};

use super::super::replay::OF_THE_TEST;
use super::super::secrets_stay_secret::MARK;
use super::super::server::{Kind, runtime};
use super::super::told::{self, annotation, data};
use super::super::world::World;
use super::{Asks, Given, Scenario, Wanted};

/// A key that somebody lays into a managed Secret.
const SPOILT: &str = "spoilt";

/// One credential, its client Secret and one request, and where that asks for it a Frontend credential with its own client
/// Secret; their names end in a number.
pub(super) struct Subject {
    number: usize,
    pub(super) app: App,
    asks: Asks,
    /// When the tokens were issued that were there before, credential and request.
    pub(super) before: [String; 2],
}

impl Subject {
    pub(super) fn new(world: &World, number: usize, scenario: &Scenario) -> Self {
        let given = scenario.given;
        let app = world.login(&format!("client-{number}"), AppScope::Backend);
        let mut subject = Self { number, app, asks: scenario.asks, before: Default::default() };
        if subject.asks == Asks::ByFrontend {
            subject.create_frontend(world);
        }
        if given != Given::ClientSecret {
            subject.create_credential(world);
            world.wait_ready(Kind::Credential, &subject.credential());
            subject.before[0] = subject.issued_at(world, Kind::Credential);
        }
        if matches!(given, Given::Request | Given::Rested) {
            subject.create_request(world);
            world.wait_ready(Kind::Request, &subject.request());
            subject.before[1] = subject.issued_at(world, Kind::Request);
        }
        subject
    }

    pub(super) fn credential(&self) -> String {
        format!("partner-{}", self.number)
    }

    pub(super) fn request(&self) -> String {
        format!("interview-{}", self.number)
    }

    pub(super) fn secret(&self, kind: Kind) -> String {
        match kind {
            Kind::Credential => format!("{}-access-token", self.credential()),
            _ => format!("{}-token", self.request()),
        }
    }

    fn issued_at(&self, world: &World, kind: Kind) -> String {
        annotation(&world.secret(&self.secret(kind)), "issued-at").to_owned()
    }

    pub(super) fn create_credential(&self, world: &World) {
        let client = format!("client-{}", self.number);
        world.credential(&self.credential(), json!({"clientSecretRef": {"name": client}}));
    }

    pub(super) fn create_request(&self, world: &World) {
        let mut spec = json!({"credentialRef": {"name": self.credential()}});
        match self.asks {
            Asks::Scoped => {}
            Asks::ByFrontend => spec["exchangeCredentialRef"] = json!({"name": self.frontend()}),
            Asks::Service => spec["deliver"] = json!("ServiceToken"),
        }
        world.request(&self.request(), spec);
    }

    fn frontend(&self) -> String {
        format!("frontend-{}", self.number)
    }

    /// Lays nonsense over the credential's token, and a key beside it.
    pub(super) fn spoil_secret(&self, world: &World) {
        let edits = json!({"authorization": "nonsense", "access_token": "nonsense", SPOILT: "by somebody"});
        world.edit(Kind::Secret, &self.secret(Kind::Credential), json!({"stringData": edits}));
    }

    fn create_frontend(&self, world: &World) {
        world.login(&self.frontend(), AppScope::Frontend);
        let spec = json!({"appType": "Frontend", "clientSecretRef": {"name": self.frontend()}});
        world.credential(&self.frontend(), spec);
        world.wait_told(Kind::Credential, &self.frontend(), "True/Available");
    }

    /// Puts another Frontend app's key and secret into its client Secret.
    pub(super) fn change_frontend_app(&self, world: &World) {
        let app = App::new(&self.other_frontend_id(), &format!("{MARK}other"), AppScope::Frontend);
        let data = json!({"client_id": app.client_id, "client_secret": app.client_secret});
        world.emulator.put_app(app);
        world.edit(Kind::Secret, &self.frontend(), json!({"stringData": data}));
    }

    fn other_frontend_id(&self) -> String {
        format!("other-{}-key", self.frontend())
    }

    /// Puts another app's key and secret into the client Secret.
    pub(super) fn change_app(&self, world: &World) {
        let app = App::new(&self.other_client_id(), &format!("{MARK}other"), AppScope::Backend);
        let data = json!({"client_id": app.client_id, "client_secret": app.client_secret});
        world.emulator.put_app(app);
        world.edit(Kind::Secret, &format!("client-{}", self.number), json!({"stringData": data}));
    }

    fn other_client_id(&self) -> String {
        format!("other-{}-key", self.number)
    }

    /// Waits until all is as it should be: told, and true.
    pub(super) fn arrives(&self, world: &World, scenario: &Scenario) {
        let another = match scenario.wanted {
            Wanted::Good => [false, false],
            Wanted::AnotherOfCredential => [true, false],
            Wanted::AnotherOfRequest => [false, true],
            Wanted::AnotherOfBoth => [true, true],
        };
        let objects =
            [(Kind::Credential, self.credential(), "access"), (Kind::Request, self.request(), "scoped")];
        if self.asks == Asks::ByFrontend {
            world.wait_told(Kind::Credential, &self.frontend(), "True/Available");
        }
        for (index, (kind, name, page)) in objects.into_iter().enumerate() {
            if world.get(kind, &name).is_null() {
                continue;
            }
            let before = &self.before[index];
            let secret = world.wait_for(Kind::Secret, &self.secret(kind), |it| {
                !it.is_null() && !is_spoilt(it) && (!another[index] || annotation(it, "issued-at") != before)
            });
            let expires = told::instant(&json!(annotation(&secret, "expires-at"))).as_second();
            world.wait_for(kind, &name, |it| {
                told::is(it, "True/Issued")
                    && told::instant(&it["status"]["token"]["expiresAt"]).as_second() == expires
            });
            let is_alive = if (kind, self.asks) == (Kind::Request, Asks::Service) {
                Self::can_be_exchanged(world, &data(&secret, "service_token"))
            } else {
                world.opens(page, &data(&secret, "authorization"))
            };
            assert!(is_alive, "{kind:?} {name} is dead");
        }
    }

    /// Whether an app that is nobody's here gets a scoped token for it.
    fn can_be_exchanged(world: &World, service_token: &str) -> bool {
        let app = App::new(OF_THE_TEST, "of-the-test-secret", AppScope::Frontend);
        let body = json!({
            "grant_type": wire::AUTHORIZATION_CODE, "code": service_token,
            "client_id": app.client_id, "client_secret": app.client_secret,
        });
        world.emulator.put_app(app);
        let url = format!("{}{}", world.emulator.base_url(), wire::ACCESS_TOKEN_PATH);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let asked = runtime().block_on(client.post(url).json(&body).send());
        asked.expect("an answer").status() == 200
    }

    /// Whatever effect it died at: an object tells of the token in its Secret, or still of the one before.
    pub(super) fn tells_of_what_is_there(&self, world: &World) {
        let objects = [(Kind::Credential, self.credential()), (Kind::Request, self.request())];
        for ((kind, name), before) in objects.into_iter().zip(&self.before) {
            let told = &world.get(kind, &name)["status"]["token"]["issuedAt"];
            let secret = world.get(Kind::Secret, &self.secret(kind));
            let there = (!secret.is_null()).then(|| annotation(&secret, "issued-at"));
            let same =
                |issued: &str| told::instant(&json!(issued)).as_second() == told::instant(told).as_second();
            let known = [there, Some(before.as_str()).filter(|it| !it.is_empty())];
            let true_of_one = told.is_null() || known.into_iter().flatten().any(same);
            assert!(true_of_one, "{kind:?} {name} tells of a token of {told}, and its Secret has {there:?}");
        }
    }

    /// What it may cost now that the operator is dead: each token that is in no Secret once more.
    pub(super) fn most(&self, world: &World, scenario: &Scenario) -> [usize; 3] {
        let made = self.cost(world, scenario);
        let is_written = |kind, index: usize| {
            let secret = world.get(kind, &self.secret(kind));
            !secret.is_null() && annotation(&secret, "issued-at") != self.before[index]
        };
        let written =
            [(Kind::Credential, 0), (Kind::Request, 1)].map(|(kind, index)| is_written(kind, index));
        let mut most = scenario.costs;
        for (index, of) in [(0, 0), (1, 1), (2, 1)] {
            most[index] += usize::from(made[index] > usize::from(written[of]));
        }
        // What was to be put back was in memory, and is in no Secret.
        let secret = world.get(Kind::Secret, &self.secret(Kind::Credential));
        let forgotten = scenario.costs[0] == 0 && (secret.is_null() || is_spoilt(&secret));
        most[0] += usize::from(forgotten);
        most
    }

    /// What was issued for it after it was prepared: access tokens, service tokens, scoped tokens.
    pub(super) fn cost(&self, world: &World, scenario: &Scenario) -> [usize; 3] {
        let given = match scenario.given {
            Given::ClientSecret => [0, 0, 0],
            Given::Credential | Given::CredentialOfAnother => [1, 0, 0],
            Given::Request | Given::Rested => [1, 1, usize::from(self.asks != Asks::Service)],
        };
        let ours = [
            self.app.client_id.clone(),
            self.other_client_id(),
            format!("{}-key", self.frontend()),
            self.other_frontend_id(),
        ];
        let mut granted = world.emulator.log();
        granted.retain(|it| {
            it.outcome == Outcome::Granted
                && it.client_id.as_ref().is_some_and(|client| ours.contains(client))
        });
        let count = |call| granted.iter().filter(|it| it.call == call).count();
        let all = [Call::AccessToken, Call::ServiceToken, Call::Exchange].map(count);
        [0, 1, 2].map(|index| all[index] - given[index])
    }
}

fn is_spoilt(secret: &Value) -> bool {
    secret["data"][SPOILT].is_string()
}
