//! Rows with missing values: what the present coordinates let expect of the missing ones, and where a statistic of the
//! present ones stands among those of complete rows.
//!
//! With Λ the inverse of the covariance, the missing coordinates m of a row z about the mean are expected to be −Λ_mm⁻¹ Λ_mk z_k,
//! and vary about that with the covariance Λ_mm⁻¹ (Little and Rubin 2019, "Statistical Analysis with Missing Data", 11.2). Of
//! a row so filled zᵀΛz is the squared distance of its present coordinates alone.

use std::sync::OnceLock;

use acm_linalg::dense::products;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::extend;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};
use ndarray::ArrayView2;

/// A pivot is at least this share of its diagonal.
const LEAST_PIVOT: f64 = 1e-14;

const WHAT: &str = "what is expected of missing values";

/// The inverse of a covariance, as far as missing coordinates ask for it.
pub(crate) trait Precision {
    /// What a pattern of missing coordinates makes of the statistics.
    type Effect: Copy + Default;

    /// The lower triangle of Λ_mm into `out`, (m, m) row-major.
    fn among(&self, missing: &[usize], out: &mut [f64]);

    /// (Λ z)_m of a row z.
    fn pull(&self, missing: &[usize], row: &[f64], out: &mut [f64]);

    /// The effect of a pattern, with L of Λ_mm = L Lᵀ.
    ///
    /// # Errors
    /// [`Error::Memory`].
    fn effect(&self, missing: &[usize], factor: &[f64]) -> Result<Self::Effect>;
}

/// What a row lacks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Lack<E> {
    Nothing,
    Some(E),
    /// Every sensor of the row itself: it tells nothing.
    All,
}

/// Where the missing values of eight rows are replaced by what is expected of them.
#[derive(Debug)]
pub(crate) struct Gaps<E> {
    /// Of the eight rows at hand.
    pub(crate) lanes: [Lack<E>; LANES],
    /// A bit for each of them in which the coordinate is missing.
    marks: Vec<u8>,
    row: Vec<f64>,
    missing: Vec<usize>,
    expected: Vec<f64>,
    /// The latest pattern, its L and its effect.
    pattern: Vec<usize>,
    factor: Vec<f64>,
    effect: E,
}

impl<E: Copy + Default> Gaps<E> {
    pub(crate) fn new(width: usize) -> Result<Self> {
        Ok(Self {
            lanes: [Lack::Nothing; LANES],
            marks: room(width, 1, 0, WHAT)?,
            row: room(width, 1, 0.0, WHAT)?,
            missing: Vec::new(),
            expected: Vec::new(),
            pattern: Vec::new(),
            factor: Vec::new(),
            effect: E::default(),
        })
    }

    /// Fills the NaN of eight points, the first `own` coordinates of which are the rows' own sensors.
    ///
    /// # Errors
    /// [`Error::Memory`].
    #[inline(never)]
    pub(crate) fn fill<P: Precision<Effect = E>>(
        &mut self,
        precision: &P,
        points: &mut [Row],
        own: usize,
    ) -> Result<()> {
        self.marks.fill(0);
        for lane in 0..LANES {
            self.lanes[lane] = Lack::Nothing;
            self.missing.clear();
            for (place, value) in self.row.iter_mut().enumerate() {
                *value = points[place].0[lane];
                if value.is_nan() {
                    *value = 0.0;
                    self.marks[place] |= 1 << lane;
                    extend(&mut self.missing, [place], WHAT)?;
                }
            }
            if self.missing.is_empty() {
                continue;
            }
            self.expect(precision)?;
            for (&place, expected) in self.missing.iter().zip(&self.expected) {
                points[place].0[lane] = *expected;
            }
            let silent = self.missing.get(own - 1) == Some(&(own - 1));
            self.lanes[lane] = if silent { Lack::All } else { Lack::Some(self.effect) };
        }
        Ok(())
    }

    /// Fills the NaN of one row; whether the factor is another than before.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn fill_row<P: Precision<Effect = E>>(&mut self, precision: &P, row: &mut [f64]) -> Result<bool> {
        self.missing.clear();
        for (place, (value, own)) in row.iter().zip(&mut self.row).enumerate() {
            *own = if value.is_nan() { 0.0 } else { *value };
            if value.is_nan() {
                extend(&mut self.missing, [place], WHAT)?;
            }
        }
        let fresh = self.pattern != self.missing;
        self.expect(precision)?;
        for (&place, expected) in self.missing.iter().zip(&self.expected) {
            row[place] = *expected;
        }
        Ok(fresh)
    }

    /// The missing places of the row at hand.
    pub(crate) fn missing(&self) -> &[usize] {
        &self.missing
    }

    /// The covariance of the missing values about what is expected of them, Λ_mm⁻¹.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn spread(&self, out: &mut Vec<f64>) -> Result<()> {
        let count = self.missing.len();
        out.clear();
        extend(out, (0..count * count).map(|_| 0.0), WHAT)?;
        for (place, column) in out.chunks_exact_mut(count).enumerate() {
            column[place] = 1.0;
            solve(&self.factor, column);
        }
        Ok(())
    }

    /// Gives independent noise of variance 1 that covariance: Lᵀ x = noise.
    pub(crate) fn shape(&self, noise: &mut [f64]) {
        solve_upper(&self.factor, noise);
    }

    /// What is expected of the missing coordinates of the row.
    fn expect<P: Precision<Effect = E>>(&mut self, precision: &P) -> Result<()> {
        let count = self.missing.len();
        self.expected.clear();
        extend(&mut self.expected, (0..count).map(|_| 0.0), WHAT)?;
        if count == self.row.len() {
            return Ok(());
        }
        self.turn_to(precision)?;
        precision.pull(&self.missing, &self.row, &mut self.expected);
        solve(&self.factor, &mut self.expected);
        self.expected.iter_mut().for_each(|value| *value = -*value);
        Ok(())
    }

    /// Makes the factor that of the missing places.
    fn turn_to<P: Precision<Effect = E>>(&mut self, precision: &P) -> Result<()> {
        if self.pattern != self.missing {
            let count = self.missing.len();
            self.pattern.clear();
            self.factor.clear();
            extend(&mut self.factor, (0..count * count).map(|_| 0.0), WHAT)?;
            precision.among(&self.missing, &mut self.factor);
            factorise(&mut self.factor, count);
            self.effect = precision.effect(&self.missing, &self.factor)?;
            extend(&mut self.pattern, self.missing.iter().copied(), WHAT)?;
        }
        Ok(())
    }

    /// Makes the entries of a lane those of the row at hand, and solves Λ_mm u = −v_m.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn gather<P: Precision<Effect = E>>(&mut self, precision: &P, rows: &[Row], lane: usize) -> Result<()> {
        self.missing.clear();
        for (place, (value, mark)) in self.row.iter_mut().zip(&self.marks).enumerate() {
            *value = rows[place].0[lane];
            if mark >> lane & 1 == 1 {
                extend(&mut self.missing, [place], WHAT)?;
            }
        }
        self.turn_to(precision)?;
        self.expected.clear();
        extend(&mut self.expected, self.missing.iter().map(|&place| -self.row[place]), WHAT)?;
        solve(&self.factor, &mut self.expected);
        Ok(())
    }

    /// For another precision than before: what is kept of the latest pattern is not its own.
    pub(crate) fn forget(&mut self) {
        self.pattern.clear();
    }

    /// The missing places, what [`Self::gather`] has solved, and the row.
    pub(crate) fn solved(&mut self) -> (&[usize], &[f64], &mut [f64]) {
        (&self.missing, &self.expected, &mut self.row)
    }

    /// 0 in the places of missing values, and in rows that tell nothing.
    pub(crate) fn clear(&self, rows: &mut [Row]) {
        for lane in 0..LANES {
            let all = match self.lanes[lane] {
                Lack::Nothing => continue,
                Lack::Some(_) => false,
                Lack::All => true,
            };
            for (row, mark) in rows.iter_mut().zip(&self.marks) {
                if all || mark >> lane & 1 == 1 {
                    row.0[lane] = 0.0;
                }
            }
        }
    }

    /// Whether the coordinate is missing in the lane.
    pub(crate) fn lacks(&self, place: usize, lane: usize) -> bool {
        self.marks[place] >> lane & 1 == 1
    }
}

/// A failure in a job over rows, which cannot return one.
#[derive(Debug, Default)]
pub(crate) struct Trouble(OnceLock<Error>);

impl Trouble {
    /// Keeps an error; whether there was none.
    pub(crate) fn none(&self, result: Result<()>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                let _ = self.0.set(error);
                false
            }
        }
    }

    /// # Errors
    /// The first that was kept.
    pub(crate) fn told(self) -> Result<()> {
        self.0.into_inner().map_or(Ok(()), Err)
    }
}

/// A covariance's inverse as a matrix, for zᵀΛz: it is χ² of as many degrees of freedom as coordinates are present.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    width: usize,
    /// (w, w), row-major.
    values: Vec<f64>,
}

impl Dense {
    /// The inverse itself, (w, w) row-major.
    pub(crate) fn of(values: Vec<f64>, width: usize) -> Self {
        Self { width, values }
    }

    /// The inverse of a covariance L Lᵀ, given L⁻¹.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub(crate) fn of_root(inverse: &[f64], width: usize) -> Result<Self> {
        let lacking = |_| Error::Memory {
            what: WHAT,
            rows: width,
            columns: width,
        };
        let table = ArrayView2::from_shape((width, width), inverse).map_err(lacking)?;
        let values = products(&Samples::from(table))?;
        Ok(Self { width, values })
    }

    /// The same, given L.
    ///
    /// # Errors
    /// Those of [`Self::of_root`].
    pub(crate) fn of_factor(lower: &[f64], width: usize) -> Result<Self> {
        Self::of_root(&invert(lower, width)?, width)
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }
}

impl Dense {
    /// Λ z.
    pub(crate) fn times(&self, row: &[f64], out: &mut [f64]) {
        for (place, out) in out.iter_mut().enumerate() {
            *out = dot(self.row(place), row);
        }
    }
}

impl Precision for Dense {
    /// Coordinates that are present.
    type Effect = usize;

    fn among(&self, missing: &[usize], out: &mut [f64]) {
        for (number, (&place, out)) in missing.iter().zip(out.chunks_exact_mut(missing.len())).enumerate() {
            let row = self.row(place);
            out.iter_mut().zip(&missing[..=number]).for_each(|(out, &other)| *out = row[other]);
        }
    }

    fn pull(&self, missing: &[usize], row: &[f64], out: &mut [f64]) {
        for (&place, out) in missing.iter().zip(out) {
            *out = dot(self.row(place), row);
        }
    }

    fn effect(&self, missing: &[usize], _factor: &[f64]) -> Result<usize> {
        Ok(self.width - missing.len())
    }
}

/// The sum of products, in eight sums side by side.
pub(crate) fn dot(one: &[f64], other: &[f64]) -> f64 {
    let (one, rest) = one.as_chunks::<LANES>();
    let (other, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (one, other) in one.iter().zip(other) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    rest.iter().zip(other_rest).fold(sum, |sum, (one, other)| sum + one * other)
}

/// The inverse of a lower triangular matrix without zeros on its diagonal.
pub(crate) fn invert(lower: &[f64], width: usize) -> Result<Vec<f64>> {
    let mut inverse = room(width, width, 0.0, "a whitening matrix")?;
    let mut watch = Watch::start();
    for row in 0..width {
        watch.after(row * width / 4)?;
        let pivot = lower[row * width + row];
        let (above, current) = inverse.split_at_mut(row * width);
        let current = &mut current[..width];
        for (place, factor) in lower[row * width..row * width + row].iter().enumerate() {
            let earlier = &above[place * width..][..=place];
            current.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= factor * earlier);
        }
        current[row] = 1.0;
        current.iter_mut().for_each(|value| *value /= pivot);
    }
    Ok(inverse)
}

/// L of a positive definite A = L Lᵀ in place of A's lower triangle.
pub(crate) fn factorise(matrix: &mut [f64], size: usize) {
    for row in 0..size {
        let (above, current) = matrix.split_at_mut(row * size);
        for column in 0..row {
            let earlier = &above[column * size..][..size];
            current[column] = (current[column] - dot(&current[..column], &earlier[..column])) / earlier[column];
        }
        let rest = current[row] - dot(&current[..row], &current[..row]);
        // Rounding may leave nothing of what the others determine.
        current[row] = rest.max(LEAST_PIVOT * current[row]).max(f64::MIN_POSITIVE).sqrt();
    }
}

/// Turns b into x with L Lᵀ x = b.
pub(crate) fn solve(lower: &[f64], values: &mut [f64]) {
    solve_lower(lower, values);
    solve_upper(lower, values);
}

/// Turns b into x with L x = b.
pub(crate) fn solve_lower(lower: &[f64], values: &mut [f64]) {
    let size = values.len();
    for row in 0..size {
        let line = &lower[row * size..][..=row];
        values[row] = (values[row] - dot(&line[..row], &values[..row])) / line[row];
    }
}

/// Turns b into x with Lᵀ x = b.
pub(crate) fn solve_upper(lower: &[f64], values: &mut [f64]) {
    let size = values.len();
    for row in (0..size).rev() {
        let line = &lower[row * size..][..=row];
        let value = values[row] / line[row];
        values[row] = value;
        values[..row].iter_mut().zip(line).for_each(|(to, factor)| *to -= value * factor);
    }
}

/// Where the χ² of `from` degrees of freedom, given over its mean, stands among those of `to`, over their mean: at the same
/// quantile (Wilson and Hilferty 1931, doi 10.1073/pnas.17.12.684).
pub(crate) fn carried(share: f64, from: f64, to: f64) -> f64 {
    let (narrow, wide) = (2.0 / (9.0 * from), 2.0 / (9.0 * to));
    let quantile = (cube_root(share) - 1.0 + narrow) / narrow.sqrt();
    (1.0 - wide + quantile * wide.sqrt()).max(0.0).powi(3)
}

/// By three of Halley's steps: the same on every processor.
fn cube_root(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return 0.0;
    }
    // A third of the exponent; wrong by a twentieth at most.
    let mut root = f64::from_bits(x.to_bits() / 3 + (715_094_163 << 32));
    for _ in 0..3 {
        let cube = root * root * root;
        root *= (cube + 2.0 * x) / (2.0 * cube + x);
    }
    root
}

/// What a statistic like a multiple of χ² is multiplied by to stand where it would among those of another multiple, each
/// given by mean and degrees of freedom. Of nothing but rounding nothing is made.
pub(crate) fn standing(statistic: f64, from: (f64, f64), to: (f64, f64)) -> f64 {
    if statistic > f64::MIN_POSITIVE {
        carried(statistic / from.0, from.1, to.1) * to.0 / statistic
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests;
