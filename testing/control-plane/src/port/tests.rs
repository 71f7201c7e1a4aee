//! Whose is a port that is held?

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::{Port, free_port};

#[test]
fn a_port_that_is_held_is_its_programs_alone() {
    let number = free_port().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
    Port::new(number).hold().unwrap();
    assert!(Socket::new(Domain::IPV4, Type::STREAM, None).unwrap().bind(&address.into()).is_ok());

    let mut port = Port::new(number);
    port.hold().unwrap();
    port.hold().unwrap();
    let others = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap().bind(&address.into());
    assert_eq!(others.unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    // As servers bind.
    assert!(TcpListener::bind(address).is_ok());
}
