//! The slab against a map of what should be in it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Slab;

/// SplitMix64: enough chance for a test, and the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn contents(slab: &Slab<u64>) -> Vec<(u32, u64)> {
    slab.iter().map(|(index, &value)| (index, value)).collect()
}

#[test]
fn indices_are_dense_and_the_latest_freed_comes_first() {
    let mut slab = Slab::new();
    assert_eq!(
        [slab.insert('a'), slab.insert('b'), slab.insert('c')],
        [0, 1, 2]
    );
    assert_eq!(slab.remove(0), Some('a'));
    assert_eq!(slab.remove(2), Some('c'));
    assert_eq!(
        [slab.insert('d'), slab.insert('e'), slab.insert('f')],
        [2, 0, 3]
    );
    assert_eq!(slab.len(), 4);
}

#[test]
fn what_is_not_there_is_none() {
    let mut slab = Slab::new();
    assert_eq!(slab.remove(0), None);
    let index = slab.insert(7);
    assert_eq!(slab.remove(index), Some(7));
    assert_eq!(slab.remove(index), None, "a second remove changes nothing");
    assert_eq!(slab.get(index), None);
    assert_eq!(slab.get_mut(index), None);
    assert_eq!(slab.get(u32::MAX), None);
    assert_eq!(slab.remove(u32::MAX), None);
    assert_eq!(slab.len(), 0);
    assert_eq!(
        slab.insert(8),
        0,
        "a second remove did not free the slot twice"
    );
    assert_eq!(slab.insert(9), 1);
}

#[test]
fn shrinking_keeps_indices_and_hands_out_the_lowest_first() {
    let mut slab: Slab<u64> = Slab::new();
    for value in 0..1000 {
        slab.insert(value);
    }
    for index in (0..1000).filter(|index| ![3, 5].contains(index)) {
        slab.remove(index);
    }
    slab.shrink_to_fit();
    assert!(
        slab.allocated_bytes() <= 6 * 16,
        "{} bytes for two values",
        slab.allocated_bytes()
    );
    assert_eq!(contents(&slab), [(3, 3), (5, 5)]);
    let next: Vec<u32> = (0..6).map(|value| slab.insert(value)).collect();
    assert_eq!(next, [0, 1, 2, 4, 6, 7]);

    slab.clear();
    assert_eq!((slab.allocated_bytes(), slab.len()), (0, 0));
    slab.shrink_to_fit();
    assert_eq!(slab.insert(1), 0);
}

#[test]
fn agrees_with_a_map_under_chance() {
    for seed in 0..20 {
        let mut chance = Chance(seed);
        let mut slab = Slab::new();
        let mut expected = BTreeMap::new();
        for step in 0..2000 {
            match chance.below(8) {
                0..=3 => {
                    let index = slab.insert(step);
                    assert_eq!(
                        expected.insert(index, step),
                        None,
                        "an index in use came again"
                    );
                }
                4..=5 => {
                    let index = u32::try_from(chance.below(300)).expect("below 300");
                    assert_eq!(slab.remove(index), expected.remove(&index));
                }
                6 => {
                    for (_, value) in slab.iter_mut() {
                        *value += 1;
                    }
                    expected.values_mut().for_each(|value| *value += 1);
                }
                _ if chance.below(50) == 0 => slab.shrink_to_fit(),
                _ => {}
            }
            assert_eq!(slab.len(), expected.len());
        }
        assert_eq!(contents(&slab), expected.into_iter().collect::<Vec<_>>());
    }
}
