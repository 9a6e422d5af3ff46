//! Order statistics of trailing windows: median, median absolute deviation, quantiles.
//!
//! Short windows are kept sorted, eight columns at a time, without a branch (`sorted`). Long ones are ranked once in
//! chunks and walked as bits (`ranked`), whose cost does not grow with the window. Both give the same bytes: an order
//! statistic is one of the values, or one rounding away from two of them.

mod bits;
mod counts;
mod ranked;
mod ranks;
mod sorted;
#[cfg(test)]
mod tests;

use acm_linalg::columns::{self, Leaf, Source, Tile};
use acm_linalg::error::require;
use acm_linalg::lanes::{Element, Row};
use acm_linalg::{Result, Table};
use fearless_simd::Simd;
use ndarray::ArrayViewMut2;

use super::bounds::Bounds;
use super::window::Window;
use super::windows::{Layout, Windows};

/// Longest windows that are kept sorted, for a median and for a deviation; and so many rows more for each quantile, up to what
/// a core holds nearest. Measured: from there on ranks are the faster.
const SORTED_LIMIT: usize = 288;
const SORTED_DEVIATION: usize = 288;
const SORTED_QUANTILE: usize = 112;
const SORTED_MOST: usize = 640;

/// What to compute of each window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) median: bool,
    /// Median absolute deviation, times this.
    pub(crate) mad: Option<f64>,
    pub(crate) quantiles: Vec<f64>,
}

impl Wanted {
    pub(crate) fn results(&self) -> usize {
        usize::from(self.median) + usize::from(self.mad.is_some()) + self.quantiles.len()
    }

    /// Longest window that is kept sorted for these.
    fn longest_sorted(&self) -> usize {
        if self.mad.is_some() {
            SORTED_DEVIATION
        } else {
            SORTED_MOST.min(SORTED_LIMIT + SORTED_QUANTILE * self.quantiles.len())
        }
    }
}

/// The leaf for order statistics, by the window's length.
pub(crate) enum Order<'a> {
    Sorted(sorted::Sorted),
    Ranked(ranked::Ranked<'a>),
}

pub(crate) enum OrderScratch {
    Sorted(sorted::SortedScratch),
    Ranked(ranked::RankedScratch),
}

impl<'a> Order<'a> {
    pub(crate) fn new(wanted: Wanted, window: Window) -> Self {
        if window.rows() <= wanted.longest_sorted() {
            Self::Sorted(sorted::Sorted { wanted, window })
        } else {
            Self::Ranked(ranked::Ranked {
                wanted,
                window,
                bounds: None,
            })
        }
    }

    /// For windows with bounds of their own.
    pub(crate) fn within(wanted: Wanted, bounds: Bounds<'a>, min_periods: usize) -> Self {
        Self::Ranked(ranked::Ranked {
            wanted,
            window: Window::at_most(bounds.longest(), min_periods),
            bounds: Some(bounds),
        })
    }
}

impl Leaf for Order<'_> {
    type Scratch = OrderScratch;

    fn blocks(&self) -> Vec<usize> {
        match self {
            Self::Sorted(leaf) => vec![leaf.wanted.results()],
            Self::Ranked(leaf) => vec![leaf.wanted.results()],
        }
    }

    fn window(&self) -> usize {
        match self {
            Self::Sorted(leaf) => leaf.window.rows(),
            Self::Ranked(leaf) => leaf.window.rows(),
        }
    }

    fn block(&self) -> Option<usize> {
        match self {
            Self::Ranked(ranked::Ranked { bounds: Some(_), .. }) => None,
            _ => Some(self.window()),
        }
    }

    fn lead(&self, _end: usize) -> usize {
        // The row that leaves a window lies one row before it.
        self.window()
    }

    fn tile_rows(&self) -> usize {
        match self {
            Self::Sorted(leaf) => super::block::tile_rows(leaf.window.rows()),
            Self::Ranked(leaf) => leaf.tile_rows(),
        }
    }

    fn cost_ns(&self) -> f64 {
        match self {
            Self::Sorted(leaf) => leaf.cost_ns(),
            Self::Ranked(leaf) => leaf.cost_ns(),
        }
    }

    fn scratch(&self, rows: usize) -> Result<OrderScratch> {
        match self {
            Self::Sorted(leaf) => leaf.scratch().map(OrderScratch::Sorted),
            Self::Ranked(leaf) => leaf.scratch(rows).map(OrderScratch::Ranked),
        }
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut OrderScratch, tile: &Tile<'_>, out: &mut [Row]) {
        match (self, scratch) {
            (Self::Sorted(leaf), OrderScratch::Sorted(scratch)) => leaf.tile(simd, scratch, tile, out),
            (Self::Ranked(leaf), OrderScratch::Ranked(scratch)) => leaf.tile(simd, scratch, tile, out),
            _ => {}
        }
    }
}

/// The middle of two values without overflow; either of them where they are equal.
#[inline(always)]
pub(crate) fn middle(low: f64, high: f64) -> f64 {
    let sum = low + high;
    if sum.abs() < f64::INFINITY { sum * 0.5 } else { low * 0.5 + high * 0.5 }
}

/// Linear interpolation between neighbours, written as NumPy and pandas write it.
#[inline(always)]
pub(crate) fn between(low: f64, high: f64, fraction: f64) -> f64 {
    let gap = high - low;
    if gap < f64::INFINITY {
        low + gap * fraction
    } else {
        low * (1.0 - fraction) + high * fraction
    }
}

fn run<T: Element>(wanted: Wanted, x: Table<'_, T>, windows: Windows<'_>, out: ArrayViewMut2<'_, T>) -> Result<()> {
    match windows.over(x.nrows())? {
        Layout::Even(window, history, late) => {
            columns::run(&Order::new(wanted, window), Source::from(x).later(late), history, out)
        }
        Layout::Uneven(bounds, history) => {
            columns::run(&Order::within(wanted, bounds, windows.min_periods()), x, history, out)
        }
    }
}

/// Trailing rolling median of each column.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: NaN and infinity are skipped; NaN out while fewer than `min_periods` (at least one) remain. Exact.
/// Cost: O(n d window) for short windows, O(n d) beyond, whatever the data.
/// Source: sorting in chunks, Suomela (2014), arXiv 1406.1717, with ranks and bits for its linked list.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn rolling_median<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let wanted = Wanted {
        median: true,
        ..Wanted::default()
    };
    run(wanted, x.into(), windows.into(), out)
}

/// Trailing rolling median absolute deviation of each column: the median of |x - median(x)| of each window, times `scale`.
///
/// Shapes: x (n, d) -> (n, d).
/// Missing: as [`rolling_median`]. Exact.
/// Cost: O(n d window) for short windows, O(n d log window) beyond.
/// Source: the k smallest deviations from the median are neighbours in sorted order, so the statistic is the least radius
/// of k neighbours about it.
///
/// # Errors
/// [`crate::Error::Parameter`] unless `scale` is finite; else as [`rolling_median`].
pub fn rolling_mad<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    scale: f64,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    require(scale.is_finite(), "scale", "a finite number", scale)?;
    let wanted = Wanted {
        mad: Some(scale),
        ..Wanted::default()
    };
    run(wanted, x.into(), windows.into(), out)
}

/// Trailing rolling quantiles of each column, linearly interpolated.
///
/// Shapes: x (n, d) -> (n, d * len(q)), the quantiles of a column adjacent.
/// Missing, cost and source: as [`rolling_median`].
///
/// # Examples
///
/// ```
/// use acm_features::rolling::{Window, rolling_quantile};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[3.0], [1.0], [4.0], [1.0]];
/// let mut out = Array2::zeros((4, 2));
/// rolling_quantile(x.view(), Window::new(3, 1)?, &[0.5, 1.0], out.view_mut())?;
/// assert_eq!(out, array![[3.0, 3.0], [2.0, 3.0], [3.0, 4.0], [1.0, 4.0]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Parameter`] unless every quantile lies in [0, 1] and there is one; else as [`rolling_median`].
pub fn rolling_quantile<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    q: &[f64],
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    require(!q.is_empty(), "q", "one number or more, so its length at least 1", 0_usize)?;
    for &q in q {
        require((0.0..=1.0).contains(&q), "q", "between 0 and 1", q)?;
    }
    let wanted = Wanted {
        quantiles: q.to_vec(),
        ..Wanted::default()
    };
    run(wanted, x.into(), windows.into(), out)
}
