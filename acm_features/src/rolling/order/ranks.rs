//! Ranks by radix sort: the same passes whatever the data.

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::Row;

use crate::ordering::{ABSENT, order};

/// A value that has no rank.
pub(super) const MISSING: u32 = u32::MAX;

/// Least bits of a key that hold the row; the rest hold the value's leading bits, a digit for each pass of the sort.
const ROW_BITS: u32 = 20;
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
const PASSES: usize = 4;

const _: () = assert!(DIGIT * PASSES as u32 + ROW_BITS == u64::BITS);

pub(super) struct Sorter {
    orders: Vec<u64>,
    keys: Vec<u64>,
    spare: Vec<u64>,
    starts: Vec<[u32; DIGITS]>,
}

impl Sorter {
    pub(super) fn new(rows: usize) -> Result<Self> {
        let memory = || reserve(rows, 0, "the ranks of a window");
        Ok(Self {
            orders: memory()?,
            keys: memory()?,
            spare: memory()?,
            starts: vec![[0; DIGITS]; PASSES],
        })
    }

    /// Ranks the rows of one lane: `ranks` by row, `values` by rank.
    pub(super) fn rank(&mut self, x: &[Row], lane: usize, ranks: &mut [u32], values: &mut [f64]) {
        let (mut least, mut most) = (u64::MAX, 0);
        for (x, place) in x.iter().zip(&mut self.orders) {
            let order = order(x.0[lane]);
            *place = order;
            if order < ABSENT {
                least = least.min(order);
                most = most.max(order);
            }
        }
        // What the values have in common would only waste digits.
        let row_bits = ROW_BITS.max(usize::BITS - x.len().leading_zeros());
        let row_of = |key: u64| row_of(key, row_bits);
        let shift = (row_bits + u64::BITS - most.saturating_sub(least).leading_zeros()).saturating_sub(u64::BITS);
        for count in &mut self.starts {
            count.fill(0);
        }
        let mut length = 0;
        for (row, &order) in self.orders[..x.len()].iter().enumerate() {
            ranks[row] = MISSING;
            if order < ABSENT {
                let key = (order - least) >> shift << row_bits | row as u64;
                self.keys[length] = key;
                length += 1;
                for (pass, count) in self.starts.iter_mut().enumerate() {
                    count[digit(key >> row_bits, pass)] += 1;
                }
            }
        }
        let (mut keys, mut spare) = (&mut self.keys[..length], &mut self.spare[..length]);
        for (pass, starts) in self.starts.iter_mut().enumerate() {
            let Some(&first) = keys.first() else { return };
            // Where all keys share the digit the pass would change nothing.
            if starts[digit(first >> row_bits, pass)] as usize == length {
                continue;
            }
            let mut sum = 0;
            for start in starts.iter_mut() {
                (*start, sum) = (sum, sum + *start);
            }
            for &key in &*keys {
                let place = &mut starts[digit(key >> row_bits, pass)];
                spare[*place as usize] = key;
                *place += 1;
            }
            std::mem::swap(&mut keys, &mut spare);
        }
        if shift > 0 {
            // Rows whose leading bits agree still lie as they came.
            let orders = &self.orders;
            for same in keys.chunk_by_mut(|a, b| a >> row_bits == b >> row_bits) {
                if same.len() > 1 {
                    same.sort_unstable_by_key(|key| orders[row_of(*key)]);
                }
            }
        }
        for (rank, (key, value)) in (0_u32..).zip(keys.iter().zip(values)) {
            let row = row_of(*key);
            ranks[row] = rank;
            *value = x[row].0[lane];
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a row of a tile in memory")]
#[inline(always)]
fn row_of(key: u64, row_bits: u32) -> usize {
    (key & ((1 << row_bits) - 1)) as usize
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
        fn ranks_in_the_order_of_the_values(column in proptest::collection::vec(
            prop_oneof![Just(f64::NAN), -1e300..1e300, -3.0..3.0, 1e9..1e9 + 1e-3, (-2..2_i32).prop_map(f64::from)], 0..400,
        )) {
            let x: Vec<Row> = column.iter().map(|&value| Row::splat(value)).collect();
            let mut ranks = vec![0; x.len()];
            let mut values = vec![0.0; x.len()];
            Sorter::new(x.len()).unwrap().rank(&x, 3, &mut ranks, &mut values);
            let mut rows: Vec<usize> = (0..x.len()).filter(|&row| !column[row].is_nan()).collect();
            rows.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
            let mut seen = vec![false; rows.len()];
            for (rank, row) in rows.into_iter().enumerate() {
                prop_assert_eq!(values[rank], column[row]);
                prop_assert_eq!(values[ranks[row] as usize], column[row]);
                prop_assert!(!std::mem::replace(&mut seen[ranks[row] as usize], true));
            }
            for (row, value) in column.iter().enumerate() {
                prop_assert!(!value.is_nan() || ranks[row] == MISSING);
            }
        }
    }
}
