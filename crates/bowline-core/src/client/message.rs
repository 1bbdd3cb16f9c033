//! The Application Message as a client owns it, in both directions.
//!
//! Promises: plain values, nothing borrowed, so that an application can keep them as long as it
//! likes. Deliberately absent: how a message travels (packet identifiers, DUP, acknowledgement);
//! that is in `event.rs` for what arrives and in `outgoing.rs` for what leaves.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bowline_packet::{PublishProperties, QoS, UserProperties};

/// User Properties as an application owns them: names may repeat, order is kept.
pub type UserPropertyList = Vec<(String, String)>;

/// An Application Message: what is published, and what arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The Topic Name. Never empty, never with wildcards.
    pub topic: String,
    /// The Application Message itself; may be empty.
    pub payload: Vec<u8>,
    /// The Quality of Service it is published with, or was delivered with.
    pub qos: QoS,
    /// Publishing: keep it as the topic's retained message. Delivered: it was one.
    pub retain: bool,
    /// The properties of MQTT 5.0. They are not sent over an older version.
    pub properties: MessageProperties,
}

impl Message {
    /// A QoS 0 message without properties, not retained.
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: MessageProperties::default(),
        }
    }

    /// The same message with this Quality of Service.
    #[must_use]
    pub fn with_qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// The same message with this RETAIN flag.
    #[must_use]
    pub fn with_retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// The same message with these properties.
    #[must_use]
    pub fn with_properties(mut self, properties: MessageProperties) -> Self {
        self.properties = properties;
        self
    }
}

/// The properties that belong to an Application Message (MQTT 5.0, section 3.3.2.3).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessageProperties {
    /// Payload Format Indicator: `Some(true)` says that the payload is UTF-8 text.
    pub payload_format_is_utf8: Option<bool>,
    /// Message Expiry Interval, in seconds. On a delivered message: what is left of it.
    pub message_expiry_secs: Option<u32>,
    /// Where an answer is wanted.
    pub response_topic: Option<String>,
    /// What an answer is to be recognised by.
    pub correlation_data: Option<Vec<u8>>,
    /// A description of the payload, usually a MIME type.
    pub content_type: Option<String>,
    /// Delivered messages only: the identifiers of the subscriptions that matched.
    pub subscription_identifiers: Vec<u32>,
    /// User Properties, in the order of the packet.
    pub user_properties: UserPropertyList,
}

impl MessageProperties {
    /// An owned copy of what a PUBLISH carried.
    pub(super) fn from_packet(properties: &PublishProperties<'_>) -> Self {
        if properties.is_empty() {
            return Self::default();
        }
        Self {
            payload_format_is_utf8: properties.payload_format_is_utf8,
            message_expiry_secs: properties.message_expiry_secs,
            response_topic: properties.response_topic.map(ToString::to_string),
            correlation_data: properties.correlation_data.map(<[u8]>::to_vec),
            content_type: properties.content_type.map(ToString::to_string),
            subscription_identifiers: properties.subscription_identifiers.iter().collect(),
            user_properties: owned_user_properties(&properties.user_properties),
        }
    }

    /// The view that the codec encodes. Subscription Identifiers stay out: a client must not send
    /// them [MQTT-3.3.4-6].
    pub(super) fn as_packet<'a>(&'a self, user: &'a [(&'a str, &'a str)]) -> PublishProperties<'a> {
        PublishProperties {
            payload_format_is_utf8: self.payload_format_is_utf8,
            message_expiry_secs: self.message_expiry_secs,
            response_topic: self.response_topic.as_deref(),
            correlation_data: self.correlation_data.as_deref(),
            content_type: self.content_type.as_deref(),
            user_properties: UserProperties::from(user),
            ..PublishProperties::default()
        }
    }
}

/// The pairs of `list` as the codec wants them.
pub(super) fn borrowed_user_properties(list: &UserPropertyList) -> Vec<(&str, &str)> {
    list.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// An owned copy of the User Properties of a packet.
pub(super) fn owned_user_properties(properties: &UserProperties<'_>) -> UserPropertyList {
    properties
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}
