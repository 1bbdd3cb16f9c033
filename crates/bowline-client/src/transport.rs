//! The seam to the network: an [`Endpoint`] is opened, and two halves of a byte stream come back.
//!
//! TLS and WebSocket come in here as further endpoints: they yield the same two halves, and
//! nothing else in this crate changes.

use std::fmt;
use std::io;
#[cfg(unix)]
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// Plain TCP. All addresses of the name are tried, in the order of the resolver.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port, usually 1883.
        port: u16,
    },
    /// A Unix domain socket.
    #[cfg(unix)]
    Unix {
        /// The socket's path.
        path: PathBuf,
    },
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Self::Unix { path } => write!(f, "{}", path.display()),
        }
    }
}

/// An open byte stream, as two halves that are used at the same time.
pub(crate) struct Stream {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Endpoint {
    pub(crate) async fn open(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // We gather what belongs together ourselves; an acknowledgement must not wait.
                stream.set_nodelay(true)?;
                let (reader, writer) = stream.into_split();
                Ok(Stream {
                    reader: Box::new(reader),
                    writer: Box::new(writer),
                })
            }
            #[cfg(unix)]
            Self::Unix { path } => {
                let (reader, writer) = tokio::net::UnixStream::connect(path).await?.into_split();
                Ok(Stream {
                    reader: Box::new(reader),
                    writer: Box::new(writer),
                })
            }
        }
    }
}
