//! What takes the place of a column's missing values.

use acm_linalg::lanes::{Element, canonical};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result};
use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::ordering::{ABSENT, order, value};
use crate::rolling::middle;

const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;

/// Values that are copied out to be searched; where there are more, their leading digits are counted first.
const FEW: usize = 1 << 15;

/// A fill value for each column: the given one where it is a number, else the median of the column's non-missing values,
/// 0 where it has none. Columns without missing values get 0; an empty array needs none.
///
/// # Errors
/// [`Error::Length`] for another number of given values; [`Error::Interrupted`].
pub(crate) fn fill_values<T: Element>(x: &ArrayView2<'_, T>, given: Option<&[f64]>) -> Result<Vec<f64>> {
    if let Some(given) = given
        && given.len() != x.ncols()
    {
        return Err(Error::Length {
            name: "fill",
            expected: x.ncols(),
            got: given.len(),
        });
    }
    if x.is_empty() {
        return Ok(Vec::new());
    }
    let mut fill = vec![0.0; x.ncols()];
    let jobs = fill.iter_mut().enumerate().collect();
    let cost = 4.0 * x.len() as f64;
    let scratch = || Ok((vec![0_u32; DIGITS], Vec::with_capacity(FEW.min(x.nrows()))));
    parallel::run(jobs, cost, scratch, |(counts, few), (column, fill), stop| {
        let values = x.index_axis(Axis(1), column);
        if values.iter().take_while(|_| !stop.requested()).any(|value| !value.widen().is_finite()) {
            let given = given.map_or(f64::NAN, |given| given[column]);
            *fill = if given.is_finite() { given } else { median(&values, counts, few, stop) };
        }
    })?;
    Ok(fill)
}

/// The median of what is not missing, 0 where all is.
fn median<T: Element>(values: &ArrayView1<'_, T>, counts: &mut [u32], few: &mut Vec<u64>, stop: &Stop) -> f64 {
    let orders = || {
        let orders = values
            .iter()
            .take_while(|_| !stop.requested())
            .map(|value| order(canonical(value.widen(), f64::NAN)));
        orders.filter(|&order| order < ABSENT)
    };
    let known = orders().count();
    if known == 0 || stop.requested() {
        return 0.0;
    }
    let low = select(orders, known, (known - 1) / 2, counts, few);
    let high = if known % 2 == 1 { low } else { select(orders, known, known / 2, counts, few) };
    middle(value(low), value(high))
}

/// The order with `below` of the `known` others under it, in constant memory: digit by digit from the top until few are left.
fn select<I: Iterator<Item = u64>>(
    orders: impl Fn() -> I,
    known: usize,
    mut below: usize,
    counts: &mut [u32],
    few: &mut Vec<u64>,
) -> u64 {
    let mut left = known;
    let mut prefix = 0;
    let mut shift = u64::BITS;
    // A shift by 64 is none: the prefix of no digits is that of every order.
    let leads = |order: u64, prefix: u64, shift: u32| order.checked_shr(shift).unwrap_or(0) == prefix;
    while left > FEW && shift > 0 {
        let width = DIGIT.min(shift);
        let next = shift - width;
        counts.fill(0);
        for order in orders().filter(|&order| leads(order, prefix, shift)) {
            counts[digit(order >> next, width)] += 1;
        }
        let mut found = 0;
        for (number, &count) in (0_u64..).zip(&*counts) {
            if below < count as usize {
                (found, left) = (number, count as usize);
                break;
            }
            below -= count as usize;
        }
        prefix = prefix << width | found;
        shift = next;
    }
    if shift == 0 {
        return prefix;
    }
    few.clear();
    few.extend(orders().filter(|&order| leads(order, prefix, shift)));
    // Less was read than counted only where the work was stopped.
    if below < few.len() { *few.select_nth_unstable(below).1 } else { prefix }
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 11 bits")]
fn digit(order: u64, width: u32) -> usize {
    (order & ((1 << width) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn given_values_come_first_and_columns_without_gaps_need_none() {
        let x = array![[f64::NAN, 1.0, f64::NAN, f64::INFINITY], [2.0, 2.0, f64::NAN, -3.0]];
        let given = [7.0, 7.0, f64::NAN, f64::NAN];
        assert_eq!(fill_values(&x.view(), Some(&given)).unwrap(), [7.0, 0.0, 0.0, -3.0]);
        assert_eq!(fill_values(&x.view(), None).unwrap(), [2.0, 0.0, 0.0, -3.0]);
        assert!(fill_values(&x.view(), Some(&given[..3])).is_err());
    }

    #[test]
    fn long_columns_are_searched_digit_by_digit() {
        for repeats in [1, FEW] {
            let values = (0..3 * FEW).map(|row| (row / repeats) as f64 * 0.1 - 7.0).chain([f64::NAN]);
            let x = Array2::from_shape_vec((3 * FEW + 1, 1), values.collect()).unwrap();
            let middle = |row: usize| (row / repeats) as f64 * 0.1 - 7.0;
            let expected = (middle(3 * FEW / 2 - 1) + middle(3 * FEW / 2)) * 0.5;
            assert_eq!(fill_values(&x.view(), None).unwrap(), [expected]);
        }
    }

    proptest! {
        #[test]
        fn the_median_is_that_of_the_sorted_values(
            column in proptest::collection::vec(prop_oneof![-1e300..1e300, -3.0..3.0, (-2..2_i32).prop_map(f64::from)], 1..60),
        ) {
            let mut x = Array2::from_elem((column.len() + 1, 1), f64::NAN);
            for (row, &value) in column.iter().enumerate() {
                x[[row, 0]] = value;
            }
            let mut sorted = column;
            sorted.sort_by(f64::total_cmp);
            let half = sorted.len() / 2;
            let median = if sorted.len() % 2 == 1 { sorted[half] } else { middle(sorted[half - 1], sorted[half]) };
            prop_assert_eq!(fill_values(&x.view(), None).unwrap(), [median]);
        }
    }
}
