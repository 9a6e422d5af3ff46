//! A set of small numbers that finds the neighbours of any number in constant time.

/// Bits in words, and above them a bit for each word that is not empty, level upon level.
#[derive(Debug, Default)]
pub(super) struct Bits {
    levels: Vec<Vec<u64>>,
}

impl Bits {
    /// Memory for numbers below `capacity`.
    pub(super) fn new(capacity: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = capacity.max(1);
        loop {
            words = words.div_ceil(64);
            levels.push(vec![0; words]);
            if words == 1 {
                return Self { levels };
            }
        }
    }

    pub(super) fn clear(&mut self) {
        for level in &mut self.levels {
            level.fill(0);
        }
    }

    #[inline]
    pub(super) fn contains(&self, number: usize) -> bool {
        self.levels[0][number / 64] >> (number % 64) & 1 == 1
    }

    #[inline]
    pub(super) fn insert(&mut self, number: usize) {
        let mut number = number;
        for level in &mut self.levels {
            let word = &mut level[number / 64];
            let was = *word;
            *word |= 1 << (number % 64);
            if was != 0 {
                return;
            }
            number /= 64;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, number: usize) {
        let mut number = number;
        for level in &mut self.levels {
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
        let mut bits = self.levels[0][word];
        for _ in 0..below {
            bits &= bits - 1;
        }
        word * 64 + bits.trailing_zeros() as usize
    }

    /// The least number of the set that is `from` or more.
    #[inline]
    pub(super) fn at_or_after(&self, from: usize) -> Option<usize> {
        let word = *self.levels[0].get(from / 64)? >> (from % 64);
        if word != 0 {
            return Some(from + word.trailing_zeros() as usize);
        }
        self.after_word(from / 64)
    }

    fn after_word(&self, mut word: usize) -> Option<usize> {
        for (above, level) in self.levels.iter().enumerate().skip(1) {
            // Strictly after `word`: shift in two steps, a shift by 64 is none.
            let rest = level[word / 64] >> (word % 64) >> 1;
            if rest != 0 {
                let mut number = word + 1 + rest.trailing_zeros() as usize;
                for level in self.levels[..above].iter().rev() {
                    number = number * 64 + level[number].trailing_zeros() as usize;
                }
                return Some(number);
            }
            word /= 64;
        }
        None
    }

    /// The greatest number of the set that is less than `from`.
    #[inline]
    pub(super) fn before(&self, from: usize) -> Option<usize> {
        let from = from.checked_sub(1)?;
        let word = self.levels[0][from / 64] << (63 - from % 64);
        if word != 0 {
            return Some(from - word.leading_zeros() as usize);
        }
        self.before_word(from / 64)
    }

    fn before_word(&self, mut word: usize) -> Option<usize> {
        for (above, level) in self.levels.iter().enumerate().skip(1) {
            let rest = level[word / 64] << (63 - word % 64) << 1;
            if rest != 0 {
                let mut number = word - 1 - rest.leading_zeros() as usize;
                for level in self.levels[..above].iter().rev() {
                    number = number * 64 + 63 - level[number].leading_zeros() as usize;
                }
                return Some(number);
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
            let mut bits = Bits::new(capacity);
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
