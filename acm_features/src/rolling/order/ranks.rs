//! Ranks by radix sort: the same passes whatever the data.

use acm_linalg::Result;
use acm_linalg::error::Error;
use acm_linalg::lanes::Row;

/// A value that has no rank.
pub(super) const MISSING: u32 = u32::MAX;

/// Bits of a key that one pass looks at, and the passes that 64 of them take.
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
const PASSES: usize = 64_usize.div_ceil(DIGIT as usize);

/// A value as a number of the same order, and its row.
#[derive(Clone, Copy, Default)]
struct Key {
    order: u64,
    row: u32,
}

pub(super) struct Sorter {
    keys: Vec<Key>,
    spare: Vec<Key>,
    starts: Vec<[u32; DIGITS]>,
}

impl Sorter {
    pub(super) fn new(rows: usize) -> Result<Self> {
        let memory = || {
            let mut keys = Vec::new();
            keys.try_reserve_exact(rows).map_err(|_| Error::Memory {
                what: "the ranks of a window",
                rows,
                columns: 1,
            })?;
            Ok(keys)
        };
        Ok(Self {
            keys: memory()?,
            spare: memory()?,
            starts: vec![[0; DIGITS]; PASSES],
        })
    }

    /// Ranks the rows of one lane: `ranks` by row, `values` by rank. Equal values rank in the order of their rows.
    pub(super) fn rank(&mut self, x: &[Row], lane: usize, ranks: &mut [u32], values: &mut [f64]) {
        self.keys.clear();
        for count in &mut self.starts {
            count.fill(0);
        }
        for (row, x) in x.iter().enumerate() {
            let value = x.0[lane];
            ranks[row] = MISSING;
            if value.is_nan() {
                continue;
            }
            let order = order(value);
            for (pass, count) in self.starts.iter_mut().enumerate() {
                count[digit(order, pass)] += 1;
            }
            #[expect(clippy::cast_possible_truncation, reason = "rows of a tile stay below 2^32")]
            self.keys.push(Key { order, row: row as u32 });
        }
        self.spare.resize(self.keys.len(), Key::default());
        for (pass, starts) in self.starts.iter_mut().enumerate() {
            let Some(first) = self.keys.first() else { return };
            // Where all keys share the digit the pass would change nothing.
            if starts[digit(first.order, pass)] as usize == self.keys.len() {
                continue;
            }
            let mut sum = 0;
            for start in starts.iter_mut() {
                (*start, sum) = (sum, sum + *start);
            }
            for key in &self.keys {
                let place = &mut starts[digit(key.order, pass)];
                self.spare[*place as usize] = *key;
                *place += 1;
            }
            std::mem::swap(&mut self.keys, &mut self.spare);
        }
        for (rank, key) in self.keys.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "rows of a tile stay below 2^32")]
            let rank_of_row = rank as u32;
            ranks[key.row as usize] = rank_of_row;
            values[rank] = x[key.row as usize].0[lane];
        }
    }
}

/// A number that rises with the value: the sign bit turned, and with it all others where the value is negative.
#[inline(always)]
fn order(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ ((bits.cast_signed() >> 63).cast_unsigned() | 1 << 63)
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 11 bits")]
#[inline(always)]
fn digit(order: u64, pass: usize) -> usize {
    (order >> (pass as u32 * DIGIT)) as usize % DIGITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_as_a_stable_sort_does(column in proptest::collection::vec(
            prop_oneof![Just(f64::NAN), -1e300..1e300, -3.0..3.0, (-2..2_i32).prop_map(f64::from)], 0..400,
        )) {
            let x: Vec<Row> = column.iter().map(|&value| Row::splat(value)).collect();
            let mut ranks = vec![0; x.len()];
            let mut values = vec![0.0; x.len()];
            Sorter::new(x.len()).unwrap().rank(&x, 3, &mut ranks, &mut values);
            let mut rows: Vec<usize> = (0..x.len()).filter(|&row| !column[row].is_nan()).collect();
            rows.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
            for (rank, row) in rows.into_iter().enumerate() {
                prop_assert_eq!(ranks[row] as usize, rank);
                prop_assert_eq!(values[rank], column[row]);
            }
            for (row, value) in column.iter().enumerate() {
                prop_assert!(!value.is_nan() || ranks[row] == MISSING);
            }
        }
    }
}
