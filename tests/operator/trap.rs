//! Does anybody come who should not? Listeners that say nothing, and remember whatever comes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::server::runtime;

/// Listeners that share one memory.
#[derive(Clone, Default)]
pub struct Trap {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Trap {
    /// Listens there too; port 0 is any free one. `None` where this machine has no IPv6.
    pub fn listen(&self, address: impl Into<SocketAddr>) -> Option<SocketAddr> {
        let address = address.into();
        let listener = match runtime().block_on(TcpListener::bind(address)) {
            Ok(listener) => listener,
            // Where there is no such address, nothing can be sent to it.
            Err(error) if address.is_ipv6() && error.kind() != std::io::ErrorKind::AddrInUse => return None,
            Err(error) => panic!("no trap at {address}: {error}"),
        };
        let address = listener.local_addr().expect("an address");
        let trap = self.clone();
        runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(trap.clone().hear(address, stream));
            }
        });
        Some(address)
    }

    /// Every connection, and what came over it.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn hear(self, at: SocketAddr, mut stream: TcpStream) {
        self.remember(format!("a connection to {at}"));
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            self.remember(format!("{count} bytes to {at}: {}", String::from_utf8_lossy(&bytes[..count])));
        }
    }

    fn remember(&self, what: String) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}
