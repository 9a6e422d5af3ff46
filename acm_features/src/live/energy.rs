//! Band energies of windows that move on by a row: sums over a suffix of the block before and a prefix of the block at
//! hand, as in [`crate::spectral`], with missing values as there.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::lanes::Row;
use acm_linalg::memory::{Gather, reserve};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::running::{Input, room, span_of};
use super::steps::{Newest, Steps};
use crate::spectral::{Bands, BinSums, Part, Point, SUMS, fill_circle, power};

/// Rows of memory of the count and the sum of a part.
const PART: usize = 2;

/// Energies of whole windows; 0 in windows of less than half.
pub(super) struct Energy {
    window: usize,
    needed: usize,
    input: Input,
    groups: usize,
    /// Bins of each band.
    bands: Vec<Range<usize>>,
    circle: Vec<Point>,
    span: usize,
    /// Rows of memory of a part: its count and sum, and the sums of each bin.
    size: usize,
    /// By group: what the parts are relative to, of the older and of the newer.
    origins: Vec<Row>,
    prefixes: Vec<Row>,
    checkpoints: Vec<Row>,
    suffixes: Vec<Row>,
    held: Range<usize>,
    checked: bool,
}

impl std::fmt::Debug for Energy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Energy")
    }
}

impl Energy {
    /// Before the row that follows those of `newest`; none where its memory would be too large.
    pub(super) fn new(
        bands: &Bands,
        (window, min_periods): (usize, usize),
        input: Input,
        newest: &Newest<'_>,
    ) -> Result<Option<Self>> {
        let bins = bands.bins(window).gathered("the bands")?;
        let count: usize = bins.iter().map(Range::len).sum();
        let size = PART + SUMS * count;
        let (groups, span) = (input.groups(newest.x.columns()), span_of(window));
        let (Some(prefixes), Some(checkpoints), Some(suffixes)) =
            (room(groups, 1, size)?, room(groups, window / span + 1, size)?, room(groups, span, size)?)
        else {
            return Ok(None);
        };
        let mut points = reserve(window, [0.0; 2], "a window")?;
        fill_circle(&mut points);
        let mut energy = Self {
            window,
            needed: min_periods.max(1),
            input,
            groups,
            bands: bins,
            circle: points,
            span,
            size,
            origins: acm_linalg::columns::allocate(2 * groups, "block summaries")?,
            prefixes,
            checkpoints,
            suffixes,
            held: 0..0,
            checked: false,
        };
        dispatch!(Level::new(), simd => energy.begin(simd, newest));
        Ok(Some(energy))
    }

    /// The sums of the rows so far of the block at hand.
    #[inline(always)]
    fn begin<S: Simd>(&mut self, simd: S, newest: &Newest<'_>) {
        let position = (newest.row + 1) % self.window;
        let rows = newest.x.rows();
        for at in 0..position {
            for group in 0..self.groups {
                let x = self.input.load(simd, newest, rows - position + at, group).x;
                self.grow(simd, group, at, x);
            }
        }
    }

    /// The prefix with one more row.
    #[inline(always)]
    fn grow<S: Simd>(&mut self, simd: S, group: usize, position: usize, x: f64x8<S>) {
        let memory = &mut self.prefixes[group * self.size..(group + 1) * self.size];
        if position == 0 {
            memory.fill(Row::default());
            self.origins[2 * group + 1].store(x);
        }
        let origin = self.origins[2 * group + 1].load(simd);
        let origin = pushed(simd, memory, origin, x, &self.bands, &self.circle, position);
        self.origins[2 * group + 1].store(origin);
    }

    /// The newest row's results into `out`, `stride` rows of memory from group to group.
    pub(super) fn step(&mut self, newest: &Newest<'_>, out: &mut [Row], stride: usize) {
        dispatch!(Level::new(), simd => self.stepped(simd, newest, out, stride));
    }

    #[inline(always)]
    fn stepped<S: Simd>(&mut self, simd: S, newest: &Newest<'_>, out: &mut [Row], stride: usize) {
        let position = newest.row % self.window;
        let last = newest.x.rows() - 1;
        for group in 0..self.groups {
            let x = self.input.load(simd, newest, last, group).x;
            self.grow(simd, group, position, x);
        }
        if position == 0 {
            self.checked = false;
            self.held = 0..0;
        }
        if newest.row + 1 < self.window {
            // Windows of half and more are transformed as they are, elsewhere.
            for group in 0..self.groups {
                out[group * stride..group * stride + self.bands.len()].fill(Row::default());
            }
            return;
        }
        if !self.held.contains(&position) {
            self.look_back(simd, newest, position);
        }
        for group in 0..self.groups {
            let place = (group * self.span + position - self.held.start) * self.size;
            let (older, newer) =
                (&self.suffixes[place..place + self.size], &self.prefixes[group * self.size..(group + 1) * self.size]);
            let origins = [
                self.origins[2 * group].load(simd),
                self.origins[2 * group + 1].load(simd),
            ];
            let out = &mut out[group * stride..group * stride + self.bands.len()];
            self.results(simd, [older, newer], origins, out);
        }
    }

    /// Energies of the window that two parts make up.
    #[inline(always)]
    fn results<S: Simd>(&self, simd: S, [older, newer]: [&[Row]; 2], origins: [f64x8<S>; 2], out: &mut [Row]) {
        let means =
            Part::means(simd, Part::load(simd, origins[0], older), Part::load(simd, origins[1], newer), self.window);
        let missing = f64x8::splat(simd, f64::NAN);
        let infinity = f64x8::splat(simd, f64::INFINITY);
        let enough = means.count.simd_ge(self.needed as f64);
        let (older, _) = older[PART..].as_chunks::<SUMS>();
        let (newer, _) = newer[PART..].as_chunks::<SUMS>();
        let mut sums = older.iter().zip(newer);
        for (bins, out) in self.bands.iter().zip(out) {
            let mut energy = f64x8::splat(simd, 0.0);
            for (older, newer) in sums.by_ref().take(bins.len()) {
                let older = BinSums::load(simd, origins[0], older).less(means.older);
                let newer = BinSums::load(simd, origins[1], newer).less(means.newer);
                energy += power([older[0] + newer[0], older[1] + newer[1]]);
            }
            let energy = energy.simd_eq(energy).select(energy, infinity);
            out.store(enough.select(energy, missing));
        }
    }

    /// Suffixes of the block before for the rows from `position` to the end of its span.
    #[inline(always)]
    fn look_back<S: Simd>(&mut self, simd: S, newest: &Newest<'_>, position: usize) {
        let (window, span, size) = (self.window, self.span, self.size);
        let end = (position / span * span + span).min(window);
        let older = (newest.row - position >= window).then(|| newest.x.rows() - 1 - position);
        let numbers = window / span + 1;
        for group in 0..self.groups {
            let first = newest.x.rows() - 1 - position;
            let border = self.input.load(simd, newest, first, group).x;
            let checkpoints = &mut self.checkpoints[group * numbers * size..(group + 1) * numbers * size];
            let suffixes = &mut self.suffixes[group * span * size..(group + 1) * span * size];
            // One part is pushed on in the place of the row `position`, and copied from there.
            let (state, others) = suffixes.split_at_mut(size);
            let mut origin = if self.checked { self.origins[2 * group].load(simd) } else { border };
            state.fill(Row::default());
            let Some(meet) = older else {
                others.fill(Row::default());
                continue;
            };
            if !self.checked {
                let mut to = window;
                for number in (position / span + 1..=(window - 1) / span).rev() {
                    for row in (number * span..to).rev() {
                        let x = self.input.load(simd, newest, meet - (window - row), group).x;
                        origin = pushed(simd, state, origin, x, &self.bands, &self.circle, row);
                    }
                    to = number * span;
                    checkpoints[number * size..(number + 1) * size].copy_from_slice(state);
                }
            } else if end < window {
                state.copy_from_slice(&checkpoints[end / span * size..(end / span + 1) * size]);
            }
            for row in (position + 1..end).rev() {
                others[(row - position - 1) * size..(row - position) * size].copy_from_slice(state);
                let x = self.input.load(simd, newest, meet - (window - row), group).x;
                origin = pushed(simd, state, origin, x, &self.bands, &self.circle, row);
            }
            self.origins[2 * group].store(origin);
        }
        self.checked = true;
        self.held = position..end;
    }
}

/// A part with one more row, and the origin after it.
#[inline(always)]
fn pushed<S: Simd>(
    simd: S,
    memory: &mut [Row],
    origin: f64x8<S>,
    x: f64x8<S>,
    bands: &[Range<usize>],
    circle: &[Point],
    position: usize,
) -> f64x8<S> {
    let part = Part::load(simd, origin, memory).push(simd, x);
    part.save(memory);
    let (sums, _) = memory[PART..].as_chunks_mut::<SUMS>();
    let mut sums = sums.iter_mut();
    for bins in bands {
        let mut at = position * bins.start % circle.len();
        for sums in sums.by_ref().take(bins.len()) {
            BinSums::load(simd, part.origin, sums).push(simd, x, &circle[at]).save(sums);
            at += position;
            if at >= circle.len() {
                at -= circle.len();
            }
        }
    }
    part.origin
}

impl Steps for Energy {
    fn step(&mut self, newest: &Newest<'_>, out: &mut [Row]) {
        let stride = self.bands.len();
        Energy::step(self, newest, out, stride);
    }
}
