use super::Reason;

#[test]
fn every_reason_is_read_back_as_written() {
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
    }
    assert_eq!(Reason::parse("SomethingLater"), None);
    assert_eq!(Reason::ServiceTokenTtlNotAllowed.to_string(), "ServiceTokenTTLNotAllowed");
}

#[test]
fn reasons_are_what_kubernetes_accepts_and_documented_in_a_sentence() {
    for reason in Reason::ALL {
        let text = reason.as_str();
        assert!(text.starts_with(|c: char| c.is_ascii_uppercase()), "{text}");
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric()), "{text}");
        let meaning = reason.meaning();
        assert!(meaning.ends_with(['.', '?', ')']) || meaning.contains(". "), "{text}: {meaning}");
        assert!(!meaning.starts_with(' '), "{text}");
    }
}
