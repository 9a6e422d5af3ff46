//! Scoring: residuals whitened for many rows at once, then the memories row by row.

use acm_linalg::memory::Gather;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, dispatch};

use super::FittedFused;
use super::gaps::Filled;
use super::memory::{FusedMemory, Release, ResidualMeans};
use super::parts::{Kind, Norms, Part, full_scale};
use super::whole::Beside;
use crate::lagged;
use crate::packed::PRODUCT_NS;

/// For the memories a row counts at most as this many usual ones: a spike, or a past fault, is forgotten in bounded time.
const CAP: f64 = 5.0;

/// A thread's share of the rows that are whitened at once, in nanoseconds: long enough to look at interrupts.
const SHARE_NS: f64 = 30e6;

/// What is wanted of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Score,
    Parts,
    Contributions,
}

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
        let (start, filled) = self.walk(all.view().into(), old, &mut state, Wanted::Score, out)?;
        self.constants.raise(x, 1.0, out)?;
        if let Some(rows) = all.as_slice_mut() {
            let at = start * self.columns();
            rows[at..at + filled.len()].copy_from_slice(&filled);
        }
        live.rows = lagged::LaggedMemory::of(&all, self.parameters.lags)?;
        live.state = Some(state);
        Ok(())
    }

    fn start(&self) -> Result<ResidualMeans> {
        let mut state = ResidualMeans::new(self.parameters.slow().count(), self.lagged.kept.len(), self.usual)?;
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
        }
    }

    /// All rows of `x`, those of rare states from their own centres.
    fn walk_settled(&self, x: Samples<'_>, wanted: Wanted, out: &mut [f64]) -> Result<()> {
        let settled = self.settled(x)?;
        let x = settled.as_ref().map_or(x, |rows| rows.view().into());
        self.walk(x, 0, &mut self.start()?, wanted, out)?;
        Ok(())
    }

    /// The rows of `x` from `skip` on, the earlier ones of which are filled; the latest rows that were filled here, and where
    /// they start.
    fn walk(
        &self,
        x: Samples<'_>,
        skip: usize,
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
        let mut filled = Filled::new(self, x, false)?;
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
                    model.scored().remember(&parts, &slow, white, present, state, wanted, &mut found, out);
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
            counted,
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
                        let counted = counted[row * slow + shifts];
                        shifts += 1;
                        let unit = (2.0 - part.memory) / part.memory * (sensors as f64 / counted);
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
                        (1.0, &*mean)
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

/// How many sensors there are, the power of usual rows, and the norms of the parts.
pub(super) struct Scored<'a> {
    pub(super) sensors: usize,
    pub(super) usual: f64,
    pub(super) norms: &'a Norms,
}

impl Scored<'_> {
    /// Takes the memories from row to row; what is wanted of the parts goes to `out`, or to `found` for contributions.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "what a stretch of rows is made of, and where it goes"
    )]
    pub(super) fn remember(
        &self,
        parts: &[Part],
        slow: &[f64],
        white: &[f64],
        present: &[usize],
        state: &mut ResidualMeans,
        wanted: Wanted,
        found: &mut PartInputs,
        out: &mut [f64],
    ) {
        let sensors = self.sensors;
        let cap = CAP * self.usual;
        let width = parts.len();
        let release = Release::new(slow, self.usual, sensors);
        for (row, (residual, &here)) in white.chunks_exact(sensors).zip(present).enumerate() {
            let own = squares(residual);
            let power = match here {
                0 => self.usual,
                _ if here < sensors => full_scale(own, here, sensors, self.usual),
                _ => own,
            };
            let share = if power > cap { cap / power } else { 1.0 };
            let weight = share.sqrt();
            // Without any sensor nothing is learned and nothing forgotten.
            if here > 0 {
                let means = state.shift.chunks_exact_mut(sensors);
                let levels = state.power.iter_mut().zip(&mut state.present);
                for ((&memory, mean), (level, counted)) in slow.iter().zip(means).zip(levels) {
                    for place in 0..sensors {
                        mean[place] += memory * (weight * residual[place] - mean[place]);
                    }
                    *level += memory * (power.min(cap) - *level);
                    *counted += memory * (here as f64 - *counted);
                }
            }
            let place = if wanted == Wanted::Contributions { row } else { 0 };
            let released = &mut found.released[place * slow.len()..(place + 1) * slow.len()];
            release.apply(slow, state, released);
            let values = &mut found.values[place * width..(place + 1) * width];
            let mut shifts = 0;
            for number in 0..width {
                let Part { kind, memory } = parts[number];
                values[number] = if kind == Kind::Shift {
                    let mean = &state.shift[shifts * sensors..(shifts + 1) * sensors];
                    let counted = state.present[shifts];
                    shifts += 1;
                    squares(mean) * ((2.0 - memory) / memory) * (sensors as f64 / counted)
                } else if memory < 1.0 {
                    slow.iter().position(|&own| own == memory).map_or(power, |place| state.power[place])
                } else {
                    power
                };
            }
            match wanted {
                Wanted::Score => {
                    let mut greatest = f64::NEG_INFINITY;
                    for number in 0..width {
                        greatest = greatest.max(self.norms.score(number, values[number]));
                    }
                    out[row] = greatest;
                }
                Wanted::Parts => {
                    let all = out.len() / present.len();
                    for number in 0..width {
                        out[row * all + number] = self.norms.score(number, values[number]);
                    }
                }
                Wanted::Contributions => {
                    found.capped[row] = share;
                    found.scale[row] = if here == 0 || own == 0.0 { 0.0 } else { power / own };
                    found.here[row] = here;
                    let length = state.shift.len();
                    found.shifts[row * length..(row + 1) * length].copy_from_slice(&state.shift);
                    found.counted[row * slow.len()..(row + 1) * slow.len()].copy_from_slice(&state.present);
                }
            }
        }
    }
}

/// What the parts of the latest rows were made from.
pub(super) struct PartInputs {
    /// The statistics of the parts.
    values: Vec<f64>,
    /// The share that a row's power counts with.
    capped: Vec<f64>,
    /// What makes the power of a row's present sensors that of all.
    scale: Vec<f64>,
    /// How many sensors a row has.
    here: Vec<usize>,
    /// What the release left of the mean powers.
    released: Vec<f64>,
    /// The means of the whitened residuals.
    shifts: Vec<f64>,
    /// The means of how many sensors there were.
    counted: Vec<f64>,
    /// What each sensor adds to a row's power and to the squares of the means.
    own: Vec<f64>,
    /// Means of the sensors' shares of the power, at each memory.
    pub(super) running: Vec<f64>,
    /// By how much the parts of a row are above normal together.
    pub(super) totals: Vec<f64>,
}

impl PartInputs {
    pub(super) fn new(model: &FittedFused, rows: usize, wanted: Wanted) -> Result<Self> {
        Self::sized(model.scored(), model.parameters.slow().count(), rows, wanted)
    }

    pub(super) fn sized(of: Scored<'_>, memories: usize, rows: usize, wanted: Wanted) -> Result<Self> {
        let slow = memories * of.sensors;
        let what = "shares of the sensors";
        let rows_beside = if wanted == Wanted::Contributions { rows } else { 0 };
        Ok(Self {
            values: room(rows, of.norms.limit.len(), 0.0, what)?,
            capped: room(rows_beside, 1, 0.0, what)?,
            scale: room(rows_beside, 1, 0.0, what)?,
            here: room(rows_beside, 1, 0, what)?,
            released: room(rows, memories, 1.0, what)?,
            counted: room(rows_beside, memories, 0.0, what)?,
            shifts: room(rows_beside, slow, 0.0, what)?,
            own: room(rows_beside, slow + of.sensors, 0.0, what)?,
            running: room(slow, 1, 0.0, what)?,
            totals: room(rows_beside, 1, 0.0, what)?,
        })
    }
}

/// Sum of the squares, in eight sums that are added in their order.
#[inline(always)]
pub(super) fn squares(values: &[f64]) -> f64 {
    products(values, values)
}

#[inline(always)]
pub(super) fn products(one: &[f64], other: &[f64]) -> f64 {
    let other = &other[..one.len()];
    let mut sums = [0.0; 8];
    let whole = one.len() / 8 * 8;
    let mut place = 0;
    while place < whole {
        for lane in 0..8 {
            sums[lane] += one[place + lane] * other[place + lane];
        }
        place += 8;
    }
    for lane in 0..one.len() - whole {
        sums[lane] += one[whole + lane] * other[whole + lane];
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}
