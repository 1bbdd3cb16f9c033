//! What an idle connection costs.

use super::*;

#[test]
fn an_idle_connection_is_small() {
    // A debug build keeps which poll a socket belongs to, 8 bytes more.
    let bytes = size_of::<Connection>();
    assert!(bytes <= 64, "{bytes}");
}
