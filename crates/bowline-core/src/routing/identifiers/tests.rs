//! None, one and several identifiers, and the lists that go with them.

use super::*;

#[test]
fn identifiers_add_up_and_are_let_go() {
    let mut lists = IdentifierLists::default();
    let mut room = [0];
    let none = Identifiers::one(None);
    assert!(none.is_empty());
    assert_eq!(lists.slice(none, &mut room), []);
    let one = lists.add(none, Some(268_435_455));
    assert_eq!(lists.slice(one, &mut room), [268_435_455]);
    assert_eq!(lists.len(), 0, "one needs no list");
    let two = lists.add(one, Some(1));
    let still_two = lists.add(two, None);
    let three = lists.add(still_two, Some(1));
    assert_eq!(lists.slice(three, &mut room), [268_435_455, 1, 1]);
    assert_eq!(lists.len(), 1);
    lists.release(one);
    assert_eq!(lists.len(), 1);
    lists.release(three);
    assert_eq!(lists.len(), 0);
}
