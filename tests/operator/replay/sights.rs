//! What would the operator's watches have shown of what was recorded?

use std::collections::BTreeMap;

use control_plane::Request;
use http::Method;
use jiff::Timestamp;
use rocketlawyer_operator::cluster::watch::{Change, Stream, Trouble, Watched};
use rocketlawyer_operator::operator::replay::{Sight, sight};

use super::recorder::{Kept, What};
use crate::api_proxy::Asked;

/// An answer to a list: of which stream, when, and its HTTP status.
pub struct Answered {
    stream: Stream,
    at: Timestamp,
    code: u16,
}

/// Every list that this user asked for, but for further pages.
pub fn lists(requests: &[Request], user: &str) -> Vec<Answered> {
    let asked = requests.iter().filter(|it| it.user == user && it.kind.verb == "list");
    let answered = asked.filter_map(|it| {
        let asked = Asked::of(&Method::GET, &it.uri.parse().expect("a path"));
        let stream = asked.stream().filter(|_| !asked.continues)?;
        Some(Answered { stream, at: it.ended.parse().expect("an instant"), code: it.kind.code })
    });
    answered.collect()
}

/// One sight of each version, on the stream that shows it; and with each list what there was, or that it was refused.
pub fn of(versions: &[Kept], streams: &[Stream], lists: &[Answered]) -> Vec<Sight> {
    streams.iter().flat_map(|stream| of_stream(versions, stream, lists)).collect()
}

fn of_stream(versions: &[Kept], stream: &Stream, lists: &[Answered]) -> Vec<Sight> {
    let mut sights: Vec<_> = versions
        .iter()
        .filter(|it| is_shown(it, stream))
        .filter_map(|it| {
            Some((&it.name, sight(it.at, stream.clone(), it.object.to_string().as_bytes(), it.gone)?))
        })
        .collect();
    sights.sort_by_key(|(_, sight)| sight.order);
    let mut lists = lists.iter().filter(|it| it.stream == *stream).peekable();
    let (mut there, mut all) = (BTreeMap::new(), Vec::new());
    for (name, sight) in sights {
        while let Some(list) = lists.next_if(|list| list.at < sight.at) {
            all.extend(list.shows(&there));
        }
        if matches!(sight.change, Change::Gone { .. }) {
            there.remove(name);
        } else {
            there.insert(name, sight.clone());
        }
        all.push(sight);
    }
    all.extend(lists.flat_map(|list| list.shows(&there)));
    all
}

impl Answered {
    /// Of what was there.
    fn shows(&self, there: &BTreeMap<&String, Sight>) -> Vec<Sight> {
        let word = |change| Sight { at: self.at, order: 0, version: None, change };
        let stream = || self.stream.clone();
        match self.code {
            200 => {
                let items = there.values().map(|sight| Sight { at: self.at, ..sight.clone() });
                let begin = [word(Change::Relisting(stream()))];
                begin.into_iter().chain(items).chain([word(Change::Listed(stream()))]).collect()
            }
            403 => vec![word(Change::Broken(stream(), Trouble::Forbidden))],
            _ => Vec::new(),
        }
    }
}

fn is_shown(it: &Kept, stream: &Stream) -> bool {
    let what = match it.what {
        What::Credential => Watched::Credentials,
        What::Request => Watched::Requests,
        What::Namespace => Watched::Namespaces,
        What::Secret if is_managed(it) => Watched::ManagedSecrets,
        What::Secret => Watched::OtherSecrets,
    };
    stream.what == what && stream.namespace.as_deref().unwrap_or_default() == it.namespace
}

pub fn is_managed(it: &Kept) -> bool {
    it.what == What::Secret && it.object["type"] == "auth.rocketlawyer.com/token"
}
