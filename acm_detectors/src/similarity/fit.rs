//! Fitting: what is remembered, residuals of rows that were not, their covariance, and the limits of the parts.

use std::ops::Range;

use acm_linalg::covariance::{Centered, Shrinkage, shrunk};
use acm_linalg::dense::{Rows, cholesky};
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::Manner;
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, dispatch};
use ndarray::ArrayView2;

use super::choice::Table;
use super::prototypes::Prototypes;
use super::watch::{Kind, Norms, Part, Present, Watch};
use super::{FittedSimilarity, Similarity};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::folds::folds;
use crate::gaps::{Dense, Gaps, Trouble, invert};
use crate::held_out::{HeldOut, Without, complete};
use crate::lagged::Lagged;
use crate::limits::chi2_upper;
use crate::packed::{Packed, rows_of};
use crate::rounding::Rounding;
use crate::screen::Screened;
use crate::wandering::{Wandering, comparable};

/// Fewest rows of a stretch.
const LEAST_ROWS: usize = 2;

/// Added to the variances of residuals: a millionth of a sensor's standard deviation is rounding.
const ROUNDING: f64 = 1e-12;

/// From the mean of a part to its limit, by cube roots, there is at least so much: one that never changed gives large scores,
/// not infinite ones.
const LEAST_REACH: f64 = 1e-6;

/// Rows times sensors that are looked at to find what a sensor's absence does, and most sensors for which it is, and for which limits
/// are learned where some are absent.
const LOOKS: usize = 8192;
const MOST_ALONE: usize = 200;

/// The absence of a sensor makes squared residuals at most so many times larger.
pub(super) const MOST_BLUR: f64 = 1e3;

/// Estimated time for a product, in nanoseconds, where eight stand side by side, and where sums go from row to row.
const PRODUCT_NS: f64 = 0.1;
const STEP_NS: f64 = 2.0;

const WHAT: &str = "residuals of the training rows";

impl Similarity {
    /// Fewest rows to fit on.
    #[must_use]
    pub fn least_rows(&self) -> usize {
        self.folds.saturating_mul(LEAST_ROWS)
    }

    /// Learns from healthy rows, oldest first.
    ///
    /// Missing values are replaced by what the others let expect, with the noise about that; rows that lack some are remembered
    /// only where most do. Columns without a value, or that change by no more than rounding, are left out.
    ///
    /// Shapes: x (n, d).
    /// Cost: for folds + 3 choices of the rows to remember, at most 16,384 rows times `memory` times d each; for the residuals
    /// 4 n d times `memory`. Holds three (n, d) arrays. Threads: choices and rows; any number gives the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`] with less than [`Self::least_rows`] rows; [`Error::Unfit`] where no column changes;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedSimilarity> {
        x.require(self.least_rows())?;
        let screened = Screened::of(x)?;
        let training = screened.training(x)?;
        let (all_rows, x) = (x, training.samples());
        let lagged = Lagged::fit(x, Manner::Standard, 0)?;
        let counts = complete(&lagged, x)?;
        let completed = lagged.completed(x)?;
        let x = completed.as_ref().map_or(x, |complete| complete.view().into());
        let width = lagged.width();
        let mut values = room(x.rows(), width, 0.0, "the training rows, scaled")?;
        let points = lagged.points(x);
        by_rows(
            x.rows(),
            width,
            &mut values,
            3.0 * width as f64,
            || Ok(()),
            |(), rows, out, _| points.read(rows, out),
        )?;
        let task = Task {
            of: self,
            table: Table { values: &values, width },
            folds: folds(x.rows(), self.folds)?,
        };
        let halves = comparable(x.rows(), width);
        let mut prototypes = task.prototypes(&counts, halves)?;
        let judges = prototypes.split_off(1 + self.folds);
        let (Some(all), others) = (prototypes.pop(), prototypes) else {
            return Err(Error::Interrupted);
        };
        let residuals = task.residuals(&others, &task.folds)?;
        let whitener = Whitener::of(&table_of(&residuals, width)?, width)?;
        let whitening = Packed::lower(&whitener.inverse, width)?;
        let precision = Dense::of_root(&whitener.inverse, width)?;
        let blur = task.blur(&others, &whitener.offset, &whitening, &precision)?;
        let white = task.whitened(&residuals, &task.folds)?;
        let squares = white.chunks_exact(width).map(|row| crate::gaps::dot(row, row));
        let usual = squares.sum::<f64>() / x.rows() as f64;
        let usual = usual.max(ROUNDING * width as f64);
        let parts = self.parts()?;
        let none = Norms::default();
        let watch = Watch::new(self, &parts, usual, width, &none)?;
        let statistics = follow(&watch, &white, width)?;
        drop(white);
        let running = screened.running()?;
        let mut settled = self.settled(&counts)?;
        if let Some(running) = running.as_ref().filter(|running| settled.iter().zip(*running).any(|(a, b)| *a && *b)) {
            // Rows of standstill are remembered, and tell nothing of how far running rows lie.
            settled.iter_mut().zip(running).for_each(|(settled, running)| *settled &= running);
        }
        let mut norms = self.norms(&parts, &statistics, &settled, (usual, width), 1)?;
        let held_out = HeldOut::of(&mut joined(&norms, &statistics, parts.len())?, &settled)?;
        let limit = held_out.limit(self.false_alarm_rate);
        norms.absent = Some(task.absent(&others, &residuals, &blur, usual, &settled, limit)?);
        drop(others);
        drop(residuals);
        let wandering = if let [_, _] = &judges[..] {
            let middle = task.folds[self.folds / 2].start;
            let stretches = [0..middle, middle..x.rows()];
            let residuals = task.residuals(&judges, &stretches)?;
            let white = task.whitened(&residuals, &stretches)?;
            let judged = joined(&norms, &follow(&watch, &white, width)?, parts.len())?;
            Wandering::of(
                x,
                &lagged.kept,
                &settled,
                &[judged],
                &[&held_out],
                self.false_alarm_rate,
                running.as_deref(),
            )?
        } else {
            None
        };
        let mut model = FittedSimilarity {
            parameters: self.clone(),
            rows: x.rows(),
            prototypes: all,
            whitening,
            precision,
            blur,
            offset: whitener.offset,
            factor: whitener.factor,
            norms,
            usual,
            held_out,
            wandering,
            top: 1.0,
            rounding: Rounding::default(),
            rounded: Vec::new(),
            alone: Alone::default(),
            constants: Constants::learn(self.constants, &screened, all_rows, &lagged.used()?)?,
            left_out: screened.left_out(),
            lagged,
        };
        model.top = model.reach(self.false_alarm_rate);
        model.learn_steps(training.samples())?;
        Ok(model)
    }

    /// The rows that tell how parts vary: complete ones, beyond the start of the slowest memory.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    fn settled(&self, counts: &[bool]) -> Result<Vec<bool>> {
        let slowest = self.smoothing.iter().copied().fold(1.0, f64::min);
        let start = if slowest < 1.0 { ((1.0 / slowest) as usize).min(counts.len() / 4) } else { 0 };
        let marks = counts.iter().enumerate().map(|(row, &counts)| counts && row >= start);
        let marks = marks.gathered("marks of the training rows")?;
        Ok(if marks.contains(&true) {
            marks
        } else {
            room(counts.len(), 1, true, "marks of the training rows")?
        })
    }

    /// Where each part lies, and its limit: that of rows that were not seen, with the memory that it has by itself; of a shift
    /// at least that of residuals without memory about a mean that is known as well as it is. `power` is the mean one of rows, and of
    /// how many sensors it is; rows were judged so many `times`.
    fn norms(
        &self,
        parts: &[Part],
        statistics: &[f64],
        settled: &[bool],
        (power, sensors): (f64, usize),
        times: usize,
    ) -> Result<Norms> {
        let count = parts.len();
        let chance = self.false_alarm_rate / count as f64;
        let what = "the parts of the score";
        let mut norms = Norms {
            mean: reserved(count, what)?,
            spread: reserved(count, what)?,
            reach: reserved(count, what)?,
            absent: None,
        };
        for (number, part) in parts.iter().enumerate() {
            let mut values = statistics.iter().skip(number).step_by(count).copied().gathered(what)?;
            let held = HeldOut::of(&mut values, settled)?;
            let mut limit = held.limit_remembering(chance, 1.0 - part.memory, times);
            if part.kind == Kind::Shift {
                let unknown = (2.0 - part.memory) / part.memory * times as f64 / settled.len() as f64;
                limit = limit.max(power * chi2_upper(sensors as f64, chance) / sensors as f64 * (1.0 + unknown));
            }
            norms.mean.push(held.root_mean());
            norms.spread.push(held.root_deviation().max(LEAST_REACH));
            norms.reach.push((limit.cbrt() - held.root_mean()).max(LEAST_REACH));
        }
        Ok(norms)
    }
}

/// What is fitted, and on what.
struct Task<'a> {
    of: &'a Similarity,
    table: Table<'a>,
    folds: Vec<Range<usize>>,
}

impl Task<'_> {
    /// What is remembered of all rows but those of each fold, then of all; with `halves`, of those after the middle and of those
    /// before it.
    fn prototypes(&self, complete: &[bool], halves: bool) -> Result<Vec<Prototypes>> {
        let rows = self.table.rows();
        let known = complete.iter().filter(|&&complete| complete).count();
        let take = |row: usize| complete[row] || 2 * known < rows;
        let middle = self.folds[self.folds.len() / 2].start;
        let without = self.folds.iter().cloned().chain(std::iter::once(0..0));
        let without = without.chain([0..middle, middle..rows].into_iter().filter(|_| halves));
        let without = without.gathered("the folds")?;
        let mut found = reserved(without.len(), "the folds")?;
        found.resize_with(without.len(), || None);
        let Similarity { memory, neighbours, .. } = *self.of;
        let cost =
            PRODUCT_NS * (without.len() * rows.min(1 << 14)) as f64 * (memory.min(rows) * self.table.width) as f64;
        parallel::run(
            found.iter_mut().zip(without),
            cost,
            || Ok(()),
            |(), (found, without), stop| {
                if stop.requested() {
                    return;
                }
                let from = |without: &Range<usize>| {
                    (0..rows).filter(|row| !without.contains(row) && take(*row)).gathered("the training rows")
                };
                let made = from(&without).and_then(|from| {
                    // A fold may hold all complete rows.
                    let from = if from.is_empty() {
                        (0..rows).filter(|row| !without.contains(row)).gathered("the training rows")?
                    } else {
                        from
                    };
                    Prototypes::of(self.table, &from, memory, neighbours, stop)
                });
                *found = Some(made);
            },
        )?;
        let count = found.len();
        let found = found.into_iter().flatten().gathered_ok("the folds")?;
        if found.len() == count { Ok(found) } else { Err(Error::Interrupted) }
    }

    /// What the rows of each stretch read less what its prototypes let expect.
    fn residuals(&self, prototypes: &[Prototypes], stretches: &[Range<usize>]) -> Result<Vec<f64>> {
        let width = self.table.width;
        let mut found = room(self.table.rows(), width, 0.0, WHAT)?;
        let points = table_of(self.table.values, width)?;
        for (prototypes, stretch) in prototypes.iter().zip(stretches) {
            let out = &mut found[stretch.start * width..stretch.end * width];
            let scratch = || Ok((rows_of(width)?, rows_of(width)?, prototypes.scratch()?));
            by_rows(stretch.len(), width, out, prototypes.cost_ns(), scratch, |scratch, rows, out, stop| {
                let (eight, expected, scratch) = scratch;
                for (out, first) in out.chunks_mut(LANES * width).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    points.pack(stretch.start + first, eight);
                    dispatch!(Level::new(), simd => {
                        prototypes.expect(simd, eight, scratch, expected);
                    });
                    for (lane, out) in out.chunks_exact_mut(width).enumerate() {
                        for (out, (point, expected)) in out.iter_mut().zip(eight.iter().zip(&*expected)) {
                            *out = point.0[lane] - expected.0[lane];
                        }
                    }
                }
            })?;
        }
        Ok(found)
    }

    /// How many times larger the squared residuals of the other sensors are without each sensor, at least 1: without one that
    /// tells operating points apart, rows of several of them are alike. 1 of many sensors, among which none is alone with that.
    fn blur(
        &self,
        prototypes: &[Prototypes],
        offset: &[f64],
        whitening: &Packed,
        precision: &Dense,
    ) -> Result<Vec<f64>> {
        let (rows, width) = (self.table.rows(), self.table.width);
        let mut found = room(width, 1, 1.0, WHAT)?;
        if width == 1 || width > MOST_ALONE {
            return Ok(found);
        }
        let points = table_of(self.table.values, width)?;
        // Eight rows at a time, evenly from all stretches.
        let eights = (LOOKS / width / LANES).clamp(2, rows.div_ceil(LANES).max(2));
        let cost = eights as f64 * (whitening.cost_ns() + 600.0 * PRODUCT_NS * width as f64) * LANES as f64;
        let scratch = || {
            let eight = || rows_of(whitening.padded());
            let spare = prototypes.iter().map(Prototypes::scratch).gathered_ok(WHAT)?;
            Ok((eight()?, eight()?, eight()?, Gaps::new(width)?, spare))
        };
        let trouble = Trouble::default();
        parallel::run(found.iter_mut().enumerate(), cost * width as f64, scratch, |scratch, (sensor, found), stop| {
            let (eight, expected, white, gaps, spare) = scratch;
            let mut sums = [0.0; 2];
            for number in 0..eights {
                if stop.requested() {
                    return;
                }
                let first = (number * rows / eights).min(rows.saturating_sub(LANES));
                let stretch = self.folds.iter().position(|fold| fold.contains(&first)).unwrap_or(0);
                let (prototypes, scratch) = (&prototypes[stretch], &mut spare[stretch]);
                for (sum, lacking) in sums.iter_mut().zip([false, true]) {
                    points.pack(first, &mut eight[..width]);
                    if lacking {
                        eight[sensor] = Row::splat(f64::NAN);
                    }
                    dispatch!(Level::new(), simd => {
                        prototypes.expect(simd, &eight[..width], scratch, expected);
                    });
                    for (place, offset) in offset.iter().enumerate() {
                        for lane in 0..LANES {
                            eight[place].0[lane] -= expected[place].0[lane] + offset;
                        }
                    }
                    if lacking && !trouble.none(gaps.fill(precision, &mut eight[..width], width)) {
                        return;
                    }
                    dispatch!(Level::new(), simd => whitening.apply(simd, eight, white));
                    let squares = white[..width].iter().flat_map(|row| row.0).map(|value| value * value);
                    *sum += squares.sum::<f64>() / (width - usize::from(lacking)) as f64;
                }
            }
            if sums[0] > 0.0 {
                *found = (sums[1] / sums[0]).clamp(1.0, MOST_BLUR);
            }
        })?;
        trouble.told()?;
        Ok(found)
    }

    /// The residuals of each stretch, whitened by those of all others.
    fn whitened(&self, residuals: &[f64], stretches: &[Range<usize>]) -> Result<Vec<f64>> {
        let width = self.table.width;
        let mut found = room(self.table.rows(), width, 0.0, WHAT)?;
        let table = table_of(residuals, width)?;
        for stretch in stretches {
            let others = Without {
                table: &table,
                stretch: stretch.clone(),
            };
            let Whitener { offset, inverse, .. } = Whitener::of(&others, width)?;
            let whitening = Packed::lower(&inverse, width)?;
            let out = &mut found[stretch.start * width..stretch.end * width];
            let scratch = || Ok((rows_of(whitening.padded())?, rows_of(whitening.padded())?));
            by_rows(
                stretch.len(),
                width,
                out,
                whitening.cost_ns() + width as f64,
                scratch,
                |scratch, rows, out, stop| {
                    let (eight, white) = scratch;
                    for (out, first) in out.chunks_mut(LANES * width).zip(rows.step_by(LANES)) {
                        if stop.requested() {
                            return;
                        }
                        table.pack(stretch.start + first, &mut eight[..width]);
                        for (row, offset) in eight.iter_mut().zip(&offset) {
                            row.0.iter_mut().for_each(|value| *value -= offset);
                        }
                        dispatch!(Level::new(), simd => whitening.apply(simd, eight, white));
                        for (lane, out) in out.chunks_exact_mut(width).enumerate() {
                            out.iter_mut().zip(&*white).for_each(|(out, white)| *out = white.0[lane]);
                        }
                    }
                },
            )?;
        }
        Ok(found)
    }
}

/// What makes residuals of mean 0 and covariance 1.
struct Whitener {
    offset: Vec<f64>,
    /// L of the covariance L Lᵀ, shrunk after Ledoit and Wolf, and its inverse.
    factor: Vec<f64>,
    inverse: Vec<f64>,
}

impl Whitener {
    fn of(residuals: &impl Rows, sensors: usize) -> Result<Self> {
        let centered = Centered::new(residuals)?;
        let mut covariance = shrunk(&centered, Shrinkage::LedoitWolf)?.covariance;
        covariance.iter_mut().step_by(sensors + 1).for_each(|variance| *variance += ROUNDING);
        let factor = cholesky(&covariance, sensors, "x")?;
        Ok(Self {
            offset: centered.mean()?,
            inverse: invert(&factor, sensors)?,
            factor,
        })
    }
}

fn table_of(values: &[f64], width: usize) -> Result<Samples<'_>> {
    let rows = values.len() / width;
    let table = ArrayView2::from_shape((rows, width), values).map_err(|_| Error::Memory {
        what: WHAT,
        rows,
        columns: width,
    })?;
    Ok(table.into())
}

/// The statistics of all parts, row after row.
fn follow(watch: &Watch<'_>, white: &[f64], sensors: usize) -> Result<Vec<f64>> {
    let parts = watch.parts.len();
    let mut found = room(white.len() / sensors, parts, 0.0, "the parts of the training rows")?;
    let mut means = watch.start()?;
    let present = Present {
        count: sensors,
        marks: &[],
    };
    parallel::run(
        [(&mut found, &mut means)],
        STEP_NS * white.len() as f64,
        || Ok(()),
        |(), (found, means), stop| {
            for (row, (white, values)) in white.chunks_exact(sensors).zip(found.chunks_exact_mut(parts)).enumerate() {
                if row.is_multiple_of(4096) && stop.requested() {
                    return;
                }
                watch.step(means, white, present, values);
            }
        },
    )?;
    Ok(found)
}

/// The greatest standing among the parts of each row, one more and cubed: its cube root is nearly normal.
fn joined(norms: &Norms, statistics: &[f64], parts: usize) -> Result<Vec<f64>> {
    let stands = statistics
        .chunks_exact(parts)
        .map(|values| (norms.greatest(values) + 1.0).max(0.0).powi(3));
    stands.gathered("the training scores")
}

mod masked;
#[cfg(test)]
mod tests;
