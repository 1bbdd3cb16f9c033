//! Packets by chance, the same ones for the same seed.
//!
//! Our own few lines and not a property-testing crate: packets borrow their bytes, which such
//! crates make awkward, and nothing here needs shrinking, because a failure prints the packet.
//! What is generated is never freed: a test ends soon.

use std::num::{NonZeroU16, NonZeroU32};

use bowline_packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, ProtocolVersion,
    Publish, PublishProperties, QoS, ReasonCode, RetainHandling, SubAck, Subscribe,
    SubscribeFilters, SubscriptionIdentifiers, SubscriptionOptions, TopicFilter, UnsubAck,
    Unsubscribe, UnsubscribeFilters, UserProperties, Will,
};

/// A stream of numbers from a seed (SplitMix64).
pub(crate) struct Generator(u64);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.below(3) == 0 {
            Some(make(self))
        } else {
            None
        }
    }

    fn u16(&mut self) -> u16 {
        let any = u16::from_le_bytes([self.byte(), self.byte()]);
        self.one_of(&[0, 1, 255, 256, u16::MAX, any])
    }

    fn u32(&mut self) -> u32 {
        let any = u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]);
        self.one_of(&[0, 1, 65_536, u32::MAX, any])
    }

    fn packet_id(&mut self) -> PacketId {
        PacketId::new(self.u16().max(1)).unwrap()
    }

    fn subscription_identifier(&mut self) -> u32 {
        let any = self.u32() % 268_435_455 + 1;
        self.one_of(&[
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            268_435_455,
            any,
        ])
    }

    pub(crate) fn binary(&mut self) -> &'static [u8] {
        let len = self.one_of(&[0, 1, 2, 7, 40, 130]);
        (0..len).map(|_| self.byte()).collect::<Vec<_>>().leak()
    }

    fn text(&mut self) -> &'static str {
        let len = self.one_of(&[0, 1, 3, 12, 130]);
        let characters = [
            'a', 'Z', ' ', '/', '\u{1}', 'é', '\u{feff}', '漢', '🪢', '+', '#',
        ];
        (0..len)
            .map(|_| self.one_of(&characters))
            .collect::<String>()
            .leak()
    }

    fn levels(&mut self, choices: &[&str]) -> String {
        let levels: Vec<_> = (0..=self.below(5)).map(|_| self.one_of(choices)).collect();
        levels.join("/")
    }

    pub(crate) fn topic(&mut self) -> &'static str {
        let levels = self.levels(&["a", "b", "sensor", "", "$x", "é漢"]);
        if levels.is_empty() {
            "/"
        } else {
            levels.leak()
        }
    }

    pub(crate) fn filter(&mut self) -> TopicFilter<'static> {
        let mut filter = self.levels(&["a", "b", "+", "", "$x", "é漢"]);
        if self.below(3) == 0 {
            filter.push_str("/#");
        } else if filter.is_empty() {
            filter.push('#');
        }
        if self.below(3) == 0 {
            filter.insert_str(0, "$share/group/");
        }
        TopicFilter::parse(filter.leak()).unwrap()
    }

    fn qos(&mut self) -> QoS {
        self.one_of(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
    }

    fn user_properties(&mut self) -> UserProperties<'static> {
        let pairs: Vec<_> = (0..self.below(4))
            .map(|_| (self.text(), self.text()))
            .collect();
        UserProperties::from(&*pairs.leak())
    }

    /// What a will may have too.
    fn message_properties(&mut self) -> PublishProperties<'static> {
        PublishProperties {
            payload_format_is_utf8: self.maybe(Self::flag),
            message_expiry_secs: self.maybe(Self::u32),
            response_topic: self.maybe(Self::topic),
            correlation_data: self.maybe(Self::binary),
            content_type: self.maybe(Self::text),
            user_properties: self.user_properties(),
            ..PublishProperties::default()
        }
    }

    fn publish_properties(&mut self) -> PublishProperties<'static> {
        if self.flag() {
            return PublishProperties::default();
        }
        let identifiers: Vec<_> = (0..self.below(4))
            .map(|_| self.subscription_identifier())
            .collect();
        PublishProperties {
            topic_alias: self.maybe(|chance| chance.u16().max(1)),
            subscription_identifiers: SubscriptionIdentifiers::from(&*identifiers.leak()),
            ..self.message_properties()
        }
    }

    /// A reason that a packet of this type may carry.
    fn reason(&mut self, packet_type: PacketType) -> ReasonCode {
        let fitting: Vec<_> = ReasonCode::ALL
            .iter()
            .copied()
            .filter(|r| r.allowed_in(packet_type))
            .collect();
        self.one_of(&fitting)
    }

    /// Any packet that says nothing which `version` cannot say.
    pub(crate) fn packet(&mut self, version: ProtocolVersion) -> Packet<'static> {
        let has_properties = version.has_properties();
        match self.below(if has_properties { 15 } else { 14 }) {
            0 => Packet::Connect(self.connect(version)),
            1 => Packet::ConnAck(self.connack(version)),
            2 => Packet::Publish(self.publish(version)),
            3 => Packet::PubAck(self.ack(version, PacketType::PubAck)),
            4 => Packet::PubRec(self.ack(version, PacketType::PubRec)),
            5 => Packet::PubRel(self.ack(version, PacketType::PubRel)),
            6 => Packet::PubComp(self.ack(version, PacketType::PubComp)),
            7 => Packet::Subscribe(self.subscribe(version)),
            8 => Packet::SubAck(self.suback(version)),
            9 => Packet::Unsubscribe(self.unsubscribe(version)),
            10 => Packet::UnsubAck(self.unsuback(version)),
            11 => Packet::PingReq,
            12 => Packet::PingResp,
            13 => Packet::Disconnect(self.disconnect(version)),
            _ => Packet::Auth(self.auth()),
        }
    }

    fn connect(&mut self, version: ProtocolVersion) -> Connect<'static> {
        let will = self.maybe(|chance| Will {
            retain: chance.flag(),
            payload: chance.binary(),
            ..Will::new(chance.qos(), chance.topic(), b"")
        });
        let username = self.maybe(Self::text);
        let mut connect = Connect {
            clean_start: self.flag(),
            keep_alive_secs: self.u16(),
            will,
            username,
            password: if username.is_some() {
                self.maybe(Self::binary)
            } else {
                None
            },
            ..Connect::new(version, self.text())
        };
        if version.has_properties() {
            connect.will = will.map(|will| Will {
                delay_secs: self.u32(),
                properties: self.message_properties(),
                ..will
            });
            connect.password = self.maybe(Self::binary);
            connect.session_expiry_secs = self.maybe(Self::u32);
            connect.receive_maximum = NonZeroU16::new(self.u16());
            connect.maximum_packet_size = NonZeroU32::new(self.u32());
            connect.topic_alias_maximum = self.u16();
            connect.request_response_information = self.flag();
            connect.request_problem_information = self.flag();
            connect.authentication_method = self.maybe(Self::text);
            if connect.authentication_method.is_some() {
                connect.authentication_data = self.maybe(Self::binary);
            }
            connect.user_properties = self.user_properties();
        }
        connect
    }

    fn connack(&mut self, version: ProtocolVersion) -> ConnAck<'static> {
        if !version.has_properties() {
            let reason = ReasonCode::from_connack_v3(u8::try_from(self.below(6)).unwrap()).unwrap();
            let can_be_present =
                reason == ReasonCode::Success && version.connack_has_session_present();
            return ConnAck::new(can_be_present && self.flag(), reason);
        }
        let reason = self.reason(PacketType::ConnAck);
        ConnAck {
            session_expiry_secs: self.maybe(Self::u32),
            receive_maximum: NonZeroU16::new(self.u16()),
            maximum_qos: self.maybe(|chance| chance.one_of(&[QoS::AtMostOnce, QoS::AtLeastOnce])),
            retain_available: self.maybe(Self::flag),
            maximum_packet_size: self.maybe(|chance| chance.u32().max(1)),
            assigned_client_id: self.maybe(Self::text),
            topic_alias_maximum: self.maybe(Self::u16),
            reason_string: self.maybe(Self::text),
            user_properties: self.user_properties(),
            wildcard_subscription_available: self.maybe(Self::flag),
            subscription_identifiers_available: self.maybe(Self::flag),
            shared_subscription_available: self.maybe(Self::flag),
            server_keep_alive_secs: self.maybe(Self::u16),
            response_information: self.maybe(Self::text),
            server_reference: self.maybe(Self::text),
            authentication_method: self.maybe(Self::text),
            authentication_data: self.maybe(Self::binary),
            ..ConnAck::new(reason == ReasonCode::Success && self.flag(), reason)
        }
    }

    pub(crate) fn publish(&mut self, version: ProtocolVersion) -> Publish<'static> {
        let qos = self.qos();
        let properties = if version.has_properties() {
            self.publish_properties()
        } else {
            PublishProperties::default()
        };
        Publish {
            dup: qos != QoS::AtMostOnce && self.flag(),
            qos,
            retain: self.flag(),
            topic: if properties.topic_alias.is_some() && self.flag() {
                ""
            } else {
                self.topic()
            },
            packet_id: (qos != QoS::AtMostOnce).then(|| self.packet_id()),
            properties,
            payload: self.binary(),
        }
    }

    fn ack(&mut self, version: ProtocolVersion, packet_type: PacketType) -> Ack<'static> {
        if !version.acks_carry_reasons() || self.flag() {
            return Ack::new(self.packet_id(), ReasonCode::Success);
        }
        Ack {
            reason_string: self.maybe(Self::text),
            user_properties: self.user_properties(),
            ..Ack::new(self.packet_id(), self.reason(packet_type))
        }
    }

    fn subscribe(&mut self, version: ProtocolVersion) -> Subscribe<'static> {
        let filters: Vec<_> = (0..=self.below(4))
            .map(|_| {
                let (filter, qos) = (self.filter(), self.qos());
                let mut options = SubscriptionOptions {
                    qos,
                    ..SubscriptionOptions::default()
                };
                if version.has_subscription_options() {
                    options.no_local = filter.share().is_none() && self.flag();
                    options.retain_as_published = self.flag();
                    options.retain_handling = self.one_of(&[
                        RetainHandling::SendAtSubscribe,
                        RetainHandling::SendIfNew,
                        RetainHandling::DoNotSend,
                    ]);
                }
                (filter, options)
            })
            .collect();
        let mut subscribe = Subscribe {
            packet_id: self.packet_id(),
            subscription_identifier: None,
            user_properties: UserProperties::default(),
            filters: SubscribeFilters::from(&*filters.leak()),
        };
        if version.has_properties() {
            subscribe.subscription_identifier = self.maybe(Self::subscription_identifier);
            subscribe.user_properties = self.user_properties();
        }
        subscribe
    }

    fn suback(&mut self, version: ProtocolVersion) -> SubAck<'static> {
        let codes: Vec<_> = (0..=self.below(5))
            .map(|_| {
                if version.has_reason_codes() {
                    self.reason(PacketType::SubAck).code()
                } else {
                    self.one_of(&[0, 1, 2, 0x80])
                }
            })
            .collect();
        let mut suback = SubAck::new(self.packet_id(), codes.leak());
        if version.has_properties() {
            suback.reason_string = self.maybe(Self::text);
            suback.user_properties = self.user_properties();
        }
        suback
    }

    fn unsubscribe(&mut self, version: ProtocolVersion) -> Unsubscribe<'static> {
        let filters: Vec<_> = (0..=self.below(4)).map(|_| self.filter()).collect();
        Unsubscribe {
            packet_id: self.packet_id(),
            user_properties: if version.has_properties() {
                self.user_properties()
            } else {
                UserProperties::default()
            },
            filters: UnsubscribeFilters::from(&*filters.leak()),
        }
    }

    fn unsuback(&mut self, version: ProtocolVersion) -> UnsubAck<'static> {
        if !version.unsuback_has_codes() {
            return UnsubAck::new(self.packet_id(), &[]);
        }
        let codes: Vec<_> = (0..=self.below(5))
            .map(|_| self.reason(PacketType::UnsubAck).code())
            .collect();
        UnsubAck {
            reason_string: self.maybe(Self::text),
            user_properties: self.user_properties(),
            ..UnsubAck::new(self.packet_id(), codes.leak())
        }
    }

    fn disconnect(&mut self, version: ProtocolVersion) -> Disconnect<'static> {
        if !version.disconnect_has_reason() {
            return Disconnect::new(ReasonCode::Success);
        }
        Disconnect {
            session_expiry_secs: self.maybe(Self::u32),
            reason_string: self.maybe(Self::text),
            user_properties: self.user_properties(),
            server_reference: self.maybe(Self::text),
            ..Disconnect::new(self.reason(PacketType::Disconnect))
        }
    }

    fn auth(&mut self) -> Auth<'static> {
        if self.below(4) == 0 {
            return Auth::new(ReasonCode::Success);
        }
        Auth {
            authentication_method: Some(self.text()),
            authentication_data: self.maybe(Self::binary),
            reason_string: self.maybe(Self::text),
            user_properties: self.user_properties(),
            ..Auth::new(self.reason(PacketType::Auth))
        }
    }
}
