//! What regimes say of rows, each from its own values.

use acm_clustering::labels::{Recent, UNKNOWN};
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Memory, Reader, Result, Samples, Writer};

use super::FittedRegimes;
use super::fit::found;

/// Scaled values beyond this become it: their squares stay finite.
const LARGEST: f64 = 1e150;

/// The labels of the latest rows of a history that is followed as it comes.
#[derive(Debug, Clone, Default)]
pub struct RegimesMemory {
    recent: Recent,
}

impl Memory for RegimesMemory {
    fn write(&self, to: &mut Writer) {
        // One more, so that UNKNOWN is no less than 0.
        let mut labels = self.recent.labels().map(|label| label.saturating_add(1).unsigned_abs()).peekable();
        if labels.peek().is_some() {
            to.counted("live.labels", labels);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let mut labels = Vec::new();
        if from.has("live.labels") {
            for label in from.counts("live.labels", from.length("live.labels")?)? {
                let label = i64::try_from(label).map_err(|_| from.wrong("live.labels"))?;
                labels.push(label - 1);
            }
        }
        Ok(Self {
            recent: Recent::of(labels.into_iter()),
        })
    }

    fn copy(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

/// Eight rows, and their squared distances to the centres.
struct DistanceScratch {
    tile: Vec<Row>,
    squares: Vec<Row>,
    /// How many sensors each row knows, of those that have a part.
    known: [f64; LANES],
}

impl FittedRegimes {
    /// The number of each row's regime; -1, UNKNOWN, for a row that knows no sensor, is beyond its limit, or in which a constant
    /// has moved.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::Length`] for another `out`; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`]. So for all below.
    pub fn predict(&self, x: Samples<'_>, out: &mut [i64]) -> Result<()> {
        self.walk(x, 1, out, |desk, lane, out: &mut [i64]| {
            let [regime, distance] = self.two(desk, lane).0;
            out[0] = match found(&[regime, distance]) {
                Some((regime, distance)) if distance / self.scales[regime] <= self.limits[regime] => {
                    self.numbers[regime]
                }
                _ => UNKNOWN,
            };
        })?;
        self.constants.when_moved(x, 1, out, |_, label| label[0] = UNKNOWN)
    }

    /// How sure the label of each row is, between 0 and 1: what is left of the way from the regime's usual distance to its
    /// limit, (limit - score) / (limit - 1) within 0 and 1, times 1 - (d1 / d2)², with the distances to the nearest and the
    /// next centre. 0 for UNKNOWN rows.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn confidence(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, 1, out, |desk, lane, out: &mut [f64]| {
            let (first, second) = self.two(desk, lane);
            out[0] = found(&first).map_or(0.0, |(regime, distance)| {
                let (score, limit) = (distance / self.scales[regime], self.limits[regime]);
                let near = if score <= 1.0 {
                    1.0
                } else if score < limit {
                    (limit - score) / (limit - 1.0)
                } else {
                    0.0
                };
                let apart = if second > 0.0 { distance / second } else { 1.0 };
                near * (1.0 - apart * apart).max(0.0)
            });
        })?;
        self.constants.when_moved(x, 1, out, |_, sure| sure[0] = 0.0)
    }

    /// How far each row is from what its regime usually does: its distance to the nearest centre over the median distance of
    /// the regime's training rows. NaN where no sensor is known.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, 1, out, |desk, lane, out: &mut [f64]| {
            out[0] =
                found(&self.two(desk, lane).0).map_or(f64::NAN, |(regime, distance)| distance / self.scales[regime]);
        })?;
        self.constants.raise(x, self.limits.iter().copied().fold(1.0, f64::max), out)
    }

    /// (n, d): each sensor's share of the squared score; they sum to it. 0 for sensors that are missing or left out.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let columns = self.columns();
        let parts = self.parts();
        self.walk(x, columns, out, |desk, lane, out: &mut [f64]| {
            out.fill(0.0);
            let Some((regime, _)) = found(&self.two(desk, lane).0) else {
                return;
            };
            let center = &self.centers[regime * columns..][..columns];
            let more = parts / desk.known[lane];
            for (column, out) in out.iter_mut().enumerate() {
                let value = desk.tile[column].0[lane];
                if self.used[column] && !value.is_nan() {
                    let part = (value - center[column]) / self.scales[regime];
                    *out = (part * part * more).min(f64::MAX);
                }
            }
        })?;
        self.constants.share(x, out)
    }

    /// (n, k): each row's distance to each regime's centre, in scaled units.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn transform(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, self.count(), out, |desk, lane, out: &mut [f64]| {
            for (out, square) in out.iter_mut().zip(&desk.squares) {
                *out = square.0[lane].sqrt();
            }
        })
    }

    /// The labels of the rows that follow those that `live` has seen, smoothed: the most frequent of the latest `smoothing`
    /// rows, as [`acm_clustering::labels::smooth`] has it.
    ///
    /// # Errors
    /// As [`Self::predict`]; an interrupt leaves `live` somewhere among the rows.
    pub fn track(&self, live: &mut RegimesMemory, x: Samples<'_>, out: &mut [i64]) -> Result<()> {
        self.predict(x, out)?;
        let mut watch = Watch::start();
        for label in out {
            *label = live.recent.next(*label, self.parameters.smoothing, &mut watch)?;
        }
        Ok(())
    }

    /// (n, 2): the place of the nearest regime, -1 for none, and the distance to its centre.
    pub(super) fn nearest(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.walk(x, 2, out, |desk, lane, out: &mut [f64]| out.copy_from_slice(&self.two(desk, lane).0))
    }

    /// How many sensors have a part.
    fn parts(&self) -> f64 {
        self.used.iter().filter(|&&used| used).count() as f64
    }

    /// Place and distance of the nearest centre, and the distance of the next.
    fn two(&self, desk: &DistanceScratch, lane: usize) -> ([f64; 2], f64) {
        let (mut place, mut first, mut second) = (-1.0, f64::INFINITY, f64::INFINITY);
        if desk.known[lane] > 0.0 {
            for (number, square) in desk.squares[..self.count()].iter().enumerate() {
                let square = square.0[lane];
                if square < first {
                    second = first;
                    first = square;
                    place = number as f64;
                } else if square < second {
                    second = square;
                }
            }
        }
        ([place, first.sqrt()], second.sqrt())
    }

    /// A missing sensor takes no part: the squared distance over the known ones counts for as many as there are
    /// (Dixon 1979, doi 10.1109/TSMC.1979.4310090).
    fn walk<R: Send>(
        &self,
        x: Samples<'_>,
        width: usize,
        out: &mut [R],
        say: impl Fn(&DistanceScratch, usize, &mut [R]) + Sync,
    ) -> Result<()> {
        let columns = self.columns();
        x.require_columns(columns)?;
        let parts = self.parts();
        let scratch = || {
            Ok(DistanceScratch {
                tile: room(columns, 1, Row::splat(0.0), "a tile of rows")?,
                squares: room(self.count(), 1, Row::splat(0.0), "distances")?,
                known: [0.0; LANES],
            })
        };
        let cost = columns as f64 * (self.count() as f64 + 3.0);
        by_rows(x.rows(), width, out, cost, scratch, |desk, rows, out, stop| {
            for (first, out) in rows.step_by(LANES).zip(out.chunks_mut(LANES * width)) {
                if stop.requested() {
                    return;
                }
                self.measure_tile(&x, first, parts, desk);
                for (lane, out) in out.chunks_exact_mut(width).enumerate() {
                    say(desk, lane, out);
                }
            }
        })
    }

    fn measure_tile(&self, x: &Samples<'_>, first: usize, parts: f64, desk: &mut DistanceScratch) {
        let columns = self.columns();
        x.pack(first, &mut desk.tile);
        desk.known = [0.0; LANES];
        for column in 0..columns {
            let (center, scale) = (self.scaling.center[column], self.scaling.scale[column]);
            for lane in 0..LANES {
                let value = desk.tile[column].0[lane];
                let known = value.is_finite() && self.used[column];
                let scaled = ((value - center) / scale).clamp(-LARGEST, LARGEST);
                desk.tile[column].0[lane] = if known { scaled } else { f64::NAN };
                desk.known[lane] += if known { 1.0 } else { 0.0 };
            }
        }
        for (regime, squares) in desk.squares.iter_mut().enumerate() {
            let centers = &self.centers[regime * columns..][..columns];
            let mut sums = [0.0; LANES];
            for (tile, center) in desk.tile.iter().zip(centers) {
                for lane in 0..LANES {
                    let difference = tile.0[lane] - center;
                    let square = difference * difference;
                    sums[lane] += if square.is_nan() { 0.0 } else { square };
                }
            }
            for lane in 0..LANES {
                squares.0[lane] = sums[lane] * (parts / desk.known[lane]);
            }
        }
    }
}
