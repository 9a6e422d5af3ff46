//! A set of small numbers that finds the neighbours of any number in constant time.

use acm_linalg::Result;
use acm_linalg::columns::reserve;

/// Bits in words, and above them a bit for each word that is not empty, level upon level.
#[derive(Debug, Default)]
pub(super) struct Bits {
    /// With an empty one before the first and after the last.
    words: Vec<u64>,
    upper: Vec<Vec<u64>>,
}

impl Bits {
    /// Memory for numbers below `capacity`.
    pub(super) fn new(capacity: usize) -> Result<Self> {
        let mut words = capacity.max(1).div_ceil(64);
        let mut bits = Self {
            words: reserve(words + 2, 0, "the ranks of a window")?,
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

    pub(super) fn set(&mut self) -> Set<'_> {
        Set {
            words: &mut self.words,
            upper: &mut self.upper,
        }
    }
}

/// The set in use; what is called seldom never sees its address, so that it stays in registers.
#[derive(Debug)]
pub(super) struct Set<'a> {
    words: &'a mut [u64],
    upper: &'a mut [Vec<u64>],
}

/// The set to look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    words: &'a [u64],
    upper: &'a [Vec<u64>],
}

impl Set<'_> {
    #[inline(always)]
    pub(super) fn view(&self) -> View<'_> {
        View {
            words: self.words,
            upper: self.upper,
        }
    }

    #[inline(always)]
    pub(super) fn insert(&mut self, number: usize) {
        let word = &mut self.words[number / 64 + 1];
        let was = *word;
        *word |= 1 << (number % 64);
        if was == 0 {
            fill_word(self.upper, number / 64);
        }
    }

    #[inline(always)]
    pub(super) fn remove(&mut self, number: usize) {
        let word = &mut self.words[number / 64 + 1];
        *word &= !(1 << (number % 64));
        if *word == 0 {
            empty_word(self.upper, number / 64);
        }
    }
}

#[cold]
fn fill_word(upper: &mut [Vec<u64>], mut number: usize) {
    for level in upper {
        let word = &mut level[number / 64];
        let was = *word;
        *word |= 1 << (number % 64);
        if was != 0 {
            return;
        }
        number /= 64;
    }
}

#[cold]
fn empty_word(upper: &mut [Vec<u64>], mut number: usize) {
    for level in upper {
        let word = &mut level[number / 64];
        *word &= !(1 << (number % 64));
        if *word != 0 {
            return;
        }
        number /= 64;
    }
}

impl View<'_> {
    #[inline(always)]
    pub(super) fn contains(self, number: usize) -> bool {
        self.words[number / 64 + 1] >> (number % 64) & 1 == 1
    }

    /// The number in this word with `below` numbers of the word under it; there is one.
    #[inline]
    pub(super) fn nth_of_word(self, word: usize, below: usize) -> usize {
        let mut bits = self.words[word + 1];
        for _ in 0..below {
            bits &= bits - 1;
        }
        word * 64 + bits.trailing_zeros() as usize
    }

    /// The 64 numbers before this one, as bits, the nearest highest; whether it is in the set; and the 64 after it, the nearest
    /// lowest.
    #[inline(always)]
    pub(super) fn around(self, number: usize) -> (u64, bool, u64) {
        let place = number / 64;
        let (before, here, after) = match self.words.get(place..place + 3) {
            Some(&[before, here, after]) => (before, here, after),
            _ => (0, 0, 0),
        };
        let bit = number % 64;
        (
            // In two steps, a shift by 64 is none.
            before >> bit | here << 1 << (63 - bit),
            here >> bit & 1 == 1,
            here >> bit >> 1 | after << (63 - bit),
        )
    }

    /// The least number of the set that is more than this one.
    #[inline(always)]
    pub(super) fn after(self, number: usize) -> Option<usize> {
        match self.around(number).2 {
            0 => self.after_word(number / 64),
            bits => Some(number + 1 + bits.trailing_zeros() as usize),
        }
    }

    /// The greatest number of the set that is less than this one.
    #[inline(always)]
    pub(super) fn before(self, number: usize) -> Option<usize> {
        match self.around(number).0 {
            0 => self.before_word(number / 64),
            bits => Some(number - 1 - bits.leading_zeros() as usize),
        }
    }

    #[cold]
    fn after_word(self, mut word: usize) -> Option<usize> {
        if word + 2 >= self.words.len() {
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
                return Some(number * 64 + self.words[number + 1].trailing_zeros() as usize);
            }
            word /= 64;
        }
        None
    }

    #[cold]
    fn before_word(self, mut word: usize) -> Option<usize> {
        for (above, level) in self.upper.iter().enumerate() {
            let rest = level[word / 64] << (63 - word % 64) << 1;
            if rest != 0 {
                let mut number = word - 1 - rest.leading_zeros() as usize;
                for level in self.upper[..above].iter().rev() {
                    number = number * 64 + 63 - level[number].leading_zeros() as usize;
                }
                return Some(number * 64 + 63 - self.words[number + 1].leading_zeros() as usize);
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
            let mut owner = Bits::new(capacity).unwrap();
            let mut bits = owner.set();
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
                prop_assert_eq!(bits.view().contains(number), insert);
                for from in [number, number / 2, 0, capacity - 1] {
                    prop_assert_eq!(bits.view().after(from), set.range(from + 1..).next().copied());
                    prop_assert_eq!(bits.view().before(from), set.range(..from).next_back().copied());
                }
            }
        }
    }
}
