//! Who answers in the place of the authentication service? One origin each, so that the failure of one holds up no other.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rocketlawyer_operator::auth::wire;
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{App, Call, Emulator, FaultPlan, Settings};
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
    /// The emulator, but that this call is answered with these bytes, then with those again and again (none: the end), until it is
    /// mended.
    Bytes(Call, Vec<u8>, &'static [u8]),
    /// An emulator behind TLS with such a certificate.
    Tls(Certificate),
    /// The same with a good one, by HTTP/2.
    Http2,
    /// One without TLS, called by https.
    NoTls,
    /// Somebody listens by https, and says nothing.
    Silent,
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
    /// What was answered with other bytes than its own.
    pub broken: Broken,
}

/// Calls that no emulator heard of.
#[derive(Clone, Default)]
pub struct Broken {
    /// When each came.
    asked: Arc<Mutex<Vec<Timestamp>>>,
    mended: Arc<AtomicBool>,
}

/// Stands before an emulator.
#[derive(Clone)]
struct Front {
    emulator: SocketAddr,
    call: Call,
    head: Arc<[u8]>,
    again: &'static [u8],
    broken: Broken,
}

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
            let broken = Broken::default();
            let (origin, ca_bundle, emulator) = match self {
                Self::Emulator(fault) => {
                    let emulator = Emulator::start_on(settings(knows), plain).expect("an emulator");
                    emulator.add_fault(*fault);
                    (origin, None, Some(emulator))
                }
                Self::Bytes(call, head, again) => {
                    let behind = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                    let emulator = Emulator::start_on(settings(knows), behind).expect("an emulator");
                    let (head, broken) = (Arc::from(head), broken.clone());
                    let front = Front { emulator: emulator.address(), call, head, again, broken };
                    tokio::spawn(front.stand(plain));
                    (origin, None, Some(emulator))
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
                Self::Silent => {
                    tokio::spawn(say_nothing(plain));
                    (format!("https://{address}"), None, None)
                }
                Self::Nobody => (origin, None, None),
                Self::NoSuchHost => ("http://no-such-host.invalid".to_owned(), None, None),
            };
            Standing { origin, ca_bundle, emulator, broken }
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

impl Standing {
    /// From now on it does right.
    pub fn mend(&self) {
        self.broken.mended.store(true, Ordering::Relaxed);
        if let Some(emulator) = &self.emulator {
            emulator.clear_faults();
        }
    }
}

impl Broken {
    /// When each call came.
    pub fn asked(&self) -> Vec<Timestamp> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn say_nothing(listener: TcpListener) {
    let mut held = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        held.push(stream);
    }
}

impl Front {
    async fn stand(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().pass(stream));
        }
    }

    /// One request to its answer: the next of the same connection may be another call.
    async fn pass(self, mut stream: TcpStream) -> io::Result<()> {
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let request = String::from_utf8_lossy(&request);
        if call(&request) == self.call && !self.broken.mended.load(Ordering::Relaxed) {
            self.broken.asked.lock().unwrap_or_else(PoisonError::into_inner).push(clock::now());
            stream.write_all(&self.head).await?;
            while !self.again.is_empty() {
                stream.write_all(self.again).await?;
            }
            return Ok(());
        }
        let mut emulator = TcpStream::connect(self.emulator).await?;
        let last = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        emulator.write_all(last.as_bytes()).await?;
        tokio::io::copy(&mut emulator, &mut stream).await.map(|_| ())
    }
}

/// Which call this request is.
fn call(request: &str) -> Call {
    match request {
        it if it.contains(wire::SERVICE_TOKEN_PATH) => Call::ServiceToken,
        it if it.contains(wire::AUTHORIZATION_CODE) => Call::Exchange,
        _ => Call::AccessToken,
    }
}

/// Whether all of its body is there.
fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|length| length.trim().parse().ok()).is_none_or(|length: usize| body.len() >= length)
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
