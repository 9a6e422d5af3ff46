//! Scoring: residuals whitened for many rows at once, then the memories row by row.

use acm_linalg::memory::Gather;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, dispatch};
use ndarray::Array2;

use super::FittedFused;
use super::gaps::Filled;
use super::memory::{FusedMemory, ResidualMeans};
use super::parts::{Kind, Part};
use super::remember::{PartInputs, Scored, Wanted, products};
use super::whole::Beside;
use crate::lagged;
use crate::packed::PRODUCT_NS;

/// A thread's share of the rows that are whitened at once, in nanoseconds: long enough to look at interrupts.
const SHARE_NS: f64 = 30e6;

impl FittedFused {
    /// The fused score of each row: the greatest of the parts, each over its limit. Above 1 is an alarm.
    ///
    /// Shapes: x (n, d) -> (n,).
    /// Missing: what the present sensors and the earlier rows let expect; the parts are scaled to all sensors. In a row without
    /// any sensor the memories stand still.
    /// Cost: n d² (lags + 1) products. Threads: rows; the memories run on one. Holds the residuals of as many rows as take
    /// some 30 ms a thread.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] unless `out` has n values; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk_settled(x, Wanted::Score, out)?;
        self.constants.raise(x, 1.0, out)
    }

    /// Each part of the score over its limit (n, parts), row after row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn parts(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk_settled(x, Wanted::Parts, out)
    }

    /// The share of each sensor (n, d), row after row: its shares of the parts, weighed by how far each part is above normal.
    /// 0 for a column that was left out, and in rows where no part is above normal.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk_settled(x, Wanted::Contributions, out)?;
        self.constants.share(x, out)
    }

    /// Scores the rows that follow those that `live` has seen: the same as if all had been scored at once.
    ///
    /// # Errors
    /// As for [`Self::score`]; `live` is then as it was.
    pub fn update(&self, live: &mut FusedMemory, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        let fresh = self.start()?;
        let mut state = match &live.state {
            Some(state) if state.is_like(&fresh) => state.copy()?,
            _ => fresh,
        };
        if x.rows() == 0 {
            return Ok(());
        }
        let settled = self.settled(x)?;
        let (mut all, old) = live.rows.before(settled.as_ref().map_or(x, |rows| rows.view().into()))?;
        let known = live.marks.len() == old * self.lagged.kept.len();
        let before = if known { &live.marks[..] } else { &[] };
        let (start, filled) = self.walk(all.view().into(), (old, before), &mut state, Wanted::Score, out)?;
        self.constants.raise(x, 1.0, out)?;
        let marks = self.latest_marks(&all, before)?;
        if let Some(rows) = all.as_slice_mut() {
            let at = start * self.columns();
            rows[at..at + filled.len()].copy_from_slice(&filled);
        }
        live.rows = lagged::LaggedMemory::of(&all, self.parameters.lags)?;
        live.marks = marks;
        live.state = Some(state);
        Ok(())
    }

    fn start(&self) -> Result<ResidualMeans> {
        let mut state =
            ResidualMeans::new(self.parameters.slow().count(), self.lagged.kept.len(), self.usual, self.marginal)?;
        state.shown = self.telling.start()?;
        if let Some(whole) = &self.whole {
            state.whole = Some(Box::new(whole.start()?));
        }
        Ok(state)
    }

    /// What the parts are scored by.
    pub(super) fn scored(&self) -> Scored<'_> {
        Scored {
            sensors: self.lagged.kept.len(),
            usual: self.usual,
            norms: &self.norms,
            marginal: self.marginal,
        }
    }

    /// All rows of `x`, those of rare states from their own centres.
    fn walk_settled(&self, x: Samples<'_>, wanted: Wanted, out: &mut [f64]) -> Result<()> {
        let settled = self.settled(x)?;
        let x = settled.as_ref().map_or(x, |rows| rows.view().into());
        self.walk(x, (0, &[]), &mut self.start()?, wanted, out)?;
        Ok(())
    }

    /// Which readings of the last rows were there, nothing where all were; `before` tells it of the first ones, which are filled.
    fn latest_marks(&self, all: &Array2<f64>, before: &[bool]) -> Result<Vec<bool>> {
        if !self.marginal {
            return Ok(Vec::new());
        }
        let (sensors, lags) = (self.lagged.kept.len(), self.parameters.lags);
        let first = all.nrows().saturating_sub(lags);
        let marks = (first..all.nrows()).flat_map(|row| {
            let here = move |(place, &column): (usize, &usize)| {
                before.get(row * sensors + place).copied().unwrap_or(all[[row, column]].is_finite())
            };
            self.lagged.kept.iter().enumerate().map(here)
        });
        let marks = marks.gathered("marks of sensors")?;
        Ok(if marks.contains(&false) { marks } else { Vec::new() })
    }

    /// The rows of `x` from `skip` on, the earlier ones of which are filled, with the marks `before`; the latest rows that were filled here, and where
    /// they start.
    fn walk(
        &self,
        x: Samples<'_>,
        (skip, before): (usize, &[bool]),
        state: &mut ResidualMeans,
        wanted: Wanted,
        out: &mut [f64],
    ) -> Result<(usize, Vec<f64>)> {
        x.require_columns(self.columns())?;
        let rows = x.rows() - skip;
        let width = match wanted {
            Wanted::Score => 1,
            Wanted::Parts => self.models().map(|model| model.norms.limit.len()).sum(),
            Wanted::Contributions => self.columns(),
        };
        if out.len() != rows * width {
            return Err(Error::Length {
                name: "out",
                expected: rows * width,
                got: out.len(),
            });
        }
        let sensors = self.lagged.kept.len();
        let step = self.step().min(rows.max(1));
        let parts = self.parameters.parts()?;
        let slow = self.parameters.slow().gathered("the parts of the score")?;
        let mut white = room(step, sensors, 0.0, "residuals")?;
        let mut found = PartInputs::new(self, if wanted == Wanted::Contributions { step } else { 1 }, wanted)?;
        let mut beside = Beside::new(self, x, step, width, wanted)?;
        state.look_as(&self.telling)?;
        let mut judges = room(step, 1, 0, "which model judges")?;
        let mut filled = Filled::new(self, x, before, false)?;
        let mut watch = Watch::start();
        for (number, out) in out.chunks_mut(step * width).enumerate() {
            watch.look()?;
            let (first, count) = (skip + number * step, out.len() / width);
            let judges = &mut judges[..count];
            self.choose(x, first..first + count, &mut state.shown, state.judge, judges)?;
            let mut done = 0;
            for stretch in judges.chunk_by(|one, next| one == next) {
                let (judge, count) = (stretch[0], stretch.len());
                let rows = first + done..first + done + count;
                let out = &mut out[done * width..(done + count) * width];
                let white = &mut white[..count * sensors];
                done += count;
                if judge != state.judge {
                    let before = self.judge(state.judge).usual;
                    let from_whole = self.judge(state.judge).whole.as_deref().map(|whole| whole.usual);
                    self.turn(state, state.judge, judge);
                    state.judge = judge;
                    let ratio = if before > 0.0 { self.judge(judge).usual / before } else { 1.0 };
                    found.running.iter_mut().for_each(|running| *running *= ratio);
                    if let (Some(beside), Some(one), Some(next)) = (&mut beside, from_whole, &self.judge(judge).whole)
                        && one > 0.0
                    {
                        let ratio = next.usual / one;
                        beside.found.running.iter_mut().for_each(|running| *running *= ratio);
                    }
                }
                let model = self.judge(judge);
                let present = filled.whiten(judge, rows.clone(), white)?;
                dispatch!(Level::new(), simd => {
                    let _ = simd;
                    model.scored().remember(&parts, &slow, white, &present, state, wanted, &mut found, out);
                });
                if wanted == Wanted::Contributions {
                    model.share(&parts, white, x, rows.start, &mut found, out)?;
                }
                if let (Some(beside), Some(state)) = (&mut beside, &mut state.whole) {
                    beside.join((model, judge), x, rows, white, state, wanted, &found.totals, out)?;
                }
            }
        }
        Ok(filled.latest())
    }

    /// Rows that are whitened at once.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    fn step(&self) -> usize {
        let cost = self.whitening.cost_ns() + 20.0;
        let rows = SHARE_NS * parallel::num_threads() as f64 / cost;
        (rows.clamp(256.0, 262_144.0) as usize).next_multiple_of(8)
    }

    /// What each sensor adds to the parts, as shares.
    pub(super) fn share(
        &self,
        parts: &[Part],
        white: &[f64],
        x: Samples<'_>,
        first: usize,
        found: &mut PartInputs,
        out: &mut [f64],
    ) -> Result<()> {
        let sensors = self.lagged.kept.len();
        let rows = white.len() / sensors;
        let slow = self.parameters.slow().count();
        let width = (1 + slow) * sensors;
        let PartInputs {
            values,
            capped,
            scale,
            here,
            released,
            shifts,
            units,
            own,
            running,
            totals,
        } = found;
        let (shifts, own) = (&*shifts, &mut own[..rows * width]);
        by_rows(
            rows,
            width,
            own,
            PRODUCT_NS * 3.0 * (width * sensors) as f64,
            || Ok((room(sensors, 1, 0.0, "a row")?, room(sensors, 1, 0.0, "a row")?)),
            |(there, back), inside, own, stop| {
                for (row, own) in inside.zip(own.chunks_exact_mut(width)) {
                    if stop.requested() {
                        return;
                    }
                    let (power, means) = own.split_at_mut(sensors);
                    dispatch!(Level::new(), simd => {
                        let _ = simd;
                        self.split(&white[row * sensors..(row + 1) * sensors], there, back, power);
                        for number in 0..slow {
                            let mean = &shifts[(row * slow + number) * sensors..][..sensors];
                            self.split(mean, there, back, &mut means[number * sensors..(number + 1) * sensors]);
                        }
                    });
                }
            },
        )?;
        let columns = self.columns();
        for row in 0..rows {
            let values = &values[row * parts.len()..(row + 1) * parts.len()];
            let (own, out) = (&mut own[row * width..(row + 1) * width], &mut out[row * columns..(row + 1) * columns]);
            out.fill(0.0);
            if here[row] < sensors {
                // What is missing has no part in the row's power, and the others' is that of all sensors.
                for (own, &column) in own.iter_mut().zip(&self.lagged.kept) {
                    *own = if x.value(first + row, column).is_finite() { *own * scale[row] } else { 0.0 };
                }
            }
            let scores = || (0..parts.len()).map(|number| self.norms.score(number, values[number]).max(0.0));
            let total: f64 = scores().sum();
            totals[row] = total;
            let mut shifts = 0;
            for ((part, score), &value) in parts.iter().zip(scores()).zip(values) {
                let (unit, shares) = match part.kind {
                    Kind::Shift => {
                        let unit = units[2 * row * slow + shifts];
                        shifts += 1;
                        (unit, &own[shifts * sensors..(shifts + 1) * sensors])
                    }
                    Kind::Power if part.memory < 1.0 => {
                        let powers = self.parameters.slow().position(|own| own == part.memory).unwrap_or(0);
                        let mean = &mut running[powers * sensors..(powers + 1) * sensors];
                        if here[row] > 0 {
                            for place in 0..sensors {
                                mean[place] += part.memory * (capped[row] * own[place] - mean[place]);
                            }
                        }
                        let released = released[row * slow + powers];
                        if released < 1.0 {
                            mean.iter_mut().for_each(|mean| *mean *= released);
                        }
                        (units[(2 * row + 1) * slow + powers], &*mean)
                    }
                    Kind::Power => (1.0, &own[..sensors]),
                };
                if score > 0.0 && value > 0.0 {
                    let weight = score / total * unit / value;
                    for (&column, share) in self.lagged.kept.iter().zip(shares) {
                        out[column] += weight * share.max(0.0);
                    }
                }
            }
        }
        Ok(())
    }

    /// r_j (S⁻¹ r)_j of the whitened residual L⁻¹ r, with S = L Lᵀ: they sum to its squared length.
    #[inline(always)]
    fn split(&self, white: &[f64], there: &mut [f64], back: &mut [f64], out: &mut [f64]) {
        let size = white.len();
        let (there, back, out) = (&mut there[..size], &mut back[..size], &mut out[..size]);
        back.copy_from_slice(white);
        for row in (0..size).rev() {
            let factor = &self.factor[row * size..row * size + row + 1];
            let (before, at) = back.split_at_mut(row);
            at[0] /= factor[row];
            let solved = at[0];
            for place in 0..row {
                before[place] -= solved * factor[place];
            }
            there[row] = products(factor, &white[..row + 1]);
        }
        for place in 0..size {
            out[place] = there[place] * back[place];
        }
    }
}
