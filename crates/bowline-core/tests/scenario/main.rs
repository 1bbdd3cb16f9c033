//! Scenarios: a script of clients, time and network on the left, what each client gets under it.
//!
//! Each script runs with 1, 2 and 4 workers, with records kept at once and reported later, with
//! messages in RAM and outside it, and with bytes in one piece and one by one; the transcript must
//! be the same in all. The harness is `world` (the broker's surroundings), `script` (text to
//! actions) and `transcript` (packets to text); the other files are scenarios by subject.

mod script;
mod transcript;
mod world;

mod bad_input;
mod fan_out;
mod flow;
mod gate;
mod on_full;
mod qos1;
mod qos2;
mod races;
mod random;
mod retained;
mod sessions;
mod shares;
mod subscriptions;
mod wills;
