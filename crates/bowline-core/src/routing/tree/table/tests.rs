//! The table against a list of pairs, with hashes that collide.

use alloc::vec::Vec;

use super::Table;

/// SplitMix64: enough chance for a test, and the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((mixed ^ (mixed >> 31)) % u64::from(bound)).expect("below a u32")
    }

    /// Few hashes, with homes that crowd together at both ends of the table.
    fn hash(&mut self) -> u32 {
        self.below(3).wrapping_sub(2) ^ (self.below(2) << 20)
    }
}

fn found(table: &Table, hash: u32) -> Vec<u32> {
    let mut found = Vec::new();
    table.find(hash, table.peek(hash), |place| {
        found.push(place);
        false
    });
    found.sort_unstable();
    found
}

#[test]
fn agrees_with_a_list_of_pairs() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let mut table = Table::new();
        let mut expected: Vec<(u32, u32)> = Vec::new();
        for place in 0..300 {
            let hash = chance.hash();
            match chance.below(8) {
                0..=3 => {
                    table.insert(hash, place);
                    expected.push((hash, place));
                }
                4..=6 if !expected.is_empty() => {
                    let index = chance.below(u32::try_from(expected.len()).expect("few")) as usize;
                    let (hash, old) = expected[index];
                    if chance.below(4) == 0 {
                        table.replace(hash, old, place);
                        expected[index].1 = place;
                    } else {
                        table.remove(hash, old);
                        expected.swap_remove(index);
                    }
                }
                _ => table.shrink_to_fit(),
            }
            assert_eq!(table.len(), expected.len());
            let mut wanted: Vec<u32> = expected
                .iter()
                .filter(|pair| pair.0 == hash)
                .map(|pair| pair.1)
                .collect();
            wanted.sort_unstable();
            assert_eq!(found(&table, hash), wanted, "seed {seed}");
            let first = wanted.first().copied();
            assert_eq!(
                table.find(hash, table.peek(hash), |place| Some(place) == first),
                first
            );
        }
        for (hash, place) in expected {
            table.remove(hash, place);
        }
        assert!(table.slots.iter().all(|slot| slot.is_empty()));
        table.shrink_to_fit();
        assert_eq!(table.allocated_bytes(), 0);
    }
}

#[test]
fn an_empty_table_has_nothing() {
    let mut table = Table::new();
    assert_eq!(found(&table, 0), []);
    assert_eq!(found(&table, u32::MAX), []);
    table.shrink_to_fit();
    assert_eq!((table.len(), table.allocated_bytes()), (0, 0));
}
