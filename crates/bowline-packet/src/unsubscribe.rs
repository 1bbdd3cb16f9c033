//! UNSUBSCRIBE: Topic Filters that are no longer wanted.
//!
//! The filters are checked once and stay in the bytes they came in; iterating reads them again.

use alloc::vec::Vec;
use core::fmt;

use crate::property::{self, Properties, PropertySink};
use crate::wire::{Body, Reader, Section, Sink, packet_bytes, put_packet};
use crate::{
    Frame, Malformed, PacketId, PacketType, ProtocolVersion, TopicFilter, Unencodable,
    UserProperties,
};

/// UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unsubscribe<'a> {
    /// Comes back in the UNSUBACK.
    pub packet_id: PacketId,
    /// User Properties.
    pub user_properties: UserProperties<'a>,
    /// What is no longer wanted; at least one.
    pub filters: UnsubscribeFilters<'a>,
}

impl<'a> Unsubscribe<'a> {
    /// Decodes an UNSUBSCRIBE.
    pub fn decode(version: ProtocolVersion, frame: Frame<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame.body_of_request(PacketType::Unsubscribe, version)?);
        let packet_id = reader.packet_id()?;
        let home = property::home(PacketType::Unsubscribe);
        let properties = Properties::read(home, version, &mut reader)?;
        Ok(Self {
            packet_id,
            user_properties: properties.user_properties,
            filters: UnsubscribeFilters::check(reader.rest())?,
        })
    }

    /// Appends the packet to `out`, or leaves `out` as it is.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        put_packet(out, PacketType::Unsubscribe.first_byte(), version, self)
    }

    /// The size of the encoded packet, in bytes.
    pub fn encoded_bytes(&self, version: ProtocolVersion) -> usize {
        packet_bytes(version, self)
    }
}

impl Body for Unsubscribe<'_> {
    fn write<S: Sink>(&self, version: ProtocolVersion, sink: &mut S) {
        if self.filters.is_empty() {
            sink.fault(Unencodable::NoTopicFilters); // [MQTT-3.10.3-2] [MQTT3-3.10.3-2]
        }
        sink.u16(self.packet_id.get());
        sink.property_section(version, self);
        for filter in &self.filters {
            sink.string(filter.as_str());
        }
    }
}

impl Section for Unsubscribe<'_> {
    fn write<S: Sink>(&self, sink: &mut S) {
        sink.user_properties(self.user_properties);
    }
}

/// The Topic Filters of an UNSUBSCRIBE.
#[derive(Clone, Copy)]
pub struct UnsubscribeFilters<'a>(Filters<'a>);

#[derive(Debug, Clone, Copy)]
enum Filters<'a> {
    Given(&'a [TopicFilter<'a>]),
    /// Checked before.
    Wire {
        bytes: &'a [u8],
        count: usize,
    },
}

impl<'a> UnsubscribeFilters<'a> {
    /// There is none; never so after decoding.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self.0 {
            Filters::Given(given) => given.len(),
            Filters::Wire { bytes: _, count } => count,
        }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> UnsubscribeFiltersIter<'a> {
        UnsubscribeFiltersIter(self.0)
    }

    fn check(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut count = 0;
        while !reader.is_empty() {
            // [MQTT-3.10.3-1] [MQTT3-3.10.3-1]
            TopicFilter::parse(reader.string()?).map_err(Malformed::TopicFilter)?;
            count += 1;
        }
        // [MQTT-3.10.3-2] [MQTT3-3.10.3-2]
        if count == 0 {
            return Err(Malformed::NoTopicFilters);
        }
        Ok(Self(Filters::Wire { bytes, count }))
    }
}

impl<'a> From<&'a [TopicFilter<'a>]> for UnsubscribeFilters<'a> {
    fn from(filters: &'a [TopicFilter<'a>]) -> Self {
        Self(Filters::Given(filters))
    }
}

impl PartialEq for UnsubscribeFilters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for UnsubscribeFilters<'_> {}

impl fmt::Debug for UnsubscribeFilters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &UnsubscribeFilters<'a> {
    type Item = TopicFilter<'a>;
    type IntoIter = UnsubscribeFiltersIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterates over [`UnsubscribeFilters`].
#[derive(Debug, Clone)]
pub struct UnsubscribeFiltersIter<'a>(Filters<'a>);

impl<'a> Iterator for UnsubscribeFiltersIter<'a> {
    type Item = TopicFilter<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Filters::Given(given) => given.split_off_first().copied(),
            // The bytes were checked: what fails here is their end.
            Filters::Wire { bytes, count } => {
                let mut reader = Reader::new(bytes);
                let filter = TopicFilter::parsed_before(reader.unchecked_for_nul().ok()?);
                *bytes = reader.rest();
                *count = count.saturating_sub(1);
                Some(filter)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = UnsubscribeFilters(self.0).len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for UnsubscribeFiltersIter<'_> {}
