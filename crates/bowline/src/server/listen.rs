//! Where a server listens: the configured addresses, or loopback; and the rule that nobody is
//! exposed by accident.

use std::net::{SocketAddr, TcpListener};

use super::start_error::StartError;
use crate::config::{Config, DEFAULT_PORT, Listener};
use crate::net::listener::{self, LOOPBACKS};

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) address: SocketAddr,
    /// Go on without it where the machine does not have its address family.
    is_optional: bool,
}

/// The addresses that the configuration asks for.
///
/// # Errors
/// A name that is not known, or an address that other machines reach although nothing says that
/// anybody may connect.
pub(super) fn addresses(config: &Config) -> Result<Vec<Wanted>, StartError> {
    if config.listeners.is_empty() {
        let port = config.port.unwrap_or(DEFAULT_PORT);
        let on_loopback = |ip| Wanted {
            address: SocketAddr::new(ip, port),
            is_optional: true,
        };
        return Ok(LOOPBACKS.map(on_loopback).to_vec());
    }
    let mut addresses = Vec::new();
    for Listener { address } in &config.listeners {
        let resolved = listener::resolve(address).map_err(|error| StartError::Address {
            address: address.clone(),
            error,
        })?;
        if resolved.is_empty() {
            return Err(StartError::NoAddress {
                address: address.clone(),
            });
        }
        for address in resolved {
            if !address.ip().is_loopback() && !config.access.allow_anonymous {
                return Err(StartError::Exposed { address });
            }
            addresses.push(Wanted {
                address,
                is_optional: false,
            });
        }
    }
    Ok(addresses)
}

/// The sockets that the configuration asks for.
///
/// # Errors
/// As [`addresses`], and what binding says.
pub(super) fn listen(config: &Config) -> Result<Vec<TcpListener>, StartError> {
    let mut sockets = Vec::new();
    let mut missing = None;
    for Wanted {
        address,
        is_optional,
    } in addresses(config)?
    {
        match listener::bind(address) {
            Ok(socket) => sockets.push(socket),
            Err(error) if is_optional && listener::is_family_missing(&error) => {
                tracing::info!(%address, "this machine does not have the address; going on without");
                missing = Some(StartError::Bind { address, error });
            }
            Err(error) => return Err(StartError::of_bind(address, error)),
        }
    }
    match missing {
        Some(error) if sockets.is_empty() => Err(error),
        Some(_) | None => Ok(sockets),
    }
}
