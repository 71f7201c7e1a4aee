//! What would the operator's watches have shown of what was recorded?

use std::collections::BTreeMap;

use jiff::Timestamp;
use rocketlawyer_operator::cluster::watch::{Change, Stream, Watched};
use rocketlawyer_operator::operator::replay::{Sight, sight};

use super::recorder::{Kept, What};

/// One sight of each version, on the stream that shows it; and at each start a list of what there was.
pub fn of(versions: &[Kept], streams: &[Stream], starts: &[Timestamp]) -> Vec<Sight> {
    streams.iter().flat_map(|stream| of_stream(versions, stream, starts)).collect()
}

fn of_stream(versions: &[Kept], stream: &Stream, starts: &[Timestamp]) -> Vec<Sight> {
    let mut sights: Vec<_> = versions
        .iter()
        .filter(|it| is_shown(it, stream))
        .filter_map(|it| {
            Some((&it.name, sight(it.at, stream.clone(), it.object.to_string().as_bytes(), it.gone)?))
        })
        .collect();
    sights.sort_by_key(|(_, sight)| sight.order);
    let mut starts = starts.iter().peekable();
    let (mut there, mut all) = (BTreeMap::new(), Vec::new());
    for (name, sight) in sights {
        while let Some(start) = starts.next_if(|start| **start < sight.at) {
            all.extend(list(stream, &there, *start));
        }
        if matches!(sight.change, Change::Gone { .. }) {
            there.remove(name);
        } else {
            there.insert(name, sight.clone());
        }
        all.push(sight);
    }
    all.extend(starts.flat_map(|start| list(stream, &there, *start)));
    all
}

/// What was there at a start.
fn list(stream: &Stream, there: &BTreeMap<&String, Sight>, at: Timestamp) -> Vec<Sight> {
    let word = |change| Sight { at, order: 0, version: None, change };
    let items = there.values().map(|sight| Sight { at, ..sight.clone() });
    let begin = [word(Change::Relisting(stream.clone()))];
    begin.into_iter().chain(items).chain([word(Change::Listed(stream.clone()))]).collect()
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
