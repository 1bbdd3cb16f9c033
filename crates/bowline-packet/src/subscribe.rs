//! SUBSCRIBE: Topic Filters, each with its Subscription Options.
//!
//! The filters are checked once and stay in the bytes they came in; iterating reads them again.

use alloc::vec::Vec;
use core::fmt;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketId, PacketType, ProtocolVersion, QoS, TopicFilter, Unencodable,
    UserProperties,
};

/// SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subscribe<'a> {
    /// Comes back in the SUBACK.
    pub packet_id: PacketId,
    /// Comes back with each message that matched, 1 to 268,435,455.
    pub subscription_identifier: Option<u32>,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
    /// What is subscribed to; at least one.
    pub filters: SubscribeFilters<'a>,
}

impl<'a> Subscribe<'a> {
    /// Decodes a SUBSCRIBE.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of_request(PacketType::Subscribe, version)?);
        let packet_id = reader.packet_id()?;
        let home = property::home(PacketType::Subscribe);
        let properties = Properties::read(home, version, &mut reader)?;
        Ok(Self {
            packet_id,
            subscription_identifier: properties.subscription_identifiers.iter().next(),
            user_properties: properties.user_properties,
            filters: SubscribeFilters::check(version, reader.rest())?,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is. Before 5.0 only the QoS of the options
    /// is sent.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::Subscribe.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }
}

impl Body for Subscribe<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if self.filters.is_empty() {
            sink.fault(Unencodable::NoTopicFilters); // [MQTT-3.8.3-2] [MQTT3-3.8.3-3]
        }
        sink.u16(self.packet_id.get());
        sink.property_section(version, self);
        for (filter, options) in &self.filters {
            sink.string(filter.as_str());
            sink.u8(options.bits(version));
        }
    }
}

impl Section for Subscribe<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        if let Some(identifier) = self.subscription_identifier {
            sink.subscription_identifier(identifier);
        }
        sink.user_properties(self.user_properties);
    }
}

/// Subscription Options. The default is what 3.x has, with QoS 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscriptionOptions {
    /// Maximum QoS of what is delivered.
    pub qos: QoS,
    /// Do not deliver what the subscriber publishes itself.
    pub no_local: bool,
    /// Leave the RETAIN flag of what is forwarded as it was published.
    pub retain_as_published: bool,
    /// Which retained messages are delivered at the time of the SUBSCRIBE.
    pub retain_handling: RetainHandling,
}

/// Which retained messages a SUBSCRIBE brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum RetainHandling {
    /// 0: send them.
    #[default]
    SendAtSubscribe = 0,
    /// 1: send them only if the subscription is new.
    SendIfNew = 1,
    /// 2: do not send them.
    DoNotSend = 2,
}

const QOS: u8 = 0b0000_0011;
const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;
const RETAIN_HANDLING_SHIFT: u8 = 4;
const RESERVED: u8 = 0b1100_0000;

impl SubscriptionOptions {
    /// These options in the byte that follows a Topic Filter on the wire.
    pub fn bits(self, version: ProtocolVersion) -> u8 {
        let qos = self.qos as u8;
        if !version.has_subscription_options() {
            return qos;
        }
        let no_local = if self.no_local { NO_LOCAL } else { 0 };
        let retain_as_published = if self.retain_as_published {
            RETAIN_AS_PUBLISHED
        } else {
            0
        };
        qos | no_local | retain_as_published | (self.retain_handling as u8) << RETAIN_HANDLING_SHIFT
    }

    /// The options in such a byte.
    pub fn from_bits(version: ProtocolVersion, options: u8) -> Result<Self, Malformed> {
        let reserved = if version.has_subscription_options() {
            RESERVED
        } else {
            !QOS
        };
        // [MQTT-3.8.3-5] [MQTT3-3.8.3-4]
        if options & reserved != 0 {
            return Err(Malformed::ReservedSubscriptionOptions { options });
        }
        Ok(Self {
            // [MQTT3-3.8.3-4]
            qos: QoS::from_bits(options & QOS).ok_or(Malformed::SubscribeQosThree)?,
            no_local: options & NO_LOCAL != 0,
            retain_as_published: options & RETAIN_AS_PUBLISHED != 0,
            retain_handling: match options >> RETAIN_HANDLING_SHIFT & 0b11 {
                0 => RetainHandling::SendAtSubscribe,
                1 => RetainHandling::SendIfNew,
                2 => RetainHandling::DoNotSend,
                _ => return Err(Malformed::RetainHandlingThree),
            },
        })
    }
}

/// The Topic Filters of a SUBSCRIBE with their options.
#[derive(Clone, Copy)]
pub struct SubscribeFilters<'a>(Filters<'a>);

#[derive(Debug, Clone, Copy)]
enum Filters<'a> {
    Given(&'a [(TopicFilter<'a>, SubscriptionOptions)]),
    /// Checked before.
    Wire {
        bytes: &'a [u8],
        count: usize,
        version: ProtocolVersion,
    },
}

impl<'a> SubscribeFilters<'a> {
    /// There is none; never so after decoding.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self.0 {
            Filters::Given(given) => given.len(),
            Filters::Wire {
                bytes: _,
                count,
                version: _,
            } => count,
        }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> SubscribeFiltersIter<'a> {
        SubscribeFiltersIter(self.0)
    }

    fn check(version: ProtocolVersion, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count = 0;
        while !reader.is_empty() {
            // [MQTT-3.8.3-1] [MQTT3-3.8.3-1]
            let filter = TopicFilter::parse(reader.string()?).map_err(Malformed::TopicFilter)?;
            let options = SubscriptionOptions::from_bits(version, reader.u8()?)?;
            // [MQTT-3.8.3-4]
            if options.no_local && filter.share().is_some() {
                return Err(Malformed::NoLocalOnShared);
            }
            count += 1;
        }
        // [MQTT-3.8.3-2] [MQTT3-3.8.3-2] [MQTT3-3.8.3-3]
        if count == 0 {
            return Err(Malformed::NoTopicFilters);
        }
        Ok(Self(Filters::Wire {
            bytes,
            count,
            version,
        }))
    }
}

impl<'a> From<&'a [(TopicFilter<'a>, SubscriptionOptions)]> for SubscribeFilters<'a> {
    fn from(filters: &'a [(TopicFilter<'a>, SubscriptionOptions)]) -> Self {
        Self(Filters::Given(filters))
    }
}

impl PartialEq for SubscribeFilters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SubscribeFilters<'_> {}

impl fmt::Debug for SubscribeFilters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &SubscribeFilters<'a> {
    type Item = (TopicFilter<'a>, SubscriptionOptions);
    type IntoIter = SubscribeFiltersIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterates over [`SubscribeFilters`].
#[derive(Debug, Clone)]
pub struct SubscribeFiltersIter<'a>(Filters<'a>);

impl<'a> Iterator for SubscribeFiltersIter<'a> {
    type Item = (TopicFilter<'a>, SubscriptionOptions);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Filters::Given(given) => given.split_off_first().copied(),
            // The bytes were checked: what fails here is their end.
            Filters::Wire {
                bytes,
                count,
                version,
            } => {
                let mut reader = Reader::new(bytes);
                let filter = TopicFilter::parsed_before(reader.unchecked_for_nul().ok()?);
                let options = SubscriptionOptions::from_bits(*version, reader.u8().ok()?).ok()?;
                *bytes = reader.rest();
                *count = count.saturating_sub(1);
                Some((filter, options))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = SubscribeFilters(self.0).len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for SubscribeFiltersIter<'_> {}
