//! Conformance tests: the rules of MQTT 3.1, 3.1.1 and 5.0 at a socket.
//!
//! Each test speaks bytes over TCP to a whole broker and names the statements that it holds. The
//! client is our own and small on purpose, and shares no code with the broker, so that the codec is
//! not its own judge. Every test runs with 1, 2 and 4 workers. With `BOWLINE_TEST_ADDRESS=HOST:PORT`
//! the same tests run against any other broker, which is how the tests themselves are checked.
//!
//! What the broker does beyond the standard (durability, limits, logs) is tested elsewhere.

mod alias;
mod authentication;
mod bad_connect;
mod bad_input;
mod bad_packets;
mod bad_properties;
mod bad_topics;
mod client;
mod connect;
mod expiry;
mod flow;
mod harness;
mod information;
mod packet_size;
mod publish;
mod redelivery;
mod retained;
mod session;
mod shared;
mod subscribe;
mod subscription_options;
mod unsubscribe;
mod wills;
mod wire;
