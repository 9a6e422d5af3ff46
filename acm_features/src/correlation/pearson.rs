//! Covariances and Pearson's correlations from the sums of all pairs.

use acm_linalg::lanes::Element;
use acm_linalg::memory::push;
use acm_linalg::{Result, Table};
use ndarray::ArrayViewMut2;

use super::moments::{Moments, Pair, TINY, Wanted};
use super::pack::{Column, Side};
use super::pair;
use super::scan::scan;
use super::sums::AllSums;

/// An array's columns, each with a centre that its moments bear, and the sums of all their pairs.
#[derive(Debug)]
pub(super) struct Prepared<'a, T> {
    x: Table<'a, T>,
    columns: Vec<Column>,
    sums: AllSums,
}

/// Looks through the columns of `x` and sums up their pairs.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn prepare<T: Element>(x: Table<'_, T>) -> Result<Prepared<'_, T>> {
    let mut columns = scan(&x)?;
    let mut sums = AllSums::new(&Side { x, columns: &columns }, None)?;
    let mut moved = false;
    for (number, column) in columns.iter_mut().enumerate() {
        let own = sums.of(number, number);
        let moments = Moments::of(&own, column.scale, column.scale);
        if !moments.sound && !column.constant && own.left_squares > TINY {
            column.centre += own.left / own.count;
            moved = true;
        }
    }
    if moved {
        sums = AllSums::new(&Side { x, columns: &columns }, None)?;
    }
    Ok(Prepared { x, columns, sums })
}

impl<T: Element> Prepared<'_, T> {
    /// All pairs of the columns; symmetric to the bit.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
    pub(super) fn all<O: Element>(
        &self,
        wanted: Wanted,
        min_periods: usize,
        mut out: ArrayViewMut2<'_, O>,
    ) -> Result<()> {
        let side = Side {
            x: self.x,
            columns: &self.columns,
        };
        each(&side, None, &self.sums, wanted, min_periods, |i, j, value| {
            out[[i, j]] = O::narrow(value);
            out[[j, i]] = O::narrow(value);
        })
    }

    /// The correlation of each column of `x` with each one `lag` rows earlier; `lag` below the number of rows.
    pub(super) fn lagged(&self, lag: usize, min_periods: usize, mut out: ArrayViewMut2<'_, T>) -> Result<()> {
        let columns = &self.columns[..];
        let rows = self.x.nrows();
        let (now, then) = (self.x.of_rows(lag..rows), self.x.of_rows(0..rows - lag));
        let (now, then) = (Side { x: now, columns }, Side { x: then, columns });
        let sums = AllSums::new(&now, Some(&then))?;
        each(&now, Some(&then), &sums, Wanted::Correlation, min_periods, |i, j, value| {
            out[[i, j]] = T::narrow(value);
        })
    }
}

/// Hands what is wanted of each pair to `put`; `right` none: of the pairs on and above the diagonal.
fn each<'a, T: Element>(
    left: &'a Side<'a, T>,
    right: Option<&'a Side<'a, T>>,
    sums: &AllSums,
    wanted: Wanted,
    min_periods: usize,
    mut put: impl FnMut(usize, usize, f64),
) -> Result<()> {
    let symmetric = right.is_none();
    let right = right.unwrap_or(left);
    let columns = left.columns.len();
    let own = match wanted {
        Wanted::Correlation => 2,
        Wanted::Covariance { ddof } => ddof.saturating_add(1),
    };
    let needed = min_periods.max(own).max(1) as f64;
    let finish = |i: usize, j: usize, moments: &Moments| {
        let value = moments.get(wanted);
        let known = symmetric && i == j && wanted == Wanted::Correlation && !value.is_nan();
        if known { 1.0 } else { value }
    };
    let mut unsound: Vec<Pair> = Vec::new();
    for i in 0..columns {
        let first = if symmetric { i } else { 0 };
        for j in first..columns {
            let (a, b) = (&left.columns[i], &right.columns[j]);
            let sums = sums.of(i, j);
            let value = if sums.count < needed {
                f64::NAN
            } else if a.constant || b.constant {
                if wanted == Wanted::Correlation { f64::NAN } else { 0.0 }
            } else {
                let moments = Moments::of(&sums, a.scale, b.scale);
                if !moments.sound {
                    push(&mut unsound, Pair { left: i, right: j }, "the pairs to look at again")?;
                    continue;
                }
                finish(i, j, &moments)
            };
            put(i, j, value);
        }
    }
    let again = pair::moments(&left.x, &right.x, &unsound)?;
    for (pair, moments) in unsound.iter().zip(&again) {
        put(pair.left, pair.right, finish(pair.left, pair.right, moments));
    }
    Ok(())
}
