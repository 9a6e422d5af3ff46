//! Gaps of training rows: drawn from what the other sensors and the rows before let expect.
//!
//! Fits on rows that are so filled find the spread of readings as it is, where the likeliest ones would make it look too small.
//! Components tell of a reading too, as much as their variances say: what they explain of unrelated sensors is no more than
//! chance, and readings that only the residuals held would have more spread than sensors have.

use acm_linalg::memory::{Gather, extend, reserved};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::seed::stream;
use acm_linalg::{Result, Samples};
use rand::RngExt;

use super::remember::products;
use super::residuals::{Expecting, divide};
use crate::gaps::{factorise, solve_lower, solve_upper};
use crate::lagged::MOST;

/// Seed of what is drawn.
const SEED: u64 = 17;

/// Uniform numbers whose sum is nearly normal.
const UNIFORMS: usize = 12;

const WHAT: &str = "training rows with missing values";

/// Of fewer pairs of neighbours no memory is told, and none is taken for longer.
const FEW: usize = 20;
const MOST_MEMORY: f64 = 0.99;

/// Variances below this share of the greatest are rounding.
const NOTHING: f64 = 1e-12;

/// What makes of a point how the `rows` first of its coordinates differ from what the others let expect, whitened: of the
/// covariance with these eigenvectors and eigenvalues, the greatest first.
///
/// Of the inverse Q of the covariance these coordinates' rows Q_p are S⁻¹ (1, -B), with B what they are expected from and S their
/// covariance about that. So with L Lᵀ = Q_pp, the square of L⁻¹ Q_p z is that of the whitened difference.
pub(super) fn transition(vectors: &[f64], values: &[f64], rows: usize) -> Result<Vec<f64>> {
    let mut found = inverse(vectors, values, rows)?;
    let width = values.len();
    let mut factor = room(rows, rows, 0.0, WHAT)?;
    for (factor, found) in factor.chunks_exact_mut(rows).zip(found.chunks_exact(width)) {
        factor.copy_from_slice(&found[..rows]);
    }
    factorise(&mut factor, rows);
    divide(&factor, &mut found, rows, width)?;
    Ok(found)
}

/// The first `rows` rows of the inverse.
fn inverse(vectors: &[f64], values: &[f64], rows: usize) -> Result<Vec<f64>> {
    let width = values.len();
    let least = NOTHING * values.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let mut found = room(rows, width, 0.0, WHAT)?;
    let mut watch = Watch::start();
    for (vector, value) in vectors.chunks_exact(width).zip(values) {
        watch.after(rows * width / 4)?;
        for (out, weight) in found.chunks_exact_mut(width).zip(vector) {
            let weight = weight / value.max(least);
            out.iter_mut().zip(vector).for_each(|(out, entry)| *out += weight * entry);
        }
    }
    Ok(found)
}

/// Draws missing readings, given what the rows before read, and the next ones where these are filled already.
pub(super) struct Drawn<'a> {
    of: &'a Expecting,
    /// For each number of next rows, and each sensor that was missing so far, what rows around weigh.
    weights: Vec<Vec<f64>>,
    /// The latest pattern, of how many next rows, and the Cholesky factor of its precision.
    pattern: Vec<usize>,
    ahead: usize,
    factor: Vec<f64>,
}

impl<'a> Drawn<'a> {
    pub(super) fn new(of: &'a Expecting) -> Result<Self> {
        let (sensors, lags) = (of.lagged.kept.len(), of.lagged.lags);
        let mut weights = Vec::new();
        extend(&mut weights, (0..(lags + 1) * sensors).map(|_| Vec::new()), WHAT)?;
        Ok(Self {
            of,
            weights,
            pattern: reserved(sensors, WHAT)?,
            ahead: 0,
            factor: room(sensors, sensors, 0.0, WHAT)?,
        })
    }

    /// Fills what whole rows lack in `x`, one after the other; the same every time. From the second round on they are filled already;
    /// rows that are not `good` tell nothing of those before them. Each round has noise of its own: that of the last is in the next
    /// rows.
    pub(super) fn fill(&mut self, x: Samples<'_>, good: &[bool], rows: &mut [f64], round: usize) -> Result<()> {
        let of = self.of;
        let lagged = &of.lagged;
        let (columns, sensors, lags) = (lagged.columns, lagged.kept.len(), lagged.lags);
        let most = if round > 0 && of.looks_ahead() { lags } else { 0 };
        let mut point = room(2 * lags + 1, sensors, 0.0, WHAT)?;
        let (mut own, mut missing) = (room(columns, 1, 0.0, WHAT)?, reserved(sensors, WHAT)?);
        let mut step = reserved(sensors, WHAT)?;
        let mut watch = Watch::start();
        for row in 0..x.rows() {
            x.read(row..row + 1, &mut own);
            missing.clear();
            missing.extend((0..sensors).filter(|&place| !own[lagged.kept[place]].is_finite()));
            if missing.is_empty() {
                continue;
            }
            watch.after(missing.len() * (point.len() + missing.len()) / 4)?;
            let ahead = good[row + 1..].iter().take(most).take_while(|&&good| good).count();
            self.turn_to(&missing, ahead)?;
            let point = &mut point[..(ahead + 1 + lags) * sensors];
            for (block, out) in point.chunks_exact_mut(sensors).enumerate() {
                // The first row stands for its own past.
                let from = &rows[(row + ahead).saturating_sub(block) * columns..][..columns];
                let mean = &lagged.mean[block.saturating_sub(ahead) * sensors..];
                for (place, (out, mean)) in out.iter_mut().zip(mean).enumerate() {
                    let scaled = lagged.scaling.scaled(from[lagged.kept[place]], place);
                    *out = scaled.clamp(-MOST, MOST) - mean;
                }
                if block == ahead || (block > ahead && row == 0) {
                    missing.iter().for_each(|&place| out[place] = 0.0);
                }
            }
            step.clear();
            let weights = &self.weights[ahead * sensors..];
            step.extend(missing.iter().map(|&place| -products(&weights[place], point)));
            let factor = &self.factor[..missing.len() * missing.len()];
            solve_lower(factor, &mut step);
            let mut noise = stream(SEED + round as u64, row as u64);
            for step in &mut step {
                let sum: f64 = (0..UNIFORMS).map(|_| noise.random::<f64>()).sum();
                *step += sum - UNIFORMS as f64 / 2.0;
            }
            solve_upper(factor, &mut step);
            let values = &mut rows[row * columns..(row + 1) * columns];
            for (&place, step) in missing.iter().zip(&step) {
                let scaled = (lagged.mean[place] + step).clamp(-MOST, MOST);
                let reading = lagged.scaling.center[place] + scaled * lagged.scaling.scale[place];
                let reading = if reading.is_finite() { reading } else { lagged.scaling.fill[place] };
                values[lagged.kept[place]] = reading;
            }
        }
        Ok(())
    }

    /// Makes the factor that of the missing sensors, so many next rows being known.
    fn turn_to(&mut self, missing: &[usize], ahead: usize) -> Result<()> {
        if self.pattern == missing && self.ahead == ahead {
            return Ok(());
        }
        let sensors = self.of.lagged.kept.len();
        let weights = &mut self.weights[ahead * sensors..];
        let mut watch = Watch::start();
        for &place in missing {
            if weights[place].is_empty() {
                watch.look()?;
                weights[place] = self.of.weights(place, ahead)?;
            }
        }
        let count = missing.len();
        watch.after(count * count * count / 24)?;
        for (row, &place) in missing.iter().enumerate() {
            for (column, &other) in missing.iter().enumerate() {
                self.factor[row * count + column] = weights[place][ahead * sensors + other];
            }
        }
        factorise(&mut self.factor[..count * count], count);
        self.pattern.clear();
        self.pattern.extend(missing);
        self.ahead = ahead;
        Ok(())
    }
}

/// In how many rows both sensors of each pair are read.
pub(super) struct Pairs {
    sensors: usize,
    /// Rows that count.
    rows: f64,
    /// Of each sensor with those up to itself; nothing where all are read in all rows.
    both: Vec<f64>,
}

impl Pairs {
    pub(super) fn of(x: Samples<'_>, kept: &[usize], good: &[bool]) -> Result<Self> {
        let (rows, sensors) = (x.rows(), kept.len());
        let mut column = room(rows, 1, 0.0, WHAT)?;
        let words = rows.div_ceil(64).max(1);
        let mut marks = room(words, sensors, 0_u64, WHAT)?;
        let mut lacking = false;
        for (marks, &from) in marks.chunks_exact_mut(words).zip(kept) {
            x.read_column(from, &mut column);
            for (row, value) in column.iter().enumerate().filter(|pair| good[pair.0]) {
                marks[row / 64] |= u64::from(value.is_finite()) << (row % 64);
                lacking |= !value.is_finite();
            }
        }
        let mut both = Vec::new();
        let mut watch = Watch::start();
        for (number, one) in marks.chunks_exact(words).enumerate().filter(|_| lacking) {
            watch.after(words * number)?;
            let common =
                |other: &[u64]| one.iter().zip(other).map(|(one, other)| (one & other).count_ones()).sum::<u32>();
            extend(&mut both, marks.chunks_exact(words).take(number + 1).map(|other| f64::from(common(other))), WHAT)?;
        }
        Ok(Self {
            sensors,
            rows: good.iter().filter(|&&good| good).count() as f64,
            both,
        })
    }

    /// The mean of `value` over all pairs in both orders, each sensor with itself too.
    fn mean(&self, value: impl Fn(f64) -> f64) -> f64 {
        let (mut place, mut sum) = (0, 0.0);
        for one in 0..self.sensors {
            for other in 0..=one {
                sum += value(self.both[place]) * if one == other { 1.0 } else { 2.0 };
                place += 1;
            }
        }
        sum / (self.sensors * self.sensors).max(1) as f64
    }

    /// By how much more than complete rows do such with gaps leave open how sensors move together, as a share of their power: the
    /// inverse of a covariance of d sensors is too large by d over the rows that both sensors of a pair are read in, less d.
    pub(super) fn doubt(&self) -> f64 {
        if self.both.is_empty() {
            return 0.0;
        }
        let width = self.sensors as f64;
        let share = |count: f64| width / (count - width).max(width);
        (self.mean(share) - share(self.rows)).max(0.0)
    }

    /// How much of the correlations between sensors, by the covariance of their rows and those before, is taken for chance: nothing,
    /// but where most of it is. The share is what sensors that have nothing to do with one another would show in the rows that both
    /// are read in, over what these show (Schäfer and Strimmer 2005, doi 10.2202/1544-6115.1175); rows that remember those before
    /// them count as fewer by the sensors' `memory` (Bartlett 1935, doi 10.2307/2342284). What is so drawn would be found again in what was drawn, and drawn
    /// again.
    pub(super) fn chance(&self, covariance: &[f64], memory: &[f64]) -> f64 {
        if self.both.is_empty() || self.sensors < 2 {
            return 0.0;
        }
        let width = covariance.len().isqrt();
        let (mut place, mut expected, mut found) = (0, 0.0, 0.0);
        for one in 0..self.sensors {
            for other in 0..=one {
                let both = memory[one] * memory[other];
                let alone = (1.0 + both) / (1.0 - both) / self.both[place].max(1.0);
                // Nothing tells of a pair with less than one such row but what both have in common with others.
                if other < one && alone < 1.0 {
                    expected += alone;
                    let variances = covariance[one * (width + 1)] * covariance[other * (width + 1)];
                    found += covariance[one * width + other].powi(2) / variances.max(f64::MIN_POSITIVE);
                }
                place += 1;
            }
        }
        if expected < found { (2.0 * expected / found - 1.0).max(0.0) } else { 1.0 }
    }

    /// Takes that share off what different sensors of a covariance of rows and those before have in common. Each keeps its own.
    pub(super) fn part(&self, covariance: &mut [f64], chance: f64) {
        let width = covariance.len().isqrt();
        for (row, values) in covariance.chunks_exact_mut(width.max(1)).enumerate() {
            for (column, value) in values.iter_mut().enumerate() {
                if row % self.sensors != column % self.sensors {
                    *value *= 1.0 - chance;
                }
            }
        }
    }
}

/// The autocorrelation of each sensor from row to row.
pub(super) fn memories(x: Samples<'_>, kept: &[usize], good: &[bool]) -> Result<Vec<f64>> {
    let mut column = room(x.rows(), 1, 0.0, WHAT)?;
    let memory = |&from: &usize| {
        x.read_column(from, &mut column);
        from_row_to_row(&column, good)
    };
    kept.iter().map(memory).gathered(WHAT)
}

/// The autocorrelation of known neighbours among the rows that count, 0 where it is less or they are few.
fn from_row_to_row(values: &[f64], good: &[bool]) -> f64 {
    let known = |row: usize| good[row] && values[row].is_finite();
    let rows = || (1..values.len()).filter(|&row| known(row - 1) && known(row));
    let count = rows().count();
    if count < FEW {
        return 0.0;
    }
    let mean = rows().map(|row| values[row]).sum::<f64>() / count as f64;
    let most = rows().fold(0.0, |most: f64, row| most.max((values[row] - mean).abs()));
    let (mut products, mut squares) = (0.0, 0.0);
    for row in rows() {
        let [before, after] = [row - 1, row].map(|row| (values[row] - mean) / most);
        products += before * after;
        squares += after * after;
    }
    if products > 0.0 { (products / squares).min(MOST_MEMORY) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use acm_linalg::Scaling;
    use acm_linalg::dense::symmetric_eigen;
    use ndarray::{Array2, array};

    use super::*;
    use crate::lagged::Lagged;

    /// Of one sensor, x_t = phi x_{t-1} + noise, with variance 1.
    fn autoregression(phi: f64) -> Expecting {
        let (variances, vectors) = symmetric_eigen(&[1.0, phi, phi, 1.0], 2, "x").unwrap();
        let lagged = Lagged {
            columns: 1,
            kept: vec![0],
            scaling: Scaling {
                fill: vec![0.0],
                center: vec![5.0],
                scale: vec![2.0],
                known: vec![9],
            },
            lags: 1,
            mean: vec![0.0; 2],
        };
        Expecting::by(lagged, transition(&vectors, &variances, 1).unwrap())
    }

    #[test]
    fn rows_before_and_after_weigh_as_those_of_an_autoregression() {
        for phi in [0.0, 0.6, -0.9] {
            let (of, noise) = (autoregression(phi), 1.0 - phi * phi);
            let cases: [(usize, &[f64]); 2] = [(0, &[1.0, -phi]), (1, &[-phi, 1.0 + phi * phi, -phi])];
            for (ahead, exact) in cases {
                let found = of.weights(0, ahead).unwrap();
                let close = found.iter().zip(exact).all(|(found, exact)| (found - exact / noise).abs() < 1e-12);
                assert!(close && found.len() == exact.len(), "{phi} {ahead}: {found:?}");
            }
        }
    }

    #[test]
    fn what_is_drawn_has_the_mean_and_spread_that_both_neighbours_leave() {
        let phi = 0.8;
        let of = autoregression(phi);
        // Readings 5 + 2 z: every other one is missing, its neighbours are z = 1 and 2.
        let count = 4000;
        let readings = |row: usize| if row.is_multiple_of(4) { 7.0 } else { 9.0 };
        let x = Array2::from_shape_fn((count, 1), |(row, _)| if row % 2 == 1 { f64::NAN } else { readings(row) });
        let mut rows: Vec<f64> = x.iter().copied().collect();
        let good = vec![true; count];
        let moments = |rows: &[f64]| {
            let drawn: Vec<f64> = rows.iter().skip(1).step_by(2).map(|value| (value - 5.0) / 2.0).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            (mean, drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / drawn.len() as f64)
        };
        let mut drawn = Drawn::new(&of).unwrap();
        drawn.fill(x.view().into(), &good, &mut rows, 0).unwrap();
        let (mean, variance) = moments(&rows);
        // Of z = 1 and 2 by turns.
        assert!((mean - phi * 1.5).abs() < 0.05, "{mean}");
        assert!((variance - (1.0 - phi * phi) - phi * phi * 0.25).abs() < 0.05, "{variance}");
        let first = rows.clone();
        drawn.fill(x.view().into(), &good, &mut rows, 1).unwrap();
        let (mean, variance) = moments(&rows);
        let square = 1.0 + phi * phi;
        assert!((mean - phi / square * 3.0).abs() < 0.05, "{mean}");
        assert!((variance - (1.0 - phi * phi) / square).abs() < 0.02, "{variance}");
        // Where the next row tells nothing it is as in the first round, but for the noise.
        drawn.fill(x.view().into(), &vec![false; count], &mut rows, 1).unwrap();
        assert!((moments(&rows).0 - moments(&first).0).abs() < 0.06);
    }

    /// A⁻¹ of an A of two rows.
    fn inverse_of_two([a, b, c, d]: [f64; 4]) -> [f64; 4] {
        let determinant = a * d - b * c;
        [d / determinant, -b / determinant, -c / determinant, a / determinant]
    }

    #[test]
    fn sensors_that_are_missing_together_are_drawn_by_the_covariance_that_the_others_leave() {
        // Of three sensors and the row before: I and the square of some matrix.
        let root = |row: usize, column: usize| ((7 * row + 5 * column + row * column) % 9) as f64 / 4.0 - 1.0;
        let s = |one: usize, other: usize| {
            (0..6).map(|way| root(one, way) * root(other, way)).sum::<f64>() + f64::from(u8::from(one == other))
        };
        let covariance: Vec<f64> = (0..36).map(|place| s(place / 6, place % 6)).collect();
        let (variances, vectors) = symmetric_eigen(&covariance, 6, "x").unwrap();
        let lagged = Lagged {
            columns: 3,
            kept: vec![0, 1, 2],
            scaling: Scaling {
                fill: vec![0.0; 3],
                center: vec![5.0, -1.0, 2.0],
                scale: vec![2.0, 0.5, 1.0],
                known: vec![9; 3],
            },
            lags: 1,
            mean: vec![0.1, 0.2, -0.3, 0.1, 0.2, -0.3],
        };
        let of = Expecting::by(lagged, transition(&vectors, &variances, 3).unwrap());
        let nan = f64::NAN;
        let x = array![[6.0, -0.5, 1.0], [nan, -1.5, nan], [4.0, -1.0, 3.0]];
        let mut rows: Vec<f64> = x.iter().map(|value: &f64| if value.is_nan() { 77.0 } else { *value }).collect();
        Drawn::new(&of).unwrap().fill(x.view().into(), &[true; 3], &mut rows, 0).unwrap();
        assert_eq!((&rows[..3], rows[4], &rows[6..]), (&[6.0, -0.5, 1.0][..], -1.5, &[4.0, -1.0, 3.0][..]));
        // About the means: sensor 1 of the row, and the row before.
        let known = [1, 3, 4, 5];
        let z = [-1.2, 0.4, 0.8, -0.7];
        // S_kk⁻¹ by elimination, times z and the columns of the missing ones.
        let missing = [0, 2];
        let mut table: Vec<Vec<f64>> = known
            .iter()
            .zip(z)
            .map(|(&one, z)| known.iter().map(|&other| s(one, other)).chain([z, s(one, 0), s(one, 2)]).collect())
            .collect();
        for pivot in 0..4 {
            let line: Vec<f64> = table[pivot].iter().map(|value| value / table[pivot][pivot]).collect();
            for (number, row) in table.iter_mut().enumerate() {
                let times = row[pivot];
                if number == pivot {
                    row.clone_from(&line);
                } else {
                    row.iter_mut().zip(&line).for_each(|(value, line)| *value -= times * line);
                }
            }
        }
        let across = |place: usize, column: usize| -> f64 {
            known.iter().zip(&table).map(|(&one, row)| s(place, one) * row[4 + column]).sum()
        };
        let left = |one: usize, other: usize| s(missing[one], missing[other]) - across(missing[one], 1 + other);
        // Noise by L⁻ᵀ, with L Lᵀ the inverse of what is left.
        let [a, _, c, d] = inverse_of_two([left(0, 0), left(0, 1), left(1, 0), left(1, 1)]);
        let (first, below) = (a.sqrt(), c / a.sqrt());
        let last = (d - below * below).sqrt();
        let mut noise = stream(SEED, 1);
        let mut drawn = || (0..UNIFORMS).map(|_| noise.random::<f64>()).sum::<f64>() - 6.0;
        let noise = [drawn(), drawn()];
        let second = noise[1] / last;
        let steps = [
            across(0, 0) + (noise[0] - below * second) / first,
            across(2, 0) + second,
        ];
        let exact = [5.0 + 2.0 * (0.1 + steps[0]), 2.0 + (-0.3 + steps[1])];
        assert!((rows[3] - exact[0]).abs() < 1e-9 && (rows[5] - exact[1]).abs() < 1e-9, "{rows:?} {exact:?}");
    }

    #[test]
    fn gaps_leave_open_what_pairs_of_sensors_have_too_few_rows_for() {
        let nan = f64::NAN;
        let x = array![
            [1.0, nan],
            [2.0, 3.0],
            [nan, 1.0],
            [4.0, 2.0],
            [5.0, 6.0],
            [7.0, 7.0],
            [0.0, 1.0],
            [9.0, 9.0]
        ];
        let pairs = Pairs::of(x.view().into(), &[0, 1], &[true, true, true, true, true, true, true, false]).unwrap();
        assert_eq!((pairs.both.as_slice(), pairs.rows), (&[6.0, 5.0, 6.0][..], 7.0));
        // 2 / (n - 2) of 6, 5, 5, 6 rows, less that of 7.
        assert!((pairs.doubt() - ((0.5 + 2.0 / 3.0) / 2.0 - 0.4)).abs() < 1e-12);
        let whole = Pairs::of(x.view().into(), &[0], &[false, true, false, true, true, true, true, true]).unwrap();
        assert_eq!((whole.both.len(), whole.doubt(), whole.rows), (0, 0.0, 6.0));
    }

    fn pairs(sensors: usize, both: f64) -> Pairs {
        Pairs {
            sensors,
            rows: 400.0,
            both: vec![both; sensors * (sensors + 1) / 2],
        }
    }

    #[test]
    fn correlations_are_chance_where_independent_sensors_have_as_much() {
        // Three sensors and their last rows, of variances 4: correlations of 0.1 between sensors, of 0.8 of each with itself.
        let alike = |one: usize, other: usize| match (one == other, one % 3 == other % 3) {
            (true, _) => 4.0,
            (_, true) => 3.2,
            _ => 0.4,
        };
        let covariance: Vec<f64> = (0..36).map(|place| alike(place / 6, place % 6)).collect();
        // 1 / 100 of independent rows: all of it. Of 125 rows 0.8 is, and more than half of that is taken.
        let chance = |both: f64, memory: f64| pairs(3, both).chance(&covariance, &[memory; 3]);
        assert_eq!(chance(90.0, 0.0), 1.0);
        assert!((chance(125.0, 0.0) - 0.6).abs() < 1e-12);
        assert_eq!(chance(400.0, 0.0), 0.0);
        // With a memory of 0.8 (1 + 0.64) / (1 - 0.64) rows count as one.
        assert!((chance(125.0 * 1.64 / 0.36, 0.8) - 0.6).abs() < 1e-12);
        let complete = Pairs {
            both: Vec::new(),
            ..pairs(3, 1.0)
        };
        assert_eq!(complete.chance(&covariance, &[0.0; 3]), 0.0);
        // A pair that is never read together tells nothing: the others are as they were.
        let mut never = pairs(3, 125.0);
        never.both[1] = 0.0;
        assert!((never.chance(&covariance, &[0.0; 3]) - 0.6).abs() < 1e-12);
        let mut parted = covariance.clone();
        pairs(3, 90.0).part(&mut parted, 0.25);
        for (place, (parted, whole)) in parted.iter().zip(&covariance).enumerate() {
            let own = place / 6 % 3 == place % 6 % 3;
            assert!((parted - if own { *whole } else { 0.75 * whole }).abs() < 1e-15);
        }
    }

    #[test]
    fn a_memory_is_that_of_neighbours_that_are_read() {
        let wave = |row: usize| 7.0 + (row as f64 / 9.0).sin();
        let good = vec![true; 3000];
        let mut values: Vec<f64> = (0..3000).map(wave).collect();
        let exact = (1.0_f64 / 9.0).cos();
        assert!((from_row_to_row(&values, &good) - exact.min(MOST_MEMORY)).abs() < 1e-3);
        // In every other row there are no neighbours; turns remember nothing.
        values.iter_mut().step_by(2).for_each(|value| *value = f64::NAN);
        assert_eq!(from_row_to_row(&values, &good), 0.0);
        let turns: Vec<f64> = (0..100).map(|row| f64::from(row % 2)).collect();
        assert_eq!(from_row_to_row(&turns, &good[..100]), 0.0);
        assert_eq!(from_row_to_row(&[5.0; 100], &good[..100]), 0.0);
    }
}
