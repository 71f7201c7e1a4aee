//! Were the tokens really issued and renewed? Opens the emulator's pages with what the Secrets hold, and remembers the
//! first token of each kind to know another one. A token that it reads is never shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::objects::Token;
use crate::stage::Stage;
use crate::{Result, page};

/// What the examples are called, and the page that a token of each opens.
const WATCHED: [(&str, &str); 2] =
    [("rlc/partner", "/protected/access"), ("str/interview-42", "/protected/scoped")];

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Witness {
    last: BTreeMap<&'static str, Held>,
    renewed: BTreeSet<&'static str>,
}

/// What a managed Secret held.
struct Held {
    authorization: String,
    expires_at: String,
}

impl Witness {
    /// Opens the page with the token that the Secret holds now. The error says what is not as it should be.
    pub(crate) fn check(&mut self, stage: &Stage, name: &str, token: &Token) -> Result<Option<String>> {
        let Some((name, path)) = WATCHED.into_iter().find(|(watched, _)| *watched == name) else {
            return Ok(None);
        };
        let held = read(stage, &token.secret)?;
        let address = stage.emulator_address();
        let answer = page::get(address, path, Some(&held.authorization))?;
        if answer.status != 200 {
            return Err(format!(
                "http://{address}{path} answers {} to the token in Secret {}",
                answer.status, token.secret
            ));
        }
        let opened = format!("with it, GET http://{address}{path} answers {}", answer.status);
        let Some(before) = self.last.insert(name, held) else {
            return Ok(Some(format!("{opened}: {}", answer.body)));
        };
        let differs = self.last.get(name).is_some_and(|now| {
            now.authorization != before.authorization && now.expires_at != before.expires_at
        });
        if !differs {
            return Err(format!("Secret {} still holds the token of before", token.secret));
        }
        if !token.follows_one_that_ends(&before.expires_at) {
            return Err(format!("{}: the token of before had ended when this one was issued", token.secret));
        }
        self.renewed.insert(name);
        Ok(Some(opened))
    }

    pub(crate) fn has_seen_both(&self) -> bool {
        self.last.len() == WATCHED.len()
    }

    pub(crate) fn has_renewed(&self, name: &str) -> bool {
        self.renewed.contains(name)
    }

    /// Those of which no renewal was seen.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let names = WATCHED.into_iter().map(|(name, _)| name);
        names.filter(|name| !self.renewed.contains(name)).collect()
    }
}

fn read(stage: &Stage, secret: &str) -> Result<Held> {
    let template =
        r#"go-template={{.data.authorization | base64decode}}{{"\n"}}{{.data.expires_at | base64decode}}"#;
    let text = stage.kubectl(&["get", "secret", secret, "-o", template])?;
    let (authorization, expires_at) =
        text.split_once('\n').ok_or_else(|| format!("Secret {secret} lacks authorization or expires_at"))?;
    Ok(Held { authorization: authorization.to_owned(), expires_at: expires_at.to_owned() })
}
