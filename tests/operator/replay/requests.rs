//! What did the operator ask of the API server? The audit log, with what each write made.

use control_plane::Request;
use jiff::Timestamp;
use rocketlawyer_operator::decision::{Key, Kind, Precondition, ResourceVersion};
use rocketlawyer_operator::operator::replay::{Deed, Did, Held};

use super::recorder::Kept;
use crate::told::text;

/// Everything that this user did, but for what says nothing of an object.
pub fn dids(requests: &[Request], user: &str, versions: &[Kept]) -> Vec<Did> {
    let ours = requests.iter().filter(|request| request.user == user && request.kind.code != 0);
    ours.filter_map(|request| did(request, versions)).collect()
}

fn did(request: &Request, versions: &[Kept]) -> Option<Did> {
    let kind = &request.kind;
    let (namespace, name) = (kind.namespace.clone(), kind.name.clone());
    let deed = match (kind.verb.as_str(), kind.resource.as_str(), kind.subresource.as_str()) {
        ("get", "secrets", "") => Deed::Read { namespace, name },
        ("list", "secrets", "") => look(request)?,
        ("create" | "update", "secrets", "") => write(request, versions),
        ("get", "rocketlawyercredentials" | "scopedtokenrequests", "") => Deed::Owner(key(request)),
        ("patch", "rocketlawyercredentials" | "scopedtokenrequests", "status") => {
            let over = text(&request.body["metadata"]["resourceVersion"]).parse().unwrap_or_default();
            let patch = Some(request.body["status"].clone()).filter(|patch| !patch.is_null());
            Deed::Status { key: key(request), change: patch.map(|patch| (ResourceVersion(over), patch)) }
        }
        ("delete", "rocketlawyercredentials" | "scopedtokenrequests", "") => Deed::Delete(key(request)),
        (
            "list" | "watch",
            "secrets" | "rocketlawyercredentials" | "scopedtokenrequests" | "namespaces",
            "",
        )
        | ("create", "events" | "selfsubjectaccessreviews", "") => return None,
        (verb, ..) => Deed::Other(format!("{verb} {}", request.uri)),
    };
    Some(Did { at: instant(&request.at), status: kind.code, deed })
}

/// A look is one list of Secrets of our type, and a second of all where that showed nothing.
fn look(request: &Request) -> Option<Deed> {
    let (_, rest) = request.uri.split_once("metadata.name%3D")?;
    let name = rest.split(['%', '&']).next()?.to_owned();
    Some(Deed::Look { namespace: request.kind.namespace.clone(), name, of_our_type: rest.contains("type") })
}

fn write(request: &Request, versions: &[Kept]) -> Deed {
    let kind = &request.kind;
    let over: Option<u64> = request.version.parse().ok();
    let rehearsal = request.uri.contains("dryRun");
    let is_done = (200..300).contains(&kind.code) && !rehearsal;
    let made = is_done.then(|| made(request, over, versions)).flatten();
    let precondition = match over {
        None if kind.verb == "update" || kind.name.is_empty() => None,
        None => Some(Precondition::Absent),
        Some(version) => Some(Precondition::Unchanged {
            uid: request.uid.as_str().into(),
            version: ResourceVersion(version),
        }),
    };
    Deed::Write {
        namespace: kind.namespace.clone(),
        name: Some(kind.name.clone()).filter(|name| !name.is_empty()),
        over: precondition,
        rehearsal,
        made: made.map(|it| (ResourceVersion(it.version), it.object.to_string().into_bytes())),
    }
}

/// What the Secret became after this version; of a create, the first version that is recorded after it came.
fn made<'a>(request: &Request, over: Option<u64>, versions: &'a [Kept]) -> Option<&'a Kept> {
    let (home, name) = (&request.kind.namespace, &request.kind.name);
    let same = |it: &&Kept| it.what == Held::Secret && it.namespace == *home && it.name == *name;
    let all: Vec<&Kept> = versions.iter().filter(same).collect();
    if let Some(over) = over {
        let before = all.iter().position(|it| it.version == over)?;
        return all.get(before + 1).copied().filter(|it| it.uid == all[before].uid && !it.gone);
    }
    let began = instant(&request.at);
    let is_first = |place: usize| place == 0 || all[place - 1].uid != all[place].uid;
    (0..all.len()).find(|place| all[*place].at >= began && is_first(*place)).map(|place| all[place])
}

fn key(request: &Request) -> Key {
    let kind = if request.kind.resource == "scopedtokenrequests" { Kind::Request } else { Kind::Credential };
    Key::new(kind, request.kind.namespace.as_str(), request.kind.name.as_str())
}

fn instant(at: &str) -> Timestamp {
    at.parse().unwrap_or_else(|_| panic!("{at} is no instant"))
}
