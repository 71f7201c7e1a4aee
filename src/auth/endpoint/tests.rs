//! Which base URLs, origins and bundles are taken, and which are not.

use super::{BadEndpoint, CaBundle, Endpoint, Origin};

fn allowed() -> Vec<Origin> {
    let texts = ["https://gateway.example.com", "http://127.0.0.1:8090", "https://[::1]:8443/"];
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn custom(url: &str) -> Result<Endpoint, BadEndpoint> {
    Endpoint::custom(url, None, &allowed())
}

#[test]
fn the_built_in_places_are_what_their_urls_say() {
    for (endpoint, base) in
        [(Endpoint::sandbox(), Endpoint::SANDBOX), (Endpoint::production(), Endpoint::PRODUCTION)]
    {
        let origin = base.trim_end_matches("/partners/v1/auth").parse().unwrap();
        assert_eq!(endpoint, Endpoint::custom(base, None, &[origin]).unwrap());
        assert!(!endpoint.origin().is_plain());
    }
}

#[test]
fn an_origin_is_compared_in_full_and_in_lower_case() {
    let custom = |url| custom(url).unwrap();
    let endpoint = custom("https://Gateway.EXAMPLE.com:443/partners/v1/auth/");
    assert_eq!(endpoint.base(), "https://gateway.example.com/partners/v1/auth");
    assert_eq!(endpoint.origin().as_str(), "https://gateway.example.com:443");
    assert_eq!(custom("http://127.0.0.1:8090/x").origin().to_string(), "http://127.0.0.1:8090");
    assert!(custom("http://127.0.0.1:8090").origin().is_plain());
    assert_eq!(custom("https://[0:0::1]:8443/x").origin().as_str(), "https://[::1]:8443");
}

#[test]
fn nothing_goes_where_the_operator_was_not_started_with() {
    for url in [
        "http://gateway.example.com/x",
        "https://gateway.example.com:8443/x",
        "https://gateway.example.com.evil.test/x",
        "https://evil.test/gateway.example.com",
        "https://gateway.example.com./x",
        "https://127.0.0.1:8090/x",
        "http://127.0.0.1/x",
        "http://127.0.0.2:8090/x",
        "http://localhost:8090/x",
        "http://[::ffff:127.0.0.1]:8090/x",
        "https://169.254.169.254/latest",
        "https://kubernetes.default.svc/api",
        "https://xn--gatewy-6va.example.com/x",
    ] {
        assert_eq!(custom(url), Err(BadEndpoint::NotAllowed), "{url}");
    }
}

#[test]
fn odd_spellings_of_an_allowed_place_are_that_place() {
    for url in ["http://0x7f.1:8090/x", "http://2130706433:8090/x", "http://0177.0.0.1:8090/x"] {
        assert_eq!(custom(url).unwrap().base(), "http://127.0.0.1:8090/x", "{url}");
    }
    assert_eq!(custom("https://gateway.example.com/a/../b").unwrap().base(), "https://gateway.example.com/b");
}

#[test]
fn what_is_not_spelled_out_is_refused() {
    for (url, problem) in [
        ("", BadEndpoint::Scheme),
        ("gateway.example.com", BadEndpoint::Scheme),
        ("//gateway.example.com", BadEndpoint::Scheme),
        ("ftp://gateway.example.com", BadEndpoint::Scheme),
        ("file:///etc/passwd", BadEndpoint::Scheme),
        ("HTTPS://gateway.example.com", BadEndpoint::Scheme),
        ("https:/gateway.example.com", BadEndpoint::Scheme),
        ("https://", BadEndpoint::NotAUrl),
        ("https://:443", BadEndpoint::NotAUrl),
        ("https://gateway.example.com:99999", BadEndpoint::NotAUrl),
        ("https://gateway.example.com:x", BadEndpoint::NotAUrl),
        ("https://gate way.example.com", BadEndpoint::NotAUrl),
        (" https://gateway.example.com", BadEndpoint::NotAUrl),
        ("https://gateway.example.com\n", BadEndpoint::NotAUrl),
        ("https://gateway.exa\tmple.com", BadEndpoint::NotAUrl),
        ("https://evil.test\\@gateway.example.com", BadEndpoint::NotAUrl),
        ("https://gatew\u{430}y.example.com", BadEndpoint::NotAUrl),
        ("https://user@gateway.example.com", BadEndpoint::TooMuch),
        ("https://@gateway.example.com", BadEndpoint::TooMuch),
        ("https://user:pw@gateway.example.com", BadEndpoint::TooMuch),
        ("https://gateway.example.com@evil.test", BadEndpoint::TooMuch),
        ("https://gateway.example.com/?x=1", BadEndpoint::TooMuch),
        ("https://gateway.example.com/?", BadEndpoint::TooMuch),
        ("https://gateway.example.com/#x", BadEndpoint::TooMuch),
        ("https://evil.test%2f@gateway.example.com", BadEndpoint::TooMuch),
    ] {
        assert_eq!(custom(url), Err(problem), "{url}");
    }
    assert_eq!("https://gateway.example.com/x".parse::<Origin>(), Err(BadEndpoint::Path));
}

#[test]
fn a_bundle_holds_certificates_that_can_be_read() {
    let pem = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap().cert.pem();
    let bundle: CaBundle = format!("# a comment\n{pem}{pem}").parse().unwrap();
    assert_eq!(format!("{bundle:?}"), "CaBundle(2 certificates)");
    assert_eq!(bundle, format!("{pem}other text\n{pem}").parse().unwrap(), "what stands around them counts");
    let kept: usize = bundle.certificates().map(<[u8]>::len).sum();
    assert!(kept < pem.len() * 2 * 3 / 4, "{kept} bytes are kept");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let huge = pem.repeat(1000);
    for (text, problem) in [
        ("", BadEndpoint::NoCertificate),
        ("nonsense", BadEndpoint::NoCertificate),
        (key, BadEndpoint::NoCertificate),
        (broken, BadEndpoint::BadCertificate(1)),
        (&broken.replace("AAAA", "replace-me"), BadEndpoint::BadCertificate(1)),
        (&format!("{pem}{broken}"), BadEndpoint::BadCertificate(2)),
        (&format!("{pem}{key}{pem}{broken}"), BadEndpoint::BadCertificate(3)),
        (&pem[..100], BadEndpoint::BadCertificate(1)),
        (&huge, BadEndpoint::LargeBundle),
    ] {
        let bundle: Result<CaBundle, _> = text.parse();
        assert_eq!(bundle, Err(problem), "{} bytes", text.len());
    }
}
