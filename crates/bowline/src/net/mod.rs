//! Sockets: listening, accepting, and everything up to a whole CONNECT.
//!
//! Deliberately absent: connections after their CONNECT (they belong to the workers in
//! `server`), TLS and WebSocket (they come with their issues, each as a file of this room).

pub(crate) mod acceptor;
pub(crate) mod assigned_id;
pub(crate) mod half_open;
pub(crate) mod listener;
pub(crate) mod places;
