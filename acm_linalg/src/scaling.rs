//! Columns brought to a common scale, and what stands for their missing values.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch, f64x8, i64x8, prelude::*};

use crate::error::Result;
use crate::lanes::{LANES, Row, V, loaded};
use crate::memory::{Gather, room};
use crate::parallel;
use crate::samples::Samples;
use crate::state::{Reader, Writer};

/// Estimated time for a value to be selected by, in nanoseconds.
const COST_NS: f64 = 12.0;

/// A range below this share of the standard deviation leaves out what the column does.
const STILL: f64 = 1e-2;

/// Share of a column's level that a few roundings of its values come to.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// What a column's values are taken relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manner {
    /// The median and the interquartile range (Tukey's hinges by linear interpolation, as NumPy's quantiles).
    Robust,
    /// The mean and the standard deviation of the population.
    Standard,
}

/// For each column: what takes the place of missing values, and the centre and scale of `(x - center) / scale`.
///
/// # Examples
///
/// ```
/// use acm_linalg::scaling::{Manner, Scaling};
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[1.0], [2.0], [3.0], [f64::NAN], [1000.0]];
/// let scaling = Scaling::fit(x.view().into(), Manner::Robust, 1e-9)?;
/// assert_eq!(scaling.center, [2.5]);
/// // What is missing counts as the median.
/// assert_eq!(scaling.scaled(f64::NAN, 0), 0.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Median of the known values; 0 where there is none.
    pub fill: Vec<f64>,
    /// What is subtracted.
    pub center: Vec<f64>,
    /// What is divided by; never below the floor.
    pub scale: Vec<f64>,
    /// How many values were known.
    pub known: Vec<u64>,
}

impl Scaling {
    /// From the known (finite) values of each column; a scale below `floor` becomes `floor`. A column without a known value
    /// gets fill and centre 0.
    ///
    /// Cost: O(n) a column and n values a thread. Any number of threads gives the same bytes.
    ///
    /// # Errors
    /// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
    pub fn fit(samples: Samples<'_>, manner: Manner, floor: f64) -> Result<Self> {
        let (rows, columns) = (samples.rows(), samples.columns());
        let mut found = room(columns, 1, (0.0, 0.0, floor, 0), "a scale for each column")?;
        let group = columns.div_ceil(parallel::num_threads()).clamp(1, LANES);
        parallel::run(
            found.chunks_mut(group).enumerate(),
            COST_NS * (rows * columns) as f64,
            || room(group, rows, 0.0, "some columns"),
            |table, (number, found), stop| {
                let first = number * group;
                let table = &mut table[..found.len() * rows];
                samples.read_columns(first..first + found.len(), table);
                for (values, found) in table.chunks_exact_mut(rows.max(1)).zip(found) {
                    if stop.requested() {
                        return;
                    }
                    let known = keep_known(values);
                    let values = &mut values[..known];
                    if known > 0 {
                        let (center, scale) = match manner {
                            Manner::Standard => mean_and_deviation(values),
                            Manner::Robust => (quantile(values, 0.5), quantile(values, 0.75) - quantile(values, 0.25)),
                        };
                        let usable = scale.is_finite() && scale > floor;
                        *found = (quantile(values, 0.5), center, if usable { scale } else { floor }, known as u64);
                    }
                }
            },
        )?;
        let what = "a scale for each column";
        Ok(Self {
            fill: found.iter().map(|column| column.0).gathered(what)?,
            center: found.iter().map(|column| column.1).gathered(what)?,
            scale: found.iter().map(|column| column.2).gathered(what)?,
            known: found.iter().map(|column| column.3).gathered(what)?,
        })
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.fill.len()
    }

    /// The value in place of a missing one, else the value itself.
    #[inline(always)]
    #[must_use]
    pub fn filled(&self, value: f64, column: usize) -> f64 {
        if value.is_finite() { value } else { self.fill[column] }
    }

    /// `value` of `column`, filled and scaled; a difference from the centre that overflows becomes the greatest number.
    #[inline(always)]
    #[must_use]
    pub fn scaled(&self, value: f64, column: usize) -> f64 {
        (self.filled(value, column) - self.center[column]).clamp(f64::MIN, f64::MAX) / self.scale[column]
    }

    /// The eight rows from `first` on, filled and scaled: a [`Row`] for each column, a lane for each row.
    #[inline(always)]
    pub fn pack<S: Simd>(&self, simd: S, samples: &Samples<'_>, first: usize, tile: &mut [Row]) {
        let most: V<S> = f64x8::splat(simd, f64::MAX);
        samples.pack(first, tile);
        for column in 0..tile.len() {
            let x: V<S> = tile[column].load(simd);
            let fill: V<S> = f64x8::splat(simd, self.fill[column]);
            let center: V<S> = f64x8::splat(simd, self.center[column]);
            let scale: V<S> = f64x8::splat(simd, self.scale[column]);
            let x = x.abs().simd_lt(f64::INFINITY).select(x, fill);
            tile[column].store((x - center).min(most).max(-most) / scale);
        }
    }

    /// Only the given columns, in their order.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn select(&self, columns: &[usize]) -> Result<Self> {
        let what = "a scale for each column";
        let take = |from: &[f64]| columns.iter().map(|&column| from[column]).gathered(what);
        Ok(Self {
            fill: take(&self.fill)?,
            center: take(&self.center)?,
            scale: take(&self.scale)?,
            known: columns.iter().map(|&column| self.known[column]).gathered(what)?,
        })
    }

    /// The fields `scaling.*` of a saved model.
    pub fn write(&self, to: &mut Writer) {
        to.reals("scaling.fill", &self.fill);
        to.reals("scaling.center", &self.center);
        to.reals("scaling.scale", &self.scale);
        to.counts("scaling.known", &self.known);
    }

    /// Back from a saved model, with as many columns as it has.
    ///
    /// # Errors
    /// [`crate::Error::State`].
    pub fn read(from: &Reader<'_>) -> Result<Self> {
        let columns = from.length("scaling.fill")?;
        let read = Self {
            fill: from.reals("scaling.fill", columns)?,
            center: from.reals("scaling.center", columns)?,
            scale: from.reals("scaling.scale", columns)?,
            known: from.counts("scaling.known", columns)?,
        };
        from.require(read.fill.iter().all(|value| value.is_finite()), "scaling.fill")?;
        from.require(read.center.iter().all(|value| value.is_finite()), "scaling.center")?;
        from.require(read.scale.iter().all(|&value| value > 0.0 && value.is_finite()), "scaling.scale")?;
        Ok(read)
    }
}

/// The spread up to which a column at `level` stands still: what is left is the rounding of its values. A share of the level,
/// whatever the unit; above 0.
#[must_use]
pub fn rounding(level: f64) -> f64 {
    (ROUNDING * level.abs()).max(f64::MIN_POSITIVE)
}

/// The power of two that brings values of at most `most` to about 1, so that their squares are numbers; 1 where they are in no
/// danger. Multiplying by it changes no digit.
#[must_use]
pub fn unit(most: f64) -> f64 {
    if most == 0.0 || !most.is_finite() || (1e-100..1e100).contains(&most) {
        1.0
    } else {
        2.0_f64.powi(-exponent(most))
    }
}

/// Of a finite number other than 0, so far that its power of two and the inverse are numbers.
#[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 1000")]
fn exponent(value: f64) -> i32 {
    value.log2().floor().clamp(-1000.0, 1000.0) as i32
}

/// The scale of a column that changes: its interquartile range, or its standard deviation where the range is not above
/// `floor` or below a hundredth of the deviation. Such a range tells of the time the column stands still; by it the column's
/// excursions would outweigh all other columns.
#[must_use]
pub fn steady(range: f64, deviation: f64, floor: f64) -> f64 {
    if range <= floor || range < STILL * deviation { deviation } else { range }
}

/// Moves the finite values to the front, in their order; how many they are.
pub fn keep_known(values: &mut [f64]) -> usize {
    let mut kept = 0;
    for place in 0..values.len() {
        let value = values[place];
        values[kept] = value;
        kept += usize::from(value.is_finite());
    }
    kept
}

/// Numbers of values of which the one at a place is looked for between two of a sample's.
const SAMPLED: Range<usize> = 1_000..40_000;

/// Values of the sample, and how many of them lie on either side of the place: more than three standard deviations of its rank.
const SAMPLE: usize = 512;
const AROUND: usize = 40;

/// Room for the values between: those of a greatest number of values are a sixth of them.
const BETWEEN: usize = 1 << 13;

/// A number that rises with the value in [`f64::total_cmp`]'s order; its own inverse but for the type.
#[inline(always)]
fn key(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[inline(always)]
fn of_key(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

/// The value at a place of the values in rising order ([`f64::total_cmp`]), and the next one, infinite after the last; may change
/// their order.
///
/// # Panics
/// Where there are not as many values.
pub fn neighbours(values: &mut [f64], place: usize) -> (f64, f64) {
    if SAMPLED.contains(&values.len())
        && let Some(found) = between(values, place)
    {
        return found;
    }
    let (_, &mut low, above) = values.select_nth_unstable_by(place, f64::total_cmp);
    (low, above.iter().copied().fold(f64::INFINITY, f64::min))
}

/// The same by one pass, where the two lie between two values of a sample (Floyd and Rivest 1975, doi 10.1145/360680.360691).
#[inline(never)]
fn between(values: &[f64], place: usize) -> Option<(f64, f64)> {
    let mut sample = [0; SAMPLE];
    for (number, to) in sample.iter_mut().enumerate() {
        *to = key(values[number * values.len() / SAMPLE]);
    }
    let middle = place * SAMPLE / values.len();
    let (least, greatest) = (middle.checked_sub(AROUND), middle + AROUND);
    let low = least.map_or(i64::MIN, |least| *sample.select_nth_unstable(least).1);
    let high = if greatest < SAMPLE {
        *sample.select_nth_unstable(greatest).1
    } else {
        i64::MAX
    };
    let mut kept = [0; BETWEEN + LANES];
    let (below, count) = dispatch!(Level::new(), simd => kept_between(simd, values, low, high, &mut kept));
    let place = place.checked_sub(below)?;
    if count > BETWEEN || place >= count || (place + 1 == count && below + count < values.len()) {
        return None;
    }
    let (_, &mut low, above) = kept[..count].select_nth_unstable(place);
    Some((of_key(low), above.iter().min().map_or(f64::INFINITY, |&next| of_key(next))))
}

/// Keeps the keys from `low` to `high`; how many are below, and how many were kept, of which there may be too many.
#[inline(always)]
fn kept_between<S: Simd>(simd: S, values: &[f64], low: i64, high: i64, kept: &mut [i64]) -> (usize, usize) {
    let (mut below, mut count) = (0, 0);
    let (eights, rest) = values.as_chunks::<LANES>();
    let (least, greatest) = (i64x8::splat(simd, low), i64x8::splat(simd, high));
    for eight in eights {
        let bits: i64x8<S> = loaded(simd, eight).bitcast();
        let keys = bits ^ ((bits >> 63) & i64x8::splat(simd, i64::MAX));
        below += keys.simd_lt(least).to_bitmask().count_ones() as usize;
        let inside = keys.simd_ge(least) & keys.simd_le(greatest);
        let Some(room) = kept.get_mut(count..count + LANES) else {
            return (below, kept.len());
        };
        keys.compress(inside).store_slice(room);
        count += inside.to_bitmask().count_ones() as usize;
    }
    for &value in rest {
        let value = key(value);
        let Some(to) = kept.get_mut(count) else {
            return (below, kept.len());
        };
        *to = value;
        below += usize::from(value < low);
        count += usize::from((value >= low) & (value <= high));
    }
    (below, count)
}

/// The quantile `q` in [0, 1] of values that are all finite, by linear interpolation (Hyndman and Fan 1996, type 7); changes
/// their order. NaN of none.
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = q * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last place"
    )]
    let below = (place.floor() as usize).min(last);
    let (low, high) = neighbours(values, below);
    let part = place - below as f64;
    if part == 0.0 {
        return low;
    }
    if part == 0.5 {
        // Neither overflows nor rounds twice.
        return if low.abs().max(high.abs()) < f64::MAX / 2.0 {
            (low + high) / 2.0
        } else {
            low / 2.0 + high / 2.0
        };
    }
    let gap = high - low;
    if gap.is_finite() {
        low + gap * part
    } else {
        low * (1.0 - part) + high * part
    }
}

/// Median and median absolute deviation from it of values that are all finite; changes them. NaN of none.
pub fn median_mad(values: &mut [f64]) -> (f64, f64) {
    let median = quantile(values, 0.5);
    (median, mad_about(values, median))
}

/// Median distance from `center` of values that are all finite; changes them. NaN of none.
pub fn mad_about(values: &mut [f64], center: f64) -> f64 {
    values.iter_mut().for_each(|value| *value = (*value - center).abs());
    quantile(values, 0.5)
}

/// Mean and population standard deviation of values that are all finite, in two passes about the first value.
#[must_use]
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let Some(&anchor) = values.first() else {
        return (f64::NAN, f64::NAN);
    };
    let count = values.len() as f64;
    // Squares of huge and tiny deviations are no numbers; scaling by a power of two is exact.
    let most = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let unit = if most > 1e150 {
        2.0_f64.powi(-600)
    } else if most < 1e-140 {
        2.0_f64.powi(600)
    } else {
        1.0
    };
    let shift = |value: f64| value * unit - anchor * unit;
    let mean = values.iter().map(|&value| shift(value) / count).sum::<f64>();
    let (mut squares, mut rest) = (0.0, 0.0);
    for &value in values {
        let deviation = shift(value) - mean;
        squares += deviation * deviation;
        rest += deviation;
    }
    // The rest is what the rounding of the mean leaves (Chan, Golub and LeVeque 1983, doi 10.2307/2683386).
    let variance = ((squares - rest * rest / count) / count).max(0.0);
    ((anchor * unit + mean + rest / count) / unit, variance.sqrt() / unit)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn values_at_places_are_those_of_the_sorted_ones() {
        let scattered = |row: usize| ((row * 7_919 % 10_007) as f64 - 5_000.0).powi(3);
        let rounded = |row: usize| (scattered(row) / 1e9).round();
        let patterns: [(&str, &dyn Fn(usize) -> f64); 5] = [
            ("scattered", &scattered),
            ("rising", &|row| row as f64 - 4_000.0),
            ("rounded", &rounded),
            ("zeros of both signs", &|row| if row % 2 == 0 { -0.0 } else { 0.0 }),
            ("two far apart", &|row| if row * 7 % 9 < 4 { -1e300 } else { 1e300 + row as f64 }),
        ];
        for (name, pattern) in patterns {
            for count in [999, 1_000, 9_999, 39_999, 40_000] {
                let mut sorted: Vec<f64> = (0..count).map(pattern).collect();
                let mut values = sorted.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                for place in [0, 1, count / 7, count / 2, count - 40, count - 2, count - 1] {
                    let next = sorted.get(place + 1).copied().unwrap_or(f64::INFINITY);
                    let (low, high) = neighbours(&mut values, place);
                    assert_eq!(low.to_bits(), sorted[place].to_bits(), "{name} {count} {place}");
                    assert_eq!(high, next, "{name} {count} {place}");
                }
            }
        }
        // One pass is enough.
        let values: Vec<f64> = (0..9_999).map(scattered).collect();
        assert!((0..9_999).step_by(99).all(|place| between(&values, place).is_some()));
    }

    #[test]
    fn medians_and_ranges_are_numpys() {
        let x = Array2::from_shape_vec(
            (5, 3),
            vec![
                1.0,
                5.0,
                f64::NAN,
                2.0,
                5.0,
                f64::NAN,
                4.0,
                5.0,
                f64::INFINITY,
                8.0,
                5.0,
                f64::NAN,
                16.0,
                f64::NAN,
                f64::NAN,
            ],
        )
        .unwrap();
        let scaling = Scaling::fit(x.view().into(), Manner::Robust, 1e-6).unwrap();
        assert_eq!(scaling.fill, [4.0, 5.0, 0.0]);
        assert_eq!(scaling.center, [4.0, 5.0, 0.0]);
        assert_eq!(scaling.scale, [6.0, 1e-6, 1e-6]);
        assert_eq!(scaling.known, [5, 4, 0]);
        let scaling = Scaling::fit(x.view().into(), Manner::Standard, 1e-6).unwrap();
        assert_eq!(scaling.center[0], 6.2);
        assert!((scaling.scale[0] - 29.76_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let of = |q: f64| quantile(&mut [16.0, 2.0, 1.0, 8.0, 4.0], q);
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(of), [1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!([0.0625, 0.125, 0.4375, 0.625, 0.9375].map(of), [1.25, 1.5, 3.5, 6.0, 14.0]);
        let large = 2.0_f64.powi(1023);
        assert_eq!([0.25, 0.5].map(|q| quantile(&mut [large, -large], q)), [-large / 2.0, 0.0]);
    }

    #[test]
    fn a_median_and_the_median_distance_from_it() {
        assert_eq!(median_mad(&mut [9.0, 1.0, 2.0, 4.0, 3.0]), (3.0, 1.0));
        assert_eq!(median_mad(&mut [8.0, 0.0, 2.0, 3.0]), (2.5, 1.5));
        assert!(median_mad(&mut []).1.is_nan());
    }

    #[test]
    fn ranges_of_columns_that_mostly_stand_still_give_way() {
        assert_eq!(steady(1.3, 1.0, 1e-6), 1.3);
        assert_eq!(steady(1.3e-5, 30.0, 1e-6), 30.0);
        assert_eq!(steady(1e-6, 2e-6, 1e-6), 2e-6);
        assert_eq!(steady(0.011, 1.0, 1e-6), 0.011);
    }

    #[test]
    fn units_bring_values_to_about_one() {
        assert_eq!((unit(0.0), unit(1e-99), unit(3.0), unit(f64::INFINITY)), (1.0, 1.0, 1.0, 1.0));
        for value in [1e-163, 1e-300, 1.7e308, 1e120, 2.0_f64.powi(-400)] {
            let near = value * unit(value);
            assert!((1e-8..1e8).contains(&near) && near / unit(value) == value, "{value:e} {near:e}");
        }
        assert_eq!(rounding(-4.0), 2.0_f64.powi(-47));
        assert!(rounding(0.0) > 0.0);
    }

    #[test]
    fn scaled_values_do_not_overflow_where_scales_are_as_large() {
        let x = Array2::from_shape_vec((3, 1), vec![1.7e308, -1.7e308, -1.7e308]).unwrap();
        let scaling = Scaling::fit(x.view().into(), Manner::Standard, 1e-6).unwrap();
        assert!(x.iter().all(|&value| scaling.scaled(value, 0).abs() < 2.0));
    }

    #[test]
    fn offsets_and_huge_values_cost_no_digits() {
        let values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 2) * 2.0_f64.powi(-10)).collect();
        let (mean, deviation) = mean_and_deviation(&values);
        assert_eq!(mean, 1e9 + 2.0_f64.powi(-11));
        assert!((deviation - 2.0_f64.powi(-11)).abs() < 1e-18);
        let (mean, deviation) = mean_and_deviation(&[1.5e308, -1.5e308]);
        assert_eq!((mean, deviation), (0.0, 1.5e308));
        let tiny = values.iter().map(|value| value * 2.0_f64.powi(-900)).collect::<Vec<_>>();
        assert_eq!(mean_and_deviation(&tiny), (mean_and_deviation(&values).0 * 2.0_f64.powi(-900), 2.0_f64.powi(-911)));
        assert_eq!(mean_and_deviation(&[0.0; 5]), (0.0, 0.0));
        assert_eq!(quantile(&mut [1.7e308, 1.7e308], 0.5), 1.7e308);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
