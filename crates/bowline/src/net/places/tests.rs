//! Places are taken, counted, and given back.

use super::*;

#[test]
fn no_more_places_than_there_are() {
    let places = Places::new(Some(2));
    assert_eq!((places.taken(), places.max()), (0, 2));
    let first = places.take().unwrap();
    let _second = places.take().unwrap();
    assert!(places.take().is_none());
    assert_eq!(places.taken(), 2, "a refusal takes nothing");
    drop(first);
    assert_eq!(places.taken(), 1);
    assert!(places.take().is_some());
}

#[test]
fn without_a_word_the_open_files_decide() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let possible = limit
        .maximum
        .map_or(usize::MAX, |max| usize::try_from(max).unwrap());
    let places = Places::new(None);
    assert!(places.max() < possible || possible == usize::MAX);
    // More than possible is not promised.
    assert_eq!(Places::new(Some(usize::MAX)).max(), places.max());
}
