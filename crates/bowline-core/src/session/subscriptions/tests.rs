//! Few and many subscriptions behave the same.

use alloc::format;
use alloc::vec::Vec;

use super::*;

fn subscription(identifier: u32) -> Subscription {
    Subscription {
        options: SubscriptionOptions::default(),
        identifier: Some(identifier),
        place: 0,
    }
}

fn found(subscription: Option<Subscription>) -> Option<u32> {
    subscription.and_then(|subscription| subscription.identifier)
}

/// Up to, at and beyond the number that stands in the vector.
#[test]
fn the_same_with_few_and_with_many() {
    for count in [1, FEW_MAX - 1, FEW_MAX, FEW_MAX + 1, 3 * FEW_MAX] {
        let mut subscriptions = Subscriptions::default();
        for number in 0..count {
            let filter = format!("f/{number}");
            let new = u32::try_from(number).expect("small");
            assert_eq!(
                found(subscriptions.insert(&filter, subscription(new))),
                None
            );
        }
        assert_eq!(subscriptions.len(), count);
        let replaced = subscriptions.insert("f/0", subscription(1_000));
        assert_eq!(found(replaced), Some(0));
        assert_eq!(subscriptions.len(), count, "replaced, not added");
        subscriptions.get_mut("f/0").expect("it is there").place = 7;
        assert!(subscriptions.get_mut("f/none").is_none());
        let mut filters = subscriptions.filters();
        filters.sort();
        filters.dedup();
        assert_eq!(filters.len(), count);
        let removed = subscriptions.remove("f/0").expect("it is there");
        assert_eq!((removed.identifier, removed.place), (Some(1_000), 7));
        assert!(subscriptions.remove("f/0").is_none());
        assert!(!subscriptions.contains("f/0"));
        let rest: Vec<_> = subscriptions.filters();
        for filter in rest {
            assert!(subscriptions.remove(&filter).is_some());
        }
        assert_eq!(subscriptions.len(), 0);
    }
}

#[test]
fn a_subscription_differs_by_what_the_client_asked_for() {
    let mut other = subscription(1);
    other.place = 5;
    assert!(!subscription(1).differs(&other), "not by its place");
    assert!(subscription(1).differs(&subscription(2)));
    let mut options = subscription(1);
    options.options.no_local = true;
    assert!(subscription(1).differs(&options));
}
