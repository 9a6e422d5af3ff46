//! One pair of columns in two passes over the rows that both have: for the few whose shared sums would cancel.

use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, LANES};
use acm_linalg::memory::push;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Result, Table};
use ndarray::ArrayView1;

use super::moments::{Moments, Pair, PairSums};
use super::ranks::pause;
use super::scan::scale_for;

/// Rows between looks at whether to stop; the sums of so many are added up before they join the total.
const PIECE: usize = 4096;

/// A left column, and the values that it and a right one have in common.
struct Common {
    left: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
}

/// The moments of each pair of a column of `left` with one of `right`, the pairs of a left column adjacent.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn moments<T: Element>(left: &Table<'_, T>, right: &Table<'_, T>, pairs: &[Pair]) -> Result<Vec<Moments>> {
    let what = "a pair of columns";
    let rows = left.nrows();
    let mut found = reserve(pairs.len(), Moments::default(), what)?;
    let mut jobs = Vec::new();
    let mut rest = &mut found[..];
    for same in pairs.chunk_by(|a, b| a.left == b.left) {
        let (here, others) = rest.split_at_mut(same.len());
        rest = others;
        push(&mut jobs, (same, here), what)?;
    }
    let cost = 6.0 * rows as f64 * pairs.len() as f64;
    let scratch = || {
        Ok(Common {
            left: reserve(rows, 0.0, what)?,
            a: reserve(rows, 0.0, what)?,
            b: reserve(rows, 0.0, what)?,
        })
    };
    parallel::run(jobs, cost, scratch, |common, (pairs, found), stop| {
        let Some(first) = pairs.first() else { return };
        let column = left.column(first.left);
        column.iter().zip(&mut common.left).for_each(|(from, to)| *to = from.widen());
        for (pair, found) in pairs.iter().zip(found) {
            if stop.requested() {
                return;
            }
            *found = of(common, right.column(pair.right), stop);
        }
    })?;
    Ok(found)
}

/// The moments of the left column at hand with `right`.
fn of<T: Element>(common: &mut Common, right: ArrayView1<'_, T>, stop: &Stop) -> Moments {
    let mut count = 0;
    let (mut most_a, mut most_b) = (0.0_f64, 0.0_f64);
    for (row, (left, right)) in common.left.iter().zip(right).enumerate() {
        if pause(row, stop) {
            break;
        }
        let right = right.widen();
        if left.is_finite() && right.is_finite() {
            (common.a[count], common.b[count]) = (*left, right);
            (most_a, most_b) = (most_a.max(left.abs()), most_b.max(right.abs()));
            count += 1;
        }
    }
    let (scale_a, scale_b) = (scale_for(most_a), scale_for(most_b));
    let (a, b) = (&mut common.a[..count], &mut common.b[..count]);
    centre(a, scale_a, stop);
    centre(b, scale_b, stop);
    let mut total = [0.0; 5];
    for (a, b) in a.chunks(PIECE).zip(b.chunks(PIECE)) {
        if stop.requested() {
            break;
        }
        let mut sums = [[0.0; LANES]; 5];
        for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
            for (lane, (a, b)) in a.iter().zip(b).enumerate() {
                for (sum, term) in sums.iter_mut().zip([a * b, *a, a * a, *b, b * b]) {
                    sum[lane] += term;
                }
            }
        }
        for (total, sums) in total.iter_mut().zip(sums) {
            *total += sums.iter().sum::<f64>();
        }
    }
    let [product, left, left_squares, right, right_squares] = total;
    Moments::of(
        &PairSums {
            count: count as f64,
            product,
            left,
            left_squares,
            right,
            right_squares,
        },
        scale_a,
        scale_b,
    )
}

/// Scales and subtracts the mean, rounded; a constant becomes zeros, for the mean is taken from the first value.
fn centre(values: &mut [f64], scale: f64, stop: &Stop) {
    let Some(&first) = values.first() else { return };
    let anchor = first * scale;
    let mut sum = 0.0;
    for piece in values.chunks_mut(PIECE) {
        if stop.requested() {
            return;
        }
        let mut lanes = [0.0; LANES];
        for values in piece.chunks_mut(LANES) {
            for (value, lane) in values.iter_mut().zip(&mut lanes) {
                *value *= scale;
                *lane += *value - anchor;
            }
        }
        sum += lanes.iter().sum::<f64>();
    }
    let mean = anchor + sum / values.len() as f64;
    for value in values {
        *value -= mean;
    }
}
