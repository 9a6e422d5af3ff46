//! Scores: eight rows at a time, each in a lane of its own and always in the same order of operations.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::parallel::Stop;
use acm_linalg::samples::{by_rows, reduce, room};
use acm_linalg::scaling::{mean_and_deviation, median_mad};
use acm_linalg::{Error, Result, Samples};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::blame::Blame;
use super::gaps::{GapScratch, Usual};
use super::{FLOOR, FittedOmr, Prediction};
use crate::alone::Noisy;
use crate::constants::RAREST;
use crate::gaps::Trouble;
use crate::look::Suspect;

/// Makes the median absolute deviation of normal values their standard deviation.
pub(super) const NORMAL: f64 = 1.4826;

/// Values count as at most this many spreads from their mean, so that squares stay finite.
const FARTHEST: f64 = 1e100;

/// Estimated time for a product of two numbers, in nanoseconds.
const COST_NS: f64 = 0.08;

/// Eight rows, a [`Row`] for each column.
struct Tile {
    /// As they come.
    raw: Vec<Row>,
    /// Scaled values of the watched columns.
    values: Vec<Row>,
    hidden: Vec<Row>,
    predicted: Vec<Row>,
    /// A bit for each lane in which a watched sensor is missing.
    marks: Vec<u8>,
    /// The variance of what each reading lacks, where rows are rounded or have gaps, and what rounding explains of it.
    unknown: Vec<Row>,
    beside: Vec<Row>,
    noisy: Noisy,
    gaps: GapScratch,
}

/// What eight rows are turned into.
#[derive(Clone, Copy)]
enum Wanted {
    Predictions,
    Residuals,
    Contributions,
}

/// Squared residuals of the watched sensors seen so far, by lane.
struct Moments {
    count: [f64; LANES],
    mean: Vec<Row>,
    squares: Vec<Row>,
}

impl FittedOmr {
    /// Length of each row's residual over [`FittedOmr::norm_scale`], at most [`FittedOmr::end`], into `out`.
    ///
    /// A missing sensor reads what the others let expect of it, and the length is brought to where it would stand among those
    /// of complete rows; NaN for a row without any value of a watched sensor. The score does not depend on the other rows.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::Length`] for another `out`; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        if out.len() != x.rows() {
            return Err(Error::Length {
                name: "out",
                expected: x.rows(),
                got: out.len(),
            });
        }
        self.norms(x, 0, out)?;
        let end = self.end();
        for norm in out.iter_mut() {
            let score = *norm / self.norm_scale;
            *norm = if score > end { end } else { score };
        }
        if !self.constants.is_empty() {
            self.constants.raise(x, self.limit(RAREST)?, out)?;
        }
        Ok(())
    }

    /// How much of the row's squared residuals, each over its variance in training, the sensor explains if it alone is off, times
    /// its weight: (n, d) row-major into `out`; 0 for columns that do not take part and missing values. For a model from a file
    /// of a former version, the squared residual over the variance that such squares had in training.
    ///
    /// # Errors
    /// Those of [`FittedOmr::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.each(x, Wanted::Contributions, out)?;
        self.constants.share(x, out)
    }

    /// What each sensor should read, in its own units, whether it reads anything or not: (n, d) row-major into `out`; NaN for
    /// columns that do not take part.
    ///
    /// # Errors
    /// Those of [`FittedOmr::score`].
    pub fn predict(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.each(x, Wanted::Predictions, out)
    }

    /// What each sensor reads less what it should: (n, d) row-major into `out`; NaN where it reads nothing and for columns that
    /// do not take part.
    ///
    /// # Errors
    /// Those of [`FittedOmr::score`].
    pub fn residuals(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.each(x, Wanted::Residuals, out)
    }

    /// Sets the scales of norms and squared residuals from the rows that the model was fitted on.
    pub(super) fn calibrate(&mut self, x: Samples<'_>) -> Result<()> {
        self.spread = self.variances(x)?;
        self.usual = Usual::of(&self.spread, &self.prediction)?;
        self.blame = Some(Blame::of(&self.prediction, self.usual.variances())?);
        let mut norms = room(x.rows(), 1, 0.0, "a norm for each row")?;
        self.norms(x, 0, &mut norms)?;
        norms.retain(|norm| !norm.is_nan());
        let (_, deviation) = mean_and_deviation(&norms);
        let (_, mad) = median_mad(&mut norms);
        let robust = NORMAL * mad;
        self.norm_scale = if robust > FLOOR { robust } else { deviation.max(FLOOR) };
        Ok(())
    }

    fn tile(&self) -> Result<Tile> {
        let hidden = match &self.prediction {
            Prediction::Whole(_) => 0,
            Prediction::Subspace(space) => space.rank,
        };
        let row = |length| room(length, 1, Row::default(), "eight rows");
        Ok(Tile {
            raw: row(self.columns())?,
            values: row(self.watched.len())?,
            hidden: row(hidden)?,
            predicted: row(self.watched.len())?,
            marks: room(self.watched.len(), 1, 0, "eight rows")?,
            unknown: row(self.watched.len())?,
            beside: row(self.watched.len())?,
            noisy: Noisy::default(),
            gaps: GapScratch::new(),
        })
    }

    /// Estimated time for a row, in nanoseconds.
    fn cost(&self) -> f64 {
        let products = match &self.prediction {
            Prediction::Whole(matrix) => matrix.len(),
            Prediction::Subspace(space) => 2 * space.into.len(),
        };
        COST_NS * products as f64 + 1.5 * self.columns() as f64
    }

    /// Lengths of the residuals of the rows from `first` on.
    pub(super) fn norms(&self, x: Samples<'_>, first: usize, out: &mut [f64]) -> Result<()> {
        let level = Level::new();
        let trouble = Trouble::default();
        let rows = out.len();
        by_rows(
            rows,
            1,
            out,
            self.cost(),
            || self.tile(),
            |tile, rows, out, stop| {
                let rows = first + rows.start..first + rows.end;
                trouble.none(dispatch!(level, simd => self.norms_of(simd, &x, rows, tile, out, stop)));
            },
        )?;
        trouble.told()
    }

    #[inline(always)]
    fn norms_of<S: Simd>(
        &self,
        simd: S,
        x: &Samples<'_>,
        rows: Range<usize>,
        tile: &mut Tile,
        out: &mut [f64],
        stop: &Stop,
    ) -> Result<()> {
        let mut first = rows.start;
        for out in out.chunks_mut(LANES) {
            if stop.requested() {
                return Ok(());
            }
            let incomplete = self.expect_gaps(simd, x, first, true, tile)?;
            let mut squares: V<S> = f64x8::splat(simd, 0.0);
            for place in 0..tile.predicted.len() {
                let residual = tile.values[place].load(simd) - tile.predicted[place].load(simd);
                squares += residual * residual;
            }
            if incomplete {
                squares = self.present(simd, tile);
            }
            let norms: [f64; LANES] = squares.sqrt().into();
            out.copy_from_slice(&norms[..out.len()]);
            first += LANES;
        }
        Ok(())
    }

    /// Squared lengths of the residuals of the sensors that are there, where they stand among those of complete rows.
    #[inline(always)]
    fn present<S: Simd>(&self, simd: S, tile: &Tile) -> V<S> {
        let mut squares = Row::default();
        for lane in 0..LANES {
            let mut sum = 0.0;
            for (place, mark) in tile.marks.iter().enumerate() {
                if mark >> lane & 1 == 0 {
                    let residual = tile.values[place].0[lane] - tile.predicted[place].0[lane];
                    sum += residual * residual + tile.beside[place].0[lane];
                }
            }
            squares.0[lane] = sum * self.stretch(tile.gaps.lanes[lane], sum);
        }
        squares.load(simd)
    }

    /// As [`Self::expect`], with what is expected of missing sensors in their places, and where `rounded` asks for it without what
    /// rounding explains of the others; whether there are any.
    #[inline(always)]
    fn expect_gaps<S: Simd>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        rounded: bool,
        tile: &mut Tile,
    ) -> Result<bool> {
        let incomplete = self.expect(simd, x, first, tile);
        let coarse = if rounded {
            self.coarse.lanes(simd, &tile.raw, &self.watched)
        } else {
            [Suspect::default(); LANES]
        };
        let coarse = !coarse.iter().all(|coarse| coarse.is_none()) && self.coarsened(coarse, tile)?;
        if !coarse {
            if !incomplete {
                return Ok(false);
            }
            tile.unknown.fill(Row::default());
        }
        for (place, (mark, &column)) in tile.marks.iter_mut().zip(&self.watched).enumerate() {
            *mark = 0;
            for lane in 0..LANES {
                if !tile.raw[column].0[lane].is_finite() {
                    *mark |= 1 << lane;
                    tile.unknown[place].0[lane] = f64::INFINITY;
                    tile.values[place].0[lane] = 0.0;
                }
            }
        }
        self.predict_tile(simd, tile);
        self.fill(&mut tile.values, &tile.predicted, &tile.unknown, &mut tile.beside, &mut tile.gaps)?;
        self.predict_tile(simd, tile);
        Ok(true)
    }

    /// Notes what is rounded away from the readings of lanes that may be coarse; whether there is anything.
    #[inline(never)]
    fn coarsened(&self, lanes: [Suspect; LANES], tile: &mut Tile) -> Result<bool> {
        tile.unknown.fill(Row::default());
        let mut any = false;
        for (lane, suspect) in lanes.into_iter().enumerate() {
            let reading = |place: usize| tile.raw[self.watched[place]].0[lane];
            if self.coarse.noise(suspect, reading, &mut tile.noisy)? {
                any = true;
                for (&place, &noise) in tile.noisy.sensors.iter().zip(&tile.noisy.noise) {
                    tile.unknown[place].0[lane] = noise;
                }
            }
        }
        Ok(any)
    }

    /// The watched sensors' values and predictions, in units of their spreads, of eight rows; missing values count as medians.
    /// Whether there are any.
    #[inline(always)]
    fn expect<S: Simd>(&self, simd: S, x: &Samples<'_>, first: usize, tile: &mut Tile) -> bool {
        x.pack(first, &mut tile.raw);
        let infinite: V<S> = f64x8::splat(simd, f64::INFINITY);
        let most: V<S> = f64x8::splat(simd, f64::MAX);
        let mut complete = f64x8::splat(simd, 0.0).simd_lt(infinite);
        for (place, &column) in self.watched.iter().enumerate() {
            let value: V<S> = tile.raw[column].load(simd);
            let fill: V<S> = f64x8::splat(simd, self.scaling.fill[column]);
            let center: V<S> = f64x8::splat(simd, self.scaling.center[column]);
            let scale: V<S> = f64x8::splat(simd, self.scaling.scale[column]);
            let known = value.abs().simd_lt(infinite);
            complete &= known;
            let value = known.select(value, fill);
            let value = (value - center).min(most).max(-most) / scale;
            tile.values[place].store(value.max(-FARTHEST).min(FARTHEST));
        }
        self.predict_tile(simd, tile);
        !complete.all_true()
    }

    /// Predictions from the values.
    #[inline(always)]
    fn predict_tile<S: Simd>(&self, simd: S, tile: &mut Tile) {
        let values = &tile.values[..self.watched.len()];
        times(simd, &self.prediction, values, &mut tile.hidden, &mut tile.predicted);
        for place in 0..tile.predicted.len() {
            let predicted = tile.predicted[place].load(simd) + self.intercept[place];
            tile.predicted[place].store(predicted);
        }
    }

    fn each(&self, x: Samples<'_>, wanted: Wanted, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        let columns = self.columns();
        let level = Level::new();
        let trouble = Trouble::default();
        by_rows(
            x.rows(),
            columns,
            out,
            self.cost() + columns as f64,
            || self.tile(),
            |tile, rows, out, stop| {
                out.fill(if matches!(wanted, Wanted::Contributions) { 0.0 } else { f64::NAN });
                for (number, out) in out.chunks_mut(LANES * columns).enumerate() {
                    if stop.requested() {
                        return;
                    }
                    let first = rows.start + number * LANES;
                    if !trouble.none(dispatch!(level, simd => self.turn(simd, &x, first, wanted, tile))) {
                        return;
                    }
                    for (lane, out) in out.chunks_exact_mut(columns).enumerate() {
                        for (place, &column) in self.watched.iter().enumerate() {
                            out[column] = tile.predicted[place].0[lane];
                        }
                    }
                }
            },
        )?;
        trouble.told()
    }

    /// Puts what is wanted of eight rows where their predictions were.
    #[inline(always)]
    fn turn<S: Simd>(&self, simd: S, x: &Samples<'_>, first: usize, wanted: Wanted, tile: &mut Tile) -> Result<()> {
        let rounded = matches!(wanted, Wanted::Contributions);
        let incomplete = self.expect_gaps(simd, x, first, rounded, tile)?;
        if let (Wanted::Contributions, Some(blame)) = (wanted, &self.blame) {
            self.blamed(simd, blame, incomplete, tile);
            return Ok(());
        }
        for (place, &column) in self.watched.iter().enumerate() {
            let predicted: V<S> = tile.predicted[place].load(simd);
            let residual = tile.values[place].load(simd) - predicted;
            let scale = self.scaling.scale[column];
            tile.predicted[place].store(match wanted {
                Wanted::Predictions => predicted * scale + self.scaling.center[column],
                Wanted::Residuals => residual * scale,
                Wanted::Contributions => {
                    let square = residual * residual;
                    let square = if incomplete { square + tile.beside[place].load(simd) } else { square };
                    square * (self.weights[column] / self.spread[place])
                }
            });
        }
        if incomplete && !matches!(wanted, Wanted::Predictions) {
            let nothing = if matches!(wanted, Wanted::Residuals) { f64::NAN } else { 0.0 };
            for (predicted, mark) in tile.predicted.iter_mut().zip(&tile.marks) {
                for lane in (0..LANES).filter(|lane| mark >> lane & 1 == 1) {
                    predicted.0[lane] = nothing;
                }
            }
        }
        Ok(())
    }

    /// Puts what each sensor explains of eight rows' residuals where their predictions were.
    #[inline(always)]
    fn blamed<S: Simd>(&self, simd: S, blame: &Blame, incomplete: bool, tile: &mut Tile) {
        for place in 0..self.watched.len() {
            let residual = tile.values[place].load(simd) - tile.predicted[place].load(simd);
            tile.values[place].store(residual * blame.precision[place]);
            if incomplete {
                for lane in (0..LANES).filter(|lane| tile.marks[place] >> lane & 1 == 1) {
                    tile.values[place].0[lane] = 0.0;
                }
            }
        }
        times(simd, &blame.turned, &tile.values[..self.watched.len()], &mut tile.hidden, &mut tile.predicted);
        for (place, &column) in self.watched.iter().enumerate() {
            let pull = tile.values[place].load(simd) - tile.predicted[place].load(simd);
            let explained = pull * pull * blame.share[place];
            let explained = if incomplete {
                explained + tile.beside[place].load(simd) * blame.precision[place]
            } else {
                explained
            };
            tile.predicted[place].store(explained * self.weights[column]);
            if incomplete {
                for lane in (0..LANES).filter(|lane| tile.marks[place] >> lane & 1 == 1) {
                    tile.predicted[place].0[lane] = 0.0;
                }
            }
        }
    }

    /// Variance of each watched sensor's squared residuals (Welford 1962, doi 10.1080/00401706.1962.10490022; merged by Chan,
    /// Golub and LeVeque 1983, doi 10.2307/2683386).
    fn variances(&self, x: Samples<'_>) -> Result<Vec<f64>> {
        let sensors = self.watched.len();
        let level = Level::new();
        let make = || {
            let what = "moments of residuals";
            Ok(Moments {
                count: [0.0; LANES],
                mean: room(sensors, 1, Row::default(), what)?,
                squares: room(sensors, 1, Row::default(), what)?,
            })
        };
        let found = reduce(
            x.rows(),
            16,
            self.cost() + sensors as f64,
            || self.tile(),
            make,
            |moments, tile, rows, stop| {
                for first in rows.clone().step_by(LANES) {
                    if stop.requested() {
                        return;
                    }
                    let lanes = LANES.min(rows.end - first);
                    dispatch!(level, simd => self.add(simd, &x, first, lanes, tile, moments));
                }
            },
            |all, part, _| {
                for lane in 0..LANES {
                    for place in 0..sensors {
                        let (mean, squares) = (part.mean[place].0[lane], part.squares[place].0[lane]);
                        let (to, sum) = (&mut all.mean[place].0[lane], &mut all.squares[place].0[lane]);
                        (*to, *sum) = merge((all.count[lane], *to, *sum), (part.count[lane], mean, squares));
                    }
                    all.count[lane] += part.count[lane];
                }
            },
        )?;
        let mut variances = room(sensors, 1, 0.0, "a spread for each sensor")?;
        for (place, variance) in variances.iter_mut().enumerate() {
            let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
            for lane in 0..LANES {
                let part = (found.count[lane], found.mean[place].0[lane], found.squares[place].0[lane]);
                (mean, squares) = merge((count, mean, squares), part);
                count += found.count[lane];
            }
            *variance = (squares / count).max(FLOOR * FLOOR);
        }
        Ok(variances)
    }

    #[inline(always)]
    fn add<S: Simd>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        lanes: usize,
        tile: &mut Tile,
        moments: &mut Moments,
    ) {
        let Moments { count, mean, squares } = moments;
        self.expect(simd, x, first, tile);
        let mut share = Row::splat(0.0);
        for lane in 0..lanes {
            count[lane] += 1.0;
            share.0[lane] = 1.0 / count[lane];
        }
        // Lanes without a row have no share and add nothing.
        let there: V<S> = share.load(simd);
        let there = there.simd_gt(0.0);
        let zero: V<S> = f64x8::splat(simd, 0.0);
        for place in 0..mean.len() {
            let residual = tile.values[place].load(simd) - tile.predicted[place].load(simd);
            let before: V<S> = mean[place].load(simd);
            let gap = there.select(residual * residual - before, zero);
            let after = before + gap * share.load(simd);
            let rest = there.select(residual * residual - after, zero);
            mean[place].store(after);
            let sum = squares[place].load(simd) + gap * rest;
            squares[place].store(sum);
        }
    }
}

/// Mean and sum of squared deviations of two parts together, each given with its count.
fn merge(one: (f64, f64, f64), other: (f64, f64, f64)) -> (f64, f64) {
    let count = one.0 + other.0;
    if count == 0.0 {
        return (0.0, 0.0);
    }
    let gap = other.1 - one.1;
    (one.1 + gap * (other.0 / count), one.2 + other.2 + gap * gap * (one.0 * other.0 / count))
}

/// Eight rows `from` times the coefficients of a prediction, by way of `hidden` components.
#[inline(always)]
fn times<S: Simd>(simd: S, prediction: &Prediction, from: &[Row], hidden: &mut [Row], to: &mut [Row]) {
    match prediction {
        Prediction::Whole(matrix) => multiply(simd, from, matrix, to),
        Prediction::Subspace(space) => {
            multiply(simd, from, &space.into, hidden);
            multiply(simd, hidden, &space.back, to);
        }
    }
}

/// Eight rows `from` times a matrix, row after row with as many rows as `from` and as many columns as `to`.
#[inline(always)]
fn multiply<S: Simd>(simd: S, from: &[Row], matrix: &[f64], to: &mut [Row]) {
    let width = to.len();
    let mut done = 0;
    while done < width {
        done += match width - done {
            8.. => columns::<S, 8>(simd, from, matrix, done, to),
            4.. => columns::<S, 4>(simd, from, matrix, done, to),
            2.. => columns::<S, 2>(simd, from, matrix, done, to),
            _ => columns::<S, 1>(simd, from, matrix, done, to),
        };
    }
}

/// `WIDE` columns of the product, sums in registers.
#[inline(always)]
fn columns<S: Simd, const WIDE: usize>(simd: S, from: &[Row], matrix: &[f64], first: usize, to: &mut [Row]) -> usize {
    let width = to.len();
    let mut sums: [V<S>; WIDE] = [f64x8::splat(simd, 0.0); WIDE];
    let lines = matrix.chunks_exact(width);
    for (row, line) in from.iter().zip(lines) {
        let value: V<S> = row.load(simd);
        let factors = &line[first..first + WIDE];
        for place in 0..WIDE {
            sums[place] += value * factors[place];
        }
    }
    for place in 0..WIDE {
        to[first + place].store(sums[place]);
    }
    WIDE
}
