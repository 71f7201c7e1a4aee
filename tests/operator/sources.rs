//! Who answers in the place of the authentication service? One origin each, so that the failure of one holds up no other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{App, Emulator, FaultPlan, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use super::server::runtime;

/// What stands there.
pub enum Source {
    /// The emulator, with this fault until it is switched off.
    Emulator(Box<FaultPlan>),
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, then those again and again.
    Endless(&'static [u8], &'static [u8]),
    /// An emulator behind TLS with such a certificate.
    Tls(Certificate),
    /// The same with a good one, by HTTP/2.
    Http2,
    /// One without TLS, called by https.
    NoTls,
    /// Nobody listens.
    Nobody,
    /// The name of the host does not exist.
    NoSuchHost,
}

/// What is wrong with a certificate for 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    Good,
    Expired,
    OfAnotherName,
    OfAnotherAuthority,
    SelfSigned,
}

/// A source that stands.
pub struct Standing {
    /// As `--allow-endpoint` has it.
    pub origin: String,
    /// What an endpoint brings.
    pub ca_bundle: Option<String>,
    /// The emulator, where there is one.
    pub emulator: Option<Emulator>,
    /// When anything was asked where there is none.
    pub asked: Asked,
}

/// When each call came.
pub type Asked = Arc<Mutex<Vec<Timestamp>>>;

/// Seconds that an emulator's access tokens live.
pub const LIFE: i64 = 600;

struct TlsListener {
    plain: TcpListener,
    acceptor: TlsAcceptor,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

impl Source {
    /// Begins to answer. An emulator knows this app.
    pub fn start(self, knows: &App) -> Standing {
        runtime().block_on(async {
            let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = plain.local_addr().expect("an address");
            let origin = format!("http://{address}");
            let asked = Asked::default();
            let (origin, ca_bundle, emulator) = match self {
                Self::Emulator(fault) => {
                    let emulator = Emulator::start_on(settings(knows), plain).expect("an emulator");
                    emulator.add_fault(*fault);
                    (origin, None, Some(emulator))
                }
                Self::Bytes(bytes) => {
                    tokio::spawn(answer(plain, Arc::from(bytes), &[], asked.clone()));
                    (origin, None, None)
                }
                Self::Endless(head, again) => {
                    tokio::spawn(answer(plain, Arc::from(head), again, asked.clone()));
                    (origin, None, None)
                }
                Self::Tls(_) | Self::Http2 => {
                    let (listener, bundle) = match self {
                        Self::Tls(certificate) => tls(plain, certificate, b"http/1.1"),
                        _ => tls(plain, Certificate::Good, b"h2"),
                    };
                    let emulator = Emulator::start_on(settings(knows), listener).expect("an emulator");
                    (format!("https://{address}"), Some(bundle), Some(emulator))
                }
                Self::NoTls => {
                    let emulator = Emulator::start_on(settings(knows), plain).expect("an emulator");
                    (format!("https://{address}"), None, Some(emulator))
                }
                Self::Nobody => (origin, None, None),
                Self::NoSuchHost => ("http://no-such-host.invalid".to_owned(), None, None),
            };
            Standing { origin, ca_bundle, emulator, asked }
        })
    }
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

fn settings(knows: &App) -> Settings {
    Settings { apps: vec![knows.clone()], access_token_ttl: LIFE, ..Settings::default() }
}

/// Answers whatever comes with `head`, then with `again` until nobody listens; closes where that is empty.
async fn answer(listener: TcpListener, head: Arc<[u8]>, again: &'static [u8], asked: Asked) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (head, asked) = (head.clone(), asked.clone());
        tokio::spawn(async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(clock::now());
            let mut open = stream.write_all(&head).await.is_ok();
            while open && !again.is_empty() {
                open = stream.write_all(again).await.is_ok();
            }
        });
    }
}

fn tls(plain: TcpListener, certificate: Certificate, protocol: &[u8]) -> (TlsListener, String) {
    let (ours, others) = (authority(), authority());
    let name = if certificate == Certificate::OfAnotherName { "gateway.example.com" } else { "127.0.0.1" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_after = date_time_ymd(if certificate == Certificate::Expired { 2020 } else { 2100 }, 12, 31);
    let key = KeyPair::generate().expect("a key");
    let signed = match certificate {
        Certificate::SelfSigned => params.self_signed(&key),
        Certificate::OfAnotherAuthority => params.signed_by(&key, &others),
        _ => params.signed_by(&key, &ours),
    };
    let chain: Vec<CertificateDer<'static>> = vec![signed.expect("a certificate").der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("TLS");
    config.alpn_protocols = vec![protocol.to_vec()];
    (TlsListener { plain, acceptor: TlsAcceptor::from(Arc::new(config)) }, ours.pem())
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}
