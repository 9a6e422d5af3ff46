//! Fourier transforms of lengths with a large prime factor.
//!
//! With `2jk = j^2 + k^2 - (k - j)^2` the transform becomes a convolution with a chirp, `e^(pi i m^2 / n)`, which is done by
//! transforms of a length with small factors. Of real rows half of the bins say all, so that one and a half times the
//! rows are enough. That length is a rectangle: its lines and its columns are transformed where they lie, by plans as
//! small as they are, and a line is multiplied while it is at hand. Nothing but the rectangle and the chirp's own spectrum is
//! as long as the rows.
//!
//! Source: Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", IEEE Trans. Audio
//! Electroacoust. 18, 1970, doi:10.1109/TAU.1970.1162132; lines and columns: Bailey, "FFTs in external or hierarchical
//! memory", J. Supercomputing 4, 1990, doi:10.1007/BF00162341.

use std::sync::Arc;

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::parallel::Stop;
use realfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::circle;

/// Fewest rows for which the general plan's memory is worth a thought.
const LEAST: usize = 4096;

/// Columns of the rectangle transformed at once: their adjacent values fill lines of the cache.
const COLUMNS: usize = 8;

const ZERO: Complex<f64> = Complex::new(0.0, 0.0);

/// Points on the circle at any of `whole` parts, from two short tables.
struct Angles {
    coarse: Vec<Complex<f64>>,
    fine: Vec<Complex<f64>>,
    bits: u32,
}

impl Angles {
    fn new(whole: usize) -> Result<Self> {
        let bits = whole.ilog2().div_ceil(2);
        let mut fine = reserve(1 << bits, ZERO, "angles")?;
        let mut coarse = reserve((whole >> bits) + 1, ZERO, "angles")?;
        let point = |part: usize| {
            let [cos, sin] = circle::point(part % whole, whole);
            Complex::new(cos, sin)
        };
        for (part, place) in fine.iter_mut().enumerate() {
            *place = point(part);
        }
        for (part, place) in coarse.iter_mut().enumerate() {
            *place = point(part << bits);
        }
        Ok(Self { coarse, fine, bits })
    }

    /// `e^(2 pi i part / whole)`.
    #[inline(always)]
    fn at(&self, part: usize) -> Complex<f64> {
        self.coarse[part >> self.bits] * self.fine[part & ((1 << self.bits) - 1)]
    }
}

/// The squares of 0, 1, 2 ... `whole / 2`, each less the multiples of `whole` in it.
fn squares(whole: usize) -> impl Iterator<Item = usize> {
    let (mut square, mut odd) = (0, 1);
    std::iter::repeat_with(move || {
        let now = square;
        square += odd;
        if square >= whole {
            square -= whole;
        }
        odd += 2;
        now
    })
}

/// The tables of a length.
pub(super) struct Chirp {
    rows: usize,
    /// Values of a column and of a line.
    height: usize,
    width: usize,
    /// Of twice the rows.
    turns: Angles,
    /// Of the rectangle.
    twists: Angles,
    /// Spectrum of the chirp over the rectangle's size.
    spectrum: Vec<Complex<f64>>,
    columns: [Arc<dyn Fft<f64>>; 2],
    lines: [Arc<dyn Fft<f64>>; 2],
}

/// A thread's memory.
pub(super) struct Rectangle {
    values: Vec<Complex<f64>>,
    columns: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Chirp {
    /// Whether a transform of `rows` rows is better done this way: the general plan would hold more than this.
    pub(super) fn suits(rows: usize) -> bool {
        let odd = rows % 2 == 1;
        let length = if odd { rows } else { rows / 2 };
        let mut rest = length;
        for factor in [2, 3, 5, 7, 11] {
            while rest % factor == 0 {
                rest /= factor;
            }
        }
        rows >= LEAST && rest > 1 && if odd { 16 * rest > length } else { rest == length }
    }

    /// # Errors
    /// [`crate::Error::Memory`].
    pub(super) fn new(rows: usize, stop: &Stop) -> Result<Self> {
        let needed = rows.saturating_add(rows / 2);
        let height = 1_usize << (needed.ilog2() / 2);
        let width = smooth_from(needed.div_ceil(height));
        let size = height.saturating_mul(width);
        let spectrum = reserve(size, ZERO, "the tables of a Fourier transform")?;
        let mut planner = FftPlanner::new();
        let mut both = |length| [planner.plan_fft_forward(length), planner.plan_fft_inverse(length)];
        let mut chirp = Self {
            rows,
            height,
            width,
            turns: Angles::new(2 * rows)?,
            twists: Angles::new(size)?,
            columns: both(height),
            lines: both(width),
            spectrum: Vec::new(),
        };
        let mut rectangle = chirp.rectangle(spectrum)?;
        let share = 1.0 / size as f64;
        for (row, square) in squares(2 * rows).enumerate().take(rows) {
            let value = chirp.turns.at(square) * share;
            if row <= rows / 2 {
                rectangle.values[row] = value;
            }
            if row > 0 {
                rectangle.values[size - row] = value;
            }
        }
        chirp.pass::<false>(&mut rectangle, height, stop);
        let Rectangle { values, scratch, .. } = &mut rectangle;
        for line in values.chunks_exact_mut(width) {
            chirp.lines[0].process_with_scratch(line, scratch);
        }
        chirp.spectrum = rectangle.values;
        Ok(chirp)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// # Errors
    /// [`crate::Error::Memory`].
    pub(super) fn memory(&self) -> Result<Rectangle> {
        self.rectangle(reserve(self.height * self.width, ZERO, "the scratch of a Fourier transform")?)
    }

    fn rectangle(&self, values: Vec<Complex<f64>>) -> Result<Rectangle> {
        let plans = self.columns.iter().chain(&self.lines);
        let scratch = plans.map(|plan| plan.get_inplace_scratch_len()).max().unwrap_or(0);
        Ok(Rectangle {
            values,
            columns: reserve(COLUMNS * self.height, ZERO, "the scratch of a Fourier transform")?,
            scratch: reserve(scratch, ZERO, "the scratch of a Fourier transform")?,
        })
    }

    /// Bins 0 to `rows / 2` of `series`; not defined where the work was stopped.
    pub(super) fn run(&self, series: &[f64], bins: &mut [Complex<f64>], rectangle: &mut Rectangle, stop: &Stop) {
        let (values, rest) = rectangle.values.split_at_mut(self.rows);
        for ((value, place), square) in series.iter().zip(values).zip(squares(2 * self.rows)) {
            *place = self.turns.at(square).conj() * value;
        }
        rest.fill(ZERO);
        self.pass::<false>(rectangle, self.height, stop);
        let Rectangle { values, scratch, .. } = rectangle;
        let lines = values.chunks_exact_mut(self.width).zip(self.spectrum.chunks_exact(self.width));
        for (line, chirp) in lines {
            if stop.requested() {
                return;
            }
            self.lines[0].process_with_scratch(line, scratch);
            for (value, factor) in line.iter_mut().zip(chirp) {
                *value *= factor;
            }
            self.lines[1].process_with_scratch(line, scratch);
        }
        self.pass::<true>(rectangle, bins.len().div_ceil(self.width), stop);
        for ((bin, value), square) in bins.iter_mut().zip(&rectangle.values).zip(squares(2 * self.rows)) {
            *bin = value * self.turns.at(square).conj();
        }
    }

    /// The columns' transforms, each value then turned by its place in its line: what is left to do of the rectangle's
    /// transform are the lines. `BACK` undoes it. Of the result the first `kept` lines.
    fn pass<const BACK: bool>(&self, rectangle: &mut Rectangle, kept: usize, stop: &Stop) {
        let Rectangle {
            values,
            columns,
            scratch,
        } = rectangle;
        for start in (0..self.width).step_by(COLUMNS) {
            if stop.requested() {
                return;
            }
            let count = COLUMNS.min(self.width - start);
            let columns = &mut columns[..count * self.height];
            let twist = |row: usize, column: usize| self.twists.at(row * (start + column));
            for (row, line) in values.chunks_exact(self.width).enumerate() {
                for (column, &value) in line[start..start + count].iter().enumerate() {
                    columns[column * self.height + row] = if BACK { value * twist(row, column) } else { value };
                }
            }
            self.columns[usize::from(BACK)].process_with_scratch(columns, scratch);
            for (row, line) in values.chunks_exact_mut(self.width).enumerate().take(kept) {
                for (column, value) in line[start..start + count].iter_mut().enumerate() {
                    let found = columns[column * self.height + row];
                    *value = if BACK { found } else { found * twist(row, column).conj() };
                }
            }
        }
    }
}

/// The next number with no prime factor above 5.
fn smooth_from(least: usize) -> usize {
    let smooth = |&number: &usize| {
        let mut rest = number;
        for factor in [2, 3, 5] {
            while rest % factor == 0 {
                rest /= factor;
            }
        }
        rest == 1
    };
    (least.max(1)..).find(smooth).unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use realfft::RealFftPlanner;

    use super::*;

    fn bins_of(series: &[f64]) -> Vec<Complex<f64>> {
        let stop = Stop::default();
        let chirp = Chirp::new(series.len(), &stop).unwrap();
        let mut memory = chirp.memory().unwrap();
        let mut bins = vec![ZERO; series.len() / 2 + 1];
        for _ in 0..2 {
            chirp.run(series, &mut bins, &mut memory, &stop);
        }
        bins
    }

    /// Each bin as defined, in 106 bits where it matters: the angles' parts are whole numbers.
    fn naive(series: &[f64], bin: usize) -> Complex<f64> {
        let rows = series.len();
        let angles: Vec<Complex<f64>> = (0..rows)
            .map(|part| {
                let [cos, sin] = circle::point(part, rows);
                Complex::new(cos, -sin)
            })
            .collect();
        series.iter().enumerate().map(|(row, &value)| angles[row * bin % rows] * value).sum()
    }

    #[test]
    fn bins_are_those_of_the_definition() {
        for rows in [1_usize, 2, 3, 5, 16, 97, 360, 1009, 4099] {
            let series: Vec<f64> = (0..rows).map(|row| ((row * row * 7919) % 1013) as f64 / 506.0 - 1.0).collect();
            let found = bins_of(&series);
            let energy = (series.iter().map(|value| value * value).sum::<f64>() * rows as f64).sqrt();
            for bin in (0..found.len()).step_by(found.len() / 40 + 1).chain([found.len() - 1]) {
                let error = (found[bin] - naive(&series, bin)).norm();
                assert!(error <= 1e-14 * energy, "{rows} rows, bin {bin}: {error}");
            }
        }
    }

    #[test]
    fn a_long_prime_has_the_bins_of_another_transform() {
        let rows = 100_003;
        let series: Vec<f64> = (0..rows).map(|row| ((row * 7919) % 4001) as f64 / 2000.0 - 1.0).collect();
        let plan = RealFftPlanner::new().plan_fft_forward(rows);
        let mut expected = plan.make_output_vec();
        plan.process(&mut series.clone(), &mut expected).unwrap();
        let energy = (series.iter().map(|value| value * value).sum::<f64>() * rows as f64).sqrt();
        let worst = bins_of(&series).iter().zip(&expected).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
        assert!(worst <= 3e-14 * energy, "{}", worst / energy);
    }

    #[test]
    fn lengths_of_small_factors_stay_with_the_general_plan() {
        for rows in [
            1,
            1009,
            4093,
            4096,
            10_000,
            48 * 365,
            1_000_000,
            1_594_323,
            823_543,
            999_999,
            2 * 3 * 166_667,
        ] {
            assert!(!Chirp::suits(rows), "{rows}");
        }
        for rows in [
            4099,
            1_000_003,
            994_009,
            1_010_101,
            3 * 333_337,
            7 * 373 * 383,
            2 * 500_009,
        ] {
            assert!(Chirp::suits(rows), "{rows}");
        }
    }
}
