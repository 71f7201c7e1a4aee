//! What may be shown of the app that a token belongs to? Only plain words, never anything like a credential.

use serde::{Deserialize, Serialize};

use super::wire::TokenAnswer;

/// The app, as the last answer described it, made harmless (behaviour §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Application {
    /// Its name, often a UUID.
    pub name: Option<String>,
    /// The organisation it belongs to.
    pub organization: Option<String>,
    /// The API products it may use.
    pub products: Vec<String>,
}

/// Longest value that is kept.
const LONGEST: usize = 128;
/// Most products that are kept.
const MOST: usize = 64;

impl Application {
    /// What `answer` says, as far as it can be shown; `leaks` tells whether a text contains a credential.
    pub(super) fn shown(answer: &TokenAnswer, leaks: impl Fn(&str) -> bool) -> Option<Self> {
        let show = |text: &str| {
            let kept: String = text
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
                .take(LONGEST)
                .collect();
            (!kept.is_empty() && !leaks(text) && !leaks(&kept)).then_some(kept)
        };
        let listed = answer.products();
        let mut products: Vec<&str> = listed.iter().copied().filter(|name| !leaks(name)).collect();
        // A list is taken apart at its commas: of a credential with a comma in it, no part alone is one.
        let lists = [&answer.api_product_list, &answer.api_product_list_json];
        let uncut = || lists.iter().any(|it| it.as_str().is_some_and(&leaks));
        if leaks(&products.join(",")) || (products.len() == listed.len() && uncut()) {
            products.clear();
        }
        let shown = Self {
            name: answer.application_name.as_deref().and_then(show),
            organization: answer.organization_name.as_deref().and_then(show),
            products: products.iter().filter_map(|name| show(name)).take(MOST).collect(),
        };
        (shown != Self::default()).then_some(shown)
    }
}
