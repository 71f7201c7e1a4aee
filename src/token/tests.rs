//! Nothing that holds a secret shows it, and each secret leaves as it came.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{AccessToken, ClientSecret, Deliverable, ScopedToken, ServiceToken};
use crate::auth::{Application, Call, Class, Fault, Issued, Login, Scope, Subject};

const CANARY: &str = "canary-7f3a";

fn issued<T>(token: T) -> Issued<T> {
    Issued {
        token,
        issued_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
        application: Some(Application::default()),
        service_clock_ahead: None,
    }
}

proptest! {
    #[test]
    fn nothing_printed_reveals_a_token(tail in "[!-~]{0,200}") {
        let text = format!("{CANARY}{tail}");
        let secret = || ClientSecret::read(text.as_bytes()).unwrap();
        let login = Login { client_id: "partner".to_owned(), client_secret: secret() };
        let deliverable: Arc<dyn Deliverable> = Arc::new(AccessToken::read(&text).unwrap());
        let refused: Result<Issued<AccessToken>, Fault> = Ok(issued(AccessToken::read(&text).unwrap()));
        let printed = [
            format!("{:?} {:#?}", secret(), secret()),
            format!("{:?}", AccessToken::read(&text)),
            format!("{:?}", ServiceToken::read(&text)),
            format!("{:?}", ScopedToken::read(&text)),
            format!("{:#?}", issued(ServiceToken::read(&text).unwrap())),
            format!("{:#?}", issued(ScopedToken::read(&text).unwrap())),
            format!("{login:?} {login:#?}"),
            format!("{deliverable:?}"),
            format!("{refused:?}"),
        ];
        for printed in printed {
            prop_assert!(!printed.contains(CANARY), "{}", printed);
            prop_assert!(printed.contains("hidden"), "{}", printed);
        }
    }

    #[test]
    fn a_token_leaves_as_it_came(text in "[!-~]{1,300}") {
        let access = AccessToken::read(&text).unwrap();
        prop_assert_eq!(access.for_request(), text.as_str());
        prop_assert_eq!(access.for_managed_secret(), text.as_str());
        let service = ServiceToken::read(&text).unwrap();
        prop_assert_eq!(service.for_request(), text.as_str());
        let deliverables: [&dyn Deliverable; 3] = [&access, &service, &ScopedToken::read(&text).unwrap()];
        for deliverable in deliverables {
            prop_assert_eq!(deliverable.for_managed_secret(), text.as_str());
        }
    }
}

#[test]
fn what_a_header_cannot_carry_is_no_token() {
    for text in ["", " ", "a b", "a\nb", "a\r\nX-Injected: 1", "tab\t", "nul\0", "umläut", "\u{7f}", "end\n"]
    {
        assert!(AccessToken::read(text).is_none(), "{text:?}");
        assert!(ServiceToken::read(text).is_none(), "{text:?}");
        assert!(ScopedToken::read(text).is_none(), "{text:?}");
    }
    assert!(AccessToken::read(&"x".repeat(64 * 1024)).is_some());
    assert!(AccessToken::read(&"x".repeat(64 * 1024 + 1)).is_none());
}

#[test]
fn one_trailing_newline_of_a_client_secret_is_an_editors() {
    let read = |data: &[u8]| ClientSecret::read(data).map(|secret| secret.for_request().to_owned());
    assert_eq!(read(b"s3cret"), Some("s3cret".to_owned()));
    assert_eq!(read(b"s3cret\n"), Some("s3cret".to_owned()));
    assert_eq!(read(b"s3cret\r\n"), Some("s3cret".to_owned()));
    assert_eq!(read("s p\u{e4}ce".as_bytes()), Some("s p\u{e4}ce".to_owned()));
    for unfit in [&b""[..], b"\n", b"\r\n", b"s3cret\n\n", b"s3\ncret", b"s3\tcret", b"\x00", b"\xff\xfe"] {
        assert_eq!(read(unfit), None, "{unfit:?}");
    }
}

#[test]
fn a_signature_is_half_of_hmac_sha256() {
    // RFC 4231, test case 2.
    let signature = ClientSecret::read(b"Jefe").unwrap().sign(b"what do ya want for nothing?");
    assert_eq!(signature, 0x5bdc_c146_bf60_754e_6a04_2426_0895_75c7_u128.to_be_bytes());
    let other = ClientSecret::read(b"Jeff").unwrap().sign(b"what do ya want for nothing?");
    assert_ne!(signature, other);
}

#[test]
fn a_text_with_a_secret_in_it_is_recognised() {
    let secret = ClientSecret::read(b"s3cret").unwrap();
    assert!(secret.is_within("the s3cret is out"));
    assert!(!secret.is_within("the secret is safe"));
    assert!(ScopedToken::read("abc").unwrap().is_within("xabcx"));
}

#[test]
fn faults_and_subjects_print_without_any_secret_at_hand() {
    let fault = Fault {
        class: Class::CredentialRefused,
        scope: Scope::Credential,
        http_status: Some(401),
        error_code: None,
        retry_after: None,
    };
    assert!(format!("{fault:?} {:?}", Call::Exchange).contains("CredentialRefused"));
    assert!(Subject::new("p".to_owned(), BTreeMap::from([("purpose".to_owned(), "x".to_owned())])).is_err());
}
