//! What becomes of a column's missing values.

use acm_linalg::lanes::Element;
use acm_linalg::memory::{Gather, copied};
use acm_linalg::{Error, Result, Table};

use crate::column;

/// What becomes of missing values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gaps<'a> {
    /// They stay missing: statistics use what there is.
    Kept,
    /// Each becomes the median of its column, that of the whole array; 0 where all is missing.
    Median,
    /// Each becomes the number given for its column, or as with `Median` where that is NaN or infinite.
    Filled(&'a [f64]),
}

/// A fill value for each column: the given one where it is a number, else the median of the column's non-missing values,
/// 0 where it has none or needs none; an empty array needs none.
///
/// # Errors
/// [`Error::Length`] for another number of given values; [`Error::Interrupted`].
pub(crate) fn fill_values<T: Element>(x: &Table<'_, T>, given: Option<&[f64]>) -> Result<Vec<f64>> {
    let mut fill = medians_where_missing(x, given)?;
    for value in &mut fill {
        if value.is_nan() {
            *value = 0.0;
        }
    }
    Ok(fill)
}

/// As [`fill_values`], NaN where that gives 0.
pub(crate) fn medians_where_missing<T: Element>(x: &Table<'_, T>, given: Option<&[f64]>) -> Result<Vec<f64>> {
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
    let rows = x.nrows();
    let mut fill: Vec<f64> = match given {
        Some(given) if given.iter().all(|value| value.is_finite()) => return copied(given, "the fill"),
        _ => column::centres(x, |known| known == rows)?
            .iter()
            .map(|centre| centre.median)
            .gathered("the fill")?,
    };
    for (fill, &given) in fill.iter_mut().zip(given.unwrap_or_default()) {
        if given.is_finite() {
            *fill = given;
        }
    }
    Ok(fill)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;
    use crate::rolling::middle;

    /// Beyond what is searched in one piece.
    const FEW: usize = 1 << 17;

    #[test]
    fn given_values_come_first_and_columns_without_gaps_need_none() {
        let x = array![[f64::NAN, 1.0, f64::NAN, f64::INFINITY], [2.0, 2.0, f64::NAN, -3.0]];
        let given = [7.0, 7.0, f64::NAN, f64::NAN];
        assert_eq!(fill_values(&x.view().into(), Some(&given)).unwrap(), [7.0, 7.0, 0.0, -3.0]);
        assert_eq!(fill_values(&x.view().into(), None).unwrap(), [2.0, 0.0, 0.0, -3.0]);
        assert!(fill_values(&x.view().into(), Some(&given[..3])).is_err());
    }

    #[test]
    fn long_columns_are_searched_digit_by_digit() {
        for repeats in [1, FEW] {
            let values = (0..3 * FEW).map(|row| (row / repeats) as f64 * 0.1 - 7.0).chain([f64::NAN]);
            let x = Array2::from_shape_vec((3 * FEW + 1, 1), values.collect()).unwrap();
            let middle = |row: usize| (row / repeats) as f64 * 0.1 - 7.0;
            let expected = (middle(3 * FEW / 2 - 1) + middle(3 * FEW / 2)) * 0.5;
            assert_eq!(fill_values(&x.view().into(), None).unwrap(), [expected]);
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
            prop_assert_eq!(fill_values(&x.view().into(), None).unwrap(), [median]);
        }
    }
}
