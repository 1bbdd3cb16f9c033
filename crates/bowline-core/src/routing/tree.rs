//! From a Topic Name to every Topic Filter that matches it (MQTT 4.7).
//!
//! A filter without wildcards is found by one look into a hash table with the whole topic. Filters
//! with wildcards hang in a tree with one step per topic level. A step is a look into one hash
//! table for the whole tree, under the node and the level, so that a node with a million children
//! costs the same as a node with two. A part of the tree that only one filter goes through is not
//! built: the filter hangs there as a *leaf* and its rest is compared as text. That keeps a filter
//! small, and saves the steps that would each wait for memory.
//!
//! Promises:
//! - A match takes no recursion and, once warm, no allocation. Its cost follows the levels of the
//!   topic and the branches that fit it, not the number of filters.
//! - The shape of the tree depends on the set of filters alone, not on how it came to be, and
//!   matches are visited in the order of that shape. The seed guards the hash tables against
//!   filters that were chosen to collide; it never shows in any order.
//! - Removing a filter takes away every node that was there for it.
//!
//! Absent on purpose: validation (filters and topics arrive as valid text, share prefix removed;
//! other text is matched level by level and never panics) and any meaning of the values.

use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::hash::Hasher as _;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use hashbrown::HashTable;

use self::level::{Text, has_wildcard, level_at, rest_matches};
use self::node::{Child, Link, NO_ENTRY, Node, ROOT, Spot, Tree, child_hash, low_half, spread};
use crate::slab::Slab;

mod level;
mod node;
#[cfg(test)]
mod tests;

/// Topic Filters, each with one value, and the question which of them match a Topic Name.
pub struct FilterTree<V> {
    /// All filters; `exact` and `tree` point here.
    entries: Slab<Entry<V>>,
    /// The filters without wildcards, by their whole text.
    exact: HashTable<Spot<u32>>,
    /// The filters with wildcards.
    tree: Tree,
    seed: u64,
    shared_seed: SharedSeed,
    version: u64,
    scratch: Cell<Scratch>,
}

/// One filter.
#[derive(Debug)]
struct Entry<V> {
    /// In place up to a length that most filters keep to: comparing it then waits for memory once.
    text: Text<38>,
    value: V,
    /// The node that points here. Only for filters with wildcards, as is `at`.
    node: u32,
    /// Where in the text the first level starts that is below `node`. One past the end of the text
    /// if the filter ends at `node`.
    at: u32,
}

/// The nodes reached at one level and at the next, kept between matches for their memory.
#[derive(Debug, Default)]
struct Scratch {
    here: Vec<u32>,
    next: Vec<u32>,
}

/// Scratch room for this many nodes is kept between matches; more is given back.
const SCRATCH_NODES_MAX: usize = 1 << 16;

impl<V> FilterTree<V> {
    /// An empty tree. `seed` comes from outside, as all chance does; it should not be guessable by
    /// those who choose filters.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            entries: Slab::new(),
            exact: HashTable::new(),
            tree: Tree::new(),
            seed,
            shared_seed: SharedSeed::from_u64(seed),
            version: 0,
            scratch: Cell::default(),
        }
    }

    /// The value of `filter`, which is added with a default value if it is not there.
    ///
    /// Takes a step per level of the filter; amortised constant time without wildcards.
    pub fn entry(&mut self, filter: &str) -> &mut V
    where
        V: Default,
    {
        self.version += 1;
        let entry = match self.find(filter.as_bytes()) {
            Some(entry) => entry,
            None => self.insert(filter, V::default()),
        };
        &mut self.entries[entry].value
    }

    /// The value of `filter`, for change: counts as a change of the tree.
    pub fn get_mut(&mut self, filter: &str) -> Option<&mut V> {
        let entry = self.find(filter.as_bytes())?;
        self.version += 1;
        Some(&mut self.entries[entry].value)
    }

    /// Takes `filter` out. Same cost as [`FilterTree::entry`].
    pub fn remove(&mut self, filter: &str) -> Option<V> {
        let filter = filter.as_bytes();
        let entry = self.find(filter)?;
        self.version += 1;
        if has_wildcard(filter) {
            self.unhang(entry);
        } else {
            let hash = low_half(self.hash(filter));
            self.exact
                .find_entry(spread(hash), |spot| spot.to == entry)
                .expect("find saw the filter under the same hash")
                .remove();
        }
        self.entries.remove(entry).map(|entry| entry.value)
    }

    /// Gives memory back after many removals. Linear in what the tree holds or held.
    pub fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
        self.exact.shrink_to_fit(|spot| spread(spot.hash));
        self.tree.nodes.shrink_to_fit();
        self.tree.children.shrink_to_fit(|spot| spread(spot.hash));
        self.scratch.take();
    }

    /// Calls `visit` with the value of every filter that matches the Topic Name `topic`, each once.
    ///
    /// Order: first the filter without wildcards, then the others as they are met level by level;
    /// at a node `#`, then what ends there, then `+`, then the literal level.
    ///
    /// Cost: one look for the topic, and one for each level and each node that fits so far.
    pub fn matches(&self, topic: &str, mut visit: impl FnMut(&V)) {
        let topic = topic.as_bytes();
        if let Some(entry) = self.find_exact(topic) {
            visit(&self.entries[entry].value);
        }
        if self.entries.len() == self.exact.len() {
            return;
        }
        // Taken out for the time of the match, so that a `visit` which asks again finds an empty
        // one instead of this one.
        let mut scratch = self.scratch.take();
        self.walk(topic, &mut scratch, &mut visit);
        if scratch.here.capacity().max(scratch.next.capacity()) <= SCRATCH_NODES_MAX {
            self.scratch.set(scratch);
        }
    }

    /// The value of `filter`.
    #[must_use]
    pub fn get(&self, filter: &str) -> Option<&V> {
        self.find(filter.as_bytes())
            .map(|entry| &self.entries[entry].value)
    }

    /// All filters with their values, in an order that depends only on the calls made before.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(_, entry)| {
            let text = str::from_utf8(entry.text.bytes()).expect("it came in as a str");
            (text, &entry.value)
        })
    }

    /// How many filters there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no filters.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Grows with every change, [`FilterTree::entry`] and [`FilterTree::get_mut`] included. While
    /// it stays, every topic matches the same filters with the same values.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many nodes the tree has beyond its root: fewer than one per level of each filter with
    /// wildcards, none when there are no two of them.
    #[must_use]
    pub const fn node_count(&self) -> usize {
        self.tree.nodes.len() - 1
    }

    /// Bytes allocated for everything but the texts of filters and what values point to. (The few
    /// levels too long for a node are not counted either.)
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.entries.allocated_bytes()
            + self.exact.allocation_size()
            + self.tree.nodes.allocated_bytes()
            + self.tree.children.allocation_size()
    }

    fn hash(&self, text: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared_seed);
        hasher.write(text);
        hasher.finish()
    }

    fn find(&self, filter: &[u8]) -> Option<u32> {
        if !has_wildcard(filter) {
            return self.find_exact(filter);
        }
        let mut node = ROOT;
        let mut at = 0;
        loop {
            if &filter[at..] == b"#" {
                return Some(self.tree.nodes[node].hash).filter(|&hash| hash != NO_ENTRY);
            }
            let level = level_at(filter, at);
            let last = at + level.len() == filter.len();
            let link = if level == b"+" {
                self.tree.nodes[node].plus
            } else {
                self.literal(node, self.hash(level), level)
            };
            match link.child() {
                Child::None => return None,
                Child::Leaf(entry) => {
                    return Some(entry).filter(|&entry| self.entries[entry].text.bytes() == filter);
                }
                Child::Node(child) if last => {
                    return Some(self.tree.nodes[child].own).filter(|&own| own != NO_ENTRY);
                }
                Child::Node(child) => node = child,
            }
            at += level.len() + 1;
        }
    }

    fn find_exact(&self, topic: &[u8]) -> Option<u32> {
        let hash = low_half(self.hash(topic));
        let found = self.exact.find(spread(hash), |spot| {
            spot.hash == hash && self.entries[spot.to].text.bytes() == topic
        });
        found.map(|spot| spot.to)
    }

    /// The child of `node` for a level without wildcard; `level_hash` is its hash.
    fn literal(&self, node: u32, level_hash: u64, level: &[u8]) -> Link {
        let hash = child_hash(node, level_hash);
        let found = self.tree.children.find(spread(hash), |spot| {
            spot.hash == hash
                && match spot.to.child() {
                    Child::None => false,
                    Child::Node(child) => {
                        let child = &self.tree.nodes[child];
                        child.parent == node && child.level.bytes() == level
                    }
                    Child::Leaf(entry) => {
                        let entry = &self.entries[entry];
                        entry.node == node
                            && level_at(entry.text.bytes(), entry.at as usize) == level
                    }
                }
        });
        found.map_or(Link::NONE, |spot| spot.to)
    }

    /// Visits what matches in the tree, level by level.
    fn walk(&self, topic: &[u8], scratch: &mut Scratch, visit: &mut impl FnMut(&V)) {
        let Scratch { here, next } = scratch;
        here.clear();
        here.push(ROOT);
        // Wildcards at the first level do not match a topic that starts with `$`.
        // [MQTT-4.7.2-1] [MQTT3-4.7.2-1]
        let mut wildcards = topic.first() != Some(&b'$');
        // Where the next level of the topic starts; one past the end when there is none.
        let mut at = 0;
        while !here.is_empty() {
            next.clear();
            let more = at <= topic.len();
            let level = if more { level_at(topic, at) } else { b"" };
            let level_hash = self.hash(level);
            let rest = topic.get(at + level.len()..).unwrap_or(b"");
            for &index in &*here {
                let node = &self.tree.nodes[index];
                // `#` takes any number of levels, also none: `a/#` matches `a`.
                // [MQTT-4.7.1-1] [MQTT3-4.7.1-2]
                if wildcards && node.hash != NO_ENTRY {
                    visit(&self.entries[node.hash].value);
                }
                if !more {
                    if node.own != NO_ENTRY {
                        visit(&self.entries[node.own].value);
                    }
                    continue;
                }
                // `+` takes one level, also an empty one. [MQTT-4.7.1-2] [MQTT3-4.7.1-3]
                if wildcards {
                    self.follow(node.plus, 1, rest, next, visit);
                }
                if node.literals > 0 {
                    let link = self.literal(index, level_hash, level);
                    self.follow(link, level.len(), rest, next, visit);
                }
            }
            wildcards = true;
            at += level.len() + 1;
            core::mem::swap(here, next);
        }
    }

    /// Goes to a child whose own level, `level_bytes` long in the filter, fits. `rest` is what
    /// follows this level in the topic.
    fn follow(
        &self,
        link: Link,
        level_bytes: usize,
        rest: &[u8],
        next: &mut Vec<u32>,
        visit: &mut impl FnMut(&V),
    ) {
        match link.child() {
            Child::None => {}
            Child::Node(node) => next.push(node),
            Child::Leaf(entry) => {
                let entry = &self.entries[entry];
                if rest_matches(&entry.text.bytes()[entry.at as usize + level_bytes..], rest) {
                    visit(&entry.value);
                }
            }
        }
    }

    /// Adds a filter that is not there.
    fn insert(&mut self, filter: &str, value: V) -> u32 {
        let entry = self.entries.insert(Entry {
            text: Text::new(filter.as_bytes()),
            value,
            node: ROOT,
            at: 0,
        });
        let filter = filter.as_bytes();
        if has_wildcard(filter) {
            self.hang(filter, entry);
        } else {
            let hash = low_half(self.hash(filter));
            let spot = Spot { hash, to: entry };
            self.exact
                .insert_unique(spread(hash), spot, |spot| spread(spot.hash));
        }
        entry
    }

    /// Hangs the new filter into the tree: down to where no other filter goes, which may mean to
    /// push the leaf that is met there further down.
    fn hang(&mut self, filter: &[u8], entry: u32) {
        let mut node = ROOT;
        let mut at = 0;
        loop {
            if &filter[at..] == b"#" {
                return self.place(node, at, entry);
            }
            let level = level_at(filter, at);
            let link = if level == b"+" {
                self.tree.nodes[node].plus
            } else {
                self.literal(node, self.hash(level), level)
            };
            let child = match link.child() {
                Child::None => return self.place(node, at, entry),
                Child::Node(child) => child,
                Child::Leaf(other) => self.push_down(node, level, other),
            };
            node = child;
            at += level.len() + 1;
            if at > filter.len() {
                return self.place(node, at, entry);
            }
        }
    }

    /// Puts a node for `level` where the leaf `other` was, and the leaf below it.
    fn push_down(&mut self, node: u32, level: &[u8], other: u32) -> u32 {
        let child = self.tree.nodes.insert(Node::new(node, level));
        self.relink(node, level, Link::leaf(other), Link::node(child));
        let below = self.entries[other].at as usize + level.len() + 1;
        self.place(child, below, other);
        child
    }

    /// Takes the filter out of the tree, and the nodes that were there for it.
    fn unhang(&mut self, entry: u32) {
        let mut node = self.entries[entry].node;
        self.unplace(entry);
        // A node through which a single filter goes is given up; the filter becomes a leaf of the
        // parent. So the shape is what it would be had the removed filter never been there.
        while node != ROOT {
            let Some(sole) = self.tree.nodes[node].sole_filter() else {
                break;
            };
            self.unplace(sole);
            let gone = self
                .tree
                .nodes
                .remove(node)
                .expect("the walk up is over nodes in use");
            let level = gone.level.bytes();
            self.relink(gone.parent, level, Link::node(node), Link::leaf(sole));
            let sole = &mut self.entries[sole];
            sole.at -= offset(level.len() + 1);
            sole.node = gone.parent;
            node = gone.parent;
        }
    }

    /// Lets `node` point at a filter whose levels go on at `at` there. What it points at is free.
    fn place(&mut self, node: u32, at: usize, entry: u32) {
        let filter = &mut self.entries[entry];
        filter.node = node;
        filter.at = offset(at);
        let text = self.entries[entry].text.bytes();
        if at > text.len() {
            self.tree.nodes[node].own = entry;
        } else if &text[at..] == b"#" {
            self.tree.nodes[node].hash = entry;
        } else if level_at(text, at) == b"+" {
            self.tree.nodes[node].plus = Link::leaf(entry);
        } else {
            let hash = child_hash(node, self.hash(level_at(text, at)));
            self.tree.add_literal(node, hash, Link::leaf(entry));
        }
    }

    /// The reverse of [`FilterTree::place`].
    fn unplace(&mut self, entry: u32) {
        let &Entry {
            ref text,
            node: index,
            at,
            ..
        } = &self.entries[entry];
        let node = &mut self.tree.nodes[index];
        if node.own == entry {
            node.own = NO_ENTRY;
        } else if node.hash == entry {
            node.hash = NO_ENTRY;
        } else if node.plus == Link::leaf(entry) {
            node.plus = Link::NONE;
        } else {
            let level = level_at(text.bytes(), at as usize);
            let hash = child_hash(index, self.hash(level));
            self.tree.remove_literal(index, hash, Link::leaf(entry));
        }
    }

    /// Lets `node` lead to `to` where it led to `from`.
    fn relink(&mut self, node: u32, level: &[u8], from: Link, to: Link) {
        if level == b"+" {
            self.tree.nodes[node].plus = to;
        } else {
            let hash = child_hash(node, self.hash(level));
            self.tree.remove_literal(node, hash, from);
            self.tree.add_literal(node, hash, to);
        }
    }
}

impl<V: fmt::Debug> fmt::Debug for FilterTree<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A place in a filter, which is at most 65,535 bytes long by the protocol.
fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a filter is shorter than 4 GiB")
}
