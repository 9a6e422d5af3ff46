//! Ranks by radix sort, whose cost hardly depends on the data.

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::Row;

use crate::ordering::{ABSENT, order, value};

/// A value that has no rank.
pub(super) const MISSING: u32 = u32::MAX;

/// Digits of a value's leading bits that are sorted by, one a pass; what they leave together is sorted by itself.
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
const PASSES: usize = 3;

/// Where the digits in use could tell apart so many times the values or less, there is a pass more.
const SPARSE: usize = 16;

/// Values left together up to which each is compared with all others, and from which on they are sorted by digits once more.
const FEW: usize = 24;
const MANY: usize = 96;

/// Bits of such a digit.
const SMALL: u32 = 8;

pub(super) struct Sorter {
    orders: Vec<u64>,
    keys: Vec<u64>,
    spare: Vec<u64>,
    starts: Vec<[u32; DIGITS]>,
    /// Those of the pass that is not always taken.
    last: Box<[u32; DIGITS]>,
    /// Ranks of keys whose leading digits are those of the one before.
    together: Vec<u32>,
}

impl Sorter {
    pub(super) fn new(rows: usize) -> Result<Self> {
        let memory = || reserve(rows, 0, "the ranks of a window");
        Ok(Self {
            orders: memory()?,
            keys: memory()?,
            spare: memory()?,
            starts: vec![[0; DIGITS]; PASSES],
            last: Box::new([0; DIGITS]),
            together: reserve(rows, 0, "the ranks of a window")?,
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
        // What the values have in common would only waste digits.
        let least = order(least);
        let bits = u64::BITS - order(most).saturating_sub(least).leading_zeros();
        // The rest of a key is its row.
        let row_bits = usize::BITS - x.len().leading_zeros();
        let shift = (row_bits + bits).saturating_sub(u64::BITS);
        let rest = row_bits + (bits - shift).saturating_sub(DIGIT * PASSES as u32);
        for count in &mut self.starts {
            count.fill(0);
        }
        let mut length = 0;
        let orders = &mut self.orders[..x.len()];
        for (row, ((x, place), rank)) in x.iter().zip(&mut *orders).zip(&mut *ranks).enumerate() {
            let order = order(x.0[lane]);
            *place = order;
            *rank = MISSING;
            if order < ABSENT {
                let key = (order - least) >> shift << row_bits | row as u64;
                self.keys[length] = key;
                length += 1;
                for (pass, count) in self.starts.iter_mut().enumerate() {
                    count[digit::<DIGITS>(key, rest + pass as u32 * DIGIT)] += 1;
                }
            }
        }
        let (mut keys, mut spare) = (&mut self.keys[..length], &mut self.spare[..length]);
        let in_use = |starts: &[u32; DIGITS]| starts.iter().fold(0, |sum, &count| sum + usize::from(count > 0));
        let apart = self.starts.iter().map(in_use).fold(1, usize::saturating_mul);
        let (mut first, mut rest) = (rest, rest);
        if rest > row_bits && apart <= SPARSE * length {
            let place = rest.saturating_sub(DIGIT).max(row_bits);
            count(keys, &mut self.last, place);
            if scatter(keys, spare, &mut self.last, place) {
                std::mem::swap(&mut keys, &mut spare);
            }
            (first, rest) = (rest, place);
        }
        for (pass, starts) in self.starts.iter_mut().enumerate() {
            if scatter(keys, spare, starts, first + pass as u32 * DIGIT) {
                std::mem::swap(&mut keys, &mut spare);
            }
        }
        let (mut last, mut together) = (u64::MAX, 0);
        for (rank, (&key, place)) in (0_u32..).zip(keys.iter().zip(&mut *values)) {
            let row = row_of(key, row_bits);
            ranks[row] = rank;
            *place = value(orders[row]);
            self.together[together] = rank;
            together += usize::from((key ^ last) >> rest == 0);
            last = key;
        }
        if rest > row_bits || shift > 0 {
            for next in self.together[..together].chunk_by(|one, next| one + 1 == *next) {
                let (from, to) = (next[0] as usize - 1, next[0] as usize + next.len());
                let (keys, spare) = (&mut keys[from..to], &mut spare[from..to]);
                if !part(keys, spare, orders, row_bits) {
                    continue;
                }
                for (rank, (&key, place)) in (next[0] - 1..).zip(keys.iter().zip(&mut values[from..to])) {
                    let row = row_of(key, row_bits);
                    ranks[row] = rank;
                    *place = value(orders[row]);
                }
            }
        }
    }
}

/// Puts keys whose leading digits agree in the order of their values; false where all are equal.
fn part(keys: &mut [u64], spare: &mut [u64], orders: &[u64], row_bits: u32) -> bool {
    let order_of = |key: u64| orders[row_of(key, row_bits)];
    let (least, most) = keys.iter().fold((u64::MAX, 0), |(least, most), &key| {
        let order = order_of(key);
        (least.min(order), most.max(order))
    });
    let bits = u64::BITS - (most - least).leading_zeros();
    if bits == 0 {
        return false;
    }
    if bits + row_bits > u64::BITS {
        keys.sort_unstable_by_key(|&key| order_of(key));
        return true;
    }
    let row = (1 << row_bits) - 1;
    keys.iter_mut().for_each(|key| *key = (order_of(*key) - least) << row_bits | (*key & row));
    if keys.len() <= FEW {
        // As many comparisons, but no branch that data decide.
        for &key in &*keys {
            let below = keys.iter().fold(0, |below, &other| below + usize::from(other < key));
            spare[below] = key;
        }
        keys.copy_from_slice(spare);
    } else if keys.len() < MANY {
        keys.sort_unstable();
    } else {
        let (mut from, mut to) = (keys, spare);
        let mut swapped = false;
        let mut starts = [0; 1 << SMALL];
        for place in (row_bits..row_bits + bits).step_by(SMALL as usize) {
            count(from, &mut starts, place);
            if scatter(from, to, &mut starts, place) {
                std::mem::swap(&mut from, &mut to);
                swapped = !swapped;
            }
        }
        if swapped {
            to.copy_from_slice(from);
        }
    }
    true
}

/// How many keys have each digit.
#[inline(always)]
fn count<const DIGITS: usize>(keys: &[u64], counts: &mut [u32; DIGITS], place: u32) {
    counts.fill(0);
    for &key in keys {
        counts[digit::<DIGITS>(key, place)] += 1;
    }
}

/// Sorts keys by a digit, into the other place; false, and nothing is done, where all have the same.
#[inline(always)]
fn scatter<const DIGITS: usize>(keys: &[u64], to: &mut [u64], starts: &mut [u32; DIGITS], place: u32) -> bool {
    let Some(&first) = keys.first() else { return false };
    if starts[digit::<DIGITS>(first, place)] as usize == keys.len() {
        return false;
    }
    let mut sum = 0;
    for start in starts.iter_mut() {
        (*start, sum) = (sum, sum + *start);
    }
    for &key in keys {
        let start = &mut starts[digit::<DIGITS>(key, place)];
        to[*start as usize] = key;
        *start += 1;
    }
    true
}

#[expect(clippy::cast_possible_truncation, reason = "a row of a tile in memory")]
#[inline(always)]
fn row_of(key: u64, row_bits: u32) -> usize {
    (key & ((1 << row_bits) - 1)) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "masked to the bits of a digit")]
#[inline(always)]
fn digit<const DIGITS: usize>(key: u64, place: u32) -> usize {
    (key >> place) as usize % DIGITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        for rows in [1, 2, FEW, FEW + 1, MANY - 1, MANY, 3_000] {
            // As many about each level as none, a few, and most rows are.
            for levels in [1, 2, rows.div_ceil(MANY), rows.div_ceil(FEW), rows] {
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
