//! The one ingress gate: every publish enters here, whoever sends it.
//!
//! A PUBLISH is admitted or refused as a whole, before anybody gets it. Admitted, it is delivered
//! to this worker's sessions, given to its share groups, handed once to each worker that wants it,
//! and retained where its topic belongs.

use alloc::vec::Vec;

use bowline_packet::{PacketId, QoS, ReasonCode};

use crate::broker::Broker;
use crate::gate::Promise;
use crate::handover::Batch;
use crate::handover::{Answer, AnswerTo, Handover, PassedMessage};
use crate::ids::{RecordNo, SessionNo, WorkerId, worker_of};
use crate::message::{MessageKey, MessageView};
use crate::out::Out;
use crate::record::Record;
use crate::routing::Matched;
use crate::time::Now;

/// What became of a PUBLISH at the gate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Admitted {
    /// It was taken.
    Taken(Taken),
    /// Somebody's queue is full and the policy is to hold or refuse publishers: nobody got it.
    Full,
    /// It was refused: nobody got it.
    Refused(ReasonCode),
}

/// What the acknowledgement of an admitted PUBLISH waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub answers_due: u16,
    pub matched: bool,
    pub rests_on: RecordNo,
}

impl Broker {
    /// A PUBLISH whose publisher can be held back.
    pub(crate) fn admit(
        &mut self,
        message: &MessageView<'_>,
        answer: Option<AnswerTo>,
        inbound: Option<PacketId>,
        now: Now,
        out: &mut Out,
    ) -> Admitted {
        let mut matched = core::mem::take(&mut self.matched);
        matched.find(message, &self.tree, &mut self.sessions, &mut self.lists);
        let admitted = if matched.full && message.qos > QoS::AtMostOnce {
            self.forget_match(&matched);
            Admitted::Full
        } else if let Some(reason) = self.refuses_retained(message) {
            self.forget_match(&matched);
            Admitted::Refused(reason)
        } else {
            Admitted::Taken(self.take(message, &matched, answer, inbound, now, out))
        };
        self.matched = matched;
        admitted
    }

    /// A message of the broker's own (a will): nobody waits for its acknowledgement, and there is
    /// nobody to hold back.
    pub(crate) fn admit_unheld(&mut self, message: &MessageView<'_>, now: Now, out: &mut Out) {
        let mut matched = core::mem::take(&mut self.matched);
        matched.find(message, &self.tree, &mut self.sessions, &mut self.lists);
        self.take(message, &matched, None, None, now, out);
        self.matched = matched;
    }

    fn forget_match(&mut self, matched: &Matched) {
        for target in &matched.targets {
            self.lists.release(target.identifiers);
        }
    }

    fn take(
        &mut self,
        message: &MessageView<'_>,
        matched: &Matched,
        answer: Option<AnswerTo>,
        inbound: Option<PacketId>,
        now: Now,
        out: &mut Out,
    ) -> Taken {
        let mut stored = None;
        let rests_on = self.record_message(message, matched, inbound, &mut stored, out);
        let mut answers_due = 0;
        for worker in workers_in(matched.workers) {
            let staged = out.staged(worker);
            let message = staged.add_message(message);
            staged.push(Handover::Publish { message, answer });
            answers_due += u16::from(answer.is_some());
        }
        let (retain_answers_due, retain_rests_on) = self.retain(message, answer, out);
        answers_due += retain_answers_due;
        let rests_on = rests_on.max(retain_rests_on);
        self.deliver_matched(message, matched, &mut stored, now, out);
        Taken {
            answers_due,
            // Of the other workers, each says so itself.
            matched: matched.is_wanted_here(),
            rests_on,
        }
    }

    /// Delivers to the sessions and groups of this worker.
    fn deliver_matched(
        &mut self,
        message: &MessageView<'_>,
        matched: &Matched,
        stored: &mut Option<MessageKey>,
        now: Now,
        out: &mut Out,
    ) {
        let mut fanout = core::mem::take(&mut self.fanout);
        fanout.begin(matched.targets.len());
        for target in &matched.targets {
            self.deliver(target, message, stored, &mut fanout, now, out);
        }
        self.fanout = fanout;
        for &group in &matched.groups {
            self.give_to_group(group, message, stored, now, out);
        }
        if let Some(key) = stored.take() {
            self.messages.release(key);
        }
    }

    /// One record for the message and everybody lasting who is owed it here, with the inbound
    /// identifier of a QoS 2 publisher; nothing where nothing is owed.
    fn record_message(
        &mut self,
        message: &MessageView<'_>,
        matched: &Matched,
        inbound: Option<PacketId>,
        stored: &mut Option<MessageKey>,
        out: &mut Out,
    ) -> RecordNo {
        if !out.records.are_kept() {
            return RecordNo(0);
        }
        let lasting = |number: &SessionNo| {
            let session = self
                .sessions
                .by_number(*number)
                .and_then(|key| self.sessions.get(key));
            session.is_some_and(crate::session::Session::is_lasting)
        };
        let inbound = message
            .publisher
            .filter(lasting)
            .zip(inbound.map(PacketId::get));
        let mut targets = Vec::new();
        for target in &matched.targets {
            if let Some(session) = self.sessions.get(target.session)
                && session.is_lasting()
                && target.qos > QoS::AtMostOnce
            {
                targets.push(session.number);
            }
        }
        if !targets.is_empty() {
            let record = out.records.push(&Record::Message {
                message,
                targets: &targets,
                inbound,
            });
            let key = *stored.get_or_insert_with(|| self.messages.insert(message));
            self.messages.set_record(key, record);
            return record;
        }
        match inbound {
            Some((number, packet_id)) => {
                out.records.push(&Record::InboundHeld { number, packet_id })
            }
            None => RecordNo(0),
        }
    }

    /// Retains the message where its topic belongs; how many answers are due for that, and the
    /// record that it rests on here.
    fn retain(
        &mut self,
        message: &MessageView<'_>,
        answer: Option<AnswerTo>,
        out: &mut Out,
    ) -> (u16, RecordNo) {
        if !message.retain {
            return (0, RecordNo(0));
        }
        let owner = self.owner_of_topic(message.topic);
        if owner == self.options.worker {
            return (0, self.set_retained(message, out));
        }
        let staged = out.staged(owner);
        let message = staged.add_message(message);
        staged.push(Handover::Retain { message, answer });
        (u16::from(answer.is_some()), RecordNo(0))
    }

    pub(crate) fn owner_of_topic(&self, topic: &str) -> WorkerId {
        worker_of(topic.as_bytes(), self.options.seed, self.options.workers)
    }

    /// A message that arrived at another worker and matches here.
    pub(crate) fn on_handed_publish(
        &mut self,
        from: WorkerId,
        batch: &Batch,
        passed: &PassedMessage,
        answer: Option<AnswerTo>,
        now: Now,
        out: &mut Out,
    ) {
        let message = batch.message(passed);
        let mut matched = core::mem::take(&mut self.matched);
        matched.find(&message, &self.tree, &mut self.sessions, &mut self.lists);
        let mut stored = None;
        let rests_on = self.record_message(&message, &matched, None, &mut stored, out);
        let wanted = matched.is_wanted_here();
        self.deliver_matched(&message, &matched, &mut stored, now, out);
        self.matched = matched;
        if let Some(to) = answer {
            let answer = Answer {
                to,
                matched: wanted,
                reason: ReasonCode::Success,
            };
            self.promise_answer(from, answer, rests_on, out);
        }
    }

    /// A retained message whose topic belongs to this worker.
    pub(crate) fn on_handed_retain(
        &mut self,
        from: WorkerId,
        batch: &Batch,
        passed: &PassedMessage,
        answer: Option<AnswerTo>,
        out: &mut Out,
    ) {
        let message = batch.message(passed);
        let reason = self
            .refuses_retained(&message)
            .unwrap_or(ReasonCode::Success);
        let mut rests_on = RecordNo(0);
        if !reason.is_error() {
            rests_on = self.set_retained(&message, out);
        }
        if let Some(to) = answer {
            self.promise_answer(
                from,
                Answer {
                    to,
                    matched: false,
                    reason,
                },
                rests_on,
                out,
            );
        }
    }

    fn promise_answer(&mut self, to: WorkerId, answer: Answer, rests_on: RecordNo, out: &mut Out) {
        if self.gate.is_open(rests_on) {
            out.staged(to).push(Handover::Answer(answer));
        } else {
            self.gate.hold(rests_on, Promise::Answer(to, answer));
        }
    }
}

/// The workers of a mask, in order.
pub(crate) fn workers_in(mut mask: u64) -> impl Iterator<Item = WorkerId> {
    core::iter::from_fn(move || {
        let worker = u8::try_from(mask.trailing_zeros()).unwrap_or(64);
        let found = mask != 0;
        mask &= mask.wrapping_sub(1);
        found.then_some(WorkerId(worker))
    })
}
