//! The end of a connection, whoever ends it, and what it means for its session.

use bowline_packet::{Disconnect, ReasonCode};

use super::Refusal;
use crate::broker::Broker;
use crate::effect::Effect;
use crate::event::{Event, SessionEnd};
use crate::ids::ConnectionId;
use crate::out::Out;
use crate::record::Record;
use crate::time::Now;

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending<'a> {
    pub reason: ReasonCode,
    pub words: &'a str,
    /// Whether the client's will is published.
    pub will: bool,
    /// Whether we close it, or the peer or the network did.
    pub by_us: bool,
}

impl Broker {
    /// DISCONNECT from the client.
    pub(crate) fn on_disconnect(
        &mut self,
        id: ConnectionId,
        packet: &Disconnect<'_>,
        now: Now,
        out: &mut Out,
    ) {
        let Some(key) = self
            .connections
            .get(id)
            .and_then(|connection| connection.session)
        else {
            return;
        };
        if let (Some(expiry_secs), Some(session)) =
            (packet.session_expiry_secs, self.sessions.get_mut(key))
        {
            if session.expiry_secs == 0 && expiry_secs > 0 {
                // A protocol error: 5.0, section 3.14.2.2.2.
                self.refuse(id, &Refusal::ExpiryRaised, now, out);
                return;
            }
            let expiry_secs = expiry_secs.min(self.options.limits.session_expiry_secs_max);
            if session.expiry_secs != expiry_secs {
                session.expiry_secs = expiry_secs;
                let (number, client_id) = (session.number, &session.client_id);
                // With 0 it ends below, as one that does not last and of which nothing is recorded.
                out.records.push(&if expiry_secs > 0 {
                    Record::Session {
                        number,
                        client_id,
                        expiry_secs,
                    }
                } else {
                    Record::SessionEnded { number }
                });
            }
        }
        // [MQTT-3.14.4-3] A normal disconnection withdraws the will; 0x04 and errors publish it.
        let will = packet.reason != ReasonCode::Success;
        let words = if will {
            "disconnected with will"
        } else {
            "disconnected"
        };
        self.close(
            id,
            &Ending {
                reason: packet.reason,
                words,
                will,
                by_us: true,
            },
            now,
            out,
        );
    }

    /// Ends a connection: the shell closes it (or did), its session goes on or ends.
    pub(crate) fn close(&mut self, id: ConnectionId, ending: &Ending<'_>, now: Now, out: &mut Out) {
        let Some(connection) = self.connections.remove(id) else {
            return;
        };
        if ending.by_us {
            out.effects.push(Effect::Close(id));
        }
        let Some(key) = connection.session else {
            let peer = connection.peer;
            let cause = ending.words.into();
            out.events.push(Event::ConnectRefused {
                peer,
                reason: ending.reason,
                cause,
            });
            return;
        };
        self.forget_deferred(&connection);
        let peer = connection.peer;
        if let Some(session) = self.sessions.get(key) {
            let client_id = session.client_id.clone();
            let (reason, cause) = (ending.reason, ending.words.into());
            out.events.push(Event::ClientDisconnected {
                client_id,
                peer,
                reason,
                cause,
            });
        }
        self.leave_session(key, ending.will, now, out);
    }

    /// The client of a session is gone.
    fn leave_session(
        &mut self,
        key: crate::session::SessionKey,
        will: bool,
        now: Now,
        out: &mut Out,
    ) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.connection = None;
        let expiry_secs = session.expiry_secs;
        session.sender.shrink();
        self.leave_groups(key, now, out);
        if will {
            self.arm_will(key, now, out);
        } else {
            self.withdraw_will(key, out);
        }
        if expiry_secs == 0 {
            self.end_session(key, SessionEnd::Connection, now, out);
            return;
        }
        let ends_at = now.instant.plus_secs(u64::from(expiry_secs));
        if let Some(session) = self.sessions.get_mut(key) {
            session.ends_at = Some(ends_at);
        }
        self.watch_session(key, now);
    }
}
