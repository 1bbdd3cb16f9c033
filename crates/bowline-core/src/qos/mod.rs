//! The QoS handshakes of the standard, section 4.3, seen from the server: [`Sender`] towards a
//! subscriber, [`Receiver`] from a publisher. Both belong to a session, not to a connection.

pub(crate) mod packet_ids;
mod receiver;
mod sender;

pub(crate) use receiver::Receiver;
pub(crate) use sender::{Acknowledged, Delivery, Sender, Step};
