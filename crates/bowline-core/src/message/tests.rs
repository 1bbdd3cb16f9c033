//! References, bytes in RAM, and messages that leave RAM and come back.

use alloc::vec;
use alloc::vec::Vec;

use super::*;

fn view<'a>(topic: &'a str, payload: &'a [u8]) -> MessageView<'a> {
    MessageView {
        topic,
        properties: b"\x01\x01",
        payload,
        qos: QoS::AtLeastOnce,
        retain: false,
        expires_at: None,
        publisher: None,
    }
}

/// Takes every message out of RAM; what lies where.
fn unload(messages: &mut Messages) -> Vec<Vec<u8>> {
    let mut placed = vec![];
    messages.unload(|bytes| {
        placed.push(bytes.to_vec());
        Some(Location(placed.len() as u64 - 1))
    });
    placed
}

#[test]
fn the_last_reference_frees_a_message() {
    let mut messages = Messages::default();
    let key = messages.insert(&view("topic", b"payload"));
    assert_eq!((messages.len(), messages.ram_bytes()), (1, 14));
    messages.retain(key);
    messages.release(key);
    assert_eq!(
        messages.view(key).map(|view| view.payload),
        Some(&b"payload"[..])
    );
    messages.release(key);
    assert_eq!((messages.len(), messages.ram_bytes()), (0, 0));
}

#[test]
fn a_message_leaves_ram_and_comes_back_as_it_was() {
    let mut messages = Messages::default();
    let key = messages.insert(&view("topic", b"payload"));
    let placed = unload(&mut messages);
    assert_eq!((messages.len(), messages.ram_bytes()), (1, 0));
    assert_eq!(messages.size_bytes(key), 14, "its quota stays the same");
    assert!(messages.view(key).is_none());
    assert!(unload(&mut messages).is_empty(), "it is not placed twice");
    assert_eq!(messages.ask(key), Some(Location(0)));
    assert_eq!(messages.ask(key), None, "it is asked for once");
    assert_eq!(messages.loaded(Location(0), &placed[0]), Some(key));
    let back = messages.view(key).expect("it is back");
    assert_eq!((back.topic, back.properties), ("topic", &b"\x01\x01"[..]));
    assert_eq!(back.payload, b"payload");
    assert_eq!(messages.ram_bytes(), 14);
    assert_eq!(messages.ask(key), None, "it is here");
}

#[test]
fn what_is_released_on_its_way_comes_back_to_nobody() {
    let mut messages = Messages::default();
    let key = messages.insert(&view("topic", b"payload"));
    let placed = unload(&mut messages);
    messages.ask(key);
    messages.release(key);
    let other = messages.insert(&view("other", b""));
    assert_eq!(messages.loaded(Location(0), &placed[0]), None);
    assert_eq!(messages.view(other).map(|view| view.topic), Some("other"));
}

#[test]
fn bytes_that_are_not_its_own_are_not_taken() {
    let mut messages = Messages::default();
    let key = messages.insert(&view("topic", b"payload"));
    unload(&mut messages);
    messages.ask(key);
    assert_eq!(messages.loaded(Location(0), b"short"), None);
    assert!(messages.view(key).is_none());
    assert_eq!(messages.loaded(Location(7), b"never asked for"), None);
    messages.release(key);
    assert_eq!((messages.len(), messages.ram_bytes()), (0, 0));
}

#[test]
fn a_place_may_be_refused() {
    let mut messages = Messages::default();
    let key = messages.insert(&view("topic", b"payload"));
    assert_eq!(messages.unload(|_| None), 0);
    assert!(messages.view(key).is_some());
}
