//! SUBSCRIBE and UNSUBSCRIBE, and what this client is subscribed to.
//!
//! Promises: a request is repeated on the next connection until it is answered; the granted
//! subscriptions are remembered and asked for again when the server lost the session.
//! Deliberately absent: matching of topics; the server does that.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bowline_packet::{
    PacketId, ProtocolVersion, ReasonCode, SubAck, Subscribe, SubscribeFilters,
    SubscriptionOptions, TopicFilter, UnsubAck, Unsubscribe, UnsubscribeFilters, UserProperties,
};

use super::error::{UsageError, Violation};
use super::event::{ClientEvent, ClientOut, RequestOutcome, RequestToken, ServerLimits};
use super::message::{UserPropertyList, borrowed_user_properties, owned_user_properties};
use super::packet_ids::PacketIds;

/// Filters per SUBSCRIBE when we subscribe again by ourselves; small enough for servers that
/// bound the packet.
const RESUBSCRIBE_FILTERS_MAX: usize = 100;

/// A SUBSCRIBE, as an application asks for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubscribeRequest {
    /// Topic Filters with their options; at least one.
    pub filters: Vec<(String, SubscriptionOptions)>,
    /// Subscription Identifier, 1 to 268,435,455 (5.0 only).
    pub identifier: Option<u32>,
    /// User Properties (5.0 only).
    pub user_properties: UserPropertyList,
}

/// An UNSUBSCRIBE, as an application asks for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UnsubscribeRequest {
    /// Topic Filters; at least one.
    pub filters: Vec<String>,
    /// User Properties (5.0 only).
    pub user_properties: UserPropertyList,
}

/// Requests that are not answered, oldest first, and the subscriptions that were granted.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: VecDeque<Request>,
    granted: Vec<Granted>,
    tokens: u64,
}

#[derive(Debug)]
struct Request {
    /// Absent: we subscribe again by ourselves.
    token: Option<RequestToken>,
    what: What,
    /// Given while it is under way on the present connection.
    packet_id: Option<PacketId>,
}

#[derive(Debug)]
enum What {
    Subscribe(SubscribeRequest),
    Unsubscribe(UnsubscribeRequest),
}

#[derive(Debug)]
struct Granted {
    filter: String,
    options: SubscriptionOptions,
    identifier: Option<u32>,
}

impl Requests {
    pub(super) fn subscribe(
        &mut self,
        request: SubscribeRequest,
    ) -> Result<RequestToken, UsageError> {
        for (filter, _) in &request.filters {
            TopicFilter::parse(filter)?;
        }
        self.push(request.filters.is_empty(), What::Subscribe(request))
    }

    pub(super) fn unsubscribe(
        &mut self,
        request: UnsubscribeRequest,
    ) -> Result<RequestToken, UsageError> {
        for filter in &request.filters {
            TopicFilter::parse(filter)?;
        }
        self.push(request.filters.is_empty(), What::Unsubscribe(request))
    }

    fn push(&mut self, empty: bool, what: What) -> Result<RequestToken, UsageError> {
        if empty {
            return Err(UsageError::NoFilters);
        }
        self.tokens += 1;
        let token = RequestToken(self.tokens);
        self.open.push_back(Request {
            token: Some(token),
            what,
            packet_id: None,
        });
        Ok(token)
    }

    /// Sends what was not sent on this connection yet.
    pub(super) fn send(
        &mut self,
        version: ProtocolVersion,
        limits: &ServerLimits,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) {
        let mut index = 0;
        while let Some(request) = self.open.get_mut(index) {
            if request.packet_id.is_some() {
                index += 1;
                continue;
            }
            let Some(id) = ids.take() else {
                break;
            };
            let start = out.bytes.len();
            let encoded = request.what.encode(id, version, &mut out.bytes);
            let too_large = out.bytes.len() - start > limits.maximum_packet_size;
            if encoded.is_ok() && !too_large {
                request.packet_id = Some(id);
                index += 1;
                continue;
            }
            out.bytes.truncate(start);
            ids.give_back(id);
            let codes = vec![ReasonCode::PacketTooLarge; request.what.len()];
            self.answer(index, codes, None, Vec::new(), out);
        }
    }

    pub(super) fn sub_ack(
        &mut self,
        ack: &SubAck<'_>,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let index = self.find(ack.packet_id, true)?;
        let codes = reason_codes(ack.codes)?;
        let expected = self.open.get(index).map_or(0, |request| request.what.len());
        if codes.len() != expected {
            // [MQTT-3.9.3-1]
            return Err(Violation::protocol_error(
                "SUBACK with another number of reason codes",
            ));
        }
        ids.give_back(ack.packet_id);
        let user_properties = owned_user_properties(&ack.user_properties);
        self.answer(index, codes, ack.reason_string, user_properties, out);
        Ok(())
    }

    pub(super) fn unsub_ack(
        &mut self,
        ack: &UnsubAck<'_>,
        ids: &mut PacketIds,
        out: &mut ClientOut,
    ) -> Result<(), Violation> {
        let index = self.find(ack.packet_id, false)?;
        let mut codes = reason_codes(ack.codes)?;
        let expected = self.open.get(index).map_or(0, |request| request.what.len());
        if codes.is_empty() {
            codes = vec![ReasonCode::Success; expected]; // 3.x has no codes.
        } else if codes.len() != expected {
            return Err(Violation::protocol_error(
                "UNSUBACK with another number of reason codes",
            ));
        }
        ids.give_back(ack.packet_id);
        let user_properties = owned_user_properties(&ack.user_properties);
        self.answer(index, codes, ack.reason_string, user_properties, out);
        Ok(())
    }

    /// Unanswered requests, also our own, will be sent again under new identifiers.
    pub(super) fn connection_lost(&mut self, ids: &mut PacketIds) {
        for request in &mut self.open {
            if let Some(id) = request.packet_id.take() {
                ids.give_back(id);
            }
        }
    }

    /// The server has no session any more: ask for the granted subscriptions again, before what
    /// was asked for later.
    pub(super) fn renew(&mut self) {
        // An earlier renewal that was cut short is contained in this one.
        self.open.retain(|request| request.token.is_some());
        let mut renewals: Vec<Request> = Vec::new();
        for granted in &self.granted {
            let entry = (granted.filter.clone(), granted.options);
            if let Some(Request {
                what: What::Subscribe(last),
                ..
            }) = renewals.last_mut()
                && last.identifier == granted.identifier
                && last.filters.len() < RESUBSCRIBE_FILTERS_MAX
            {
                last.filters.push(entry);
                continue;
            }
            let request = SubscribeRequest {
                filters: vec![entry],
                identifier: granted.identifier,
                user_properties: Vec::new(),
            };
            let what = What::Subscribe(request);
            renewals.push(Request {
                token: None,
                what,
                packet_id: None,
            });
        }
        for request in renewals.into_iter().rev() {
            self.open.push_front(request);
        }
    }

    fn find(&self, id: PacketId, subscribe: bool) -> Result<usize, Violation> {
        self.open
            .iter()
            .position(|request| {
                request.packet_id == Some(id)
                    && matches!(request.what, What::Subscribe(_)) == subscribe
            })
            .ok_or_else(|| {
                Violation::protocol_error("answer to a SUBSCRIBE or UNSUBSCRIBE that was not sent")
            })
    }

    /// Takes the request out, remembers what was granted, and tells the application.
    fn answer(
        &mut self,
        index: usize,
        codes: Vec<ReasonCode>,
        reason_string: Option<&str>,
        user_properties: UserPropertyList,
        out: &mut ClientOut,
    ) {
        let Some(request) = self.open.remove(index) else {
            return;
        };
        let subscribe = matches!(request.what, What::Subscribe(_));
        match request.what {
            What::Subscribe(asked) => {
                let identifier = asked.identifier;
                for ((filter, options), code) in asked.filters.into_iter().zip(&codes) {
                    if !code.is_error() {
                        self.remember(Granted {
                            filter,
                            options,
                            identifier,
                        });
                    } else if request.token.is_none() {
                        self.granted.retain(|granted| granted.filter != filter);
                        out.events.push(ClientEvent::SubscriptionLost {
                            filter,
                            reason: *code,
                        });
                    }
                }
            }
            What::Unsubscribe(asked) => {
                self.granted
                    .retain(|granted| !asked.filters.contains(&granted.filter));
            }
        }
        let Some(token) = request.token else {
            return;
        };
        let outcome = RequestOutcome {
            token,
            packet_id: request.packet_id,
            codes,
            reason_string: reason_string.map(Into::into),
            user_properties,
        };
        out.events.push(if subscribe {
            ClientEvent::Subscribed(outcome)
        } else {
            ClientEvent::Unsubscribed(outcome)
        });
    }

    fn remember(&mut self, new: Granted) {
        match self
            .granted
            .iter_mut()
            .find(|granted| granted.filter == new.filter)
        {
            Some(granted) => *granted = new,
            None => self.granted.push(new),
        }
    }
}

impl What {
    fn len(&self) -> usize {
        match self {
            Self::Subscribe(request) => request.filters.len(),
            Self::Unsubscribe(request) => request.filters.len(),
        }
    }

    fn encode(
        &self,
        packet_id: PacketId,
        version: ProtocolVersion,
        bytes: &mut Vec<u8>,
    ) -> Result<(), UsageError> {
        match self {
            Self::Subscribe(request) => {
                let filters = request
                    .filters
                    .iter()
                    .map(|(filter, options)| Ok((TopicFilter::parse(filter)?, *options)))
                    .collect::<Result<Vec<_>, UsageError>>()?;
                let user = borrowed_user_properties(&request.user_properties);
                let packet = Subscribe {
                    packet_id,
                    subscription_identifier: request.identifier,
                    user_properties: UserProperties::from(user.as_slice()),
                    filters: SubscribeFilters::from(filters.as_slice()),
                };
                packet.encode(version, bytes)?;
            }
            Self::Unsubscribe(request) => {
                let filters = request
                    .filters
                    .iter()
                    .map(|filter| Ok(TopicFilter::parse(filter)?))
                    .collect::<Result<Vec<_>, UsageError>>()?;
                let user = borrowed_user_properties(&request.user_properties);
                let packet = Unsubscribe {
                    packet_id,
                    user_properties: UserProperties::from(user.as_slice()),
                    filters: UnsubscribeFilters::from(filters.as_slice()),
                };
                packet.encode(version, bytes)?;
            }
        }
        Ok(())
    }
}

fn reason_codes(raw: &[u8]) -> Result<Vec<ReasonCode>, Violation> {
    raw.iter()
        .map(|code| {
            ReasonCode::from_u8(*code)
                .ok_or_else(|| Violation::protocol_error("unknown reason code"))
        })
        .collect()
}
