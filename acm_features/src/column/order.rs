//! Median, median absolute deviation and quantiles of whole columns.

use acm_linalg::error::require;
use acm_linalg::lanes::Element;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Result, Table};
use ndarray::ArrayViewMut2;

use super::output::{pieces, results, same_shape};
use super::pair::interpolated;
use super::select::{COST_NS, Centre, Columns, Selector, columns_at_once};

/// Runs `work` on as many columns of `x` as are searched at once, with their place in `targets`, on all threads.
pub(super) fn for_groups<T: Element, R>(
    x: &Table<'_, T>,
    targets: impl Iterator<Item = R> + Send,
    passes: f64,
    ranks: usize,
    work: impl Fn(&mut Selector, &Columns<'_, T>, R, &Stop) + Sync,
) -> Result<()> {
    let each = columns_at_once(x.nrows());
    let starts = (0..x.ncols()).step_by(each);
    let jobs = starts.map(|start| start..(start + each).min(x.ncols())).zip(targets);
    let cost = passes * COST_NS * x.len() as f64;
    let scratch = || Selector::new(x.nrows(), ranks);
    parallel::run(jobs, cost, scratch, |selector, (columns, target), stop| {
        work(selector, &Columns { x: *x, columns }, target, stop);
    })
}

/// The centre of each column, NaN where it has no value or none is wanted of so many known ones.
pub(crate) fn centres<T: Element>(x: &Table<'_, T>, skip: impl Fn(usize) -> bool + Sync) -> Result<Vec<Centre>> {
    let mut centres = results(x.ncols(), Centre::NONE)?;
    for_groups(x, centres.chunks_mut(columns_at_once(x.nrows())), 1.0, 2, |selector, columns, target, stop| {
        let found = selector.centres(columns, &skip, stop);
        target.copy_from_slice(&found[..target.len()]);
    })?;
    Ok(centres)
}

/// Centre and median distance from it of each column.
pub(super) fn centres_and_deviations<T: Element>(x: &Table<'_, T>) -> Result<Vec<(Centre, f64)>> {
    let mut both = results(x.ncols(), (Centre::NONE, f64::NAN))?;
    for_groups(x, both.chunks_mut(columns_at_once(x.nrows())), 2.0, 2, |selector, columns, target, stop| {
        let centres = selector.centres(columns, |_| false, stop);
        let deviations = selector.deviations(columns, &centres, stop);
        for ((target, centre), deviation) in target.iter_mut().zip(centres).zip(deviations) {
            *target = (centre, deviation);
        }
    })?;
    Ok(both)
}

/// Median and median absolute deviation of each column, the latter about the former and times `scale`.
///
/// Shapes: x (n, d) -> (d,), (d,).
/// Missing: NaN and infinity are skipped; NaN for a column of nothing else. Exact: the deviations are taken from the
/// median of an even count before its rounding.
/// Cost: O(n d), a few passes whatever the data. Threads: columns. Scratch: up to four megabytes a thread.
/// Oracle: NumPy's median of the sorted values. Source: selection between values of a sample, Floyd and Rivest (1975),
/// doi 10.1145/360680.360691; of columns beyond the scratch by distribution, Knuth, The Art of Computer Programming 3, section
/// 5.2.5 run from the leading digit.
///
/// # Errors
/// [`crate::Error::Parameter`] unless `scale` is finite; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn column_median_mad<'a, T: Element>(x: impl Into<Table<'a, T>>, scale: f64) -> Result<(Vec<T>, Vec<T>)> {
    let x = x.into();
    require(scale.is_finite(), "scale", "a finite number", scale)?;
    let both = centres_and_deviations(&x)?;
    let mut medians = results(x.ncols(), T::narrow(f64::NAN))?;
    let mut mads = results(x.ncols(), T::narrow(f64::NAN))?;
    for (((centre, deviation), median), mad) in both.into_iter().zip(&mut medians).zip(&mut mads) {
        *median = T::narrow(centre.median);
        *mad = T::narrow(deviation * scale);
    }
    Ok((medians, mads))
}

/// Quantiles of each column, interpolated linearly between neighbours.
///
/// Shapes: x (n, d) -> (len(q), d), written to `out`.
/// Missing: NaN and infinity are skipped; NaN for a column of nothing else.
/// Cost: O(n d), all from the same passes. Threads: columns. Scratch: up to four megabytes a thread, eight for many quantiles.
/// Oracle: `numpy.nanquantile`, its linear method: place `q (count - 1)` in the sorted values. Source: Hyndman & Fan (1996),
/// doi 10.1080/00031305.1996.10473566, definition 7.
///
/// # Errors
/// [`crate::Error::Parameter`] unless every quantile lies in [0, 1] and there is one; [`crate::Error::Shape`] for another
/// `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn column_quantiles<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    q: &[f64],
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    require(!q.is_empty(), "q", "one number or more, so its length at least 1", 0_usize)?;
    for &q in q {
        require((0.0..=1.0).contains(&q), "q", "between 0 and 1", q)?;
    }
    same_shape(&out, (q.len(), x.ncols()))?;
    let targets = pieces(out.view_mut(), columns_at_once(x.nrows()))?.into_iter();
    let wanted = |known: usize, ranks: &mut Vec<usize>| {
        for &q in q {
            let (place, fraction) = place_of(q, known);
            ranks.push(place);
            ranks.push(if fraction > 0.0 { (place + 1).min(known - 1) } else { place });
        }
    };
    for_groups(&x, targets, 1.5, 2 * q.len(), |selector, columns, mut target, stop| {
        selector.ranks(columns, wanted, stop, |column, known, at| {
            for (&q, target) in q.iter().zip(target.column_mut(column)) {
                let (place, fraction) = place_of(q, known);
                let low = at(place);
                *target = T::narrow(if fraction > 0.0 {
                    interpolated(low, at(place + 1), fraction, 1.0)
                } else {
                    low
                });
            }
        });
    })
}

/// The rank below a quantile of `known` values and how far it lies beyond it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the count"
)]
pub(crate) fn place_of(q: f64, known: usize) -> (usize, f64) {
    let place = q * (known.saturating_sub(1) as f64);
    (place as usize, place - place.floor())
}
