//! What did the operator ask of the API server? The audit log, with what each request saw and made.

use control_plane::Request;
use jiff::Timestamp;
use rocketlawyer_operator::cluster::ReadFailed;
use rocketlawyer_operator::cluster::owner::{Deletion, OwnerNow};
use rocketlawyer_operator::cluster::secrets::WriteRefused;
use rocketlawyer_operator::cluster::status::StatusRefused;
use rocketlawyer_operator::decision::{Key, Kind, Precondition, ResourceVersion};
use rocketlawyer_operator::operator::replay::{Deed, Did, Whole};
use serde_json::Value;

use super::calls::fingerprint;
use super::heard::{self, Asked};
use super::recorder::{Kept, What};
use super::sights::is_managed;
use crate::api_proxy::Answer;
use crate::told::text;

/// Everything that this user did which says something of an object.
pub fn dids(requests: &[Request], user: &str, versions: &[Kept], heard: &[Answer]) -> Vec<Did> {
    let log = Log { requests, versions };
    heard::asked(requests, user, heard).iter().filter_map(|asked| log.did(asked)).collect()
}

struct Log<'a> {
    requests: &'a [Request],
    versions: &'a [Kept],
}

impl Log<'_> {
    fn did(&self, request: &Asked) -> Option<Did> {
        let kind = &request.kind;
        let (deed, became) = match (kind.verb.as_str(), kind.resource.as_str(), kind.subresource.as_str()) {
            ("get", "secrets", "") => (self.read(request), None),
            ("list", "secrets", "") => (self.look(request)?, None),
            ("create" | "update", "secrets", "") => self.secret_write(request),
            ("get", "rocketlawyercredentials" | "scopedtokenrequests", "") => (self.owner(request), None),
            ("patch", "rocketlawyercredentials" | "scopedtokenrequests", "status") => self.status(request),
            ("delete", "rocketlawyercredentials" | "scopedtokenrequests", "") => (deletion(request), None),
            _ => return None,
        };
        Some(Did { at: instant(&request.at), became: became.map(ResourceVersion), deed })
    }

    fn read(&self, request: &Asked) -> Deed {
        let found = self.secret_as_read(request, &request.kind.name);
        let whole = |it: &Kept| Whole {
            json: it.object.to_string().into_bytes(),
            token: fingerprint(it).filter(|_| is_managed(it)),
        };
        Deed::ReadSecret {
            namespace: request.kind.namespace.clone(),
            name: request.kind.name.clone(),
            found: seen(request).map(|there| found.filter(|_| there).map(whole)),
        }
    }

    /// A look is one list of Secrets of our type, and a second of all where that showed nothing.
    fn look(&self, request: &Asked) -> Option<Deed> {
        let (_, rest) = request.uri.split_once("metadata.name%3D")?;
        let name = rest.split(['%', '&']).next()?;
        let of_our_type = rest.contains("type");
        let found = self.secret_as_read(request, name);
        if of_our_type && request.told == 200 && !found.is_some_and(is_managed) {
            return None;
        }
        Some(Deed::Looked {
            namespace: request.kind.namespace.clone(),
            name: name.to_owned(),
            found: seen(request).map(|_| found.map(|it| it.object.to_string().into_bytes())),
        })
    }

    fn owner(&self, request: &Asked) -> Deed {
        let key = key(request);
        let what = what(key.kind);
        let found = self.last(what, request, &request.kind.name, instant(&request.ended));
        let owner = seen(request).map(|there| match found.filter(|_| there) {
            None => OwnerNow::Absent,
            Some(it) => OwnerNow::Present {
                uid: it.uid.as_str().into(),
                version: ResourceVersion(it.version),
                deleting: !it.object["metadata"]["deletionTimestamp"].is_null(),
            },
        });
        Deed::ReadOwner { key, owner }
    }

    fn secret_write(&self, request: &Asked) -> (Deed, Option<u64>) {
        let kind = &request.kind;
        let over: Option<u64> = request.version.parse().ok();
        let rehearsal = request.uri.contains("dryRun");
        let made = if (200..300).contains(&kind.code) && !rehearsal {
            match over {
                Some(over) => self.after(What::Secret, request, over),
                None => self.first(request),
            }
        } else {
            None
        };
        let precondition = match over {
            None if kind.verb == "update" || kind.name.is_empty() => None,
            None => Some(Precondition::Absent),
            Some(version) => Some(Precondition::Unchanged {
                uid: request.uid.as_str().into(),
                version: ResourceVersion(version),
            }),
        };
        let became = made.map(|it| it.version);
        let is_unread = precondition.is_none();
        let deed = Deed::WroteSecret {
            namespace: kind.namespace.clone(),
            name: Some(kind.name.clone()).filter(|name| !name.is_empty()),
            over: precondition,
            rehearsal,
            result: match request.told {
                200..300 => Ok(made.map(|it| it.object.to_string().into_bytes()).unwrap_or_default()),
                _ => Err(refused(request, is_unread)),
            },
        };
        (deed, became)
    }

    fn status(&self, request: &Asked) -> (Deed, Option<u64>) {
        let key = key(request);
        let over = text(&request.body["metadata"]["resourceVersion"]).parse().unwrap_or_default();
        let made = self.after(what(key.kind), request, over).filter(|_| request.kind.code == 200);
        let result = match request.told {
            200 => Ok(made.map(|it| it.object.to_string().into_bytes())),
            404 => Err(StatusRefused::Gone),
            409 => Err(StatusRefused::Conflict),
            403 => Err(StatusRefused::Forbidden),
            400 | 413 | 422 => Err(StatusRefused::Invalid),
            504 => Err(StatusRefused::Lost),
            _ => Err(StatusRefused::Unavailable { retry_after: request.retry_after }),
        };
        let patch = Some(request.body["status"].clone()).filter(|patch| !patch.is_null());
        let change = patch.map(|patch| (ResourceVersion(over), patch));
        (Deed::WroteStatus { key, change, result }, made.map(|it| it.version))
    }

    /// The object as it was recorded last until then; `None` where it was gone.
    fn last(&self, what: What, request: &Asked, name: &str, until: Timestamp) -> Option<&Kept> {
        self.of_name(what, request, name).into_iter().rfind(|it| it.at <= until).filter(|it| !it.gone)
    }

    fn of_name(&self, what: What, request: &Asked, name: &str) -> Vec<&Kept> {
        let place = &request.kind.namespace;
        let same = |it: &&Kept| it.what == what && it.namespace == *place && it.name == name;
        self.versions.iter().filter(same).collect()
    }

    /// A Secret as a read saw it. What was written before the read came is in it, also where it was recorded later.
    fn secret_as_read(&self, request: &Asked, name: &str) -> Option<&Kept> {
        let all = self.of_name(What::Secret, request, name);
        let until = instant(&request.ended);
        let mut place = all.iter().rposition(|it| it.at <= until);
        let written = self.requests.iter().filter(|it| {
            it.kind.resource == "secrets"
                && it.kind.namespace == request.kind.namespace
                && it.kind.name == name
                && it.kind.is_write()
                && (200..300).contains(&it.kind.code)
                && !it.uri.contains("dryRun")
                && instant(&it.ended) <= instant(&request.at)
        });
        if let Some(began) = written.map(|it| instant(&it.at)).max() {
            let is_behind = place.is_none_or(|place| all[place].at < began);
            if is_behind {
                place = all.iter().position(|it| it.at >= began).or(place);
            }
        }
        place.map(|place| all[place]).filter(|it| !it.gone)
    }

    /// What the object became after this version.
    fn after(&self, what: What, request: &Asked, version: u64) -> Option<&Kept> {
        let all = self.of_name(what, request, &request.kind.name);
        let before = all.iter().position(|it| it.version == version)?;
        all.get(before + 1).copied().filter(|it| it.uid == all[before].uid && !it.gone)
    }

    /// What a create made: the first version of an object that is recorded after it came.
    fn first(&self, request: &Asked) -> Option<&Kept> {
        let all = self.of_name(What::Secret, request, &request.kind.name);
        let began = instant(&request.at);
        let is_first = |place: usize| place == 0 || all[place - 1].uid != all[place].uid;
        (0..all.len()).find(|place| all[*place].at >= began && is_first(*place)).map(|place| all[place])
    }
}

/// Whether it was there; or that nothing was told.
fn seen(request: &Asked) -> Result<bool, ReadFailed> {
    match request.told {
        200 => Ok(true),
        404 => Ok(false),
        403 => Err(ReadFailed::Forbidden),
        _ => Err(ReadFailed::Unavailable { retry_after: request.retry_after }),
    }
}

fn refused(request: &Asked, is_unread: bool) -> (WriteRefused, bool) {
    let verb = if request.kind.verb == "create" { "create" } else { "update" };
    let body = request.answer.to_string();
    let mut refused = WriteRefused::answered(request.told, body.as_bytes(), verb);
    if let WriteRefused::Unavailable { retry_after } = &mut refused {
        *retry_after = request.retry_after;
    }
    // The operator asks for it; here it tells that the server did not even read what was to be written.
    (refused, request.told == 403 && is_unread)
}

fn deletion(request: &Asked) -> Deed {
    let result = match request.told {
        200..300 | 404 => Deletion::Done,
        409 => Deletion::Conflict,
        403 => Deletion::Forbidden,
        _ => Deletion::Unavailable,
    };
    Deed::Deleted { key: key(request), result }
}

fn key(request: &Asked) -> Key {
    let kind = if request.kind.resource == "scopedtokenrequests" { Kind::Request } else { Kind::Credential };
    Key::new(kind, request.kind.namespace.as_str(), request.kind.name.as_str())
}

fn what(kind: Kind) -> What {
    match kind {
        Kind::Credential => What::Credential,
        Kind::Request => What::Request,
    }
}

fn instant(at: &str) -> Timestamp {
    at.parse().unwrap_or_else(|_| panic!("{} is no instant", Value::from(at)))
}
