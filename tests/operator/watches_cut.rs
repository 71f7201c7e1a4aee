//! What if a watch stalls, breaks off, loses its history, or tells wrong? For each of the five: what it alone tells is heard
//! fifteen seconds after the end of that, and nothing was issued twice.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::api_proxy::{Fault, How};
use super::api_server_misbehaves::{BACK, CREDENTIAL_SECRET, FIRST};
use super::server::{self, Kind};
use super::told::{self, annotation, text};
use super::world::{Wishes, World};

/// What all [`News`] cost: two requests are issued for the first time.
const NEWS: u64 = 2 + 2;

/// Something of which one watch alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    CredentialEdited,
    LoginCompleted,
    SecretDeleted,
    NamespaceLabelled,
    RequestCreated,
}

const ALL: [News; 5] = [
    News::CredentialEdited,
    News::LoginCompleted,
    News::SecretDeleted,
    News::NamespaceLabelled,
    News::RequestCreated,
];

#[test]
fn a_watch_that_stalls_delays_and_no_more() {
    let news = Told::new("stall");
    let world = &news.world;
    // Due once, in 13 s or a little more: when all watches have stalled.
    world.emulator.set_lifetimes(36_000, 40);
    world.request("due", json!({"renewal": {"renewBeforePercentage": 65}}));
    world.wait_ready(Kind::Request, "due");
    world.wait_for_event("due", "Issued");
    world.emulator.set_lifetimes(36_000, 36_000);
    let first = world.secret("due-token");
    world.proxy().add(Fault { on: "WATCH ".to_owned(), times: None, how: How::Stall });
    world.is_over(news.watches());
    world.proxy().forget();
    news.all_happen();
    // What needs no news goes on.
    let renewed = annotation(&world.wait_renewed("due-token", &first), "expires-at").to_owned();
    let renewed = told::instant(&json!(renewed)).as_second();
    world.back_when(Instant::now(), Kind::Request, "due", |it| {
        told::instant(&it["status"]["token"]["expiresAt"]).as_second() == renewed
    });
    let told = ["PUT secrets", "PATCH scopedtokenrequests/status"];
    assert_eq!(world.proxy().effects(), told, "a watch that stalls tells of it all the same");
    world.proxy().clear();
    news.is_heard(&ALL);
    // `due` was issued, and renewed.
    world.has_cost(FIRST + NEWS + 2 * 2);
}

#[test]
fn a_watch_that_breaks_off_in_the_middle_of_a_line_is_resumed() {
    let news = Told::new("mid-line");
    let world = &news.world;
    let lists = world.lists();
    for it in ALL {
        let cut = world.proxy().done() + 1;
        news.goes_wrong(it, How::CutMidLine);
        news.happens(it);
        world.is_over(cut);
        news.is_heard(&[it]);
    }
    world.has_cost(FIRST + NEWS);
    assert_eq!(world.lists(), lists, "what was cut off is asked for again, and not all that there is");
}

#[test]
fn history_that_is_gone_as_an_event_leads_to_a_list_and_no_more() {
    lists_again_and_no_more("gone-event", &[How::Expired]);
}

#[test]
fn history_that_is_gone_as_an_http_status_leads_to_a_list_and_no_more() {
    lists_again_and_no_more("gone-status", &[How::Answer { status: 410, retry_after: None }, How::End]);
}

fn lists_again_and_no_more(name: &str, watches: &[How]) {
    let news = Told::new(name);
    let world = &news.world;
    let mark = world.mark();
    let no_watch = || {
        let lists = world.lists();
        for how in watches {
            world.proxy().add(Fault { on: "WATCH ".to_owned(), times: None, how: *how });
        }
        world.lists_again(lists);
    };
    no_watch();
    world.is_back(world.does_right());
    world.has_cost(FIRST);
    assert_eq!(world.writes_since(mark), BTreeMap::new());
    // Nobody but the lists tells of what happens while no watch lasts.
    no_watch();
    news.all_happen();
    world.proxy().clear();
    news.is_heard(&ALL);
    world.has_cost(FIRST + NEWS);
}

#[test]
fn events_that_come_again_cause_nothing() {
    let news = Told::new("repeated");
    let world = &news.world;
    let mark = world.mark();
    world.proxy().add(Fault { on: "WATCH ".to_owned(), times: None, how: How::Repeat });
    for it in ALL {
        news.happens(it);
        news.is_heard(&[it]);
    }
    world.settle();
    // What was there before is no news, also where it comes last.
    let mut writes = world.writes_since(mark);
    writes.retain(|write, _| write.contains(" secrets "));
    let once = ["create secrets another-token", "create secrets partner-access-token"];
    let once =
        once.into_iter().chain(["create secrets visitor-token", "update secrets partner-access-token"]);
    assert_eq!(writes, once.map(|write| (write.to_owned(), 1)).collect());
    world.has_cost(FIRST + NEWS);
    // How many there are depends on which changes the server shows as one.
    assert!(world.proxy().done() >= ALL.len(), "only {} events came again", world.proxy().done());
}

#[test]
fn what_an_event_did_not_tell_the_next_list_does() {
    let news = Told::new("dropped");
    let world = &news.world;
    world.proxy().forget();
    for it in ALL {
        news.goes_wrong(it, How::Drop);
        news.happens(it);
    }
    world.is_over(ALL.len());
    assert_eq!(world.proxy().effects(), [""; 0], "an event that was dropped was told");
    let lists = world.lists();
    world.proxy().add(Fault { on: "WATCH ".to_owned(), times: None, how: How::Expired });
    world.lists_again(lists);
    world.proxy().clear();
    news.is_heard(&ALL);
    world.has_cost(FIRST + NEWS);
}

/// A credential and a request in order, a request of another namespace that is not allowed, and a credential whose login is
/// not complete.
struct Told {
    world: World,
    guest: String,
}

impl Told {
    fn new(name: &str) -> Self {
        let guest = format!("{name}-guest");
        let wishes = Wishes { proxied: true, others: &[&guest], selectors: true, ..Wishes::default() };
        let mut world = World::new(name, &wishes);
        world.operator.start();
        let guest = world.others[0].clone();
        let selector = json!({"matchLabels": {"told": "yes"}});
        world.partner(json!({"allowedNamespaces": {"from": "Selected", "selector": selector}}));
        world.request_in(&guest, "visitor", json!({}));
        world.wait_in(&guest, Kind::Request, "visitor", |it| told::is(it, "False/CredentialNotFound"));
        world.client_secret("late", &json!({"client_id": "late"}));
        world.credential("page", json!({"appType": "Frontend", "clientSecretRef": {"name": "late"}}));
        world.wait_told(Kind::Credential, "page", "False/ClientSecretIncomplete");
        world.request("interview", json!({}));
        world.wait_ready(Kind::Request, "interview");
        // What comes last of a first issue.
        world.wait_for_event("partner", "Issued");
        world.wait_for_event("interview", "Issued");
        world.settle();
        Self { world, guest }
    }

    /// How many watches there are: four in each namespace, and that of namespaces.
    fn watches(&self) -> usize {
        4 * (1 + self.world.others.len()) + 1
    }

    /// The line of a watch that will tell of it does: none of what was before, which may be on its way.
    fn goes_wrong(&self, news: News, how: How) {
        let now = text(&server::read("/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"]).parse();
        let fault = Fault { on: self.line(news), times: Some(1), how };
        self.world.proxy().add_after(now.expect("a version"), fault);
    }

    /// The line of a watch that tells of it, by what a fault's `on` has to be.
    fn line(&self, news: News) -> String {
        match news {
            News::CredentialEdited => "WATCH rocketlawyercredentials partner".to_owned(),
            News::SecretDeleted => format!("WATCH managed secrets {CREDENTIAL_SECRET}"),
            News::LoginCompleted => "WATCH other secrets late".to_owned(),
            News::NamespaceLabelled => format!("WATCH namespaces {}", self.guest),
            News::RequestCreated => "WATCH scopedtokenrequests another".to_owned(),
        }
    }

    fn all_happen(&self) {
        for it in ALL {
            self.happens(it);
        }
    }

    fn happens(&self, news: News) {
        let world = &self.world;
        match news {
            News::CredentialEdited => {
                let label = json!({"spec": {"secret": {"labels": {"told": "yes"}}}});
                world.edit(Kind::Credential, "partner", label);
            }
            News::SecretDeleted => world.delete(Kind::Secret, CREDENTIAL_SECRET),
            News::LoginCompleted => {
                world.edit(Kind::Secret, "late", json!({"stringData": {"client_secret": "late"}}));
            }
            News::NamespaceLabelled => {
                world.kubectl(&["label", "namespace", &self.guest, "told=yes"]);
            }
            News::RequestCreated => {
                world.request("another", json!({}));
            }
        }
    }

    /// In time, all of it from now on.
    fn is_heard(&self, news: &[News]) {
        let world = &self.world;
        let over = Instant::now();
        for it in news {
            let left = BACK.saturating_sub(over.elapsed());
            let told_in = |namespace, kind, name, wanted: &dyn Fn(&Value) -> bool| {
                world.wait_in_within(left, namespace, kind, name, wanted);
            };
            let here = world.namespace.as_str();
            match it {
                News::CredentialEdited => told_in(here, Kind::Secret, CREDENTIAL_SECRET, &|it| {
                    it["metadata"]["labels"]["told"] == "yes"
                }),
                News::SecretDeleted => told_in(here, Kind::Secret, CREDENTIAL_SECRET, &|it| !it.is_null()),
                News::LoginCompleted => {
                    told_in(here, Kind::Credential, "page", &|it| told::is(it, "True/Available"));
                }
                News::NamespaceLabelled => {
                    told_in(&self.guest, Kind::Request, "visitor", &|it| told::is(it, "True/Issued"));
                }
                News::RequestCreated => {
                    told_in(here, Kind::Request, "another", &|it| told::is(it, "True/Issued"));
                }
            }
        }
    }
}
