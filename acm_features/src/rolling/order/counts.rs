//! How many numbers of a set lie below a number, and which number has so many below it.

use acm_linalg::Result;
use acm_linalg::columns::reserve;

use super::bits::View;

/// Fenwick's binary indexed tree (1994, doi 10.1002/spe.4380240306) over the words of a [`View`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// `tree[i]` counts the words `i - lowest bit of i .. i`; `tree[0]` is not used.
    tree: Vec<u32>,
}

impl Counts {
    pub(super) fn new(capacity: usize) -> Result<Self> {
        Ok(Self {
            tree: reserve(capacity.div_ceil(64) + 1, 0, "the ranks of a window")?,
        })
    }

    pub(super) fn clear(&mut self) {
        self.tree.fill(0);
    }

    #[inline]
    pub(super) fn insert(&mut self, number: usize) {
        let mut node = number / 64 + 1;
        while let Some(count) = self.tree.get_mut(node) {
            *count += 1;
            node += node & node.wrapping_neg();
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, number: usize) {
        let mut node = number / 64 + 1;
        while let Some(count) = self.tree.get_mut(node) {
            *count -= 1;
            node += node & node.wrapping_neg();
        }
    }

    /// The number of the set with `below` numbers of the set under it; there is one.
    #[inline]
    pub(super) fn select(&self, set: View<'_>, below: usize) -> usize {
        let mut rest = below;
        let mut node = 0;
        let mut step = (self.tree.len() - 1).checked_ilog2().map_or(0, |bits| 1 << bits);
        while step > 0 {
            if let Some(&count) = self.tree.get(node + step)
                && count as usize <= rest
            {
                node += step;
                rest -= count as usize;
            }
            step /= 2;
        }
        set.nth_of_word(node, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::bits::Bits;
    use super::*;

    proptest! {
        #[test]
        fn selects_what_an_ordered_set_holds(
            capacity in 1_usize..3000,
            numbers in proptest::collection::vec((any::<bool>(), 0_usize..3000), 1..200),
        ) {
            let (mut owner, mut counts, mut set) = (Bits::new(capacity).unwrap(), Counts::new(capacity).unwrap(), BTreeSet::new());
            let mut bits = owner.set();
            for (insert, number) in numbers {
                let number = number % capacity;
                if insert && set.insert(number) {
                    bits.insert(number);
                    counts.insert(number);
                } else if !insert && set.remove(&number) {
                    bits.remove(number);
                    counts.remove(number);
                }
            }
            for (below, number) in set.iter().enumerate() {
                prop_assert_eq!(counts.select(bits.view(), below), *number);
            }
        }
    }
}
