//! What would the operator's watches have shown of what was recorded?

use rocketlawyer_operator::cluster::watch::{Stream, Watched};
use rocketlawyer_operator::operator::replay::{Sight, sight};

use super::recorder::{Kept, What};

/// One sight of each version, on the stream that shows it.
pub fn of(versions: &[Kept], streams: &[Stream]) -> Vec<Sight> {
    let shown = |it: &Kept| {
        let what = match it.what {
            What::Credential => Watched::Credentials,
            What::Request => Watched::Requests,
            What::Namespace => Watched::Namespaces,
            What::Secret if is_managed(it) => Watched::ManagedSecrets,
            What::Secret => Watched::OtherSecrets,
        };
        let place = Some(it.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let stream =
            streams.iter().find(|stream| stream.what == what && stream.namespace.as_deref() == place)?;
        sight(it.at, stream.clone(), it.object.to_string().as_bytes(), it.gone)
    };
    versions.iter().filter_map(shown).collect()
}

pub fn is_managed(it: &Kept) -> bool {
    it.what == What::Secret && it.object["type"] == "auth.rocketlawyer.com/token"
}
