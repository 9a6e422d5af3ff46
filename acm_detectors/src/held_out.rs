//! Limits of a statistic from rows that the model has not seen: their distribution, kept in a few numbers.
//!
//! A row that a model was fitted on lies nearer to it than one it has not seen, the more so the more sensors there are for the
//! rows: limits from the training rows' own statistics, or from the law they would have with the true covariance, are too
//! low. Here each stretch of rows is judged by a model of all others (cross-validation in blocks: Burman, Chow and Nolan 1994,
//! doi 10.1093/biomet/81.2.351).

use std::ops::Range;

use acm_linalg::error::require;
use acm_linalg::memory::Gather;
use acm_linalg::samples::room;
use acm_linalg::{Error, Reader, Result, Samples, Writer};

use crate::lagged::Lagged;
use crate::limits::t_upper;

/// Stretches that are left out in turn, where nothing speaks for fewer.
const FOLDS: usize = 10;

/// Fewest rows of a stretch beyond its lags.
const LEAST: usize = 3;

/// Above so many coordinates five stretches, above twice as many three: each costs a decomposition.
const MANY: usize = 200;

/// Expected rows beyond a quantile from which on it is the empirical one alone.
const ENOUGH: f64 = 10.0;

/// Places from the top that are all kept; further down they lie further apart.
const DENSE: usize = 128;

/// Statistics count as this at most.
const MOST: f64 = 1e200;

/// How many stretches rows are cut into for a model of `size` coordinates, or of as many rows where those are fewer; `None`
/// where rows are too few to be cut.
pub(crate) fn count(rows: usize, lags: usize, size: usize) -> Option<usize> {
    let most = match size {
        ..=MANY => FOLDS,
        size if size <= 2 * MANY => FOLDS / 2,
        _ => 3,
    };
    let least = lags.saturating_mul(2).saturating_add(LEAST);
    let count = most.min(rows / least);
    (count >= 3).then_some(count)
}

/// Which rows have all values that their points are made of; all of them where these are less than half and fewer than a
/// hundred.
pub(crate) fn complete(lagged: &Lagged, x: Samples<'_>) -> Result<Vec<bool>> {
    let rows = x.rows();
    let mut whole = room(rows, 1, true, "marks of complete rows")?;
    let gaps = |place: &usize| lagged.scaling.known[*place] < rows as u64;
    let mut values = room(rows, 1, 0.0, "a column")?;
    for place in (0..lagged.kept.len()).filter(gaps) {
        x.read_column(lagged.kept[place], &mut values);
        for (row, _) in values.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
            whole[row..rows.min(row.saturating_add(lagged.lags + 1))].fill(false);
        }
    }
    let known = whole.iter().filter(|&&whole| whole).count();
    if known < 100 && 2 * known < rows {
        whole.fill(true);
    }
    Ok(whole)
}

/// What is known of a statistic of rows that the model has not seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeldOut {
    /// Values it was made of.
    count: usize,
    /// Of the values' cube roots: mean, standard deviation, skewness, autocorrelation.
    moments: [f64; 4],
    /// The values at [`places`] from the top.
    largest: Vec<f64>,
}

/// Names of the parts in a file.
pub(crate) struct Names {
    pub(crate) count: &'static str,
    pub(crate) moments: &'static str,
    pub(crate) values: &'static str,
}

/// Of a model with one statistic.
pub(crate) const NAMES: Names = Names {
    count: "held_out.count",
    moments: "held_out.moments",
    values: "held_out.values",
};

/// What `held` lets a share `alpha` of healthy rows exceed.
///
/// # Errors
/// [`Error::Parameter`] unless `alpha` lies between 0 and 1; [`Error::Unfit`] where nothing is known.
pub(crate) fn limit_of(held: Option<&HeldOut>, alpha: f64) -> Result<f64> {
    require(alpha > 0.0 && alpha < 1.0, "alpha", "between 0 and 1", alpha)?;
    let held = held.ok_or(Error::Unfit {
        name: "model",
        requirement: "scores of healthy rows, which moments and files of former versions lack; fit it again on rows, or calibrate() scores",
    })?;
    Ok(held.limit(alpha))
}

impl HeldOut {
    /// From the values of rows that follow one another, as far as `counts` says so; changes their order.
    pub(crate) fn of(values: &mut Vec<f64>, counts: &[bool]) -> Result<Self> {
        let mut place = 0;
        values.retain(|value| {
            place += 1;
            counts[place - 1] && !value.is_nan()
        });
        // Rounding may leave a little less than nothing, and nothing to divide by a number without end.
        values.iter_mut().for_each(|value| *value = value.clamp(0.0, MOST));
        let roots = values.iter().map(|value| value.cbrt()).gathered("roots of statistics")?;
        let count = roots.len();
        let mean = roots.iter().sum::<f64>() / count.max(1) as f64;
        let power = |order: i32| roots.iter().map(|root| (root - mean).powi(order)).sum::<f64>() / count.max(1) as f64;
        let variance = power(2);
        let beside: f64 =
            roots.windows(2).map(|two| (two[0] - mean) * (two[1] - mean)).sum::<f64>() / count.max(1) as f64;
        let (skewness, memory) = if variance > 0.0 {
            (power(3) / variance.powf(1.5), (beside / variance).clamp(0.0, 0.999))
        } else {
            (0.0, 0.0)
        };
        let deviation = (variance * count as f64 / count.saturating_sub(1).max(1) as f64).sqrt();
        values.sort_unstable_by(|a, b| b.total_cmp(a));
        let largest = places(count).map(|place| values[place - 1]).gathered("the largest statistics")?;
        Ok(Self {
            count,
            moments: [mean, deviation, skewness, memory],
            largest,
        })
    }

    /// What a row that the model has not seen exceeds with probability `alpha`.
    ///
    /// c = cube root of the statistic, m, s, g its mean, standard deviation and skewness, phi its autocorrelation;
    /// z = t(1 - alpha) sqrt(1 + 1 / k), k = n (1 - phi) / (1 + phi), t of n (1 - phi²) / (1 + phi²) - 1 degrees of freedom;
    /// L = (m + s (z + (z² - 1) g / 6))³; limit = q^v L^(1 - v), v = min(1, k alpha / 10), q the value at place
    /// alpha (n + 1) from the top.
    ///
    /// Source: the cube root of a squared length is nearly normal (Wilson and Hilferty 1931, doi 10.1073/pnas.17.12.684); what
    /// is left of skewness: Cornish and Fisher 1938, doi 10.2307/1400905; as many independent values as have the same variance
    /// of their mean, and of their variance: Bayley and Hammersley 1946, doi 10.2307/2983560.
    pub(crate) fn limit(&self, alpha: f64) -> f64 {
        self.limit_remembering(alpha, 0.0, 1)
    }

    /// The same of values that are known to have at least the autocorrelation `least`, and are of rows that were judged so many
    /// `times`.
    pub(crate) fn limit_remembering(&self, alpha: f64, least: f64, times: usize) -> f64 {
        let [mean, deviation, skewness, memory] = self.moments;
        let memory = memory.max(least);
        let count = self.count as f64 / times as f64;
        let independent = count * (1.0 - memory) / (1.0 + memory);
        let share = (independent * alpha / ENOUGH).min(1.0);
        let counted = self.counted(alpha);
        if share >= 1.0 || counted <= 0.0 {
            return counted;
        }
        let squared = memory * memory;
        let freedom = (count * (1.0 - squared) / (1.0 + squared) - 1.0).max(1.0);
        let z = t_upper(freedom, alpha) * (1.0 + 1.0 / independent).sqrt();
        // Beyond its turning point the correction would lower the limit of a rarer alarm.
        let bent = if skewness < 0.0 { z.min(-3.0 / skewness) } else { z };
        let root = mean + deviation * (z + (bent * bent - 1.0) * skewness / 6.0);
        let fitted = root.max(0.0).powi(3).max(f64::MIN_POSITIVE);
        (share * counted.ln() + (1.0 - share) * fitted.ln()).exp()
    }

    /// Mean of the values' cube roots.
    pub(crate) fn root_mean(&self) -> f64 {
        self.moments[0]
    }

    /// Standard deviation of the values' cube roots.
    pub(crate) fn root_deviation(&self) -> f64 {
        self.moments[1]
    }

    /// The value that a share `alpha` of the next ones exceeds, by counting alone.
    pub(crate) fn counted(&self, alpha: f64) -> f64 {
        self.at(alpha * (self.count as f64 + 1.0))
    }

    /// The value at this place from the top, between two linearly.
    fn at(&self, place: f64) -> f64 {
        let mut before = (1.0, self.largest.first().copied().unwrap_or(0.0));
        for (next, &value) in places(self.count).zip(&self.largest) {
            let next = next as f64;
            if next >= place {
                let part = if next > before.0 {
                    ((place - before.0) / (next - before.0)).max(0.0)
                } else {
                    1.0
                };
                return before.1 + part * (value - before.1);
            }
            before = (next, value);
        }
        before.1
    }

    pub(crate) fn write(&self, to: &mut Writer, names: &Names) {
        to.count(names.count, self.count as u64);
        to.reals(names.moments, &self.moments);
        to.reals(names.values, &self.largest);
    }

    /// `None` where a file has none.
    pub(crate) fn read(from: &Reader<'_>, names: &Names) -> Result<Option<Self>> {
        if !from.has(names.count) {
            return Ok(None);
        }
        let count = from.size(names.count)?;
        let largest = from.reals(names.values, from.length(names.values)?)?;
        let falling =
            largest.is_sorted_by(|a, b| a >= b) && largest.iter().all(|value| value.is_finite() && *value >= 0.0);
        // As many places as values, without a walk over more of them.
        let kept = places(count).take(largest.len() + 1).count();
        from.require(falling && count > 0 && kept == largest.len(), names.values)?;
        let found = from.reals(names.moments, 4)?;
        let mut moments = [0.0; 4];
        moments.copy_from_slice(&found);
        let [mean, deviation, skewness, memory] = moments;
        let sound = mean.is_finite() && deviation.is_finite() && deviation >= 0.0 && skewness.is_finite();
        from.require(sound && (0.0..1.0).contains(&memory), names.moments)?;
        Ok(Some(Self {
            count,
            moments,
            largest,
        }))
    }
}

/// Places from the top at which values are kept: each of the first, then each further by a thirty-second, and the last.
fn places(count: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1_usize), move |&place| {
        let step = if place < DENSE { 1 } else { place / 32 };
        (place < count).then(|| place.saturating_add(step).min(count))
    })
    .take_while(move |&place| place <= count)
}

/// All of the rows but a stretch of them.
pub(crate) struct Without<'a, T> {
    pub(crate) table: &'a T,
    pub(crate) stretch: Range<usize>,
}

impl<T: acm_linalg::dense::Rows> acm_linalg::dense::Rows for Without<'_, T> {
    fn rows(&self) -> usize {
        self.table.rows() - self.stretch.len()
    }

    fn columns(&self) -> usize {
        self.table.columns()
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        let Range { start, end } = self.stretch.clone();
        let before = rows.start.min(start)..rows.end.min(start);
        let behind = rows.start.max(start) + (end - start)..rows.end.max(start) + (end - start);
        let (first, second) = out.split_at_mut(before.len() * self.table.columns());
        if !before.is_empty() {
            self.table.read(before, first);
        }
        if !behind.is_empty() {
            self.table.read(behind, second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_all_at_first_and_end_with_the_last() {
        assert_eq!(places(0).count(), 0);
        assert_eq!(places(1).collect::<Vec<_>>(), [1]);
        assert_eq!(places(5).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let many: Vec<usize> = places(1_000_000).collect();
        assert_eq!((many[100], many.last()), (101, Some(&1_000_000)));
        assert!(many.len() < 450 && many.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_quantile_is_exact_near_the_top_and_close_below() {
        let mut values: Vec<f64> = (0..4000).map(|place| f64::from(1 + 1747 * place % 4000)).collect();
        let held = HeldOut::of(&mut values, &vec![true; 4000]).unwrap();
        assert_eq!((held.at(1.0), held.at(0.2), held.at(2.25), held.at(40.0)), (4000.0, 4000.0, 3998.75, 3961.0));
        assert!((held.at(1000.5) - 3000.5).abs() < 1e-9);
        assert_eq!((held.at(4000.0), held.at(5000.0)), (1.0, 1.0));
        // Ten expected beyond it: by counting alone.
        assert_eq!(held.limit(0.01), held.at(40.01));
    }

    #[test]
    fn few_values_lean_on_the_fitted_law() {
        // Cubes of evenly spread values: no skewness, and (m + s z)³ by hand.
        let mut values: Vec<f64> = (0..100).map(|place| (10.0 + f64::from(37 * place % 100)).powi(3)).collect();
        let held = HeldOut::of(&mut values, &[true; 100]).unwrap();
        let [mean, deviation, skewness, memory] = held.moments;
        assert!((mean - 59.5).abs() < 1e-9 && (deviation - (9999.0_f64 / 12.0 * 100.0 / 99.0).sqrt()).abs() < 1e-9);
        assert!(skewness.abs() < 1e-12 && memory < 0.2, "{skewness} {memory}");
        let (independent, squared) = (100.0 * (1.0 - memory) / (1.0 + memory), memory * memory);
        let z = t_upper(100.0 * (1.0 - squared) / (1.0 + squared) - 1.0, 0.001) * (1.0 + 1.0 / independent).sqrt();
        let share = independent * 0.001 / 10.0;
        let want = (share * 109.0_f64.powi(3).ln() + (1.0 - share) * (mean + deviation * z).powi(3).ln()).exp();
        assert!((held.limit(0.001) / want - 1.0).abs() < 1e-9);
        // Rarer alarms need higher limits.
        let limits: Vec<f64> = [0.5, 0.1, 0.01, 1e-4, 1e-8].iter().map(|&alpha| held.limit(alpha)).collect();
        assert!(limits.is_sorted_by(|a, b| a < b), "{limits:?}");
    }

    #[test]
    fn memory_widens_and_rows_that_do_not_count_are_left_out() {
        let wave = |row: usize| (2.0 + (row as f64 / 30.0).sin()).powi(3);
        let mut slow: Vec<f64> = (0..500).map(wave).collect();
        let mut mixed: Vec<f64> = (0..500).map(|row| wave(211 * row % 500)).collect();
        let all = vec![true; 500];
        let (slow, mixed) = (HeldOut::of(&mut slow, &all).unwrap(), HeldOut::of(&mut mixed, &all).unwrap());
        assert!(slow.limit(0.005) > 2.0 * mixed.limit(0.005));
        let mut values = vec![1.0, 2.0, 3.0, 1e9];
        let held = HeldOut::of(&mut values, &[true, true, true, false]).unwrap();
        assert_eq!((held.count, held.largest), (3, vec![3.0, 2.0, 1.0]));
        // All the same, or nothing at all.
        for value in [0.0, 7.0] {
            let held = HeldOut::of(&mut vec![value; 50], &[true; 50]).unwrap();
            assert!((held.limit(0.01) - value).abs() <= 1e-9 * value);
        }
    }

    #[test]
    fn a_stretch_is_passed_over() {
        use acm_linalg::dense::Rows;
        let x = ndarray::Array2::from_shape_fn((9, 2), |(row, column)| (10 * row + column) as f64);
        let samples: Samples<'_> = x.view().into();
        for stretch in [0..0, 0..2, 3..5, 7..9, 0..9] {
            let rest = Without {
                table: &samples,
                stretch: stretch.clone(),
            };
            let want: Vec<f64> =
                (0..9).filter(|row| !stretch.contains(row)).flat_map(|row| x.row(row).to_vec()).collect();
            for cut in 0..=rest.rows() {
                let mut found = vec![0.0; want.len()];
                let (first, second) = found.split_at_mut(2 * cut);
                rest.read(0..cut, first);
                rest.read(cut..rest.rows(), second);
                assert_eq!(found, want);
            }
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    struct Kept(HeldOut);

    impl acm_linalg::Persist for Kept {
        const KIND: &'static str = "Kept";
        const VERSION: u64 = 2;

        fn write(&self, to: &mut Writer) {
            self.0.write(to, &NAMES);
        }

        fn read(from: &Reader<'_>) -> Result<Self> {
            HeldOut::read(from, &NAMES)?.map(Self).ok_or_else(|| from.wrong(NAMES.count))
        }
    }

    #[test]
    fn a_file_has_as_many_of_the_largest_values_as_there_are_places() {
        use acm_linalg::Persist;
        let mut values: Vec<f64> = (0..300).map(|place| f64::from(37 * place % 300)).collect();
        let held = HeldOut::of(&mut values, &[true; 300]).unwrap();
        let read = |change: &dyn Fn(&mut HeldOut)| {
            let mut kept = Kept(held.clone());
            change(&mut kept.0);
            Kept::from_bytes(&kept.to_bytes().unwrap()).map(|found| assert_eq!(found, kept)).is_ok()
        };
        assert!(read(&|_| ()));
        assert!(!read(&|held| held.largest.truncate(held.largest.len() - 1)) && !read(&|held| held.largest.push(0.0)));
        assert!(!read(&|held| held.count = 200) && !read(&|held| held.count = 400) && !read(&|held| held.count = 0));
        assert!(!read(&|held| held.largest.swap(3, 4)) && !read(&|held| held.largest[0] = f64::INFINITY));
        assert!(!read(&|held| *held.largest.last_mut().unwrap() = -1.0));
        for (place, sound) in [(0, -3.0), (1, 0.0), (2, -9.0), (3, 0.0), (3, 0.999)] {
            assert!(read(&|held| held.moments[place] = sound), "{place} {sound}");
        }
        for (place, wrong) in [
            (0, f64::NAN),
            (1, -1e-9),
            (1, f64::INFINITY),
            (2, f64::INFINITY),
            (3, -1e-9),
            (3, 1.0),
        ] {
            assert!(!read(&|held| held.moments[place] = wrong), "{place} {wrong}");
        }
    }

    #[test]
    fn stretches_are_as_many_as_rows_and_coordinates_allow() {
        let of = |rows, lags, size| count(rows, lags, size);
        assert_eq!(
            [of(1000, 0, 200), of(1000, 0, 201), of(1000, 0, 400), of(1000, 0, 401)],
            [Some(10), Some(5), Some(5), Some(3)]
        );
        // Three rows of each and twice the lags, and three stretches at least.
        assert_eq!([of(29, 0, 5), of(9, 0, 5), of(8, 0, 5)], [Some(9), Some(3), None]);
        assert_eq!([of(110, 4, 5), of(109, 4, 5), of(33, 4, 5), of(32, 4, 5)], [Some(10), Some(9), Some(3), None]);
        assert_eq!(of(1000, usize::MAX, 5), None);
    }

    #[test]
    fn rows_are_complete_that_have_all_their_points_are_made_of() {
        let x = |rows: usize| {
            let mut x = ndarray::Array2::from_shape_fn((rows, 3), |(row, column)| ((row * (column + 3)) % 11) as f64);
            x.column_mut(1).fill(4.0);
            x
        };
        let of = |x: &ndarray::Array2<f64>, lags: usize| {
            let lagged = Lagged::fit(x.view().into(), acm_linalg::scaling::Manner::Standard, lags).unwrap();
            assert_eq!(lagged.kept, [0, 2]);
            complete(&lagged, x.view().into()).unwrap()
        };
        let mut gaps = x(30);
        gaps[[5, 0]] = f64::NAN;
        gaps[[6, 2]] = f64::INFINITY;
        gaps[[29, 2]] = f64::NAN;
        // A column that has no part may lack anything.
        gaps[[20, 1]] = f64::NAN;
        for lags in [0, 2] {
            let gone: Vec<usize> = (5..7 + lags).chain(29..30).collect();
            assert!(of(&gaps, lags).iter().enumerate().all(|(row, whole)| *whole != gone.contains(&row)), "{lags}");
        }
        // Half of the rows, or a hundred.
        for (rows, gone, told) in [(30, 15, true), (30, 16, false), (300, 200, true), (300, 201, false)] {
            let mut gaps = x(rows);
            gaps.slice_mut(ndarray::s![..gone, 0]).fill(f64::NAN);
            let whole = of(&gaps, 0).iter().filter(|&&whole| whole).count();
            assert_eq!(whole, if told { rows - gone } else { rows }, "{rows} {gone}");
        }
    }

    #[test]
    fn limits_are_by_the_formula() {
        let skewed = |row: usize| ((7 * row % 61) as f64 / 10.0).powi(2) + (row as f64 / 9.0).sin();
        let bent = |row: usize| 50.0 - skewed(row);
        let short = |row: usize| (2.0 + ((11 * row) % 17) as f64).powi(3);
        let tables: [(Vec<f64>, usize); 4] = [
            ((0..90).map(|row| skewed(row).powi(3).abs()).collect(), 90),
            ((0..90).map(|row| bent(row).powi(3)).collect(), 90),
            ((0..12).map(short).collect(), 12),
            (vec![-1e-12, 8.0, 1e300, 27.0, f64::NAN, 1.0, 64.0], 7),
        ];
        for (values, rows) in tables {
            let held = HeldOut::of(&mut values.clone(), &vec![true; rows]).unwrap();
            let roots: Vec<f64> = values
                .iter()
                .filter(|value| !value.is_nan())
                .map(|value| value.clamp(0.0, MOST).cbrt())
                .collect();
            let n = roots.len() as f64;
            assert_eq!(held.count, roots.len());
            let mean = roots.iter().sum::<f64>() / n;
            let power = |order: i32| roots.iter().map(|root| (root - mean).powi(order)).sum::<f64>();
            let (spread, skewness) = ((power(2) / (n - 1.0)).sqrt(), power(3) / n / (power(2) / n).powf(1.5));
            let beside: f64 = (1..roots.len()).map(|row| (roots[row] - mean) * (roots[row - 1] - mean)).sum();
            let own = (beside / power(2)).clamp(0.0, 0.999);
            let near = |found: f64, exact: f64| {
                assert!((found - exact).abs() <= 1e-9 * exact.abs(), "{rows}: {found} {exact}");
            };
            near(held.root_mean(), mean);
            near(held.root_deviation(), spread);
            for (alpha, least, times) in [
                (0.05, 0.0, 1),
                (0.01, 0.0, 1),
                (1e-4, 0.3, 1),
                (0.01, 0.6, 3),
                (1e-7, 0.9, 2),
            ] {
                let (phi, n) = (own.max(least), n / times as f64);
                let k = n * (1.0 - phi) / (1.0 + phi);
                let freedom = (n * (1.0 - phi * phi) / (1.0 + phi * phi) - 1.0).max(1.0);
                let z = t_upper(freedom, alpha) * (1.0 + 1.0 / k).sqrt();
                let turned = if skewness < 0.0 { z.min(3.0 / -skewness) } else { z };
                let root = mean + spread * (z + (turned * turned - 1.0) * skewness / 6.0);
                let share = (k * alpha / 10.0).min(1.0);
                let exact = held.counted(alpha).powf(share) * root.max(0.0).powi(3).powf(1.0 - share);
                near(held.limit_remembering(alpha, least, times), exact);
            }
            near(held.limit(0.003), held.limit_remembering(0.003, 0.0, 1));
        }
    }
}
