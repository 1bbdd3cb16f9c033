//! The nodes of the filter tree and the table of their children.
//!
//! Promise: each link stands in one place only, with the node that it hangs from. Which filters go
//! where is not decided here.

use hashbrown::HashTable;

use super::level::Text;
use crate::slab::Slab;

/// The part of the tree that more than one filter goes through, and the way into its leaves.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Slab<Node>,
    /// The literal children of all nodes, by node and level.
    pub(super) children: HashTable<Spot<Link>>,
}

/// The levels up to here, from the root. At least two filters go through each node but the root.
#[derive(Debug)]
pub(super) struct Node {
    /// The last of these levels; `+` if that is how `parent` leads here.
    pub(super) level: Text<22>,
    pub(super) parent: u32,
    /// The child for `+`.
    pub(super) plus: Link,
    /// The filter that goes on with `#`.
    pub(super) hash: u32,
    /// The filter that ends here.
    pub(super) own: u32,
    /// How many literal children there are, and their links XORed: with one child left, that is
    /// the child.
    pub(super) literals: u32,
    pub(super) literals_xor: u32,
}

/// A node or a leaf in four bytes: the top bit tells which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(u32);

#[derive(Clone, Copy, Debug)]
pub(super) enum Child {
    None,
    Node(u32),
    /// The one filter below, by entry.
    Leaf(u32),
}

/// What a hash table holds: where to look, and 32 bits of hash, so that growing the table reads
/// nothing but the table, and a look follows no wrong lead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<T> {
    pub(super) hash: u32,
    pub(super) to: T,
}

/// The node that every filter with wildcards starts from. Always there.
pub(super) const ROOT: u32 = 0;

/// In place of an entry: there is none.
pub(super) const NO_ENTRY: u32 = u32::MAX;

impl Tree {
    pub(super) fn new() -> Self {
        let mut nodes = Slab::new();
        let root = nodes.insert(Node::new(ROOT, b""));
        assert_eq!(root, ROOT);
        Self {
            nodes,
            children: HashTable::new(),
        }
    }

    /// Lets `node` lead to `to` for a level; `hash` is the [`child_hash`] of both.
    pub(super) fn add_literal(&mut self, node: u32, hash: u32, to: Link) {
        let node = &mut self.nodes[node];
        node.literals += 1;
        node.literals_xor ^= to.0;
        let spot = Spot { hash, to };
        self.children
            .insert_unique(spread(hash), spot, |spot| spread(spot.hash));
    }

    /// The reverse of [`Tree::add_literal`].
    pub(super) fn remove_literal(&mut self, node: u32, hash: u32, to: Link) {
        let node = &mut self.nodes[node];
        node.literals -= 1;
        node.literals_xor ^= to.0;
        self.children
            .find_entry(spread(hash), |spot| spot.to == to)
            .expect("each literal child is in the table under its node and level")
            .remove();
    }
}

impl Node {
    pub(super) fn new(parent: u32, level: &[u8]) -> Self {
        Self {
            level: Text::new(level),
            parent,
            plus: Link::NONE,
            hash: NO_ENTRY,
            own: NO_ENTRY,
            literals: 0,
            literals_xor: 0,
        }
    }

    /// The filter that goes through here, if it is only one.
    pub(super) fn sole_filter(&self) -> Option<u32> {
        let plus = u32::from(self.plus != Link::NONE);
        let hash = u32::from(self.hash != NO_ENTRY);
        let own = u32::from(self.own != NO_ENTRY);
        if plus + hash + own + self.literals != 1 {
            return None;
        }
        if hash == 1 {
            return Some(self.hash);
        }
        if own == 1 {
            return Some(self.own);
        }
        let child = if plus == 1 {
            self.plus
        } else {
            Link(self.literals_xor)
        };
        match child.child() {
            Child::Leaf(entry) => Some(entry),
            Child::None | Child::Node(_) => None,
        }
    }
}

impl Link {
    pub(super) const NONE: Self = Self(u32::MAX);
    /// The bit that marks a leaf.
    const LEAF: u32 = 1 << 31;

    pub(super) const fn node(index: u32) -> Self {
        assert!(
            index < Self::LEAF,
            "nodes are bounded by filters and their levels"
        );
        Self(index)
    }

    pub(super) const fn leaf(entry: u32) -> Self {
        assert!(
            entry < Self::LEAF - 1,
            "filters are bounded by the limits of sessions"
        );
        Self(entry | Self::LEAF)
    }

    /// What it leads to.
    pub(super) const fn child(self) -> Child {
        if self.0 == Self::NONE.0 {
            Child::None
        } else if self.0 & Self::LEAF == 0 {
            Child::Node(self.0)
        } else {
            Child::Leaf(self.0 & !Self::LEAF)
        }
    }
}

/// The hash for a child of `node`: one multiplication that mixes both, as the hash of the level is
/// spread well already.
pub(super) fn child_hash(node: u32, level_hash: u64) -> u32 {
    let mixed = u128::from(level_hash ^ u64::from(node).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        * 0xD6E8_FEB8_6659_FD93;
    low_half(u64::try_from(mixed & u128::from(u64::MAX)).expect("masked") ^ high_half(mixed))
}

/// From the 32 bits that a table keeps to the 64 that it works with: its low bits choose the place
/// and its top bits tell neighbours apart, so both must depend on the whole.
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn high_half(value: u128) -> u64 {
    u64::try_from(value >> 64).expect("64 bits are left")
}

pub(super) fn low_half(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).expect("masked")
}
