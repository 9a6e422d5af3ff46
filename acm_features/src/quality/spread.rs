//! Where a sensor's readings usually lie.

use acm_linalg::lanes::Element;
use acm_linalg::memory::reserve;
use acm_linalg::parallel;
use acm_linalg::{Result, Table};
use ndarray::ArrayView2;

use super::codes::is_customary;
use super::gather;
use crate::column::{SEARCH_COST_NS, SearchedColumns, Selector, place_of};

/// Quantiles one standard deviation, times [`REACH`], about the median of normal data.
const QUANTILES: [f64; 3] = [0.15, 0.5, 0.85];
const REACH: f64 = 1.036;

/// Makes the median absolute deviation of normal data its standard deviation.
const NORMAL: f64 = 1.4826;

/// Fewest readings with the machine moving that tell a spread.
const FEW: usize = 20;

/// Robust standard deviations beyond which a reading is far outside.
const FAR: f64 = 8.0;

/// Median, and a robust standard deviation below and above it, for sensors that lean to one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub centre: f64,
    /// The larger of 1.4826 median absolute deviations and the quantile's own reach, on each side.
    pub below: f64,
    /// Likewise.
    pub above: f64,
}

impl Spread {
    pub(super) const NONE: Self = Self {
        centre: f64::NAN,
        below: f64::NAN,
        above: f64::NAN,
    };

    /// Robust standard deviation, of both sides together.
    #[must_use]
    pub fn width(&self) -> f64 {
        0.5 * (self.below + self.above)
    }

    /// Whether a reading lies far outside; where most readings are one, whether it is what historians write instead.
    #[inline(always)]
    pub(super) fn is_far(&self, value: f64) -> bool {
        let (below, above) = (self.centre - FAR * self.below, self.centre + FAR * self.above);
        if below < above {
            value < below || value > above
        } else {
            value != self.centre && is_customary(value)
        }
    }
}

/// The spread of each sensor's readings, without what historians write where there is none, and while the machine moves
/// where that tells enough.
pub(super) fn measure<T: Element>(x: &Table<'_, T>, still: &[bool], spreads: &mut [Spread]) -> Result<()> {
    let rows = x.nrows();
    parallel::run(
        spreads.iter_mut().enumerate(),
        4.0 * SEARCH_COST_NS * x.len() as f64,
        || Ok((reserve(rows, 0.0, "a column")?, Selector::new(rows, QUANTILES.len())?)),
        |(column, selector), (place, spread), stop| {
            for moving in [true, false] {
                gather(x.column(place), column, stop);
                let mut known = 0;
                for (value, still) in column.iter_mut().zip(still) {
                    if (moving && *still) || is_customary(*value) {
                        *value = f64::NAN;
                    }
                    known += usize::from(!value.is_nan());
                }
                if moving && known < FEW {
                    continue;
                }
                if stop.requested() {
                    return;
                }
                let Ok(view) = ArrayView2::from_shape((rows, 1), column) else {
                    return;
                };
                let of = SearchedColumns {
                    x: view.into(),
                    columns: 0..1,
                };
                let centre = selector.centres(&of, |_| false, stop)[0];
                let mad = NORMAL * selector.deviations(&of, &[centre; 8], stop)[0];
                let mut quantiles = [f64::NAN; 3];
                let wanted =
                    |known: usize, ranks: &mut Vec<usize>| ranks.extend(QUANTILES.map(|q| place_of(q, known).0));
                selector.ranks(&of, wanted, stop, |_, known, at| {
                    if known > 0 {
                        quantiles = QUANTILES.map(|q| at(place_of(q, known).0));
                    }
                });
                let [low, middle, high] = quantiles;
                let (below, above) = (mad.max((middle - low) / REACH), mad.max((high - middle) / REACH));
                *spread = Spread {
                    centre: centre.median,
                    below: if below > 0.0 { below } else { above },
                    above: if above > 0.0 { above } else { below },
                };
                return;
            }
        },
    )
}
