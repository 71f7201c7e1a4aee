use proptest::prelude::*;

use super::parse;

#[test]
fn durations_that_are_read() {
    for (text, seconds) in [
        ("0s", 0),
        ("90s", 90),
        ("3h", 10_800),
        ("1h30m", 5_400),
        ("1h1m1s", 3_661),
        ("8760h", 31_536_000),
        ("525600m", 31_536_000),
        ("31536000s", 31_536_000),
        ("30m1h", 5_400),
        ("007s", 7),
        ("99999999s99999999s99999999s", 299_999_997),
    ] {
        assert_eq!(parse(text).map(|d| d.as_secs()), Some(seconds), "{text}");
    }
}

#[test]
fn durations_that_are_refused() {
    for text in [
        "",
        "1",
        "h",
        "3 h",
        " 3h",
        "3h ",
        "-3h",
        "+3h",
        "1.5h",
        "3H",
        "100ms",
        "1d",
        "10000h",
        "1000000m",
        "100000000s",
        "1h1h1h1h",
        "1h30",
        "٣h",
        "3ħ",
        "3hé",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_read_is_within_ten_years(text in "([0-9]{1,9}[hms]){1,4}") {
        if let Some(duration) = parse(&text) {
            prop_assert!(duration.as_secs() <= 3 * 99_999_999);
        }
    }
}
