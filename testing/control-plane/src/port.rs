//! Which ports does a program have, and whose are they while it is away? Nobody else's: it comes back to the same.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use socket2::{Domain, Socket, Type};

use crate::error::Error;

/// A port of one program on loopback.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    /// Bound and not listening: connections are refused, the kernel gives the number to nobody, and a program that binds it
    /// as servers do, with `SO_REUSEADDR`, may.
    held: Option<Socket>,
}

impl Port {
    /// One that its program has.
    pub(crate) fn new(number: u16) -> Self {
        Self { number, held: None }
    }

    /// Its program has ended: it is kept for that from now on.
    pub(crate) fn hold(&mut self) -> Result<(), Error> {
        if self.held.is_some() {
            return Ok(());
        }
        let bind = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, self.number)).into())?;
            Ok(socket)
        };
        self.held = Some(bind().map_err(Error::io("hold", Path::new("a port")))?);
        Ok(())
    }
}

/// One that nobody has at this moment.
pub(crate) fn free_port() -> Result<u16, Error> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(Error::io("find", Path::new("a free port")))
}

#[cfg(test)]
mod tests;
