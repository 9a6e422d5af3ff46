//! The parts on rows that the models judging them have not seen: their cube roots, and how long they remember.

use acm_linalg::memory::{Gather, extend, reserved};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result};
use fearless_simd::{Level, dispatch};
use ndarray::ArrayView2;

use super::Fused;
use super::memory::ResidualMeans;
use super::parts::{Kind, Norms, Part, warm_up};
use super::remember::{PartInputs, Present, Scored, Wanted, squares};
use super::residuals::{Kept, divide, identity, table_of};
use super::whole::later;
use crate::limits::t_upper;
use crate::product::of_rows;

const WHAT: &str = "the parts of rows that are held out";

/// Rows between two looks at interrupts.
const LOOK: usize = 4096;

/// What is less autocorrelated than this counts as not at all.
const LITTLE: f64 = 0.05;

/// Most lags at which values are compared, and most places at which they are.
const LAGS: usize = 4096;
const PLACES: usize = 16_384;

/// A prime.
const PHASES: usize = 7919;

/// Expected rows beyond a limit from which on they are counted.
const ENOUGH: f64 = 10.0;

/// Times the share asked for.
const MOST: f64 = 2.0;

/// The parts of training rows by models of other rows.
pub(super) struct HeldOut {
    pub(super) parts: Vec<Part>,
    /// (n, parts): their cube roots.
    pub(super) roots: Vec<f64>,
    /// The squared length of each row's whitened residual, and its mean.
    pub(super) powers: Vec<f64>,
    pub(super) usual: f64,
}

impl Kept {
    /// The Cholesky factor of the covariance of all rows but those of each judge.
    pub(super) fn factors(&self, judges: &[usize]) -> Result<Vec<Vec<f64>>> {
        let count = judges.iter().max().map_or(0, |last| last + 1);
        let single = count == judges.len();
        let mut factors = reserved(count, "the folds")?;
        for judge in 0..count {
            if single {
                factors.push(self.rows(self.stretches[judge].clone()).factor(&self.beside)?);
                continue;
            }
            let mut others = Vec::new();
            for (stretch, _) in self.stretches.iter().zip(judges).filter(|(_, own)| **own != judge) {
                let sensors = self.sensors();
                let values = &self.rows(0..0).values[stretch.start * sensors..stretch.end * sensors];
                extend(&mut others, values.iter().copied(), WHAT)?;
            }
            factors.push(self.those(&others).factor(&self.beside)?);
        }
        Ok(factors)
    }
}

impl HeldOut {
    /// Of the rows that are kept, each stretch whitened by the factor of its judge. Training rows know their own mean:
    /// `own_mean` takes lasting shifts to be as large as those of rows that come later.
    pub(super) fn of(
        fused: &Fused,
        kept: &Kept,
        judges: &[usize],
        factors: &[Vec<f64>],
        own_mean: bool,
    ) -> Result<Self> {
        let (rows, sensors) = (kept.count(), kept.sensors());
        let values = kept.rows(0..0).values;
        let mut white = room(rows, sensors, 0.0, WHAT)?;
        let mut inverses = reserved(factors.len(), "the folds")?;
        for factor in factors {
            let mut inverse = identity(sensors)?;
            divide(factor, &mut inverse, sensors, sensors)?;
            inverses.push(inverse);
        }
        for (stretch, &judge) in kept.stretches.iter().zip(judges) {
            let span = stretch.start * sensors..stretch.end * sensors;
            let inverse = ArrayView2::from_shape((sensors, sensors), &inverses[judge]).map_err(|_| Error::Memory {
                what: WHAT,
                rows: sensors,
                columns: sensors,
            })?;
            of_rows(table_of(&values[span.clone()], stretch.len(), sensors)?, inverse.t().into(), &mut white[span])?;
        }
        let powers = white.chunks_exact(sensors).map(squares).gathered(WHAT)?;
        let usual = powers.iter().sum::<f64>() / rows.max(1) as f64;
        let parts = fused.parts()?;
        let mut roots = room(rows, parts.len(), 0.0, WHAT)?;
        let plain = Norms {
            mean: room(parts.len(), 1, 0.0, WHAT)?,
            spread: room(parts.len(), 1, 1.0, WHAT)?,
            limit: room(parts.len(), 1, 1.0, WHAT)?,
        };
        let scored = || Scored {
            sensors,
            usual,
            norms: &plain,
            marginal: true,
        };
        let slow = fused.slow().gathered(WHAT)?;
        let mut state = ResidualMeans::new(slow.len(), sensors, usual, true)?;
        let mut found = PartInputs::sized(scored(), slow.len(), 1, Wanted::Parts)?;
        let present = room(LOOK.min(rows), 1, sensors, WHAT)?;
        let mut watch = Watch::start();
        for (white, out) in white.chunks(LOOK * sensors).zip(roots.chunks_mut(LOOK * parts.len())) {
            watch.look()?;
            let counts = &present[..white.len() / sensors];
            let present = Present { counts, marks: &[] };
            dispatch!(Level::new(), simd => {
                let _ = simd;
                scored().remember(&parts, &slow, white, &present, &mut state, Wanted::Parts, &mut found, out);
            });
        }
        if own_mean {
            let mut larger = room(rows, 1, 0.0, WHAT)?;
            for (number, part) in parts.iter().enumerate().filter(|(_, part)| part.kind == Kind::Shift) {
                larger.fill(1.0);
                later(&mut larger, part.memory, &kept.stretches)?;
                for (row, larger) in roots.chunks_exact_mut(parts.len()).zip(&larger) {
                    row[number] *= larger.cbrt();
                }
            }
        }
        Ok(Self {
            parts,
            roots,
            powers,
            usual,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.powers.len()
    }

    /// The cube roots of a part, but for those of the memory's start.
    fn part(&self, number: usize) -> impl Iterator<Item = f64> {
        let (count, memory) = (self.parts.len(), self.parts[number].memory);
        let forgotten = warm_up(memory, self.rows());
        self.roots.chunks_exact(count).skip(forgotten).map(move |row| row[number])
    }

    /// Mean and standard deviation of a part.
    pub(super) fn spread(&self, number: usize) -> (f64, f64) {
        let count = self.part(number).count().max(1) as f64;
        let mean = self.part(number).sum::<f64>() / count;
        let variance = self.part(number).map(|root| (root - mean) * (root - mean)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }

    /// In how many rows a part forgets, at least those that its memory takes with independent rows.
    pub(super) fn forgets(&self, number: usize) -> Result<f64> {
        Ok(persistence(&self.part(number).gathered(WHAT)?))
    }

    /// The greatest of the parts of each row, each over its limit.
    pub(super) fn greatest(&self, norms: &Norms) -> Result<Vec<f64>> {
        let score = |row: &[f64]| {
            let parts = row.iter().enumerate().map(|(number, root)| norms.of_root(number, *root));
            parts.fold(f64::NEG_INFINITY, f64::max)
        };
        self.roots.chunks_exact(self.parts.len()).map(score).gathered(WHAT)
    }

    /// The least that can be a limit of the greatest of the parts, however these are distributed: of the rows that are held out not
    /// more than twice this share exceed it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places, at least 1"
    )]
    pub(super) fn least(&self, norms: &Norms, rate: f64) -> Result<f64> {
        let mut values = self.greatest(norms)?;
        let place = (MOST * rate * values.len() as f64) as usize;
        if place == 0 {
            return Ok(0.0);
        }
        let (_, least, _) = values.select_nth_unstable_by(place - 1, |one, other| other.total_cmp(one));
        Ok(*least)
    }

    /// What the greatest of the parts exceeds at this rate in rows that come later, by the rows that are held out; `memory` is in
    /// how many rows it forgets, where that is known.
    pub(super) fn joint(&self, norms: &Norms, rate: f64, memory: Option<f64>) -> Result<(f64, f64)> {
        let mut values = self.greatest(norms)?;
        let slowest = self.parts.iter().map(|part| warm_up(part.memory, values.len())).max().unwrap_or(0);
        values.drain(..slowest.min(values.len().saturating_sub(2)));
        let memory = memory.unwrap_or_else(|| persistence(&values));
        Ok((exceeded(&mut values, rate, memory), memory))
    }
}

/// What later values exceed with this probability, of values that are forgotten in `memory` rows: by mean, standard deviation and
/// skewness where few of them are independent (Cornish and Fisher 1938, doi 10.2307/1400905), by counting where many are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places, at least 1"
)]
fn exceeded(values: &mut [f64], rate: f64, memory: f64) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let power = |order: i32| values.iter().map(|value| (value - mean).powi(order)).sum::<f64>() / count;
    let deviation = (power(2) * count / (count - 1.0)).sqrt();
    if deviation <= 0.0 || !deviation.is_finite() {
        return mean;
    }
    let skewness = power(3) / power(2).powf(1.5);
    let independent = (count / memory).max(2.0);
    let z = t_upper((independent - 1.0).max(1.0), rate) * (1.0 + 1.0 / independent).sqrt();
    // Beyond its turning point the correction would lower the limit of a rarer alarm.
    let bent = if skewness < 0.0 { z.min(-3.0 / skewness) } else { z };
    let fitted = mean + deviation * (z + (bent * bent - 1.0) * skewness / 6.0);
    values.sort_unstable_by(|one, other| other.total_cmp(one));
    let place = rate * (count + 1.0);
    let (before, part) = (place.floor(), place.fract());
    let at = |place: f64| values[(place.max(1.0) as usize - 1).min(values.len() - 1)];
    let counted = at(before) + part * (at(before + 1.0) - at(before));
    let share = (independent * rate / ENOUGH).min(1.0);
    share * counted + (1.0 - share) * fitted
}

/// As how many rows one independent one counts for the mean (Bayley and Hammersley 1946, doi 10.2307/2983560): the sum s of the
/// autocorrelations to both sides, up to the first one that is little.
///
/// Less their own mean values seem to forget sooner, so that an autocorrelation r stands for r + (1 - r) s / n.
pub(super) fn persistence(values: &[f64]) -> f64 {
    let rows = values.len();
    let mean = values.iter().sum::<f64>() / rows.max(1) as f64;
    let stride = rows.div_ceil(PLACES).max(1);
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / rows.max(1) as f64;
    if variance <= 0.0 || !variance.is_finite() {
        return 1.0;
    }
    let (mut sum, mut lags) = (0.0, 0.0);
    for lag in 1..(rows / 2).min(LAGS) {
        // What comes back every `stride` rows is met in all its phases.
        let places = (0..rows - lag).step_by(stride).enumerate();
        let places = places
            .map(|(number, first)| first + number * PHASES % stride)
            .take_while(|row| row + lag < rows);
        let (mut count, mut products) = (0.0, 0.0);
        for row in places {
            products += (values[row] - mean) * (values[row + lag] - mean);
            count += 1.0;
        }
        let correlation = products / count / variance * (rows - lag) as f64 / rows as f64;
        if correlation <= LITTLE {
            break;
        }
        sum += correlation;
        lags += 1.0;
    }
    let lost = 2.0 * (lags - sum) / rows as f64;
    ((1.0 + 2.0 * sum) / (1.0 - lost).max(0.5)).min(rows as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use rand::RngExt;

    use super::*;

    #[test]
    fn of_many_rows_all_phases_of_a_beat_are_compared() {
        // Three rows of five are high: each second value of one phase would say nothing of the others.
        let mut stream = stream(6, 0);
        let beat = |row: usize| f64::from(u8::from(row % 5 < 3));
        let course: Vec<f64> = (0..5 * PLACES).map(|row| beat(row) + 0.01 * stream.random::<f64>()).collect();
        // Of 0.24 at lag 0 the beat keeps 0.04 at lag 1, which is more than nothing, and falls below it at lag 2.
        let found = persistence(&course);
        assert!((found - (1.0 + 2.0 * 0.04 / 0.24)).abs() < 0.01, "{found}");
    }

    #[test]
    fn as_many_rows_count_as_one_as_their_autocorrelations_leave() {
        let mut stream = stream(5, 0);
        let mut noise = || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
        for (memory, rows) in [(0.0, 4000), (0.5, 20_000), (0.9, 60_000)] {
            let mut level = 0.0;
            let course: Vec<f64> = (0..rows).map(|_| (level = memory * level + noise(), level).1).collect();
            let exact = (1.0 + memory) / (1.0 - memory);
            let found = persistence(&course);
            // Autocorrelations below a twentieth are left out.
            assert!(found > 0.85 * exact && found < 1.15 * exact, "{memory}: {found}");
            let far: Vec<f64> = course.iter().map(|value| value + 1e9).collect();
            assert!((persistence(&far) - found).abs() < 1e-4 * found);
        }
        // Twice 1, -1, ...: nothing lasts; what stands still, and nothing.
        let turns: Vec<f64> = (0..100).map(|row| f64::from(row % 2)).collect();
        assert_eq!([persistence(&turns), persistence(&[3.0; 50]), persistence(&[])], [1.0; 3]);
        // By hand: of 1 to 6 r = 1/2, then 2/35 of two lags that are looked at; 2 (2 - r) / 6 is lost, and half of the rows at most.
        assert_eq!(persistence(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 3.0);
    }

    #[test]
    fn later_values_exceed_what_moments_and_counts_say() {
        // SciPy: t.isf(0.01, 9) sqrt(1.1) standard deviations of 1..=20 without skewness, for ten independent ones.
        let mut values: Vec<f64> = (1..=20).map(f64::from).collect();
        let (fitted, counted) = (10.5 + 35.0_f64.sqrt() * 2.821_437_925_025_808 * 1.1_f64.sqrt(), 20.0);
        let share = 0.01;
        let exact = share * counted + (1.0 - share) * fitted;
        assert!((exceeded(&mut values, 0.01, 2.0) - exact).abs() < 1e-9);
        // Of many independent ones by counting alone: place 20.01 of 2,000.
        let mut many: Vec<f64> = (1..=2000).map(f64::from).collect();
        assert!((exceeded(&mut many, 0.01, 1.0) - (1981.0 - 0.01)).abs() < 1e-9);
        assert_eq!(exceeded(&mut [2.0; 9], 0.01, 1.0), 2.0);
    }

    #[test]
    fn a_part_spreads_as_the_rows_do_that_its_memory_knows() {
        let part = |memory| Part {
            kind: Kind::Power,
            memory,
        };
        // The second part remembers ten rows: those at the start do not count.
        let root = |row: usize, other: f64| if row.is_multiple_of(2) { other - 2.0 } else { other + 2.0 };
        let roots = (0..200).flat_map(|row| [root(row, 3.0), if row < 10 { 1e6 } else { root(row, 5.0) }]);
        let held = HeldOut {
            parts: vec![part(1.0), part(0.1)],
            roots: roots.collect(),
            powers: vec![1.0; 200],
            usual: 1.0,
        };
        assert_eq!([held.spread(0), held.spread(1)], [(3.0, 2.0), (5.0, 2.0)]);
    }

    #[test]
    fn the_joint_limit_is_that_of_the_greatest_part() {
        // Two parts of 1 to 2,000 and back, in half their units: the greatest is the higher of the two.
        let part = |memory| Part {
            kind: Kind::Power,
            memory,
        };
        let held = HeldOut {
            parts: vec![part(1.0), part(1.0)],
            roots: (1..=2000).flat_map(|place| [f64::from(place), f64::from(2001 - place)]).collect(),
            powers: vec![1.0; 2000],
            usual: 1.0,
        };
        let norms = Norms {
            mean: vec![0.0; 2],
            spread: vec![2.0; 2],
            limit: vec![1.0; 2],
        };
        let skipped = warm_up(1.0, 2000);
        let mut greatest: Vec<f64> = (1..=2000).map(|place: i32| f64::from(place.max(2001 - place)) / 2.0).collect();
        greatest.drain(..skipped);
        let exact = exceeded(&mut greatest, 0.01, 1.0);
        assert_eq!(held.joint(&norms, 0.01, Some(1.0)).unwrap(), (exact, 1.0));
        assert!(exact > 980.0 && exact < 1000.0, "{exact}");
        assert!(held.joint(&norms, 0.01, None).unwrap().1 > 100.0);
    }
}
