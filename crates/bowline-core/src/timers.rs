//! When to look again: one timer wheel for a worker.
//!
//! A timer is an instant and a small value that says what to look at then. There is no way to
//! cancel one: whoever armed it looks, when it fires, whether it is still meant, and arms it again
//! if the true instant is later. So a keep-alive costs nothing per packet.
//!
//! The wheel has eleven rings of 64 slots. A slot of the first ring is one millisecond, a slot of
//! each next ring is the whole ring before it. A timer waits in the ring of the highest digit (of
//! six bits) in which its instant differs from the present, and moves inward when the present
//! arrives at its slot: at most ten times, six for a week. The rings cover all of 64 bits, and one
//! word per ring says which slots are taken, so a clock that jumps by days costs a few steps.
//!
//! Promises: no timer fires before its instant; timers fire in the order of their instants, and in
//! the order of arming where these are equal.
//!
//! Absent on purpose: the clock (instants are milliseconds from an epoch that the caller chose) and
//! the meaning of timers.

use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// Timers of one worker, each with a value `T`.
///
/// A timer takes 16 bytes beyond `T` at most; the rings take 11 KiB once.
#[derive(Clone, Debug)]
pub(crate) struct Timers<T> {
    /// The present: no timer that is armed is before it.
    present_ms: u64,
    armed: Vec<Armed<T>>,
    /// Head of the list of free places in `armed`.
    first_free: u32,
    len: u32,
    /// For each ring, a bit for each slot that is not empty.
    taken: [u64; RINGS],
    /// The slots of all rings, ring by ring.
    slots: Vec<Slot>,
}

/// One timer, or a free place.
#[derive(Clone, Copy, Debug)]
struct Armed<T> {
    at_ms: u64,
    /// The timer armed next in the same slot, or the next free place.
    next: u32,
    timer: T,
}

/// A list of timers, in the order of arming.
#[derive(Clone, Copy, Debug)]
struct Slot {
    first: u32,
    last: u32,
    /// The earliest instant in the list.
    earliest_ms: u64,
}

/// Bits of a digit.
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Rings for all digits of 64 bits.
const RINGS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// Ends a list. Never a place, as `armed` has at most `u32::MAX` of them.
const END: u32 = u32::MAX;

impl<T: Copy> Timers<T> {
    /// No timers yet, and the present at 0.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            present_ms: 0,
            armed: Vec::new(),
            first_free: END,
            len: 0,
            taken: [0; RINGS],
            slots: alloc::vec![Slot::EMPTY; RINGS * SLOTS],
        }
    }

    /// Arms `timer` for the instant `at_ms`. Constant time.
    ///
    /// An instant that has passed counts as the present, which is the greater of the last instant
    /// that fired and the last `now_ms` for which nothing more was due: the timer fires at the next
    /// call, after what was armed for the present before.
    ///
    /// # Panics
    ///
    /// When 2^32 − 1 timers are armed. Each belongs to a session or a connection, and these are
    /// bounded far below.
    pub(crate) fn arm(&mut self, at_ms: u64, timer: T) {
        let at_ms = at_ms.max(self.present_ms);
        let armed = Armed {
            at_ms,
            next: END,
            timer,
        };
        let place = if self.first_free == END {
            let place = u32::try_from(self.armed.len())
                .ok()
                .filter(|&place| place != END)
                .expect("timers are bounded by sessions and connections");
            self.armed.push(armed);
            place
        } else {
            let place = self.first_free;
            let free = &mut self.armed[place as usize];
            self.first_free = free.next;
            *free = armed;
            place
        };
        self.len += 1;
        self.put(place);
    }

    /// Takes the first timer that is due at `now_ms`, if there is one. Call it until it says `None`.
    ///
    /// Amortised constant time: a timer moves inward at most ten times in its life. The timers of
    /// one slot move together, so one call may move all that are armed for about the same time.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<T> {
        loop {
            let Some((ring, slot)) = self.first_slot() else {
                self.present_ms = self.present_ms.max(now_ms);
                return None;
            };
            let index = ring * SLOTS + slot;
            let earliest_ms = self.slots[index].earliest_ms;
            if ring == 0 {
                if earliest_ms > now_ms {
                    self.present_ms = self.present_ms.max(now_ms);
                    return None;
                }
                self.present_ms = earliest_ms;
                return Some(self.take_first(slot));
            }
            if self.start_of(ring, slot) > now_ms {
                self.present_ms = self.present_ms.max(now_ms);
                return None;
            }
            // The present enters this slot: its timers now differ from it in a lower digit, if any.
            // They are all put elsewhere in the order of arming, before anything else can be armed
            // there, so equal instants keep that order.
            self.present_ms = earliest_ms.min(now_ms);
            self.taken[ring] &= !(1 << slot);
            let mut place = core::mem::replace(&mut self.slots[index], Slot::EMPTY).first;
            while place != END {
                let armed = &mut self.armed[place as usize];
                let next = core::mem::replace(&mut armed.next, END);
                self.put(place);
                place = next;
            }
        }
    }

    /// Gives memory back after many timers have fired. Linear in the number of armed timers.
    pub(crate) fn shrink_to_fit(&mut self) {
        let mut kept = Vec::with_capacity(self.len as usize);
        for slot in self.slots.iter_mut().filter(|slot| slot.first != END) {
            let mut place = core::mem::replace(&mut slot.first, count(kept.len()));
            while place != END {
                let armed = self.armed[place as usize];
                place = armed.next;
                let next = if place == END {
                    END
                } else {
                    count(kept.len() + 1)
                };
                kept.push(Armed { next, ..armed });
            }
            slot.last = count(kept.len() - 1);
        }
        self.armed = kept;
        self.first_free = END;
    }

    /// The instant of the first timer, exactly: nothing fires before it. Constant time.
    #[must_use]
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.first_slot()
            .map(|(ring, slot)| self.slots[ring * SLOTS + slot].earliest_ms)
    }

    /// How many timers are armed.
    #[must_use]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// The slot with the earliest timers. A timer in a ring agrees with the present in all higher
    /// digits, so it is earlier than all in the rings outside.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let ring = self.taken.iter().position(|&taken| taken != 0)?;
        Some((ring, self.taken[ring].trailing_zeros() as usize))
    }

    /// The first instant of a slot ahead of the present.
    fn start_of(&self, ring: usize, slot: usize) -> u64 {
        let shift = DIGIT_BITS * count(ring);
        let higher = self.present_ms.checked_shr(shift + DIGIT_BITS).unwrap_or(0);
        let higher = higher.checked_shl(shift + DIGIT_BITS).unwrap_or(0);
        higher | ((slot as u64) << shift)
    }

    /// Appends a timer to the slot where it waits, as seen from the present.
    fn put(&mut self, place: u32) {
        let at_ms = self.armed[place as usize].at_ms;
        let differing = at_ms ^ self.present_ms;
        let ring = differing.checked_ilog2().unwrap_or(0) / DIGIT_BITS;
        let digit = (at_ms >> (ring * DIGIT_BITS)) & (SLOTS as u64 - 1);
        self.taken[ring as usize] |= 1 << digit;
        let digit = usize::try_from(digit).expect("six bits");
        let slot = &mut self.slots[ring as usize * SLOTS + digit];
        if slot.first == END {
            slot.first = place;
        } else {
            self.armed[slot.last as usize].next = place;
        }
        slot.last = place;
        slot.earliest_ms = slot.earliest_ms.min(at_ms);
    }

    /// Takes the first timer of a slot of the first ring, which is not empty.
    fn take_first(&mut self, slot: usize) -> T {
        let list = &mut self.slots[slot];
        let place = list.first;
        let armed = &mut self.armed[place as usize];
        list.first = armed.next;
        if list.first == END {
            *list = Slot::EMPTY;
            self.taken[0] &= !(1 << slot);
        }
        armed.next = self.first_free;
        self.first_free = place;
        self.len -= 1;
        armed.timer
    }
}

impl<T: Copy> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl Slot {
    const EMPTY: Self = Self {
        first: END,
        last: END,
        earliest_ms: u64::MAX,
    };
}

/// A number of timers or rings as four bytes.
fn count(number: usize) -> u32 {
    u32::try_from(number).expect("timers are bounded by arm")
}
