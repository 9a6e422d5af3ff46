//! Welch's estimate of the power spectral density.

use acm_linalg::columns::reserve;
use acm_linalg::error::require;
use acm_linalg::lanes::Element;
use acm_linalg::parallel;
use acm_linalg::{Result, Table};
use ndarray::{ArrayViewMut2, Axis, s};

use super::taper::Taper;
use super::transform::{Transform, centre, plan_alone, require_shape};

/// Rows of a segment where none are asked for.
const SEGMENT: usize = 256;

/// Estimated time of a row of one segment.
const ROW_NS: f64 = 15.0;

/// How a history is cut into overlapping segments, valid by construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Welch {
    segment: usize,
    step: usize,
    fs: f64,
    taper: Taper,
}

impl Welch {
    /// Segments of `segment` rows (256 where none are given, never more than there are), each `overlap` of its length over
    /// the one before, rounded down; `fs` rows per unit of time.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] where `fs` is not positive and finite, `segment` is 0, or `overlap` is not in [0, 1).
    pub fn new(rows: usize, segment: Option<usize>, overlap: f64, fs: f64, taper: Taper) -> Result<Self> {
        require(fs > 0.0 && fs < f64::INFINITY, "fs", "positive and finite", fs)?;
        let segment = segment.unwrap_or(SEGMENT);
        require(segment > 0, "segment", "at least 1", segment)?;
        require((0.0..1.0).contains(&overlap), "overlap", "at least 0 and less than 1", overlap)?;
        let segment = segment.min(rows);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded down, between 0 and the number of rows"
        )]
        let shared = (overlap * segment as f64) as usize;
        Ok(Self {
            segment,
            step: segment.saturating_sub(shared).max(1),
            fs,
            taper,
        })
    }

    /// Number of frequencies: `segment / 2 + 1`, none where there are no rows.
    #[must_use]
    pub fn bins(&self) -> usize {
        if self.segment == 0 { 0 } else { self.segment / 2 + 1 }
    }

    /// The frequencies, from 0 to at most half of `fs`.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn frequencies(&self) -> Result<Vec<f64>> {
        // The very expression of NumPy's rfftfreq(segment, 1 / fs).
        let step = 1.0 / (self.segment as f64 * (1.0 / self.fs));
        let mut frequencies = reserve(self.bins(), 0.0, "the frequencies")?;
        for (bin, frequency) in frequencies.iter_mut().enumerate() {
            *frequency = bin as f64 * step;
        }
        Ok(frequencies)
    }
}

/// Power spectral density of each column: the mean of the tapered periodograms of overlapping segments.
///
/// `y[k] = c_k / (fs sum w^2) mean |X_k|^2`, where X is the discrete Fourier transform of a segment less its mean, times
/// the taper w; c is 2, but 1 for the bins that have no mirror image (0 and, of an even segment, the last).
///
/// Shapes: x (n, d) -> (bins, d); squared units of x per unit of `fs`.
/// Missing: NaN and infinity count as the mean of their segment; a segment of which less than half is known is left out; a
/// column without a segment left is NaN.
/// Cost: O(n log segment / (1 - overlap)) a column. Threads: columns. Scratch of a thread: some 40 bytes a row of a
/// segment where its length has small prime factors, up to 80 where it has not.
/// Oracle: SciPy `signal.welch(detrend="constant", scaling="density")`, 1e-12 of the largest density.
/// Source: P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans. Audio
/// Electroacoust. 15, 1967, doi:10.1109/TAU.1967.1161901.
///
/// # Examples
///
/// ```
/// use acm_features::spectral::{Taper, Welch, power_spectrum};
/// use ndarray::Array2;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // A cycle of eight rows.
/// let x = Array2::from_shape_fn((256, 1), |(row, _)| (std::f64::consts::TAU * row as f64 / 8.0).sin());
/// let welch = Welch::new(256, Some(64), 0.5, 1.0, Taper::Hann)?;
/// let mut density = Array2::zeros((welch.bins(), 1));
/// power_spectrum(x.view(), &welch, density.view_mut())?;
/// let peak = (0..welch.bins()).max_by(|&a, &b| density[[a, 0]].total_cmp(&density[[b, 0]]));
/// let frequencies = welch.frequencies()?;
/// assert!(peak.is_some_and(|bin| frequencies[bin] == 1.0 / 8.0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn power_spectrum<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    welch: &Welch,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    let (rows, columns) = x.dim();
    let (segment, bins) = (welch.segment, welch.bins());
    require_shape("out", out.dim(), (bins, columns))?;
    if x.is_empty() || segment == 0 || segment > rows {
        out.fill(T::narrow(f64::NAN));
        return Ok(());
    }
    let weights = welch.taper.weights(segment)?;
    let weight: f64 = weights.iter().map(|weight| weight * weight).sum();
    let plan = plan_alone(segment)?;
    let segments = (rows - segment) / welch.step + 1;
    let jobs = out.axis_iter_mut(Axis(1)).enumerate();
    let cost = ROW_NS * columns as f64 * segments as f64 * segment as f64;
    let scratch = || Ok((Transform::new(&plan)?, reserve(bins, 0.0, "power densities")?));
    parallel::run(jobs, cost, scratch, |(transform, sums), (column, mut out), stop| {
        let values = x.column(column);
        let mut used = 0_usize;
        sums.fill(0.0);
        for start in (0..segments).map(|number| number * welch.step) {
            if stop.requested() {
                return;
            }
            let known = centre(values.slice(s![start..start + segment]).iter(), &mut transform.series, stop);
            if 2 * known < segment {
                continue;
            }
            for (value, weight) in transform.series.iter_mut().zip(&weights) {
                *value *= weight;
            }
            if !transform.run(stop) {
                return;
            }
            for (bin, sum) in sums.iter_mut().enumerate() {
                *sum += transform.power(bin);
            }
            used += 1;
        }
        for (bin, (place, sum)) in out.iter_mut().zip(sums.iter()).enumerate() {
            let sides = if bin == 0 || 2 * bin == segment { 1.0 } else { 2.0 };
            let density = if used == 0 {
                f64::NAN
            } else {
                sides * (sum / used as f64) / (welch.fs * weight)
            };
            *place = T::narrow(density);
        }
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn densities(x: &Array2<f64>, welch: &Welch) -> Array2<f64> {
        let mut out = Array2::from_elem((welch.bins(), x.ncols()), -1.0);
        power_spectrum(x.view(), welch, out.view_mut()).unwrap();
        out
    }

    #[test]
    fn a_segment_computed_by_hand() {
        // Two segments of four rows, (1, 0, -1, 0) and (0, 1, 0, -1): |X_1| = 2 in both, nothing else; c / (fs sum w^2) = 2 / 8.
        let x = array![[1.0], [0.0], [-1.0], [0.0], [0.0], [1.0], [0.0], [-1.0]];
        let welch = Welch::new(8, Some(4), 0.0, 2.0, Taper::Boxcar).unwrap();
        assert_eq!(welch.frequencies().unwrap(), [0.0, 0.5, 1.0]);
        assert_eq!(densities(&(x + 3.0), &welch), array![[0.0], [1.0], [0.0]]);
    }

    #[test]
    fn the_sum_is_the_variance() {
        for (rows, taper) in [(240, Taper::Boxcar), (241, Taper::Boxcar)] {
            let x = Array2::from_shape_fn((rows, 1), |(row, _)| ((row * row) % 23) as f64);
            let welch = Welch::new(rows, Some(1000), 0.5, 0.25, taper).unwrap();
            let step = 0.25 / rows as f64;
            let total: f64 = densities(&x, &welch).iter().map(|density| density * step).sum();
            assert!((total - x.var(0.0)).abs() < 1e-12 * total);
        }
    }

    #[test]
    fn segments_of_too_few_known_rows_are_left_out() {
        let mut x = Array2::from_shape_fn((64, 3), |(row, _)| ((row * 7) % 11) as f64);
        let welch = Welch::new(64, Some(16), 0.5, 1.0, Taper::Hann).unwrap();
        let whole = densities(&x, &welch);
        // The first segment alone holds rows 0 to 7.
        for row in 0..8 {
            x[[row, 1]] = f64::NAN;
        }
        x[[8, 1]] = f64::INFINITY;
        x.column_mut(2).fill(f64::NAN);
        let found = densities(&x, &welch);
        assert_eq!(found.column(0), whole.column(0));
        assert!(found.column(1).iter().all(|density| density.is_finite()));
        assert_ne!(found.column(1), whole.column(1));
        assert!(found.column(2).iter().all(|density| density.is_nan()));
    }

    #[test]
    fn only_valid_cuts_exist() {
        let message =
            |segment, overlap, fs| Welch::new(100, segment, overlap, fs, Taper::Hann).unwrap_err().to_string();
        assert_eq!(message(Some(0), 0.5, 1.0), "`segment` must be at least 1, got 0");
        assert_eq!(message(None, 1.0, 1.0), "`overlap` must be at least 0 and less than 1, got 1");
        assert_eq!(message(None, f64::NAN, 1.0), "`overlap` must be at least 0 and less than 1, got NaN");
        assert_eq!(message(None, 0.5, -1.0), "`fs` must be positive and finite, got -1");
        let none = Welch::new(0, None, 0.5, 1.0, Taper::Hann).unwrap();
        assert_eq!((none.bins(), none.frequencies().unwrap().len()), (0, 0));
        assert_eq!(densities(&Array2::zeros((0, 3)), &none).dim(), (0, 3));
        let dense = Welch::new(50, Some(7), 0.999_999, 1.0, Taper::Blackman).unwrap();
        assert!(densities(&Array2::zeros((50, 1)), &dense).iter().all(|&density| density == 0.0));
    }
}
