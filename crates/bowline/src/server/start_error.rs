//! What stands in the way of a start, in words, with a hint where somebody can do something.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The configured address cannot be read, or its name is not known.
    Address {
        /// As configured.
        address: String,
        /// What the resolver says.
        error: io::Error,
    },
    /// The name stands for no address.
    NoAddress {
        /// As configured.
        address: String,
    },
    /// Other machines could connect, and nothing says that anybody may.
    Exposed {
        /// The address that is not a loopback one.
        address: SocketAddr,
    },
    /// Somebody listens there already.
    InUse {
        /// Where.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Durability is asked for that does not exist yet.
    NoJournal,
    /// The system refuses something that a start needs.
    System {
        /// What, as in "cannot …".
        what: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

impl StartError {
    /// Why binding failed.
    pub(crate) fn of_bind(address: SocketAddr, error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::AddrInUse {
            Self::InUse { address }
        } else {
            Self::Bind { address, error }
        }
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { what, error }
    }

    /// What to do about it, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Address { .. } | Self::NoAddress { .. } => Some(
                "an address is `HOST:PORT`, such as `127.0.0.1:1883` or `[::1]:1883`".to_owned(),
            ),
            Self::Exposed { .. } => Some(
                "bowline cannot authenticate clients yet; listen on a loopback address, or let \
                 anybody in with `[access] allow_anonymous = true` in the configuration"
                    .to_owned(),
            ),
            Self::InUse { address } => Some(format!(
                "another broker may be running (`systemctl stop mosquitto` stops Mosquitto); stop \
                 it, or choose another port, such as `--port {}`",
                address.port().wrapping_add(1).max(1024)
            )),
            Self::Bind { address, error } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!(
                    "port {} needs rights that this user does not have; choose one from 1024 on",
                    address.port()
                ))
            }
            Self::NoJournal => Some(
                "leave it out, or say `memory`: then an acknowledged message is in RAM, and lost \
                 if the broker or the machine fails"
                    .to_owned(),
            ),
            Self::Bind { .. } | Self::System { .. } => None,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address, error } => {
                write!(f, "cannot listen on `{address}`: {}", lower_case(error))
            }
            Self::NoAddress { address } => {
                write!(f, "cannot listen on `{address}`: the name has no address")
            }
            Self::Exposed { address } => write!(
                f,
                "`{address}` can be reached from other machines, and nothing says that anybody \
                 may connect"
            ),
            Self::InUse { address } => {
                write!(f, "cannot listen on {address}: the address is in use")
            }
            Self::Bind { address, error } => {
                write!(f, "cannot listen on {address}: {}", lower_case(error))
            }
            Self::NoJournal => {
                f.write_str("durability `disk` and `os` are not there yet, only `memory`")
            }
            Self::System { what, error } => write!(f, "cannot {what}: {}", lower_case(error)),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address { error, .. } | Self::Bind { error, .. } | Self::System { error, .. } => {
                Some(error)
            }
            Self::NoAddress { .. }
            | Self::Exposed { .. }
            | Self::InUse { .. }
            | Self::NoJournal => None,
        }
    }
}

/// What the system says, as the rest of our sentence.
fn lower_case(error: &io::Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}
