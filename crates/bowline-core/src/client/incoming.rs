//! What arrives with QoS 1 and 2, from the PUBLISH to our last acknowledgement.
//!
//! Promises: nothing is acknowledged before the application said so (or by ourselves, if that is
//! the mode); PUBACKs leave in the order of the PUBLISH packets [MQTT-4.6.0-2], so do PUBRECs
//! [MQTT-4.6.0-3], also when the application acknowledges in another order; a QoS 2 message
//! reaches the application once [MQTT-4.3.3-10]; what the application holds and has not given
//! back does not reach it a second time when the server repeats it on a new connection.

use alloc::collections::{BTreeMap, VecDeque};

use bowline_packet::{AckKind, PacketId, ProtocolVersion, QoS, ReasonCode};

use super::error::{UsageError, Violation};
use super::event::{AckToken, ClientOut};
use super::send_ack;

/// The incoming messages of a session that are not settled.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    open: BTreeMap<PacketId, Open>,
    /// QoS 1 messages of the present connection that wait for their PUBACK, in order of receipt.
    owed_pub_acks: VecDeque<PacketId>,
    /// QoS 2 messages of the present connection that wait for their PUBREC, in order of receipt.
    owed_pub_recs: VecDeque<PacketId>,
    /// Messages of the present connection that the server counts against our Receive Maximum.
    unacknowledged: usize,
    serials: u64,
}

#[derive(Debug)]
struct Open {
    qos: QoS,
    serial: u64,
    state: State,
    /// The server sent it on the present connection.
    here: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The application has it.
    Held,
    /// The application wants it again: never acknowledge this delivery.
    GivenBack,
    /// The application is done with it; the acknowledgement waits for its turn.
    Settled(ReasonCode),
    /// QoS 2: PUBREC was sent.
    AwaitingPubRel,
}

/// What a PUBLISH turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// For the application.
    New(AckToken),
    /// The application has it already.
    Repeated,
}

impl Incoming {
    /// A PUBLISH with QoS 1 or 2 came.
    pub(super) fn arrive(
        &mut self,
        packet_id: PacketId,
        qos: QoS,
        dup: bool,
        receive_maximum: usize,
    ) -> Result<Arrival, Violation> {
        if let Some(open) = self.open.get_mut(&packet_id) {
            if open.here {
                return self.repeated_here(packet_id, qos, dup);
            }
            // On a new connection. For QoS 2 the identifier alone decides; a QoS 1 identifier is
            // still the same message only if the server says DUP.
            let same = open.qos == qos && (qos == QoS::ExactlyOnce || dup);
            if same && open.state != State::GivenBack {
                open.here = true;
                if open.state == State::AwaitingPubRel {
                    open.state = State::Settled(ReasonCode::Success); // The PUBREC was lost.
                }
                self.owe(packet_id, qos, receive_maximum)?;
                return Ok(Arrival::Repeated);
            }
        }
        self.serials += 1;
        let serial = self.serials;
        self.open.insert(
            packet_id,
            Open {
                qos,
                serial,
                state: State::Held,
                here: true,
            },
        );
        self.owe(packet_id, qos, receive_maximum)?;
        Ok(Arrival::New(AckToken { packet_id, serial }))
    }

    /// The application is done with a message: acknowledge it when its turn comes.
    pub(super) fn settle(&mut self, token: AckToken, reason: ReasonCode) -> Result<(), UsageError> {
        self.held(token)?.state = State::Settled(reason);
        Ok(())
    }

    /// The application wants the message again.
    pub(super) fn give_back(&mut self, token: AckToken) -> Result<(), UsageError> {
        self.held(token)?.state = State::GivenBack;
        Ok(())
    }

    /// The application wants everything again that it has not settled.
    pub(super) fn give_back_all(&mut self) {
        for open in self.open.values_mut() {
            if open.state == State::Held {
                open.state = State::GivenBack;
            }
        }
    }

    /// Sends the acknowledgements whose turn it is.
    pub(super) fn send_owed(&mut self, version: ProtocolVersion, out: &mut ClientOut) {
        while let Some((id, reason)) = settled_front(&self.owed_pub_acks, &self.open) {
            send_ack(AckKind::PubAck, id, reason, version, out);
            self.owed_pub_acks.pop_front();
            self.open.remove(&id);
            self.unacknowledged -= 1;
        }
        while let Some((id, reason)) = settled_front(&self.owed_pub_recs, &self.open) {
            send_ack(AckKind::PubRec, id, reason, version, out);
            self.owed_pub_recs.pop_front();
            if reason.is_error() {
                self.open.remove(&id); // Both sides forget it [MQTT-4.3.3-9].
                self.unacknowledged -= 1;
            } else if let Some(open) = self.open.get_mut(&id) {
                open.state = State::AwaitingPubRel;
            }
        }
    }

    /// PUBREL: answer PUBCOMP and forget the identifier [MQTT-4.3.3-11].
    pub(super) fn pub_rel(
        &mut self,
        packet_id: PacketId,
        version: ProtocolVersion,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let known = self
            .open
            .get(&packet_id)
            .map(|open| (open.state, open.here));
        let reason = match known {
            None => ReasonCode::PacketIdentifierNotFound,
            // Settled: the PUBLISH was repeated, and crossed with the PUBREL.
            Some((State::AwaitingPubRel | State::Settled(_), here)) => {
                self.open.remove(&packet_id);
                self.owed_pub_recs.retain(|owed| *owed != packet_id);
                if here {
                    self.unacknowledged -= 1;
                }
                ReasonCode::Success
            }
            Some((State::Held | State::GivenBack, _)) => {
                return Err(Violation::protocol_error("PUBREL without PUBREC"));
            }
        };
        send_ack(AckKind::PubComp, packet_id, reason, version, out);
        Ok(())
    }

    /// The network connection is gone: nothing is owed on it any more, the session stays.
    pub(super) fn connection_lost(&mut self) {
        self.owed_pub_acks.clear();
        self.owed_pub_recs.clear();
        self.unacknowledged = 0;
        for open in self.open.values_mut() {
            open.here = false;
        }
    }

    /// The server has no session any more: all tokens are stale.
    pub(super) fn session_lost(&mut self) {
        self.open.clear();
    }

    /// Messages that the application holds or that wait for their acknowledgement.
    pub(super) fn len(&self) -> usize {
        self.open
            .values()
            .filter(|open| open.state != State::AwaitingPubRel)
            .count()
    }

    /// The same identifier a second time on one connection.
    fn repeated_here(
        &mut self,
        packet_id: PacketId,
        qos: QoS,
        dup: bool,
    ) -> Result<Arrival, Violation> {
        let Some(open) = self.open.get_mut(&packet_id).filter(|open| open.qos == qos) else {
            return Err(Violation::protocol_error(
                "packet identifier in use with another QoS",
            ));
        };
        if open.state == State::AwaitingPubRel {
            open.state = State::Settled(ReasonCode::Success);
            self.owed_pub_recs.push_back(packet_id);
        } else if !dup {
            return Err(Violation::protocol_error("packet identifier in use"));
        } else if open.state == State::GivenBack {
            self.serials += 1;
            (open.serial, open.state) = (self.serials, State::Held);
            return Ok(Arrival::New(AckToken {
                packet_id,
                serial: open.serial,
            }));
        }
        // With DUP: a 3.x server that is tired of waiting. One acknowledgement answers both.
        Ok(Arrival::Repeated)
    }

    fn owe(
        &mut self,
        packet_id: PacketId,
        qos: QoS,
        receive_maximum: usize,
    ) -> Result<(), Violation> {
        self.unacknowledged += 1;
        if self.unacknowledged > receive_maximum {
            // [MQTT-3.3.4-9]
            return Err(Violation::new(
                ReasonCode::ReceiveMaximumExceeded,
                "more messages under way than our receive maximum",
            ));
        }
        match qos {
            QoS::AtMostOnce | QoS::AtLeastOnce => self.owed_pub_acks.push_back(packet_id),
            QoS::ExactlyOnce => self.owed_pub_recs.push_back(packet_id),
        }
        Ok(())
    }

    fn held(&mut self, token: AckToken) -> Result<&mut Open, UsageError> {
        self.open
            .get_mut(&token.packet_id)
            .filter(|open| open.serial == token.serial && open.state == State::Held)
            .ok_or(UsageError::StaleToken)
    }
}

/// The oldest owed acknowledgement, if the application has settled its message.
fn settled_front(
    owed: &VecDeque<PacketId>,
    open: &BTreeMap<PacketId, Open>,
) -> Option<(PacketId, ReasonCode)> {
    let id = *owed.front()?;
    match open.get(&id)?.state {
        State::Settled(reason) => Some((id, reason)),
        State::Held | State::GivenBack | State::AwaitingPubRel => None,
    }
}
