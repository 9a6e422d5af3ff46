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

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use proptest::prelude::RngExt;

    use super::*;

    fn spread(values: &[f64], still: &[bool]) -> Spread {
        let x = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
        let mut found = [Spread::NONE];
        measure(&x.view().into(), still, &mut found).unwrap();
        found[0]
    }

    /// Of all values, by sorting.
    fn by_hand(values: &[f64]) -> Spread {
        let sorted = |values: &mut dyn Iterator<Item = f64>| {
            let mut all: Vec<f64> = values.collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let middle = |all: &[f64]| f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
        let all = sorted(&mut values.iter().copied());
        let centre = middle(&all);
        let mad = 1.4826 * middle(&sorted(&mut values.iter().map(|value| (value - centre).abs())));
        let at = |q: f64| all[(0..all.len()).rfind(|&place| place as f64 <= q * (all.len() - 1) as f64).unwrap()];
        Spread {
            centre,
            below: mad.max((at(0.5) - at(0.15)) / 1.036),
            above: mad.max((at(0.85) - at(0.5)) / 1.036),
        }
    }

    #[test]
    fn a_spread_is_that_of_the_sorted_readings() {
        let mut draw = stream(8, 0);
        for case in 0..60_usize {
            let rows = 20 + 7 * case;
            // Leaning to either side, or to none: the quantiles reach farther than the deviation, or less far.
            let values: Vec<f64> = (0..rows)
                .map(|_| {
                    let value: f64 = draw.random_range(0.01..1.0);
                    let value = if draw.random::<f64>() < 0.6 { 0.1 * value } else { value };
                    [1.0, -1.0, if draw.random() { 1.0 } else { -1.0 }][case % 3] * value
                })
                .collect();
            let (found, expected) = (spread(&values, &vec![false; rows]), by_hand(&values));
            assert_eq!(found.centre, expected.centre, "{case}");
            assert!((found.below / expected.below - 1.0).abs() < 1e-12, "{case}");
            assert!((found.above / expected.above - 1.0).abs() < 1e-12, "{case}");
        }
    }

    #[test]
    fn readings_while_the_machine_stands_count_where_there_are_few_others() {
        let values: Vec<f64> = (0..60).map(|row| 1.0 + 0.13 * f64::from(row * row % 17)).collect();
        for moving in [19, 20, 40] {
            let still: Vec<bool> = (0..60).map(|row| row >= moving).collect();
            let counted = if moving < 20 { &values[..] } else { &values[..moving] };
            assert_eq!(spread(&values, &still), by_hand(counted), "{moving}");
        }
    }
}
