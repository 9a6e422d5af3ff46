//! Fitting: out-of-fold residuals, upsets left out, covariances of the residuals, and the norms of the parts.

use std::ops::Range;

use acm_linalg::dense::symmetric_eigen;
use acm_linalg::memory::{Gather, copied, reserved};
use acm_linalg::samples::{read_all, room};
use acm_linalg::scaling::{keep_known, mean_and_deviation, median_mad, quantile};
use acm_linalg::{Error, Result, Samples, Scaling, parallel};

use super::drawn::{Drawn, Pairs, memories, transition};
use super::folds::{Outside, Task};
use super::gaps;
use super::joint::{Healthy, Learned, Wider};
use super::parts::{Kind, Norms, averaged};
use super::residuals::{Expecting, Kept, divide, identity, table_of};
use super::{FittedFused, Fused};
use crate::complete::{completed, enough};
use crate::constants::Constants;
use crate::folds::{folds, joined, sums};
use crate::lagged::Lagged;
use crate::packed::Packed;
use crate::product::squared_lengths;
use crate::screen::Screened;

/// A column whose standard deviation is no more than this share of its mean is constant but for rounding.
const ROUNDING: f64 = 1e-14;

/// Scale of the median absolute deviation that is the standard deviation of normal numbers.
const NORMAL: f64 = 1.4826;

/// At most one row in this many is left out as an upset.
const FEW: usize = 20;

/// How often the gaps of training rows are drawn at most, each time around a fit with what was drawn before.
const MOST_FILLS: usize = 8;

/// As much of what a fit has wrong is in the next one as the share of readings that are drawn; of the first one no more than this
/// is to be left.
const LEFT: f64 = 0.05;

/// Where no sensor lacks more than this share of its readings one fill around a fit with medians will do: in so few places they move
/// no covariance by more than the rows themselves leave open.
const SELDOM: f64 = 1e-3;

/// For each coordinate of a point there are so many rows at least where readings are drawn by the inverse of all their covariance:
/// of fewer rows it is mostly what these have by chance.
const ROWS_TO_DRAW: usize = 2;

/// Stretches of the training rows in which upsets are looked for before gaps are filled.
const FILL_FOLDS: usize = 3;

/// Estimated time to scale a value, in nanoseconds.
const SCALE_NS: f64 = 20.0;

/// A model, and those of all rows but each fold where they are asked for.
pub(super) type Both = (FittedFused, Vec<FittedFused>);

impl Fused {
    /// Fewest rows to fit on: enough in each fold to predict it from the others.
    #[must_use]
    pub fn least_rows(&self) -> usize {
        self.lags.saturating_mul(2).saturating_add(4).saturating_mul(self.folds)
    }

    /// Learns from healthy rows, oldest first.
    ///
    /// Missing values are drawn from what the others let expect, the first time from those of their row, then from those before too,
    /// by one fit after another; the same ones every time. Columns that are constant or have less than half of their values,
    /// or a third where rows are many, are left out.
    /// Rows that stand out of the others are found once and left out, at most one in twenty.
    ///
    /// Shapes: x (n, d).
    /// Cost: n w² / 2 products with w = d (lags + 1), the eigenvectors of folds + 1 (w, w) matrices, and the residuals.
    /// Holds two (n, d) arrays of residuals and some 2 folds (w, w) matrices.
    /// Threads: folds and rows; any number gives the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`] with less than [`Self::least_rows`] rows; [`Error::Unfit`] where no column changes;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedFused> {
        x.require(self.least_rows())?;
        Ok(self.taught(x, false)?.0)
    }

    /// As [`Self::fit`], with the model of all rows but each stretch, one after the other: its means and components are those of
    /// the other rows, and its covariance is that of what is left of them. Their limits are those of the model of all rows; none
    /// has models for rows that are rounded coarser.
    ///
    /// The stretches are the rows `0..n` cut into `folds` of nearly the same length, from `number n / folds` (rounded down) on.
    ///
    /// # Errors
    /// As for [`Self::fit`].
    pub fn fit_apart(&self, x: Samples<'_>) -> Result<(FittedFused, Vec<FittedFused>)> {
        x.require(self.least_rows())?;
        self.taught(x, true)
    }

    fn taught(&self, x: Samples<'_>, apart: bool) -> Result<Both> {
        let screened = Screened::of(x)?;
        let (training, mut usable) = screened.in_place(x)?;
        let states = self.set_apart(&screened, &mut usable)?;
        self.forget(&mut usable);
        let (mut model, mut apart) = self.refine(x, training.samples(), &usable, apart)?;
        model.learn_states(&states)?;
        for one in &mut apart {
            one.limited_as(&model);
        }
        model.upsets -= usable.iter().filter(|&&usable| !usable).count();
        model.constants = Constants::learn(self.constants, &screened, x, &model.used()?)?;
        model.left_out = screened.left_out();
        Ok((model, apart))
    }

    /// Learns from the usable rows of `x`, mended from `raw`; what they lack is what the model lets expect.
    fn refine(&self, raw: Samples<'_>, x: Samples<'_>, usable: &[bool], apart: bool) -> Result<Both> {
        let (rows, columns) = (x.rows(), x.columns());
        let lagged = self.lagged(x, usable)?;
        // Gaps of columns that are left out are none.
        if !gaps::any(x, 0..rows, &lagged.kept)? {
            let Learned {
                mut model,
                apart,
                wider,
            } = self.learn(x, x, usable, None, None, apart)?;
            if self.rounding {
                self.add_members(&mut model, raw, x, usable, &wider)?;
            }
            model.wandering = wider.wandering;
            return Ok((model, apart));
        }
        let count = usable.iter().filter(|&&usable| usable).count() as f64;
        let known = lagged.scaling.known.iter().fold(count, |least, &known| least.min(known as f64));
        let lacking = 1.0 - known / count;
        let fills = fills(lacking);
        let first = if lacking > SELDOM {
            completed(x, &lagged.kept, &lagged.scaling, Some(usable))?
        } else {
            None
        };
        let mut table = room(rows, columns, 0.0, "the training rows, filled")?;
        read_all(first.as_ref().map_or(x, |first| first.view().into()), &mut table)?;
        drop(first);
        let mut good = None;
        for number in 0..fills {
            let drawing = self.drawing(x, table_of(&table, rows, columns)?, usable, &mut good)?;
            if number == 0 {
                read_all(x, &mut table)?;
            }
            Drawn::new(&drawing)?.fill(x, usable, &mut table, number)?;
        }
        let filled = table_of(&table, rows, columns)?;
        let Learned {
            mut model,
            apart,
            wider,
        } = self.learn(x, filled, usable, None, None, apart)?;
        if self.rounding {
            self.add_members(&mut model, raw, filled, usable, &wider)?;
        }
        model.wandering = wider.wandering;
        Ok((model, apart))
    }

    /// Learns from the rows `filled`, with the scales of what is known of them in `x`; `noise` is a variance that readings of
    /// columns have beside what the rows show; `wider` is by how much limits of a model of the same rows were raised, where there
    /// is one. With `apart` the models of all rows but each fold come with it.
    pub(super) fn learn(
        &self,
        x: Samples<'_>,
        filled: Samples<'_>,
        usable: &[bool],
        noise: Option<(&[usize], &[f64])>,
        wider: Option<&Wider>,
        apart: bool,
    ) -> Result<Learned> {
        let folds = folds(x.rows(), self.folds)?;
        let (outside, good) = self.settled(x, filled, usable, &folds, noise)?;
        if self.whole {
            let rows = Healthy {
                x,
                filled,
                good: &good,
                noise,
            };
            self.learn_whole(&rows, outside, wider, apart)
        } else {
            let (model, apart) = self.finish(outside, &good, &folds, apart)?;
            let wider = Wider::not();
            Ok(Learned { model, apart, wider })
        }
    }

    /// What gaps are to be [`Drawn`] by; `good` gets the rows without upsets, the first time.
    fn drawing(
        &self,
        x: Samples<'_>,
        filled: Samples<'_>,
        usable: &[bool],
        good: &mut Option<Vec<bool>>,
    ) -> Result<Expecting> {
        let folds = folds(x.rows(), self.folds.min(FILL_FOLDS))?;
        let rows = usable.iter().filter(|&&usable| usable).count();
        if rows < ROWS_TO_DRAW * self.lagged(x, usable)?.width() {
            let (outside, good) = self.settled(x, filled, usable, &folds, None)?;
            return Kept::of(outside, &good, &folds)?.expecting();
        }
        let good = match good {
            Some(good) => good,
            None => good.insert(self.settled(x, filled, usable, &folds, None)?.1),
        };
        let lagged = self.lagged(x, good)?;
        let (mean, mut covariance) = joined(&sums(&lagged, filled, good, &folds)?, |_| true)?.moments()?;
        let pairs = Pairs::of(x, &lagged.kept, good)?;
        let chance = pairs.chance(&covariance, &memories(x, &lagged.kept, good)?);
        pairs.part(&mut covariance, chance);
        let (variances, vectors) = symmetric_eigen(&covariance, lagged.width(), "x")?;
        let transition = transition(&vectors, &variances, lagged.kept.len())?;
        Ok(Expecting::by(lagged.about(mean)?, transition))
    }

    /// The residuals without upsets, and the rows that are none.
    fn settled(
        &self,
        x: Samples<'_>,
        filled: Samples<'_>,
        usable: &[bool],
        folds: &[Range<usize>],
        noise: Option<(&[usize], &[f64])>,
    ) -> Result<(Outside, Vec<bool>)> {
        let mut good = copied(usable, "marks of the training rows")?;
        let outside = self.outside(x, filled, &good, folds, noise)?;
        let upsets = self.upsets(&outside)?;
        if upsets.is_empty() {
            return Ok((outside, good));
        }
        drop(outside);
        for &row in &upsets {
            good[row] = false;
        }
        Ok((self.outside(x, filled, &good, folds, noise)?, good))
    }

    /// Nor do the rows count that stand beside one that does not.
    fn forget(&self, good: &mut [bool]) {
        let mut since = usize::MAX;
        for good in good {
            since = if *good { since.saturating_add(1) } else { 0 };
            *good = since > self.lags;
        }
    }

    /// The residuals of each fold by a model of the others.
    fn outside(
        &self,
        x: Samples<'_>,
        filled: Samples<'_>,
        good: &[bool],
        folds: &[Range<usize>],
        noise: Option<(&[usize], &[f64])>,
    ) -> Result<Outside> {
        let judges = (0..folds.len()).gathered("the folds")?;
        self.judged(x, filled, good, folds, &judges, noise)
    }

    /// The residuals of each fold by a model of those that another of the `judges` has.
    pub(super) fn judged(
        &self,
        x: Samples<'_>,
        filled: Samples<'_>,
        good: &[bool],
        folds: &[Range<usize>],
        judges: &[usize],
        noise: Option<(&[usize], &[f64])>,
    ) -> Result<Outside> {
        let lagged = self.lagged(x, good)?;
        let (x, keep) = (filled, self.components);
        let mut scaled = Vec::new();
        if let Some((columns, noise)) = noise {
            scaled = room(lagged.kept.len(), 1, 0.0, "noise of the sensors")?;
            for ((out, column), scale) in scaled.iter_mut().zip(&lagged.kept).zip(&lagged.scaling.scale) {
                if let Ok(place) = columns.binary_search(column) {
                    *out = noise[place] / (scale * scale);
                }
            }
        }
        Task {
            x,
            good,
            folds,
            judges,
            keep,
            noise: &scaled,
        }
        .outside(&lagged)
    }

    /// Scales from the known values of the good rows of each column.
    fn lagged(&self, x: Samples<'_>, good: &[bool]) -> Result<Lagged> {
        let (rows, columns) = (x.rows(), x.columns());
        let total = good.iter().filter(|&&good| good).count();
        let mut found = room(columns, 1, (0.0, 0.0, 1.0, 0), "a scale for each column")?;
        parallel::run(
            found.iter_mut().enumerate(),
            SCALE_NS * (rows * columns) as f64,
            || room(rows, 1, 0.0, "a column"),
            |values, (column, found), stop| {
                if stop.requested() {
                    return;
                }
                x.read_column(column, values);
                for (value, good) in values.iter_mut().zip(good) {
                    if !good {
                        *value = f64::NAN;
                    }
                }
                let known = keep_known(values);
                let values = &mut values[..known];
                if known > 1 && enough(known, total, columns) {
                    let (mean, deviation) = mean_and_deviation(values);
                    let deviation = deviation * (known as f64 / (known - 1) as f64).sqrt();
                    if deviation.is_finite() && deviation > ROUNDING * mean.abs() {
                        *found = (quantile(values, 0.5), mean, deviation, known as u64);
                    }
                }
            },
        )?;
        // Nothing is known of a column that is left out.
        let what = "a scale for each column";
        let kept = (0..columns).filter(|&column| found[column].3 > 0).gathered(what)?;
        if kept.is_empty() {
            return Err(Error::Unfit {
                name: "x",
                requirement: "a column that changes and has at least half of its values known, or a third where rows are many",
            });
        }
        let scaling = Scaling {
            fill: found.iter().map(|column| column.0).gathered(what)?,
            center: found.iter().map(|column| column.1).gathered(what)?,
            scale: found.iter().map(|column| column.2).gathered(what)?,
            known: found.iter().map(|column| column.3).gathered(what)?,
        };
        let rows = self.lags + 1;
        Ok(Lagged {
            columns,
            scaling: scaling.select(&kept)?,
            lags: self.lags,
            mean: room(rows, kept.len(), 0.0, "a row and its earlier ones")?,
            kept,
        })
    }

    /// The rows whose residuals are far larger than the others', the largest first; none where such rows come back all along, as
    /// those of start-ups do: the machine is run so.
    fn upsets(&self, outside: &Outside) -> Result<Vec<usize>> {
        if self.trim == 0.0 {
            return Ok(Vec::new());
        }
        let width = outside.model.lagged.kept.len() + 1;
        let rows = outside.residuals.len() / width;
        let mut roots = room(rows, 1, 0.0, "sizes of residuals")?;
        for (root, row) in roots.iter_mut().zip(outside.residuals.chunks_exact(width)) {
            *root = row[width - 1].max(0.0).cbrt();
        }
        let mut spare = room(rows, 1, 0.0, "sizes of residuals")?;
        spare.copy_from_slice(&roots);
        let (median, mad) = median_mad(&mut spare);
        let spread = (NORMAL * mad).max(1e-12);
        let far = (0..rows).filter(|&row| (roots[row] - median) / spread > self.trim);
        let mut far = far.gathered("sizes of residuals")?;
        if self.whole && comes_back(&far, rows, self.lags + 1) {
            return Ok(Vec::new());
        }
        far.sort_unstable_by(|&one, &other| roots[other].total_cmp(&roots[one]).then(one.cmp(&other)));
        far.truncate(rows / FEW);
        Ok(far)
    }

    /// The model of the residuals outside the folds.
    fn finish(&self, outside: Outside, good: &[bool], folds: &[Range<usize>], apart: bool) -> Result<Both> {
        let mut kept = Kept::of(outside, good, folds)?;
        let mut others = std::mem::take(&mut kept.apart).into_iter();
        let (residuals, stretches, rows) = (kept.rows(0..0), &kept.stretches, kept.count());
        let sensors = residuals.sensors;
        let mut inverses = reserved(stretches.len(), "the folds")?;
        let mut parted = reserved(stretches.len(), "the folds")?;
        for stretch in stretches {
            let mut inverse = identity(sensors)?;
            let factor = kept.rows(stretch.clone()).factor(&kept.beside)?;
            divide(&factor, &mut inverse, sensors, sensors)?;
            inverses.push(Packed::full(&inverse, sensors, sensors)?);
            if let Some(other) = others.next().filter(|_| apart) {
                parted.push(other.whitened(self, factor, kept.upsets)?);
            }
        }
        let lengths = |values: &[f64]| -> Result<Vec<f64>> {
            let mut lengths = room(rows, 1, 0.0, "squared lengths of residuals")?;
            let table = table_of(values, rows, sensors)?;
            for (stretch, inverse) in stretches.iter().zip(&inverses) {
                squared_lengths(inverse, table, stretch.clone(), &mut lengths[stretch.clone()])?;
            }
            Ok(lengths)
        };
        let powers = lengths(residuals.values)?;
        let usual = powers.iter().sum::<f64>() / rows as f64;
        let parts = self.parts()?;
        let chance = self.false_alarm_rate / parts.len() as f64;
        let mut norms = Norms::default();
        let mut means = room(rows, sensors, 0.0, "averages of residuals")?;
        for part in parts {
            if part.kind == Kind::Power {
                norms.push(part, &averaged(&powers, part.memory, usual)?, chance)?;
            } else {
                running(residuals.values, &mut means, sensors, part.memory)?;
                let mut statistic = lengths(&means)?;
                let unit = (2.0 - part.memory) / part.memory;
                statistic.iter_mut().for_each(|value| *value *= unit);
                norms.push(part, &statistic, chance)?;
            }
        }
        drop(means);
        let mut model = kept.model(self)?;
        model.norms = norms;
        model.usual = usual;
        Ok((model, parted))
    }
}

impl FittedFused {
    /// Takes the norms of another model of the same parameters.
    fn limited_as(&mut self, other: &Self) {
        self.norms.clone_from(&other.norms);
        self.usual = other.usual;
        self.states.clone_from(&other.states);
        if let (Some(own), Some(other)) = (&mut self.whole, &other.whole) {
            own.limited_as(other);
        }
    }
}

/// How often gaps are drawn where a sensor lacks this share of its readings.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn fills(lacking: f64) -> usize {
    if lacking <= SELDOM {
        1
    } else {
        (LEFT.ln() / lacking.min(0.99).ln()).ceil().clamp(2.0, MOST_FILLS as f64) as usize
    }
}

/// Whether far rows, rising, are upset in runs in at least half of the tenths of all rows; one bad row upsets `one` of them.
fn comes_back(far: &[usize], rows: usize, one: usize) -> bool {
    let mut tenths = [false; 10];
    for run in far.chunk_by(|row, next| next - row <= one) {
        if run[run.len() - 1] - run[0] >= one {
            tenths[run[0] * 10 / rows.max(1)] = true;
        }
    }
    2 * tenths.iter().filter(|&&tenth| tenth).count() >= tenths.len()
}

/// Exponentially weighted means of the rows before and with each row, from 0 on.
fn running(values: &[f64], means: &mut [f64], sensors: usize, memory: f64) -> Result<()> {
    let mut last = room(sensors, 1, 0.0, "a row")?;
    let jobs = [(means, &mut last)];
    parallel::run(
        jobs,
        values.len() as f64,
        || Ok(()),
        |(), (means, last), stop| {
            for (row, (means, values)) in means.chunks_exact_mut(sensors).zip(values.chunks_exact(sensors)).enumerate()
            {
                if row.is_multiple_of(4096) && stop.requested() {
                    return;
                }
                for ((mean, last), value) in means.iter_mut().zip(&mut **last).zip(values) {
                    *last += memory * (value - *last);
                    *mean = *last;
                }
            }
        },
    )
}

#[cfg(test)]
mod by_rows;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upsets_come_back_where_runs_of_rows_are_in_half_of_the_tenths() {
        let runs = |starts: &[usize], length: usize| -> Vec<usize> {
            starts.iter().flat_map(|&start| start..start + length).collect()
        };
        let five = [5, 110, 215, 320, 425];
        assert!(comes_back(&runs(&five, 4), 1000, 3));
        // Each is of one bad row and those that look back at it.
        assert!(!comes_back(&runs(&five, 3), 1000, 3));
        assert!(!comes_back(&runs(&five[1..], 4), 1000, 3));
        // One run, however long, and many within one tenth.
        assert!(!comes_back(&runs(&[0], 1000), 1000, 3));
        assert!(!comes_back(&runs(&[5, 25, 45, 65, 85], 4), 1000, 3));
        // Rows between count as theirs.
        let sparse: Vec<usize> = five.iter().flat_map(|&start| [start, start + 3]).collect();
        assert!(comes_back(&sparse, 1000, 3) && !comes_back(&sparse, 1000, 2));
        assert!(!comes_back(&[], 0, 1));
    }
}
