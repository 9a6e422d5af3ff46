//! A set of small numbers that finds the neighbours of any number in constant time.

use acm_linalg::Result;
use acm_linalg::columns::reserve;

/// Bits in words, and above them a bit for each word that is not empty, level upon level.
#[derive(Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    upper: Vec<Vec<u64>>,
}

impl Bits {
    /// Memory for numbers below `capacity`.
    pub(super) fn new(capacity: usize) -> Result<Self> {
        let mut words = capacity.max(1).div_ceil(64);
        let mut bits = Self {
            words: reserve(words, 0, "the ranks of a window")?,
            upper: Vec::new(),
        };
        while words > 1 {
            words = words.div_ceil(64);
            bits.upper.push(reserve(words, 0, "the ranks of a window")?);
        }
        Ok(bits)
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        for level in &mut self.upper {
            level.fill(0);
        }
    }

    #[inline(always)]
    pub(super) fn contains(&self, number: usize) -> bool {
        self.words[number / 64] >> (number % 64) & 1 == 1
    }

    #[inline(always)]
    pub(super) fn insert(&mut self, number: usize) {
        let word = &mut self.words[number / 64];
        let was = *word;
        *word |= 1 << (number % 64);
        if was == 0 {
            self.fill_word(number / 64);
        }
    }

    #[cold]
    fn fill_word(&mut self, mut number: usize) {
        for level in &mut self.upper {
            let word = &mut level[number / 64];
            let was = *word;
            *word |= 1 << (number % 64);
            if was != 0 {
                return;
            }
            number /= 64;
        }
    }

    #[inline(always)]
    pub(super) fn remove(&mut self, number: usize) {
        let word = &mut self.words[number / 64];
        *word &= !(1 << (number % 64));
        if *word == 0 {
            self.empty_word(number / 64);
        }
    }

    #[cold]
    fn empty_word(&mut self, mut number: usize) {
        for level in &mut self.upper {
            let word = &mut level[number / 64];
            *word &= !(1 << (number % 64));
            if *word != 0 {
                return;
            }
            number /= 64;
        }
    }

    /// The number in this word with `below` numbers of the word under it; there is one.
    #[inline]
    pub(super) fn nth_of_word(&self, word: usize, below: usize) -> usize {
        let mut bits = self.words[word];
        for _ in 0..below {
            bits &= bits - 1;
        }
        word * 64 + bits.trailing_zeros() as usize
    }

    /// The least number of the set that is `from` or more.
    #[inline(always)]
    pub(super) fn at_or_after(&self, from: usize) -> Option<usize> {
        let (number, near) = self.near_after(from);
        if near { Some(number) } else { self.after_word(from / 64 + 1) }
    }

    /// The greatest number of the set that is less than `from`.
    #[inline(always)]
    pub(super) fn before(&self, from: usize) -> Option<usize> {
        let (number, near) = self.near_before(from);
        if near {
            Some(number)
        } else {
            self.before_word((from.checked_sub(1)? / 64).checked_sub(1)?)
        }
    }

    /// The least number of the set that is `from` or more, and whether there is one so near; without a branch that data decide.
    #[inline(always)]
    pub(super) fn near_after(&self, from: usize) -> (usize, bool) {
        let word = |place: usize| u128::from(self.words.get(place).copied().unwrap_or(0));
        let rest = (word(from / 64) | word(from / 64 + 1) << 64) >> (from % 64);
        (from + rest.trailing_zeros() as usize, rest != 0)
    }

    /// The greatest number of the set that is less than `from`, likewise.
    #[inline(always)]
    pub(super) fn near_before(&self, from: usize) -> (usize, bool) {
        let Some(last) = from.checked_sub(1) else {
            return (0, false);
        };
        let earlier = (last / 64).checked_sub(1).map_or(0, |place| self.words[place]);
        let rest = (u128::from(self.words[last / 64]) << 64 | u128::from(earlier)) << (63 - last % 64);
        (last.wrapping_sub(rest.leading_zeros() as usize), rest != 0)
    }

    #[cold]
    fn after_word(&self, mut word: usize) -> Option<usize> {
        if word >= self.words.len() {
            return None;
        }
        for (above, level) in self.upper.iter().enumerate() {
            // Strictly after `word`: shift in two steps, a shift by 64 is none.
            let rest = level[word / 64] >> (word % 64) >> 1;
            if rest != 0 {
                let mut number = word + 1 + rest.trailing_zeros() as usize;
                for level in self.upper[..above].iter().rev() {
                    number = number * 64 + level[number].trailing_zeros() as usize;
                }
                return Some(number * 64 + self.words[number].trailing_zeros() as usize);
            }
            word /= 64;
        }
        None
    }

    #[cold]
    fn before_word(&self, mut word: usize) -> Option<usize> {
        for (above, level) in self.upper.iter().enumerate() {
            let rest = level[word / 64] << (63 - word % 64) << 1;
            if rest != 0 {
                let mut number = word - 1 - rest.leading_zeros() as usize;
                for level in self.upper[..above].iter().rev() {
                    number = number * 64 + 63 - level[number].leading_zeros() as usize;
                }
                return Some(number * 64 + 63 - self.words[number].leading_zeros() as usize);
            }
            word /= 64;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_an_ordered_set(
            capacity in 1_usize..9000,
            steps in proptest::collection::vec((any::<bool>(), 0_usize..9000), 1..200),
        ) {
            let mut bits = Bits::new(capacity).unwrap();
            let mut set = BTreeSet::new();
            for (insert, number) in steps {
                let number = number % capacity;
                if insert {
                    bits.insert(number);
                    set.insert(number);
                } else {
                    bits.remove(number);
                    set.remove(&number);
                }
                prop_assert_eq!(bits.contains(number), insert);
                for from in [number, number / 2, 0, capacity - 1] {
                    prop_assert_eq!(bits.at_or_after(from), set.range(from..).next().copied());
                    prop_assert_eq!(bits.before(from), set.range(..from).next_back().copied());
                }
            }
        }
    }
}
