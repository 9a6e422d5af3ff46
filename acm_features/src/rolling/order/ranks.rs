//! Ranks by radix sort, whose cost hardly depends on the data.

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::Row;

use crate::ordering::{order, value};
use crate::radix;

/// A value that has no rank.
pub(super) const MISSING: u32 = u32::MAX;

pub(super) struct Sorter {
    orders: Vec<u64>,
    radix: radix::Sorter,
    /// Ranks of keys whose leading digits are those of the one before.
    together: Vec<u32>,
}

impl Sorter {
    pub(super) fn new(rows: usize) -> Result<Self> {
        let what = "the ranks of a window";
        Ok(Self {
            orders: reserve(rows, 0, what)?,
            radix: radix::Sorter::new(rows, what)?,
            together: reserve(rows, 0, what)?,
        })
    }

    /// Ranks the rows of one lane, whose values lie between these: `ranks` by row, `values` by rank.
    pub(super) fn rank(
        &mut self,
        (x, lane): (&[Row], usize),
        (least, most): (f64, f64),
        ranks: &mut [u32],
        values: &mut [f64],
    ) {
        let orders = &mut self.orders[..x.len()];
        for ((x, place), rank) in x.iter().zip(&mut *orders).zip(&mut *ranks) {
            *place = order(x.0[lane]);
            *rank = MISSING;
        }
        let mut sorted = self.radix.sort(orders, (order(least), order(most)), || false);
        let (mut last, mut together) = (None, 0);
        for (rank, (&key, place)) in (0_u32..).zip(sorted.keys.iter().zip(&mut *values)) {
            let row = sorted.row(key);
            ranks[row] = rank;
            *place = value(orders[row]);
            self.together[together] = rank;
            together += usize::from(last.is_some_and(|last| sorted.agree(key, last)));
            last = Some(key);
        }
        if sorted.whole {
            return;
        }
        for next in self.together[..together].chunk_by(|one, next| one + 1 == *next) {
            let (from, to) = (next[0] as usize - 1, next[0] as usize + next.len());
            if !sorted.settle(from..to, orders) {
                continue;
            }
            for (rank, (&key, place)) in (next[0] - 1..).zip(sorted.keys[from..to].iter().zip(&mut values[from..to])) {
                let row = sorted.row(key);
                ranks[row] = rank;
                *place = value(orders[row]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values up to which those that share leading digits are compared with one another.
    const FEW: usize = 64;

    fn check(column: &[f64]) {
        let x: Vec<Row> = column.iter().map(|&value| Row::splat(value)).collect();
        let known = column.iter().filter(|value| !value.is_nan());
        let range = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &value| (a.min(value), b.max(value)));
        let (mut ranks, mut values) = (vec![0; x.len()], vec![0.0; x.len()]);
        Sorter::new(x.len()).unwrap().rank((&x, 3), range, &mut ranks, &mut values);
        let mut rows: Vec<usize> = (0..x.len()).filter(|&row| !column[row].is_nan()).collect();
        rows.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
        let mut seen = vec![false; rows.len()];
        for (rank, row) in rows.into_iter().enumerate() {
            assert_eq!(values[rank].to_bits(), column[row].to_bits());
            assert_eq!(values[ranks[row] as usize].to_bits(), column[row].to_bits());
            assert!(!std::mem::replace(&mut seen[ranks[row] as usize], true));
        }
        for (row, value) in column.iter().enumerate() {
            assert!(!value.is_nan() || ranks[row] == MISSING);
        }
    }

    #[test]
    fn values_that_share_their_leading_digits_are_told_apart() {
        let scattered = |row: usize| (row * 7_919 % 10_007) as f64;
        for rows in [1, 2, FEW, FEW + 1, 3_000] {
            // As many about each level as none, a few, and most rows are.
            for levels in [
                1,
                2,
                rows.div_ceil(FEW + 1),
                rows.div_ceil(FEW),
                rows.div_ceil(20),
                rows,
            ] {
                for tiny in [0.0, 1e-9, 1e-7, 1.0] {
                    let about = |row: usize| (row % levels) as f64 * 1e3 + tiny * scattered(row);
                    check(&(0..rows).map(about).collect::<Vec<_>>());
                    check(&(0..rows).map(|row| -about(rows - row)).collect::<Vec<_>>());
                }
            }
            let stands = |row: usize| if row.is_multiple_of(3) { 0.0 } else { 1_500.0 + 1e-5 * scattered(row) };
            check(&(0..rows).map(stands).collect::<Vec<_>>());
            let either = |row: usize| {
                if row.is_multiple_of(2) {
                    1e6 + scattered(row)
                } else {
                    -1e6 - 1e-7 * scattered(row)
                }
            };
            check(&(0..rows).map(either).collect::<Vec<_>>());
            let edges = [
                f64::MAX,
                f64::MIN,
                5e-324,
                -5e-324,
                0.0,
                f64::NAN,
                f64::MIN_POSITIVE,
                1.0,
            ];
            check(&(0..rows).map(|row| edges[row * 5 % 8]).collect::<Vec<_>>());
            check(&(0..rows).map(|row| edges[row % 8] * (1.0 - 1e-16 * scattered(row))).collect::<Vec<_>>());
        }
        check(&[]);
        check(&[f64::NAN; 9]);
    }

    proptest! {
        #[test]
        fn ranks_in_the_order_of_the_values(column in proptest::collection::vec(
            prop_oneof![Just(f64::NAN), -1e300..1e300, -3.0..3.0, 1e9..1e9 + 1e-3, (-2..2_i32).prop_map(f64::from)], 0..400,
        )) {
            check(&column);
        }
    }
}
