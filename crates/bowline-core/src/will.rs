//! Will Messages: kept with the session, published when the client leaves without a word.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bowline_packet::QoS;

use crate::broker::Broker;
use crate::message::MessageView;
use crate::out::Out;
use crate::record::Record;
use crate::session::SessionKey;
use crate::time::{Instant, Now};

/// A Will Message [MQTT-3.1.2-7].
#[derive(Debug)]
pub(crate) struct Will {
    pub topic: Box<str>,
    pub properties: Vec<u8>,
    pub payload: Vec<u8>,
    pub qos: QoS,
    pub retain: bool,
    /// Will Delay Interval, seconds.
    pub delay_secs: u32,
    /// Message Expiry Interval, counted from its publication, seconds.
    pub expiry_secs: Option<u32>,
    /// When the delay is over, once the client has gone.
    pub due: Option<Instant>,
}

impl Will {
    pub(crate) fn view(&self, now: Instant) -> MessageView<'_> {
        MessageView {
            topic: &self.topic,
            properties: &self.properties,
            payload: &self.payload,
            qos: self.qos,
            retain: self.retain,
            expires_at: self.expiry_secs.map(|secs| now.plus_secs(u64::from(secs))),
            publisher: None,
        }
    }
}

impl Broker {
    /// The client left without DISCONNECT: publishes the will, now or after its delay
    /// [MQTT-3.1.2-8], [MQTT-3.1.3-9].
    pub(crate) fn arm_will(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let lasting = session.is_lasting();
        let Some(will) = session.will.as_deref_mut() else {
            return;
        };
        if will.delay_secs == 0 || !lasting {
            self.publish_will(key, now, out);
            return;
        }
        will.due = Some(now.instant.plus_secs(u64::from(will.delay_secs)));
        self.watch_session(key, now);
    }

    /// The client is back, or left in peace: the will is withdrawn [MQTT-3.14.4-3].
    pub(crate) fn withdraw_will(&mut self, key: SessionKey, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.will.take().is_some() && session.is_lasting() {
            let number = session.number;
            out.records.push(&Record::WillRemoved { number });
        }
    }

    /// Publishes the will, if there is one, through the same gate as every publish.
    pub(crate) fn publish_will(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(will) = session.will.take() else {
            return;
        };
        if session.is_lasting() {
            let number = session.number;
            out.records.push(&Record::WillRemoved { number });
        }
        out.counters.wills_published += 1;
        self.admit_unheld(&will.view(now.instant), now, out);
    }

    /// The delay of a will may be over.
    pub(crate) fn will_due(&mut self, key: SessionKey, now: Now, out: &mut Out) {
        let due = self
            .sessions
            .get(key)
            .and_then(|session| session.will.as_deref()?.due);
        match due {
            Some(due) if due <= now.instant => self.publish_will(key, now, out),
            Some(_) | None => {}
        }
    }
}
