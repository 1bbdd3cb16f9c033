//! The order of copied and shared bytes, taken in steps of every size.

use super::*;

fn all(outbound: &Outbound) -> Vec<u8> {
    outbound.parts().flatten().copied().collect()
}

#[test]
fn copied_and_shared_bytes_keep_their_order_in_steps_of_every_size() {
    for step in 1..12 {
        let mut outbound = Outbound::default();
        outbound.push_shared(Rc::from(*b"01"));
        outbound.own_mut().extend_from_slice(b"abc");
        outbound.push_shared(Rc::from(*b"2345"));
        outbound.push_shared(Rc::from(*b"67"));
        outbound.own_mut().extend_from_slice(b"de");
        let whole = b"01abc234567de";
        assert_eq!(all(&outbound), whole);
        let mut taken = 0;
        while taken < whole.len() {
            assert_eq!(outbound.len(), whole.len() - taken);
            let count = step.min(outbound.len());
            outbound.take(count);
            taken += count;
            assert_eq!(
                all(&outbound),
                &whole[taken..],
                "after {taken} in steps of {step}"
            );
        }
        assert!(outbound.is_empty());
        assert_eq!(outbound.own_taken, 0, "an emptied buffer starts afresh");
    }
}

#[test]
fn a_long_backlog_forgets_what_was_taken() {
    let mut outbound = Outbound::default();
    outbound.own_mut().extend_from_slice(&[7; 100 * 1024]);
    outbound.push_shared(Rc::from([8; 3]));
    outbound.own_mut().push(9);
    outbound.take(80 * 1024);
    assert_eq!(outbound.own_taken, 0);
    let rest = all(&outbound);
    assert_eq!(rest.len(), 20 * 1024 + 4);
    assert_eq!(&rest[rest.len() - 4..], [8, 8, 8, 9]);
}
