//! Rows with missing values: a missing sensor reads what the model predicts of it from the others, so that its residual is 0.
//!
//! With the residual e = z A − c, A = I − B, of a row z whose missing sensors m hold anything, z_m gains δ with δ A_mm =
//! −e_m. For a ridge that is the conditional expectation in its own covariance, for principal components the z_m that makes
//! the residual shortest; A_mm gains a little on its diagonal where components are few, so that a sensor that no other
//! tells of stays near its mean.
//!
//! Of a sensor that is rounded more coarsely than in training part of its reading is unknown: with the variance n of what is
//! rounded away, and σ² that of what the model leaves of the sensor over its own A_mm, A_mm gains σ²/n on its diagonal. What
//! is so explained counts with σ² δ²/n beside the residual; an n without end is a missing value.
//!
//! The residuals of the others lose what those of the missing told of them. Their covariance goes as A, row by row in proportion
//! to the variances of training; from it follows what the squared length is on average, and the length is brought to where
//! it would stand among those of complete rows.

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, extend, push};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::{FittedOmr, Prediction};
use crate::alone::{Coarse, SHARE};
use crate::gaps::{Lack, standing};

/// A pivot below this is rounding.
const LEAST_PIVOT: f64 = 1e-9;

/// Variances of residuals are at least this share of a sensor's.
const LEAST_VARIANCE: f64 = 1e-12;

const WHAT: &str = "what is expected of missing values";

/// What the residuals of complete healthy rows are like.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usual {
    /// Of each watched sensor, in units of its spread.
    variances: Vec<f64>,
    /// Of the squared length, and the degrees of freedom of the χ² that it is like.
    mean: f64,
    freedom: f64,
    /// What A_mm gains on its diagonal.
    firmness: f64,
}

impl Usual {
    /// From the variances of the squared residuals: those of normal ones are twice the squares of their own.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(super) fn of(spread: &[f64], prediction: &Prediction) -> Result<Self> {
        let mut variances = room(spread.len(), 1, 0.0, WHAT)?;
        for (to, spread) in variances.iter_mut().zip(spread) {
            *to = (0.5 * spread).sqrt().max(LEAST_VARIANCE);
        }
        let mean: f64 = variances.iter().sum();
        let squares: f64 = variances.iter().map(|value| value * value).sum();
        let sensors = spread.len() as f64;
        let firmness = match prediction {
            Prediction::Whole(_) => 0.0,
            Prediction::Subspace(space) => {
                // The noise over the variance of a component.
                let noise = (mean / sensors).min(0.5);
                noise / (1.0 - noise) * space.rank as f64 / sensors
            }
        };
        Ok(Self {
            freedom: (mean * mean / squares).max(1.0),
            variances,
            mean,
            firmness,
        })
    }

    /// Of each watched sensor's residual, in units of its spread.
    pub(super) fn variances(&self) -> &[f64] {
        &self.variances
    }
}

/// Room for a row.
#[derive(Debug)]
pub(super) struct GapScratch {
    /// Of the eight rows at hand.
    pub(super) lanes: [Lack<f64>; LANES],
    missing: Vec<usize>,
    /// What each of them lacks.
    noise: Vec<f64>,
    /// The latest pattern, A_m of it (m, w), and A_mm to be solved.
    pattern: (Vec<usize>, Vec<f64>),
    rows: Vec<f64>,
    matrix: Vec<f64>,
    /// What the squared length is on average.
    mean: f64,
}

impl GapScratch {
    pub(super) fn new() -> Self {
        Self {
            lanes: [Lack::Nothing; LANES],
            missing: Vec::new(),
            noise: Vec::new(),
            pattern: (Vec::new(), Vec::new()),
            rows: Vec::new(),
            matrix: Vec::new(),
            mean: 0.0,
        }
    }
}

impl FittedOmr {
    /// Puts what is predicted in the places of the missing sensors, given the residuals of rows that hold 0 there, and takes from
    /// the rounded ones what rounding explains.
    ///
    /// `unknown` is the variance of what each reading lacks, without end where it is missing; `beside` becomes what is explained.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(super) fn fill(
        &self,
        values: &mut [Row],
        predicted: &[Row],
        unknown: &[Row],
        beside: &mut [Row],
        gaps: &mut GapScratch,
    ) -> Result<()> {
        let sensors = self.watched.len();
        beside.fill(Row::default());
        for lane in 0..LANES {
            gaps.lanes[lane] = Lack::Nothing;
            gaps.missing.clear();
            gaps.noise.clear();
            for (place, unknown) in unknown.iter().enumerate() {
                if unknown.0[lane] > 0.0 {
                    push(&mut gaps.missing, place, WHAT)?;
                    push(&mut gaps.noise, unknown.0[lane], WHAT)?;
                }
            }
            if gaps.missing.is_empty() {
                continue;
            }
            if gaps.noise.iter().filter(|noise| noise.is_infinite()).count() == sensors {
                gaps.lanes[lane] = Lack::All;
                continue;
            }
            self.turn_to(gaps)?;
            let count = gaps.missing.len();
            // δ = −e_m A_mm⁻¹, from A_mmᵀ δ = −e_m.
            gaps.matrix.clear();
            extend(&mut gaps.matrix, (0..count * (count + 1)).map(|_| 0.0), WHAT)?;
            for (row, &place) in gaps.missing.iter().enumerate() {
                let line = &mut gaps.matrix[row * (count + 1)..][..=count];
                for (column, to) in line[..count].iter_mut().enumerate() {
                    *to = gaps.rows[column * sensors + place];
                }
                line[row] += self.usual.firmness + self.own(place, line[row]) / gaps.noise[row];
                line[count] = predicted[place].0[lane] - values[place].0[lane];
            }
            eliminate(&mut gaps.matrix, count, 1);
            for (row, &place) in gaps.missing.iter().enumerate() {
                let gain = gaps.matrix[row * (count + 1) + count];
                values[place].0[lane] += gain;
                let own = self.own(place, gaps.rows[row * sensors + place]);
                beside[place].0[lane] = own * gain * gain / gaps.noise[row];
            }
            gaps.lanes[lane] = Lack::Some(gaps.mean);
        }
        Ok(())
    }

    /// Takes what a unit of a watched sensor adds to the residual from zeros: a row of A.
    fn residual_of(&self, place: usize, row: &mut [f64]) {
        let sensors = row.len();
        match &self.prediction {
            Prediction::Whole(matrix) => {
                let line = &matrix[place * sensors..][..sensors];
                row.iter_mut().zip(line).for_each(|(to, value)| *to = -value);
            }
            Prediction::Subspace(space) => {
                let into = &space.into[place * space.rank..][..space.rank];
                for (factor, line) in into.iter().zip(space.back.chunks_exact(sensors)) {
                    row.iter_mut().zip(line).for_each(|(to, value)| *to -= factor * value);
                }
            }
        }
        row[place] += 1.0;
    }

    /// Finds the steps of the training readings.
    pub(super) fn learn_steps(&mut self, x: Samples<'_>, clean: Samples<'_>) -> Result<()> {
        let sensors = self.watched.len();
        let (mut power, mut precise) = (room(sensors, 1, 0.0, WHAT)?, room(sensors, 1, 0.0, WHAT)?);
        let mut row = room(sensors, 1, 0.0, WHAT)?;
        for place in 0..sensors {
            row.fill(0.0);
            self.residual_of(place, &mut row);
            power[place] = row.iter().map(|value| value * value).sum();
            precise[place] = row[place].max(LEAST_PIVOT) / self.own(place, row[place]);
        }
        let least = power.iter().map(|power| SHARE * self.usual.mean / power).gathered(WHAT)?;
        let scale = self.watched.iter().map(|&column| self.scaling.scale[column]).gathered(WHAT)?;
        self.coarse = Coarse::learn([x, clean], &self.watched, scale, &power, self.usual.mean, &precise, Some(&least))?;
        Ok(())
    }

    /// σ² of a watched sensor with this A_mm.
    fn own(&self, place: usize, diagonal: f64) -> f64 {
        self.usual.variances[place] / diagonal.max(LEAST_PIVOT)
    }

    /// A_m, and what the present residuals' squares are on average.
    fn turn_to(&self, gaps: &mut GapScratch) -> Result<()> {
        if gaps.pattern.0 == gaps.missing && gaps.pattern.1 == gaps.noise {
            return Ok(());
        }
        let (sensors, count) = (self.watched.len(), gaps.missing.len());
        gaps.pattern.0.clear();
        gaps.pattern.1.clear();
        gaps.rows.clear();
        extend(&mut gaps.rows, (0..count * sensors).map(|_| 0.0), WHAT)?;
        for (&place, row) in gaps.missing.iter().zip(gaps.rows.chunks_exact_mut(sensors)) {
            self.residual_of(place, row);
        }
        // A_mm⁻¹ A_m beside A_mm.
        let wide = count + sensors;
        gaps.matrix.clear();
        extend(&mut gaps.matrix, (0..count * wide).map(|_| 0.0), WHAT)?;
        for (row, line) in gaps.matrix.chunks_exact_mut(wide).enumerate() {
            let from = &gaps.rows[row * sensors..][..sensors];
            for (to, &place) in line.iter_mut().zip(&gaps.missing) {
                *to = from[place];
            }
            line[row] += self.usual.firmness + self.own(gaps.missing[row], line[row]) / gaps.noise[row];
            line[count..].copy_from_slice(from);
        }
        eliminate(&mut gaps.matrix, count, sensors);
        let variances = &self.usual.variances;
        gaps.mean = 0.0;
        let mut next = gaps.missing.iter().enumerate().peekable();
        for (place, &variance) in variances.iter().enumerate() {
            if let Some((row, _)) = next.next_if(|(_, missing)| **missing == place) {
                if gaps.noise[row].is_infinite() {
                    continue;
                }
                let explained = gaps.matrix[row * wide + count + place];
                gaps.mean += self.own(place, gaps.rows[row * sensors + place]) * explained.clamp(0.0, 1.0);
            }
            let mut told = 0.0;
            for (row, &missing) in gaps.missing.iter().enumerate() {
                let scale = self.own(missing, gaps.rows[row * sensors + missing]);
                told += gaps.matrix[row * wide + count + place] * gaps.rows[row * sensors + place] * scale;
            }
            gaps.mean += (variance - told.max(0.0)).max(0.0);
        }
        extend(&mut gaps.pattern.0, gaps.missing.iter().copied(), WHAT)?;
        extend(&mut gaps.pattern.1, gaps.noise.iter().copied(), WHAT)
    }

    /// What a lane's squared length is multiplied by, for what it lacks.
    pub(super) fn stretch(&self, lack: Lack<f64>, square: f64) -> f64 {
        let Usual { mean, freedom, .. } = self.usual;
        match lack {
            Lack::Nothing => 1.0,
            Lack::All => f64::NAN,
            Lack::Some(present) if present > LEAST_PIVOT * mean => {
                let fewer = (freedom * present / mean).max(1.0);
                standing(square, (present, fewer), (mean, freedom))
            }
            Lack::Some(_) => 0.0,
        }
    }
}

/// Turns the columns beyond the first `size` into the solutions of the equations that those state, row by row (Gauss with
/// partial pivoting); what cannot be told from rounding becomes 0.
fn eliminate(matrix: &mut [f64], size: usize, sides: usize) {
    let wide = size + sides;
    for step in 0..size {
        let best = (step..size).max_by(|&one, &other| {
            let [one, other] = [one, other].map(|row| matrix[row * wide + step].abs());
            one.total_cmp(&other)
        });
        if let Some(best) = best.filter(|&best| best != step) {
            let (above, below) = matrix.split_at_mut(best * wide);
            above[step * wide..][..wide].swap_with_slice(&mut below[..wide]);
        }
        let pivot = matrix[step * wide + step];
        if pivot.abs() < LEAST_PIVOT {
            matrix[step * wide + step..][..wide - step].fill(0.0);
            continue;
        }
        matrix[step * wide + step..][..wide - step].iter_mut().for_each(|value| *value /= pivot);
        for row in 0..size {
            if row == step {
                continue;
            }
            let (above, below) = matrix.split_at_mut(step.max(row) * wide);
            let (above, below) = (&mut above[step.min(row) * wide..][..wide], &mut below[..wide]);
            let (one, other) = if row < step { (above, below) } else { (below, above) };
            let factor = one[step];
            if factor != 0.0 {
                one[step..].iter_mut().zip(&other[step..]).for_each(|(to, value)| *to -= factor * value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved_and_what_is_undetermined_is_zero() {
        let mut matrix = [0.0, 2.0, 4.0, 1.0, 1.0, 5.0];
        eliminate(&mut matrix, 2, 1);
        assert_eq!((matrix[2], matrix[5]), (3.0, 2.0));
        let mut matrix = [1.0, 1.0, 2.0, 1.0, 1.0, 2.0];
        eliminate(&mut matrix, 2, 1);
        assert_eq!((matrix[2], matrix[5]), (2.0, 0.0));
    }

    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use rand::RngExt;

    use crate::omr::{Model, Omr};

    const SENSORS: usize = 6;

    /// Rows of sensors that three hidden causes move, and what is fitted on them: with A, and the rows in its units.
    fn fitted(model: Model) -> (FittedOmr, Array2<f64>, Array2<f64>) {
        let mut draw = stream(31, 0);
        let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
        let ways = Array2::from_shape_fn((3, SENSORS), |_| normal());
        let causes = Array2::from_shape_fn((4000, 3), |_| normal());
        let x = causes.dot(&ways) + Array2::from_shape_fn((4000, SENSORS), |_| 0.5 * normal());
        let fitted = Omr::new(model, 3, 1.0, f64::INFINITY).unwrap().fit(x.view().into()).unwrap();
        assert_eq!(fitted.watched().len(), SENSORS);
        let scaling = fitted.scaling();
        let z = Array2::from_shape_fn(x.dim(), |(row, place)| {
            (x[[row, place]] - scaling.center[place]) / scaling.scale[place]
        });
        let known = Array2::from_shape_vec((SENSORS, SENSORS), fitted.coefficients().unwrap()).unwrap();
        (fitted, Array2::eye(SENSORS) - known, z)
    }

    /// Eight rows, of which 0 stands where a value is missing, with what is filled; and what rounding explains.
    fn filled(
        fitted: &FittedOmr,
        a: &Array2<f64>,
        rows: &Array2<f64>,
        unknown: &[Row],
        gaps: &mut GapScratch,
    ) -> (Array2<f64>, Vec<Row>) {
        let predicted = rows - rows.dot(a);
        let lanes = |of: &Array2<f64>| -> Vec<Row> {
            (0..SENSORS).map(|place| Row(std::array::from_fn(|lane| of[[lane, place]]))).collect()
        };
        let (mut values, mut beside) = (lanes(rows), vec![Row::splat(7.0); SENSORS]);
        fitted.fill(&mut values, &lanes(&predicted), unknown, &mut beside, gaps).unwrap();
        (Array2::from_shape_fn((LANES, SENSORS), |(lane, place)| values[place].0[lane]), beside)
    }

    #[test]
    fn what_is_filled_balances_its_residual() {
        let infinite = f64::INFINITY;
        // Of each row, the sensors that lack something and how much.
        let lacking: [&[(usize, f64)]; LANES] = [
            &[(1, infinite)],
            &[(0, infinite), (4, infinite)],
            &[(0, infinite), (2, 0.3), (5, infinite)],
            &[],
            &[(3, 0.02)],
            &[(1, infinite), (2, infinite), (3, infinite), (4, infinite)],
            &[(0, 0.5), (1, 0.1), (2, 2.0), (3, 0.7), (4, 0.2), (5, 1.0)],
            &[(0, infinite), (4, infinite)],
        ];
        for model in [Model::Ridge, Model::Pls, Model::Pca] {
            let (fitted, a, z) = fitted(model);
            let mut unknown = vec![Row::default(); SENSORS];
            let mut rows = z.slice(ndarray::s![100..100 + LANES, ..]).to_owned();
            for (lane, lacking) in lacking.iter().enumerate() {
                for &(place, noise) in *lacking {
                    unknown[place].0[lane] = noise;
                    if noise == infinite {
                        rows[[lane, place]] = 0.0;
                    }
                }
            }
            let (after, beside) = filled(&fitted, &a, &rows, &unknown, &mut GapScratch::new());
            let residuals = after.dot(&a);
            for lane in 0..LANES {
                for place in 0..SENSORS {
                    let (gain, noise) = (after[[lane, place]] - rows[[lane, place]], unknown[place].0[lane]);
                    if noise == 0.0 {
                        assert_eq!((gain, beside[place].0[lane]), (0.0, 0.0));
                        continue;
                    }
                    let firm = fitted.usual.variances()[place] / a[[place, place]] / noise;
                    let rest = residuals[[lane, place]] + (fitted.usual.firmness + firm) * gain;
                    assert!(rest.abs() < 1e-10, "{model:?} {lane} {place} {rest}");
                    assert!((beside[place].0[lane] - firm * gain * gain).abs() < 1e-12);
                    assert!(gain != 0.0);
                }
            }
        }
    }

    /// How much shorter healthy rows are for what they lack is what it is on average.
    #[test]
    fn the_mean_of_what_is_left_is_that_of_many_rows() {
        let infinite = f64::INFINITY;
        let (fitted, a, z) = fitted(Model::Ridge);
        let whole = z.dot(&a).mapv(|value| value * value).sum() / z.nrows() as f64;
        let lacking: [&[(usize, f64)]; 5] = [
            &[(1, infinite)],
            &[(0, infinite), (4, infinite)],
            &[(2, 0.4)],
            &[(2, 0.05), (3, 0.5), (5, 0.2)],
            &[(0, infinite), (2, 0.3), (5, infinite)],
        ];
        let mut draw = stream(32, 0);
        let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
        for lacking in lacking {
            let mut unknown = vec![Row::default(); SENSORS];
            lacking.iter().for_each(|&(place, noise)| unknown[place] = Row::splat(noise));
            let (mut gaps, mut sum) = (GapScratch::new(), 0.0);
            for first in (0..z.nrows()).step_by(LANES) {
                let mut rows = z.slice(ndarray::s![first..first + LANES, ..]).to_owned();
                for &(place, noise) in lacking {
                    rows.column_mut(place)
                        .mapv_inplace(|value| if noise == infinite { 0.0 } else { value + noise.sqrt() * normal() });
                }
                let (after, beside) = filled(&fitted, &a, &rows, &unknown, &mut gaps);
                sum += after.dot(&a).mapv(|value| value * value).sum();
                sum += beside.iter().flat_map(|row| row.0).sum::<f64>();
            }
            let share = sum / z.nrows() as f64 / whole;
            for lane in gaps.lanes {
                let Lack::Some(mean) = lane else {
                    panic!("nothing is missing")
                };
                assert!((mean / fitted.usual.mean / share - 1.0).abs() < 0.05, "{lacking:?}: {mean} {share}");
            }
        }
    }
}
