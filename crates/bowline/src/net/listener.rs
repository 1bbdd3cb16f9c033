//! Listening sockets: from an address as people write it to bound sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel keeps until they are accepted; it cuts the value to its own limit.
const BACKLOG: i32 = 4_096;

/// The default address family pair: `localhost` is often `::1` first.
pub(crate) const LOOPBACKS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// The socket addresses that `HOST:PORT` stands for; a name may stand for several.
///
/// # Errors
/// The address cannot be read, or the name is not known.
pub(crate) fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for resolved in address.to_socket_addrs()? {
        if !addresses.contains(&resolved) {
            addresses.push(resolved);
        }
    }
    Ok(addresses)
}

/// Binds and listens.
///
/// # Errors
/// What the system says, such as [`io::ErrorKind::AddrInUse`].
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // `0.0.0.0` and `[::]` are two listeners; one does not take the other's connections.
        socket.set_only_v6(true)?;
    }
    // A restarted broker must get its port although old connections are still in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether the machine lacks the address family at all, such as IPv6 that was turned off.
pub(crate) fn is_family_missing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let missing = [
        Errno::AFNOSUPPORT,
        Errno::ADDRNOTAVAIL,
        Errno::PROTONOSUPPORT,
    ];
    error.kind() == io::ErrorKind::AddrNotAvailable
        || missing
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
