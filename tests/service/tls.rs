//! Certificates are always checked, and a CA bundle adds to what is trusted, for its own endpoint only.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rocketlawyer_operator::auth::{AuthClient, CaBundle, Class, Endpoint, ErrorCode, Fault, Scope};
use rocketlawyer_operator::emulator::{Call, Emulator};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::{login, settings};

/// A listener that speaks TLS. Handshakes that fail are dropped.
struct TlsListener {
    plain: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.plain.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.plain.local_addr()
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// An emulator behind TLS whose certificate is for `name` and was valid until the end of the year.
async fn serve(authority: &Authority, name: &str, until: i32) -> Emulator {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = date_time_ymd(until, 12, 31);
    let certificate = params.signed_by(&key, authority).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let listener = TlsListener {
        plain: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    };
    Emulator::start_on(settings(), listener).unwrap()
}

fn at(emulator: &Emulator, bundle: Option<&Authority>) -> Endpoint {
    let url = emulator.base_url().replace("http://", "https://");
    let origin = format!("https://{}", emulator.address()).parse().unwrap();
    Endpoint::custom(&url, bundle.map(pem), &[origin]).unwrap()
}

fn pem(authority: &Authority) -> CaBundle {
    authority.pem().parse().unwrap()
}

async fn call(client: &AuthClient, endpoint: &Endpoint) -> Result<(), Fault> {
    client.access_token(endpoint, &login("backend-key", "backend-secret")).await.map(drop)
}

#[tokio::test]
async fn a_bundle_of_the_endpoint_or_of_the_operator_is_trusted() {
    let authority = authority();
    let emulator = serve(&authority, "127.0.0.1", 2100).await;
    call(&AuthClient::new(None), &at(&emulator, Some(&authority))).await.unwrap();
    let client = AuthClient::new(Some(pem(&authority)));
    call(&client, &at(&emulator, None)).await.unwrap();
    call(&client, &at(&emulator, Some(&self::authority()))).await.unwrap();
    assert_eq!(emulator.calls(Call::AccessToken), 3);
}

#[tokio::test]
async fn a_bundle_is_trusted_for_its_own_endpoint_only() {
    let authority = authority();
    let emulator = serve(&authority, "127.0.0.1", 2100).await;
    let client = AuthClient::new(None);
    call(&client, &at(&emulator, Some(&authority))).await.unwrap();
    let fault = call(&client, &at(&emulator, None)).await.unwrap_err();
    let told = (fault.class, fault.scope, fault.error_code);
    assert_eq!(told, (Class::Transient, Scope::Endpoint, Some(ErrorCode::TlsFailed)));
    assert_eq!(emulator.calls(Call::AccessToken), 1);
}

#[tokio::test]
async fn certificates_that_are_expired_misnamed_or_of_others_are_refused() {
    let authority = authority();
    let others = self::authority();
    let client = AuthClient::new(None);
    for (signer, name, until) in [
        (&authority, "127.0.0.1", 2020),
        (&authority, "gateway.example.com", 2100),
        (&others, "127.0.0.1", 2100),
    ] {
        let emulator = serve(signer, name, until).await;
        let fault = call(&client, &at(&emulator, Some(&authority))).await.unwrap_err();
        let told = (fault.class, fault.scope, fault.http_status, fault.error_code);
        let refused = (Class::Transient, Scope::Credential, None, Some(ErrorCode::TlsFailed));
        assert_eq!(told, refused, "{name} until {until}");
        assert!(emulator.log().is_empty());
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let emulator = Emulator::start(settings(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let fault = call(&AuthClient::new(None), &at(&emulator, None)).await.unwrap_err();
    assert_eq!((fault.class, fault.error_code), (Class::Transient, Some(ErrorCode::TlsFailed)));
    assert!(emulator.log().is_empty());
}
