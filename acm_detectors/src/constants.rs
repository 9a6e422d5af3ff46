//! Sensors that stood still in all of the training: a model of how sensors move knows nothing of them, but that one moves is
//! news of its own.

use acm_linalg::memory::{Gather, push};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::{keep_known, quantile, rounding};
use acm_linalg::{Error, Reader, Result, Samples, Writer};

use crate::screen::Screened;

/// A rate of alarms that none asks for.
pub(crate) const RAREST: f64 = 1e-9;

/// The float32 form of a number, and what arithmetic in that form adds, differ from it by less than this share.
const FLOAT32: f64 = 1.0 / (1 << 22) as f64;

/// A sensor that a model has no part for and that varied by more than this share of its value did not stand still.
const STILL: f64 = 1e-6;

/// Significant digits that a coarser form of a value has at least.
const DIGITS: i32 = 3;

/// Estimated time to compare a reading, in nanoseconds.
const COST_NS: f64 = 2.0;

const WHAT: &str = "the constant sensors";

/// Sensors that read one value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constants {
    columns: Vec<usize>,
    values: Vec<f64>,
    /// A reading that is further from the value has moved.
    tolerances: Vec<f64>,
}

/// The parameter of a model: whether it watches constants.
macro_rules! parameter {
    ($model:ident) => {
        impl $model {
            /// With sensors that stand still in all of the training watched, as they are by default, or left out of everything.
            #[must_use]
            pub fn with_constants(mut self, constants: bool) -> Self {
                self.constants = constants;
                self
            }

            /// Whether sensors that stand still in all of the training are watched.
            #[must_use]
            pub fn constants(&self) -> bool {
                self.constants
            }
        }
    };
}

/// What a fitted model tells of its constants.
macro_rules! told {
    ($fitted:ident) => {
        impl $fitted {
            /// Sensors that stood still in the training rows and are watched: a row in which one moves scores above every limit.
            #[must_use]
            pub fn constants(&self) -> &$crate::constants::Constants {
                &self.constants
            }

            /// Which of them have moved: 1, else 0, (n, d), row after row.
            ///
            /// # Errors
            /// Those of `score`.
            pub fn moved(&self, x: acm_linalg::Samples<'_>, out: &mut [f64]) -> acm_linalg::Result<()> {
                x.require_columns(self.columns())?;
                self.constants.moved(x, out)
            }
        }
    };
}

pub(crate) use {parameter, told};

impl Constants {
    /// Of the rows of `x` that a fit has not left out, where constants are `watched`: columns that have no part in the model, and
    /// read the same wherever they read something, which must be in half of the rows.
    pub(crate) fn learn(watched: bool, screened: &Screened, x: Samples<'_>, used: &[bool]) -> Result<Self> {
        if !watched || used.iter().all(|&used| used) {
            return Ok(Self::default());
        }
        Self::of(screened.training(x)?.samples(), |column| !used[column], STILL)
    }

    /// Of rows without any screening, of columns that have no part in the model.
    pub(crate) fn beside(watched: bool, x: Samples<'_>, used: &[bool]) -> Result<Self> {
        if watched {
            Self::of(x, |column| !used[column], STILL)
        } else {
            Ok(Self::default())
        }
    }

    /// Of models in which all columns have a part: those that vary by no more than the rounding of their value.
    pub(crate) fn among_used(watched: bool, x: Samples<'_>) -> Result<Self> {
        if watched { Self::of(x, |_| true, 0.0) } else { Ok(Self::default()) }
    }

    fn of(x: Samples<'_>, may: impl Fn(usize) -> bool, still: f64) -> Result<Self> {
        let mut found = Self::default();
        let mut column_values = Vec::new();
        let mut watch = Watch::start();
        for column in (0..x.columns()).filter(|&column| may(column)) {
            watch.after(x.rows())?;
            if varies(x, column) {
                continue;
            }
            if column_values.is_empty() {
                column_values = room(x.rows(), 1, 0.0, WHAT)?;
            }
            x.read_column(column, &mut column_values);
            let known = keep_known(&mut column_values);
            if known == 0 || 2 * known < x.rows() {
                continue;
            }
            let value = quantile(&mut column_values[..known], 0.5);
            let spread = column_values[..known].iter().fold(0.0_f64, |most, other| most.max((other - value).abs()));
            if spread <= (still * value.abs()).max(rounding(value)) {
                push(&mut found.columns, column, WHAT)?;
                push(&mut found.values, value, WHAT)?;
                push(&mut found.tolerances, (2.0 * spread).max(FLOAT32 * value.abs()), WHAT)?;
            }
        }
        Ok(found)
    }

    /// Whether no sensor is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Their columns, rising.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// What each of them read.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// By how much more than rounding the constant numbered `place` has moved in a row, above 1; 0 where it has not, or is
    /// missing.
    fn move_of(&self, x: &Samples<'_>, row: usize, place: usize) -> f64 {
        let reading = x.value(row, self.columns[place]);
        let (value, tolerance) = (self.values[place], self.tolerances[place]);
        let away = (reading - value).abs();
        if !reading.is_finite() || away <= tolerance || is_coarser(value, reading) {
            return 0.0;
        }
        1.0 + (away.min(f64::MAX) / tolerance.max(f64::MIN_POSITIVE)).min(f64::MAX).ln_1p()
    }

    /// What `change` makes of the `width` values of each row in which one has moved, with how far.
    pub(crate) fn when_moved<T: Send>(
        &self,
        x: Samples<'_>,
        width: usize,
        out: &mut [T],
        change: impl Fn(f64, &mut [T]) + Sync,
    ) -> Result<()> {
        self.each_row(x, width, out, |row, out| {
            let most = (0..self.columns.len()).fold(0.0_f64, |most, place| most.max(self.move_of(&x, row, place)));
            if most > 0.0 {
                change(most, out);
            }
        })
    }

    fn each_row<T: Send>(
        &self,
        x: Samples<'_>,
        width: usize,
        out: &mut [T],
        change: impl Fn(usize, &mut [T]) + Sync,
    ) -> Result<()> {
        if self.is_empty() || width == 0 {
            return Ok(());
        }
        by_rows(
            x.rows(),
            width,
            out,
            COST_NS * (self.columns.len() + width) as f64,
            || Ok(()),
            |(), rows, out, stop| {
                for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
                    if row.is_multiple_of(4096) && stop.requested() {
                        return;
                    }
                    change(row, out);
                }
            },
        )
    }

    /// (n, d), row after row: 1 where a constant has moved, else 0.
    pub(crate) fn moved(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let (expected, got) = (x.rows() * x.columns(), out.len());
        if expected != got {
            let name = "out";
            return Err(Error::Length { name, expected, got });
        }
        out.fill(0.0);
        self.each_row(x, x.columns(), out, |row, out| {
            for (place, &column) in self.columns.iter().enumerate() {
                if self.move_of(&x, row, place) > 0.0 {
                    out[column] = 1.0;
                }
            }
        })
    }

    /// Scores of rows in which one moves become so many times `limit`, a score that no healthy row has, the more the further
    /// it moves.
    pub(crate) fn raise(&self, x: Samples<'_>, limit: f64, scores: &mut [f64]) -> Result<()> {
        self.when_moved(x, 1, scores, |most, score| score[0] = score[0].max((limit * most).min(f64::MAX)))
    }

    /// The same where scores stay below 1, as `limit` does.
    pub(crate) fn raise_below_one(&self, x: Samples<'_>, limit: f64, scores: &mut [f64]) -> Result<()> {
        self.when_moved(x, 1, scores, |most, score| score[0] = score[0].max(1.0 - (1.0 - limit) / most))
    }

    /// One that moves has twice the greatest share of its row at least.
    pub(crate) fn share(&self, x: Samples<'_>, shares: &mut [f64]) -> Result<()> {
        self.each_row(x, x.columns(), shares, |row, shares| {
            let others = shares.iter().fold(0.0_f64, |most, share| most.max(share.abs()));
            let unit = if others > 0.0 { others } else { 1.0 };
            for (place, &column) in self.columns.iter().enumerate() {
                let moved = self.move_of(&x, row, place);
                if moved > 0.0 {
                    shares[column] = (2.0 * unit * moved).min(f64::MAX);
                }
            }
        })
    }

    /// With the parameter; of what a model has that is told to `ignore` them nothing is written.
    pub(crate) fn write(&self, watched: bool, to: &mut Writer) {
        if watched {
            to.counted("constants.columns", self.columns.iter().map(|&column| column as u64));
            to.reals("constants.values", &self.values);
            to.reals("constants.tolerances", &self.tolerances);
        }
    }

    /// Whether a file's model watches constants: those of former versions do not.
    pub(crate) fn watched(from: &Reader<'_>) -> bool {
        from.has("constants.columns")
    }

    /// Of a model of so many columns.
    pub(crate) fn read(from: &Reader<'_>, columns: usize) -> Result<Self> {
        if !Self::watched(from) {
            return Ok(Self::default());
        }
        let count = from.length("constants.columns")?;
        let found = from.counts("constants.columns", count)?;
        let within = found.iter().all(|&column| column < columns as u64);
        from.require(within && found.is_sorted_by(|one, next| one < next), "constants.columns")?;
        let place = |column: u64| usize::try_from(column).unwrap_or_default();
        let values = from.reals("constants.values", count)?;
        let tolerances = from.reals("constants.tolerances", count)?;
        from.require(values.iter().all(|value| value.is_finite()), "constants.values")?;
        let sound = tolerances.iter().all(|&tolerance| tolerance >= 0.0 && tolerance.is_finite());
        from.require(sound, "constants.tolerances")?;
        Ok(Self {
            columns: found.into_iter().map(place).gathered(WHAT)?,
            values,
            tolerances,
        })
    }
}

/// Whether a column's values differ by more than that of a constant may; most columns show it within a few rows.
fn varies(x: Samples<'_>, column: usize) -> bool {
    let mut known = (0..x.rows()).map(|row| x.value(row, column)).filter(|value| value.is_finite());
    let Some(first) = known.next() else {
        return true;
    };
    known.any(|value| (value - first).abs() > 4.0 * STILL * first.abs().max(value.abs()))
}

/// Whether `reading` is `value` with fewer digits, but three at least: a history that is written more coarsely than the
/// training shows no move.
#[expect(clippy::cast_possible_truncation, reason = "exponents of ten")]
fn is_coarser(value: f64, reading: f64) -> bool {
    let away = (reading - value).abs();
    if value == 0.0 || 2.0 * away > value.abs() * 10.0_f64.powi(1 - DIGITS) {
        return false;
    }
    let least = ((2.0 * away).log10() - 1e-9).ceil() as i32;
    let most = value.abs().log10().floor() as i32 + 1 - DIGITS;
    (least..=most).any(|exponent| {
        let step = 10.0_f64.powi(exponent);
        let off = reading / step - (reading / step).round();
        off.abs() * step <= FLOAT32 * value.abs()
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    const NAN: f64 = f64::NAN;

    fn of(x: &Array2<f64>, still: f64) -> Constants {
        Constants::of(x.view().into(), |column| column != 1, still).unwrap()
    }

    #[test]
    fn columns_stand_still_that_vary_by_no_more_than_they_may() {
        // Of 4 rows: 8, one that has no part, half of the values, less than half, none, and 0.
        let x = array![
            [8.0, 3.0, NAN, 5.0, NAN, 0.0],
            [8.0, 3.0, 2.0, NAN, NAN, 0.0],
            [8.0, 3.0, f64::INFINITY, NAN, NAN, 0.0],
            [8.0, 3.0, 2.0, NAN, NAN, NAN],
        ];
        let found = of(&x, STILL);
        assert_eq!((found.columns(), found.values()), (&[0, 2, 5][..], &[8.0, 2.0, 0.0][..]));
        assert_eq!(found.tolerances, [8.0 / 4_194_304.0, 2.0 / 4_194_304.0, 0.0]);
        // About 1000 readings may differ by .001 from their median; twice what they do is no move.
        for (away, still) in [(0.000_9, true), (0.001_1, false), (-0.000_9, true), (-0.001_1, false)] {
            let x = array![[1000.0, 1.0], [1000.0 + away, 2.0], [1000.0, 3.0]];
            let found = of(&x, STILL);
            assert_eq!(found.columns(), if still { &[0_usize][..] } else { &[] }, "{away}");
            if still {
                assert!((found.tolerances[0] - 2.0 * away.abs()).abs() < 1e-12);
            }
            assert!(of(&x, 0.0).is_empty());
        }
        // What is left of a value by rounding is none.
        let x = array![[0.1, 1.0], [0.1_f64.next_up(), 1.0], [0.1, 1.0]];
        assert_eq!(of(&x, 0.0).columns(), [0]);
        assert!(of(&array![[0.1, 1.0], [-0.1, 1.0], [0.1, 1.0]], STILL).is_empty());
        assert!(Constants::beside(false, x.view().into(), &[false; 2]).unwrap().is_empty());
        let beside = Constants::beside(true, x.view().into(), &[false, true]).unwrap();
        assert_eq!((beside.columns(), beside.is_empty()), (&[0][..], false));
        assert_eq!(Constants::among_used(true, x.view().into()).unwrap().columns(), [0, 1]);
        assert!(Constants::among_used(false, x.view().into()).unwrap().is_empty());
    }

    /// Sensors 1 and 3 of four, which read 8 and -1 to within .5 and .25.
    fn two() -> Constants {
        Constants {
            columns: vec![1, 3],
            values: vec![8.0, -1.0],
            tolerances: vec![0.5, 0.25],
        }
    }

    #[test]
    fn moves_count_from_the_tolerance_on() {
        let x = array![
            [9.0, 8.0, 9.0, -1.0],
            [9.0, 8.5, 9.0, -1.25],
            [9.0, 11.0, 9.0, -1.0],
            [9.0, 8.0, 9.0, -0.5],
            [9.0, NAN, 9.0, f64::INFINITY],
            [9.0, 3.0, 9.0, 1.0],
        ];
        let samples = || Samples::from(x.view());
        let mut moved = [9.0; 24];
        two().moved(samples(), &mut moved).unwrap();
        let marks = |row: usize| [moved[4 * row + 1], moved[4 * row + 3]];
        let exact = [[0.0; 2], [0.0; 2], [1.0, 0.0], [0.0, 1.0], [0.0; 2], [1.0; 2]];
        assert_eq!([0, 1, 2, 3, 4, 5].map(marks), exact);
        assert!((0..6).all(|row| moved[4 * row] == 0.0 && moved[4 * row + 2] == 0.0));
        assert!(two().moved(samples(), &mut moved[..23]).is_err());
        // One and the logarithm of one more than the tolerances it has moved by.
        let far = |tolerances: f64| 1.0 + (1.0 + tolerances).ln();
        let exact = [0.0, 0.0, far(6.0), far(2.0), 0.0, far(10.0)];
        let near = |found: f64, exact: f64| assert!((found - exact).abs() < 1e-14, "{found} {exact}");
        let mut scores = [0.25; 6];
        two().raise(samples(), 3.0, &mut scores).unwrap();
        scores.iter().zip(exact).for_each(|(score, far)| near(*score, (3.0 * far).max(0.25)));
        // What is higher already stays.
        let mut scores = [100.0; 6];
        two().raise(samples(), 3.0, &mut scores).unwrap();
        assert_eq!(scores, [100.0; 6]);
        let mut scores = [0.25; 6];
        two().raise_below_one(samples(), 0.6, &mut scores).unwrap();
        for (score, far) in scores.iter().zip(exact) {
            near(*score, if far > 0.0 { 1.0 - 0.4 / far } else { 0.25 });
        }
        // Shares: twice the greatest of the row, of either sign, times how far; of 1 where there is none.
        let mut shares: Vec<f64> = (0..24).map(|place| [1.0, 2.0, -3.0, 0.5][place % 4]).collect();
        shares[8..12].fill(0.0);
        two().share(samples(), &mut shares).unwrap();
        let row = |row: usize| {
            [
                shares[4 * row],
                shares[4 * row + 1],
                shares[4 * row + 2],
                shares[4 * row + 3],
            ]
        };
        assert_eq!((row(0), row(1), row(4)), ([1.0, 2.0, -3.0, 0.5], [1.0, 2.0, -3.0, 0.5], [1.0, 2.0, -3.0, 0.5]));
        let (second, third) = (row(2), row(3));
        near(second[1], 2.0 * far(6.0));
        assert_eq!([second[0], second[2], second[3]], [0.0; 3]);
        near(third[3], 6.0 * far(2.0));
        assert_eq!(third[..3], [1.0, 2.0, -3.0]);
        near(row(5)[1], 6.0 * far(10.0));
        near(row(5)[3], 6.0 * far(8.0));
        // Nothing but numbers.
        let x = array![[0.0, f64::MAX, 0.0, -f64::MAX]];
        let still = Constants {
            tolerances: vec![0.0; 2],
            ..two()
        };
        let mut scores = [0.0];
        still.raise(x.view().into(), f64::MAX, &mut scores).unwrap();
        assert_eq!(scores, [f64::MAX]);
    }

    #[test]
    fn a_column_varies_by_its_first_value_or_a_greater_one() {
        let of = |values: &[f64]| {
            let x = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
            varies(x.view().into(), 0)
        };
        assert!(of(&[NAN; 3]) && of(&[1.0, 2.0]) && of(&[NAN, 1.0, f64::INFINITY, 1.000_005]) && of(&[0.0, 1e-9]));
        assert!(!of(&[1.0, NAN, 1.000_003]) && !of(&[0.0; 3]) && !of(&[1.0]) && !of(&[-1.0, -1.000_003]));
        // By four millionths of the greater of the two.
        assert!(!of(&[1e-3, 1e-3 + 3.9e-9]) && of(&[1e-3, 1e-3 - 4.1e-9]) && of(&[1e-3, -1e-3]));
    }

    #[test]
    fn fewer_digits_are_no_move() {
        for (value, reading) in [
            (50.123_456_789, 50.12),
            (50.123_456_789, 50.1),
            (50.123_456_789, f64::from(50.12_f32)),
            (-1_499.6, -1_500.0),
            (1.234_5e-7, 1.23e-7),
        ] {
            assert!(is_coarser(value, reading), "{value} {reading}");
        }
        for (value, reading) in [
            (50.1, 50.2),
            (50.1, 50.100_1),
            (50.123, 50.13),
            (50.4, 50.0),
            (0.4, 0.0),
            (0.0, 1e-9),
            (1.0, 0.99),
            (0.125, 0.12),
            (1_499.6, 1_499.0),
            (f64::MAX, -f64::MAX),
        ] {
            assert!(!is_coarser(value, reading), "{value} {reading}");
        }
    }
}
