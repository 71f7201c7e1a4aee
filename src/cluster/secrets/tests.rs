use super::*;

#[test]
fn a_login_is_no_longer_than_any_real_one() {
    let text = |length: usize| vec![b'x'; length];
    let id = |length| Entry::of(Some(text(length).as_slice()), client_id);
    let secret = |length| Entry::of(Some(text(length).as_slice()), client_secret);
    assert!(matches!(id(LONGEST_ID), Entry::Usable(_)));
    assert!(matches!(id(LONGEST_ID + 1), Entry::Unusable));
    assert!(matches!(secret(LONGEST_SECRET), Entry::Usable(_)));
    assert!(matches!(secret(LONGEST_SECRET + 1), Entry::Unusable));
}
