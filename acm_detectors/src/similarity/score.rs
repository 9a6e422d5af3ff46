//! Scoring: residuals whitened for many rows at once, then the memories row by row.

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::parallel::Watch as Clock;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, Simd, dispatch};

use super::FittedSimilarity;
use super::fit::MOST_BLUR;
use super::prototypes::Scratch;
use super::rounded::{Found, Lane};
use super::watch::{Counted, Kind, Means, Present, SimilarityMemory, Watch};
use crate::constants::RAREST;
use crate::gaps::{Gaps, Trouble, dot};
use crate::packed::{PRODUCT_NS, rows_of};

/// A thread's share of the rows that are worked on at once, in nanoseconds: long enough to look at interrupts.
const SHARE_NS: f64 = 30e6;

/// What is wanted of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Score,
    Parts,
    Contributions,
}

impl FittedSimilarity {
    /// The score of each row: the greatest of the parts, each over its limit. Above 1 is an alarm.
    ///
    /// Shapes: x (n, d) -> (n,).
    /// Missing: the remembered rows are weighted by the present sensors, whose residuals let those of the others be expected;
    /// parts are scaled to all sensors. In a row without any sensor the memories stand still.
    /// Cost: 2 n d `memory` products, n `memory` exponentials, n d² / 2 products. Threads: rows; the memories run on one. Holds
    /// the residuals of as many rows as take some 30 ms a thread.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] unless `out` has n values; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, &mut SimilarityMemory::default(), Wanted::Score, out)?;
        self.watch_constants(x, out)
    }

    /// Each part of the score over its limit (n, parts), row after row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn parts(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, &mut SimilarityMemory::default(), Wanted::Parts, out)
    }

    /// What each sensor adds to the score (n, d), row after row: its shares of the parts, weighed by how far each part is above
    /// normal. They sum to the score; all are 0 where no part is above normal. 0 for a column that was left out.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, &mut SimilarityMemory::default(), Wanted::Contributions, out)?;
        self.constants.share(x, out)
    }

    fn watch_constants(&self, x: Samples<'_>, scores: &mut [f64]) -> Result<()> {
        if self.constants.is_empty() {
            return Ok(());
        }
        self.constants.raise(x, self.limit(RAREST)?.max(1.0), scores)
    }

    /// Scores the rows that follow those that `live` has seen: the same as if all had been scored at once.
    ///
    /// # Errors
    /// As for [`Self::score`]; `live` is then as it was.
    pub fn update(&self, live: &mut SimilarityMemory, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let mut next = acm_linalg::Memory::copy(live)?;
        self.walk(x, &mut next, Wanted::Score, out)?;
        self.watch_constants(x, out)?;
        if x.rows() > 0 {
            *live = next;
        }
        Ok(())
    }

    /// What each sensor should read (n, d), row after row: the mean of the remembered rows, weighted by their likeness to the
    /// row. NaN for a column that was left out, and in a row without any value.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn estimate(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        let columns = self.columns();
        let scaling = &self.lagged.scaling;
        by_rows(
            x.rows(),
            columns,
            out,
            self.cost_ns(),
            || Desk::new(self),
            |desk, rows, out, stop| {
                for (out, first) in out.chunks_mut(LANES * columns).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    dispatch!(Level::new(), simd => {
                        self.lagged.pack_gaps(simd, &x, first, &mut desk.raw, &mut desk.points);
                        self.prototypes.expect(simd, &desk.points, &mut desk.scratch, &mut desk.expected);
                    });
                    out.fill(f64::NAN);
                    for (lane, out) in out.chunks_exact_mut(columns).enumerate() {
                        if desk.points.iter().all(|point| point.0[lane].is_nan()) {
                            continue;
                        }
                        for (place, &column) in self.lagged.kept.iter().enumerate() {
                            out[column] = scaling.center[place] + scaling.scale[place] * desk.expected[place].0[lane];
                        }
                    }
                }
            },
        )
    }

    fn cost_ns(&self) -> f64 {
        self.prototypes.cost_ns() + self.whitening.cost_ns() + 4.0 * self.columns() as f64
    }

    /// The rows of `x`, from where `live` stands; a fresh memory starts anew.
    fn walk(&self, x: Samples<'_>, live: &mut SimilarityMemory, wanted: Wanted, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        let rows = x.rows();
        let parts = self.parameters.parts()?;
        let width = match wanted {
            Wanted::Score => 1,
            Wanted::Parts => parts.len(),
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
        let watch = Watch::new(&self.parameters, &parts, self.usual, sensors, &self.norms)?;
        let fresh = watch.start()?;
        let means = match live.means.take() {
            // Means of another width are of another model: they tell nothing.
            Some(means) if means.is_like(&fresh) => means,
            _ => fresh,
        };
        let means = live.means.insert(means);
        let shares = wanted == Wanted::Contributions;
        let step = self.step().min(rows.max(1));
        let wide = if shares { 2 * sensors + 1 } else { sensors + 1 };
        let mut white = room(step, wide, 0.0, "residuals")?;
        let mut values = room(parts.len(), 1, 0.0, "the parts of the score")?;
        let mut marks = Marks::new(self, x)?;
        let mut explained = if shares { Some(Explained::new(self, step, &watch)?) } else { None };
        let mut clock = Clock::start();
        for (number, out) in out.chunks_mut(step * width).enumerate() {
            clock.look()?;
            let (first, count) = (number * step, out.len() / width);
            let white = &mut white[..count * wide];
            self.whiten(x, first, shares, white)?;
            if let Some(explained) = &mut explained {
                explained.follow(&watch, means, white, first, &mut marks);
                explained.share(self, &watch, out)?;
                continue;
            }
            dispatch!(Level::new(), simd => {
                let _ = simd;
                let rows = white.chunks_exact(wide).zip(out.chunks_exact_mut(width)).enumerate();
                for (row, (white, out)) in rows {
                    let (white, here) = white.split_at(sensors);
                    watch.step(means, white, marks.of(first + row, here[0]), &mut values);
                    self.stand(&values, wanted, out);
                }
            });
        }
        Ok(())
    }

    #[inline(always)]
    fn stand(&self, values: &[f64], wanted: Wanted, out: &mut [f64]) {
        if wanted == Wanted::Score {
            out[0] = self.norms.greatest(values) / self.top;
        } else {
            for (number, (out, value)) in out.iter_mut().zip(values).enumerate() {
                *out = self.norms.stand(number, *value) / self.top;
            }
        }
    }

    /// Rows that are worked on at once.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    fn step(&self) -> usize {
        let rows = SHARE_NS * parallel::num_threads() as f64 / self.cost_ns();
        (rows.clamp(64.0, 65_536.0) as usize).next_multiple_of(LANES)
    }

    /// For each row from `first` on: the whitened residual; with `shares`, what each sensor adds to its squared length; how many
    /// sensors are present.
    fn whiten(&self, x: Samples<'_>, first: usize, shares: bool, out: &mut [f64]) -> Result<()> {
        let sensors = self.lagged.kept.len();
        let wide = if shares { 2 * sensors + 1 } else { sensors + 1 };
        let trouble = Trouble::default();
        let rows = out.len() / wide;
        by_rows(
            rows,
            wide,
            out,
            self.cost_ns(),
            || Desk::new(self),
            |desk, rows, out, stop| {
                for (out, row) in out.chunks_mut(LANES * wide).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    let done = dispatch!(Level::new(), simd => self.eight(simd, &x, first + row, shares, desk));
                    if !trouble.none(done) {
                        return;
                    }
                    for (lane, out) in out.chunks_exact_mut(wide).enumerate() {
                        let (values, here) = out.split_at_mut(wide - 1);
                        let found = desk.white[..sensors].iter().chain(&desk.back[..sensors]);
                        values.iter_mut().zip(found).for_each(|(value, found)| *value = found.0[lane]);
                        here[0] = desk.here.0[lane];
                    }
                }
            },
        )?;
        trouble.told()
    }

    #[inline(always)]
    fn eight<S: Simd>(&self, simd: S, x: &Samples<'_>, first: usize, shares: bool, desk: &mut Desk) -> Result<()> {
        let Desk {
            raw,
            points,
            expected,
            residuals,
            here,
            scratch,
            ..
        } = desk;
        let sensors = points.len();
        let incomplete = self.lagged.pack_gaps(simd, x, first, raw, points);
        let judges = self.rounding.judges(simd, &self.lagged, x, first, raw);
        let alone = self.alone.lanes(simd, judges, raw, &self.lagged.kept);
        self.prototypes.expect(simd, points, scratch, expected);
        for place in 0..sensors {
            // NaN where the reading is missing.
            let residual = points[place].load(simd) - expected[place].load(simd) - self.offset[place];
            residuals[place].store(residual);
        }
        *here = Row::splat(sensors as f64);
        if !alone.is_empty() || judges.iter().any(|&judge| judge != judges[0]) {
            desk.saved.copy_from_slice(&desk.residuals);
        }
        self.by_row(simd, judges, incomplete, shares, desk)?;
        for (lane, suspect) in alone.each(judges).into_iter().enumerate().filter(|(_, suspect)| suspect.any()) {
            let Desk {
                raw,
                saved,
                white,
                back,
                lane: own,
                ..
            } = desk;
            self.judge_alone((lane, suspect), shares, raw, &saved[..sensors], own, Found { white, back })?;
        }
        Ok(())
    }

    /// The residuals on the desk, each whitened by what judges rows of its step.
    #[inline(always)]
    fn by_row<S: Simd>(
        &self,
        simd: S,
        judges: [usize; LANES],
        incomplete: bool,
        shares: bool,
        desk: &mut Desk,
    ) -> Result<()> {
        if judges.iter().all(|&judge| judge == judges[0]) {
            return self.judged(simd, judges[0], incomplete, shares, desk);
        }
        let saved = std::mem::take(&mut desk.saved);
        let mut mixed = std::mem::take(&mut desk.mixed);
        for judge in 0..=self.rounded.len() {
            if !judges.contains(&judge) {
                continue;
            }
            desk.residuals.copy_from_slice(&saved);
            self.judged(simd, judge, incomplete, shares, desk)?;
            for (mixed, own) in mixed.iter_mut().zip(desk.white.iter().chain(&desk.back)) {
                for lane in (0..LANES).filter(|&lane| judges[lane] == judge) {
                    mixed.0[lane] = own.0[lane];
                }
            }
        }
        let (white, back) = mixed.split_at(desk.white.len());
        desk.white.copy_from_slice(white);
        desk.back.copy_from_slice(back);
        (desk.saved, desk.mixed) = (saved, mixed);
        Ok(())
    }

    /// The residuals on the desk, whitened by what judges rows of one step.
    #[inline(always)]
    fn judged<S: Simd>(&self, simd: S, judge: usize, incomplete: bool, shares: bool, desk: &mut Desk) -> Result<()> {
        let Desk {
            points,
            residuals,
            white,
            back,
            here,
            gaps,
            latest,
            ..
        } = desk;
        let sensors = points.len();
        let (whitening, precision) = self.of_step(judge);
        if incomplete {
            if *latest != judge {
                gaps.forget();
                *latest = judge;
            }
            gaps.fill(precision, &mut residuals[..sensors], sensors)?;
            for lane in 0..LANES {
                let lacking = points.iter().filter(|point| point.0[lane].is_nan()).count();
                here.0[lane] = (sensors - lacking) as f64;
                if lacking > 0 {
                    let gone = points.iter().zip(&self.blur).filter(|(point, _)| point.0[lane].is_nan());
                    let blur = gone.fold(1.0, |blur: f64, (_, own)| (blur * own).min(MOST_BLUR));
                    let share = if lacking == sensors { 0.0 } else { 1.0 / blur.sqrt() };
                    residuals[..sensors].iter_mut().for_each(|residual| residual.0[lane] *= share);
                }
            }
        }
        whitening.apply(simd, residuals, white);
        if shares {
            back.fill(Row::default());
            whitening.add_rows(simd, white, back);
            for place in 0..sensors {
                let share = residuals[place].load(simd) * back[place].load(simd);
                back[place].store(share);
            }
        }
        Ok(())
    }
}

/// Tells which sensors a row has.
struct Marks<'a, 'x> {
    x: Samples<'x>,
    kept: &'a [usize],
    marks: Vec<bool>,
}

impl<'a, 'x> Marks<'a, 'x> {
    fn new(model: &'a FittedSimilarity, x: Samples<'x>) -> Result<Self> {
        let kept = &model.lagged.kept[..];
        Ok(Self {
            x,
            kept,
            marks: room(kept.len(), 1, true, "marks of sensors")?,
        })
    }

    /// Those of a row that has `count` of them.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    fn of(&mut self, row: usize, count: f64) -> Present<'_> {
        let count = count as usize;
        if count == self.kept.len() {
            return Present { count, marks: &[] };
        }
        for (mark, &column) in self.marks.iter_mut().zip(self.kept) {
            *mark = self.x.value(row, column).is_finite();
        }
        Present {
            count,
            marks: &self.marks,
        }
    }
}

/// Where eight rows are worked on.
struct Desk {
    raw: Vec<Row>,
    points: Vec<Row>,
    expected: Vec<Row>,
    residuals: Vec<Row>,
    white: Vec<Row>,
    back: Vec<Row>,
    here: Row,
    gaps: Gaps<usize>,
    /// Who has judged the latest gaps.
    latest: usize,
    /// The residuals, and what becomes of them, where rows of several steps stand side by side.
    saved: Vec<Row>,
    mixed: Vec<Row>,
    lane: Lane,
    scratch: Scratch,
}

impl Desk {
    fn new(model: &FittedSimilarity) -> Result<Self> {
        let (sensors, padded) = (model.lagged.kept.len(), model.whitening.padded());
        Ok(Self {
            raw: model.lagged.scratch()?,
            points: rows_of(sensors)?,
            expected: rows_of(sensors)?,
            residuals: rows_of(padded)?,
            white: rows_of(padded)?,
            back: rows_of(padded)?,
            here: Row::default(),
            gaps: Gaps::new(sensors)?,
            latest: 0,
            saved: rows_of(padded)?,
            mixed: rows_of(2 * padded)?,
            lane: Lane::new(sensors)?,
            scratch: model.prototypes.scratch()?,
        })
    }
}

/// What the parts of the latest rows were made from.
struct Explained {
    sensors: usize,
    /// The statistics of the parts.
    values: Vec<f64>,
    /// The means of the whitened residuals.
    shifts: Vec<f64>,
    /// What each sensor adds to the power at each memory: of the row itself, then of the means.
    powers: Vec<f64>,
    /// Means of the sensors' shares of the power.
    running: Vec<f64>,
    slow: Vec<f64>,
}

impl Explained {
    fn new(model: &FittedSimilarity, rows: usize, watch: &Watch<'_>) -> Result<Self> {
        let sensors = model.lagged.kept.len();
        let count = model.parameters.slow().count();
        let what = "shares of the sensors";
        let mut slow = room(count, 1, 0.0, what)?;
        slow.iter_mut().zip(model.parameters.slow()).for_each(|(to, memory)| *to = memory);
        Ok(Self {
            sensors,
            values: room(rows, watch.parts.len(), 0.0, what)?,
            shifts: room(rows, count * sensors, 0.0, what)?,
            powers: room(rows, (1 + count) * sensors, 0.0, what)?,
            running: room(count, sensors, 0.0, what)?,
            slow,
        })
    }

    /// Takes the memories from row to row.
    fn follow(&mut self, watch: &Watch<'_>, means: &mut Means, white: &[f64], first: usize, marks: &mut Marks<'_, '_>) {
        let sensors = self.sensors;
        let values = self.values.chunks_exact_mut(watch.parts.len());
        for (row, (white, values)) in white.chunks_exact(2 * sensors + 1).zip(values).enumerate() {
            let (white, rest) = white.split_at(sensors);
            let (own, here) = rest.split_at(sensors);
            let present = marks.of(first + row, here[0]);
            let here = present.count;
            let Counted { share, scale } = watch.step(means, white, present, values);
            let (shifts, powers) = (self.slow.len() * sensors, (1 + self.slow.len()) * sensors);
            self.shifts[row * shifts..][..shifts].copy_from_slice(&means.shift);
            let (current, means) = self.powers[row * powers..][..powers].split_at_mut(sensors);
            current.iter_mut().zip(own).for_each(|(to, own)| *to = own * scale);
            for (memory, running) in self.slow.iter().zip(self.running.chunks_exact_mut(sensors)) {
                if here > 0 {
                    for (running, current) in running.iter_mut().zip(&*current) {
                        *running += memory * (share * current - *running);
                    }
                }
            }
            means.copy_from_slice(&self.running);
        }
    }

    /// Shares the scores out among the sensors.
    fn share(&self, model: &FittedSimilarity, watch: &Watch<'_>, out: &mut [f64]) -> Result<()> {
        let (sensors, columns) = (self.sensors, model.columns());
        let cost = PRODUCT_NS * 16.0 * (self.slow.len() * sensors * sensors) as f64 + 4.0 * self.powers.len() as f64;
        let scratch = || {
            let what = "shares of the sensors";
            Ok((room(sensors, 1, 0.0, what)?, room(sensors, 1, 0.0, what)?, room(sensors, 1, 0.0, what)?))
        };
        let rows = out.len() / columns;
        by_rows(rows, columns, out, cost, scratch, |(residual, pull, sum), rows, out, stop| {
            for (row, out) in rows.zip(out.chunks_exact_mut(columns)) {
                if stop.requested() {
                    return;
                }
                out.fill(0.0);
                sum.fill(0.0);
                let count = watch.parts.len();
                let values = &self.values[row * count..][..count];
                let (mut powers, mut shifts) = (0, 0);
                for (number, (part, &value)) in watch.parts.iter().zip(values).enumerate() {
                    let shift = (row * self.slow.len() + shifts) * sensors;
                    let power =
                        (row * (1 + self.slow.len()) + if part.memory < 1.0 { 1 + powers } else { 0 }) * sensors;
                    if part.kind == Kind::Shift {
                        shifts += 1;
                    } else if part.memory < 1.0 {
                        powers += 1;
                    }
                    let stand = model.norms.stand(number, value);
                    if stand <= 0.0 {
                        continue;
                    }
                    let shares = if part.kind == Kind::Shift {
                        model.split(&self.shifts[shift..][..sensors], residual, pull);
                        &*pull
                    } else {
                        &self.powers[power..][..sensors]
                    };
                    let total: f64 = shares.iter().map(|share| share.max(0.0)).sum();
                    if total > 0.0 {
                        for (sum, share) in sum.iter_mut().zip(shares) {
                            *sum += stand * share.max(0.0) / total;
                        }
                    }
                }
                let total: f64 = sum.iter().sum();
                let score = model.norms.greatest(values) / model.top;
                if total > 0.0 && score > 0.0 {
                    for (&column, sum) in model.lagged.kept.iter().zip(&*sum) {
                        out[column] = score * sum / total;
                    }
                }
            }
        })
    }
}

impl FittedSimilarity {
    /// r_j (S⁻¹ r)_j of the whitened residual L⁻¹ r, with S = L Lᵀ, in `pull`: they sum to its squared length.
    fn split(&self, white: &[f64], residual: &mut [f64], pull: &mut [f64]) {
        let size = white.len();
        for (row, residual) in residual.iter_mut().enumerate() {
            *residual = dot(&self.factor[row * size..][..=row], &white[..=row]);
        }
        self.precision.times(residual, pull);
        pull.iter_mut().zip(&*residual).for_each(|(pull, residual)| *pull *= residual);
    }
}
