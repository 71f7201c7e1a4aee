//! What does the operator do, when it dies at it? First issue, renewal, repair, another client Secret and a refused token, of each
//! kind and each chain.

use super::super::server::Kind;
use super::super::world::World;
use super::{Asks, Given, Scenario, Subject, Wanted};

const AUTH: &str = "POST accesstoken";
const SERVICE: &str = "POST servicetoken";
const CREATE: &str = "POST secrets";
const UPDATE: &str = "PUT secrets";
const TOLD: &str = "PATCH rocketlawyercredentials/status";
const REQUEST_TOLD: &str = "PATCH scopedtokenrequests/status";

/// Of a credential's own work.
pub(super) const OF_CREDENTIALS: &[Scenario] = &[
    Scenario {
        name: "first-issue",
        given: Given::ClientSecret,
        asks: Asks::Scoped,
        begin: |world, it| it.create_credential(world),
        effects: &[AUTH, CREATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "renewal",
        given: Given::Rested,
        asks: Asks::Scoped,
        begin: |world, it| world.ask_for_renewal(Kind::Credential, &it.credential(), "now"),
        effects: &[AUTH, UPDATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
    Scenario {
        name: "put-back",
        given: Given::Credential,
        asks: Asks::Scoped,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Credential)),
        effects: &[CREATE],
        costs: [0, 0, 0],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "put-right",
        given: Given::Credential,
        asks: Asks::Scoped,
        begin: |world, it| it.spoil_secret(world),
        effects: &[UPDATE],
        costs: [0, 0, 0],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "repair",
        given: Given::CredentialOfAnother,
        asks: Asks::Scoped,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Credential)),
        // The first call after a start waits for its turn, and meanwhile the object says that its token is gone.
        effects: &[TOLD, AUTH, CREATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
    Scenario {
        name: "changed-secret",
        given: Given::Credential,
        asks: Asks::Scoped,
        begin: |world, it| world.change_secret(&it.app, "another"),
        effects: &[AUTH, UPDATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
];

/// Of a request's, and of the chain that it is at the end of.
pub(super) const OF_REQUESTS: &[Scenario] = &[
    Scenario {
        name: "first-exchange",
        given: Given::Credential,
        asks: Asks::Scoped,
        begin: |world, it| it.create_request(world),
        effects: &[SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "request-renewal",
        given: Given::Rested,
        asks: Asks::Scoped,
        begin: |world, it| world.ask_for_renewal(Kind::Request, &it.request(), "now"),
        effects: &[SERVICE, AUTH, UPDATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "request-repair",
        given: Given::Request,
        asks: Asks::Scoped,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Request)),
        effects: &[SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "changed-app",
        given: Given::Request,
        asks: Asks::Scoped,
        begin: |world, it| it.change_app(world),
        effects: &[AUTH, UPDATE, TOLD, SERVICE, AUTH, UPDATE, REQUEST_TOLD],
        costs: [1, 1, 1],
        wanted: Wanted::AnotherOfBoth,
    },
    Scenario {
        name: "refused-token",
        given: Given::Credential,
        asks: Asks::Scoped,
        begin: revoke_and_ask,
        effects: &[SERVICE, AUTH, UPDATE, TOLD, SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [1, 1, 1],
        wanted: Wanted::AnotherOfCredential,
    },
];

/// Of a request whose service token is what is delivered.
pub(super) const OF_SERVICE_TOKENS: &[Scenario] = &[
    Scenario {
        name: "first-service",
        given: Given::Credential,
        asks: Asks::Service,
        begin: |world, it| it.create_request(world),
        effects: &[SERVICE, CREATE, REQUEST_TOLD],
        costs: [0, 1, 0],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "service-renewal",
        given: Given::Rested,
        asks: Asks::Service,
        begin: |world, it| world.ask_for_renewal(Kind::Request, &it.request(), "now"),
        effects: &[SERVICE, UPDATE, REQUEST_TOLD],
        costs: [0, 1, 0],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "service-repair",
        given: Given::Request,
        asks: Asks::Service,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Request)),
        effects: &[SERVICE, CREATE, REQUEST_TOLD],
        costs: [0, 1, 0],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "service-changed-app",
        given: Given::Request,
        asks: Asks::Service,
        begin: |world, it| it.change_app(world),
        // A service token is good whoever shares an access token since: the request keeps what it has.
        effects: &[AUTH, UPDATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
    Scenario {
        name: "service-refused-token",
        given: Given::Credential,
        asks: Asks::Service,
        begin: revoke_and_ask,
        effects: &[SERVICE, AUTH, UPDATE, TOLD, SERVICE, CREATE, REQUEST_TOLD],
        costs: [1, 1, 0],
        wanted: Wanted::AnotherOfCredential,
    },
];

/// Of a chain with two credentials: that of the Frontend says of its login what the service said of it.
pub(super) const OF_FRONTENDS: &[Scenario] = &[
    Scenario {
        name: "frontend-exchange",
        given: Given::Credential,
        asks: Asks::ByFrontend,
        begin: |world, it| it.create_request(world),
        effects: &[SERVICE, AUTH, TOLD, CREATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "frontend-changed-app",
        given: Given::Request,
        asks: Asks::ByFrontend,
        begin: |world, it| it.change_frontend_app(world),
        effects: &[TOLD, SERVICE, AUTH, TOLD, UPDATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "frontend-renewal",
        given: Given::Rested,
        asks: Asks::ByFrontend,
        begin: |world, it| world.ask_for_renewal(Kind::Request, &it.request(), "now"),
        effects: &[SERVICE, AUTH, UPDATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "frontend-repair",
        given: Given::Request,
        asks: Asks::ByFrontend,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Request)),
        effects: &[SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "frontend-changed-backend",
        given: Given::Request,
        asks: Asks::ByFrontend,
        begin: |world, it| it.change_app(world),
        // The exchange is the other app's: the request keeps what it has.
        effects: &[AUTH, UPDATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
    Scenario {
        name: "frontend-refused-token",
        given: Given::Credential,
        asks: Asks::ByFrontend,
        begin: revoke_and_ask,
        effects: &[SERVICE, AUTH, UPDATE, TOLD, SERVICE, AUTH, TOLD, CREATE, REQUEST_TOLD],
        costs: [1, 1, 1],
        wanted: Wanted::AnotherOfCredential,
    },
];

/// The service takes back what the credential has, and a request asks with that.
fn revoke_and_ask(world: &World, it: &Subject) {
    world.emulator.revoke(&it.app.client_id);
    it.create_request(world);
}
