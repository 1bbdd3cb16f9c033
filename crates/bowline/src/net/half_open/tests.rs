//! What the first bytes of a connection are, and which connection goes when there are too many.

use super::super::places::Places;
use super::*;

/// A 3.1.1 CONNECT with clean session on and this Client Identifier.
fn connect(client_id: &str) -> Vec<u8> {
    let id_bytes = u8::try_from(client_id.len()).unwrap();
    let mut bytes = vec![
        0x10,
        12 + id_bytes,
        0,
        4,
        b'M',
        b'Q',
        b'T',
        b'T',
        4,
        2,
        0,
        60,
        0,
    ];
    bytes.push(id_bytes);
    bytes.extend_from_slice(client_id.as_bytes());
    bytes
}

#[test]
fn the_first_bytes_decide() {
    let whole = connect("kitchen");
    let with_more = [whole.clone(), vec![0xc0, 0x00]].concat();
    let cases: &[(&str, &[u8], Opening<'_>)] = &[
        ("nothing", &[], Opening::Incomplete),
        ("one byte", &[0x10], Opening::Incomplete),
        (
            "all but the last byte",
            &whole[..whole.len() - 1],
            Opening::Incomplete,
        ),
        ("a CONNECT", &whole, Opening::Connect(Some("kitchen"))),
        (
            "a CONNECT and a PINGREQ",
            &with_more,
            Opening::Connect(Some("kitchen")),
        ),
        (
            "a CONNECT without an id",
            &connect(""),
            Opening::Connect(None),
        ),
        // [MQTT-3.1.0-1]
        ("a PINGREQ", &[0xc0, 0x00], Opening::Garbage),
        ("the first byte of a PUBLISH", &[0x30], Opening::Garbage),
        ("HTTP", b"GET / HTTP/1.1\r\n", Opening::Garbage),
        ("TLS", &[0x16, 0x03, 0x01], Opening::Garbage),
        (
            "a length of five bytes",
            &[0x10, 0xff, 0xff, 0xff, 0xff, 0x7f],
            Opening::Garbage,
        ),
        (
            "a CONNECT that claims too much",
            &[0x10, 0xff, 0xff, 0xff, 0x7f],
            Opening::Garbage,
        ),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(Opening::of(bytes, 64 * 1024), *expected, "{what}");
    }
}

/// The listener of a test, and half-open connections of at most so many and so many bytes.
struct Door {
    listener: mio::net::TcpListener,
    clients: Vec<std::net::TcpStream>,
    places: Places,
    half_opens: HalfOpens,
}

impl Door {
    fn new(half_open_max: usize, half_open_bytes_max: usize) -> Self {
        let limits = ShellLimits {
            half_open_max,
            half_open_bytes_max,
            ..ShellLimits::default()
        };
        Self {
            listener: mio::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap(),
            clients: Vec::new(),
            places: Places::new(Some(100)),
            half_opens: HalfOpens::new(&limits),
        }
    }

    /// Lets one in; its key.
    fn enter(&mut self, now: Instant) -> usize {
        let address = self.listener.local_addr().unwrap();
        // On loopback the connection stands in the listener's queue when this returns.
        self.clients
            .push(std::net::TcpStream::connect(address).unwrap());
        let (socket, peer) = self.listener.accept().unwrap();
        let key = self.half_opens.next_key();
        self.half_opens
            .add(socket, peer, self.places.take().unwrap(), now);
        key
    }
}

#[test]
fn whoever_is_late_goes_and_whoever_was_in_time_does_not() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let mut door = Door::new(10, 1_000);
    let late = door.enter(start);
    let in_time = door.enter(start);
    let young = door.enter(start + second);
    assert!(door.half_opens.remove(in_time).is_some());
    // Its slot is used again; the old deadline must not hit the new one.
    assert_eq!(door.enter(start + 2 * second), in_time);

    let five = start + 5 * second;
    assert!(
        door.half_opens
            .remove_expired(five - Duration::from_millis(1))
            .is_none()
    );
    assert!(door.half_opens.remove_expired(five).is_some());
    assert!(door.half_opens.get_mut(late).is_none());
    assert!(door.half_opens.remove_expired(five).is_none());
    assert_eq!(door.half_opens.next_deadline(), Some(five + second));
    assert!(door.half_opens.get_mut(young).is_some());
}

#[test]
fn too_many_or_too_much_drops_the_oldest() {
    let now = Instant::now();
    let mut door = Door::new(2, 100);
    let (oldest, second) = (door.enter(now), door.enter(now));
    assert!(door.half_opens.remove_excess().is_none());
    let third = door.enter(now);
    assert!(door.half_opens.remove_excess().is_some());
    assert!(door.half_opens.get_mut(oldest).is_none());

    door.half_opens.keep(second, &[0; 60]);
    door.half_opens.keep(third, &[0; 40]);
    assert!(door.half_opens.remove_excess().is_none());
    door.half_opens.keep(third, &[0; 1]);
    assert!(door.half_opens.remove_excess().is_some());
    assert!(door.half_opens.get_mut(second).is_none());
    assert!(door.half_opens.remove_excess().is_none());
    assert_eq!(door.places.taken(), 1);
}
