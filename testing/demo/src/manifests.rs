//! What does the demo apply? Two of the examples, pointed at the emulator: what a person reads there is what runs here.

use std::fs;
use std::path::Path;

use control_plane::control_plane::workspace;

use crate::Result;

/// The app that the emulator knows. It protects nothing.
pub(crate) const CLIENT_ID: &str = "demo-app";
pub(crate) const CLIENT_SECRET: &str = "demo-secret";

/// A file, and what stands in it instead of what the example says.
struct Example {
    name: &'static str,
    instead: fn(endpoint: &str) -> Vec<(&'static str, String)>,
}

const EXAMPLES: [Example; 2] = [
    Example {
        name: "backend-credential.yaml",
        instead: |endpoint| {
            vec![
                ("client_id: replace-me", format!("client_id: {CLIENT_ID}")),
                ("client_secret: replace-me", format!("client_secret: {CLIENT_SECRET}")),
                (
                    "environment: Sandbox\n",
                    format!("environment: Custom\n  endpoint:\n    url: {endpoint}\n"),
                ),
            ]
        },
    },
    Example { name: "scoped-token.yaml", instead: |_| Vec::new() },
];

/// Writes them into `folder`, where a person can read and change them.
pub(crate) fn write(folder: &Path, endpoint: &str) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    for example in &EXAMPLES {
        let source = workspace().join("examples").join(example.name);
        let text = fs::read_to_string(&source);
        let text = text.map_err(|error| format!("cannot read {}: {error}", source.display()))?;
        let path = folder.join(example.name);
        let text = replaced(&text, &(example.instead)(endpoint))
            .map_err(|missing| format!("{} no longer says `{missing}`", source.display()))?;
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

/// The text with all of them replaced, or the one that is not there.
fn replaced(text: &str, instead: &[(&'static str, String)]) -> std::result::Result<String, &'static str> {
    instead.iter().try_fold(text.to_owned(), |text, (old, new)| {
        if text.contains(old) { Ok(text.replace(old, new)) } else { Err(old.trim_end()) }
    })
}
