//! The client as scripts: calls, times and packets of a server in; packets and events out.

mod connecting;
mod publishing;
mod receiving;
mod script;
mod subscribing;
