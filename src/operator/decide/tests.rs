use super::Said;
use crate::api::{Condition, Failure, Reason, condition};

fn said(ready: &str, reason: Reason, failure: Option<Reason>) -> Said {
    let ready = Condition {
        type_: condition::READY.to_owned(),
        status: ready.to_owned(),
        reason: reason.as_str().to_owned(),
        ..Condition::default()
    };
    let failure = failure.map(|it| Failure { reason: Some(it.as_str().to_owned()), ..Failure::default() });
    Said::of(&[ready], failure.as_ref())
}

/// A failure besides must not be announced in place of what keeps the object from being ready.
#[test]
fn why_it_is_not_ready_comes_before_what_fails_besides() {
    let not_owned = said("False", Reason::SecretNotOwned, Some(Reason::Pending));
    assert_eq!(not_owned.trouble.as_deref(), Some("SecretNotOwned"));
    assert_eq!(not_owned, said("False", Reason::SecretNotOwned, None), "nothing new");
}

#[test]
fn a_renewal_that_fails_is_trouble_and_the_end_of_the_token_is_more() {
    let failing = said("True", Reason::Issued, Some(Reason::ServiceUnavailable));
    let ended = said("False", Reason::ServiceUnavailable, Some(Reason::ServiceUnavailable));
    assert_eq!(failing.trouble, ended.trouble);
    assert_ne!(failing, ended, "worth a word of its own");
    assert_eq!(said("True", Reason::Issued, None).trouble, None);
}
