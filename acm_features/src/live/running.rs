//! Summaries of windows that move on by a row: the scheme of [`crate::rolling`]'s blocks, one row at a time.
//!
//! The prefix of the block at hand grows by a row. Suffixes of the block before are kept for a span of rows; the next
//! span's restart from checkpoints, which are made where a block begins. Spans as long as their number keep both few.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::columns::allocate;
use acm_linalg::lanes::{LANES, Row, loaded};
use fearless_simd::{Level, Simd, dispatch, prelude::*};

use super::ring::Lanes;
use super::steps::{Newest, Steps};
use crate::rolling::{Place, Sight, State, Statistic, Values, size_of_state};

/// What stands in the lanes.
pub(super) enum Input {
    /// The columns of x.
    Own,
    /// The columns of x, and what stands for their missing values.
    Filled(Vec<Lanes>),
    /// The columns of x beside those of y.
    Beside,
    /// Columns of x beside others, so many rows earlier.
    Lagged(Vec<(usize, usize, usize)>),
}

impl Input {
    /// Groups of eight lanes.
    pub(super) fn groups(&self, columns: usize) -> usize {
        match self {
            Self::Lagged(lanes) => lanes.len().div_ceil(LANES),
            _ => columns.div_ceil(LANES),
        }
    }

    /// Both inputs of a row, counted from the oldest that is kept.
    #[inline(always)]
    pub(super) fn load<S: Simd>(&self, simd: S, newest: &Newest<'_>, row: usize, group: usize) -> Values<S> {
        match self {
            Self::Own => {
                let x = loaded(simd, &newest.x.row(row)[group]);
                Values { x, y: x }
            }
            Self::Filled(fill) => {
                let x = loaded(simd, &newest.x.row(row)[group]);
                let x = x.simd_eq(x).select(x, loaded(simd, &fill[group]));
                Values { x, y: x }
            }
            Self::Beside => Values {
                x: loaded(simd, &newest.x.row(row)[group]),
                y: loaded(simd, &newest.y.row(row)[group]),
            },
            Self::Lagged(lanes) => {
                let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
                for (lane, &(a, b, lag)) in lanes[group * LANES..].iter().take(LANES).enumerate() {
                    x[lane] = newest.x.value(row, a);
                    y[lane] = row.checked_sub(lag).map_or(f64::NAN, |row| newest.x.value(row, b));
                }
                Values {
                    x: loaded(simd, &x),
                    y: loaded(simd, &y),
                }
            }
        }
    }
}

/// A statistic of the windows that end at the newest row.
pub(super) struct Running<K> {
    statistic: K,
    window: usize,
    min_periods: usize,
    input: Input,
    /// Rows of memory of a summary, and rows between checkpoints.
    size: usize,
    span: usize,
    prefixes: Vec<Row>,
    /// By group: from every `span`th row of the older block on.
    checkpoints: Vec<Row>,
    /// By group: from each row of `held` on, its own left out.
    suffixes: Vec<Row>,
    held: Range<usize>,
    /// Whether the checkpoints are those of the block at hand.
    checked: bool,
}

/// Rows between checkpoints: about as many as there are checkpoints.
pub(super) fn span_of(window: usize) -> usize {
    window.isqrt().max(1)
}

/// Memory of states that nobody should miss, in bytes.
const MOST_BYTES: usize = 1 << 28;

/// Room for `each` rows of memory at so many places of each group; none where that is more than live rows are worth.
pub(super) fn room(groups: usize, places: usize, each: usize) -> Result<Option<Vec<Row>>> {
    let rows = groups.saturating_mul(places).saturating_mul(each);
    if rows > MOST_BYTES / size_of::<Row>() {
        return Ok(None);
    }
    allocate(rows, "block summaries").map(Some)
}

impl<K: Statistic> Running<K> {
    /// Before the row that follows those of `newest`; none where its memory would be too large.
    pub(super) fn new(
        statistic: K,
        (window, min_periods): (usize, usize),
        input: Input,
        newest: &Newest<'_>,
    ) -> Result<Option<Self>> {
        let size = size_of_state::<K>();
        let (groups, span) = (input.groups(newest.x.columns()), span_of(window));
        let (Some(prefixes), Some(checkpoints), Some(suffixes)) =
            (room(groups, 1, size)?, room(groups, window / span + 1, size)?, room(groups, span, size)?)
        else {
            return Ok(None);
        };
        let mut running = Self {
            statistic,
            window,
            min_periods,
            input,
            size,
            span,
            prefixes,
            checkpoints,
            suffixes,
            held: 0..0,
            checked: false,
        };
        dispatch!(Level::new(), simd => running.begin(simd, newest));
        Ok(Some(running))
    }

    /// The prefix of the rows so far.
    #[inline(always)]
    fn begin<S: Simd>(&mut self, simd: S, newest: &Newest<'_>) {
        let position = (newest.row + 1) % self.window;
        let rows = newest.x.rows();
        for (group, memory) in self.prefixes.chunks_exact_mut(self.size).enumerate() {
            let mut state: K::State<S> = State::empty(simd);
            for at in 0..position {
                let values = self.input.load(simd, newest, rows - position + at, group);
                state = state.push::<false>(simd, values, place(at as f64));
            }
            state.save(memory);
        }
    }

    /// The newest row's results into `out`, `stride` rows of memory from group to group.
    pub(super) fn step(&mut self, newest: &Newest<'_>, out: &mut [Row], stride: usize) {
        dispatch!(Level::new(), simd => self.stepped(simd, newest, out, stride));
    }

    #[inline(always)]
    fn stepped<S: Simd>(&mut self, simd: S, newest: &Newest<'_>, out: &mut [Row], stride: usize) {
        let position = newest.row % self.window;
        if position == 0 {
            self.checked = false;
            self.held = 0..0;
        }
        if !self.held.contains(&position) {
            self.look_back(simd, newest, position);
        }
        let sight = Sight {
            min_periods: self.min_periods as f64,
            whole: None,
        };
        let last = newest.x.rows() - 1;
        for (group, memory) in self.prefixes.chunks_exact_mut(self.size).enumerate() {
            let before: K::State<S> = if position == 0 { State::empty(simd) } else { State::load(simd, memory) };
            let values = self.input.load(simd, newest, last, group);
            let prefix = before.push::<false>(simd, values, place(position as f64));
            prefix.save(memory);
            let suffix = (group * self.span + position - self.held.start) * self.size;
            let older: K::State<S> = State::load(simd, &self.suffixes[suffix..suffix + self.size]);
            let merged = older.merge::<false>(simd, prefix, 0.0);
            self.statistic.finish(simd, merged, sight, &mut out[group * stride..]);
        }
    }

    /// Suffixes of the block before for the rows from `position` to the end of its span.
    #[inline(always)]
    fn look_back<S: Simd>(&mut self, simd: S, newest: &Newest<'_>, position: usize) {
        let (window, span, size) = (self.window, self.span, self.size);
        let end = (position / span * span + span).min(window);
        // The row of the ring that the block at hand begins with; before the first block there is none.
        let older = (newest.row - position >= window).then(|| newest.x.rows() - 1 - position);
        let numbers = window / span + 1;
        for group in 0..self.suffixes.len() / (span * size) {
            let from = Older {
                input: &self.input,
                newest,
                meet: older,
                group,
            };
            let checkpoints = &mut self.checkpoints[group * numbers * size..(group + 1) * numbers * size];
            if !self.checked {
                let mut state: K::State<S> = State::empty(simd);
                let mut to = window;
                for number in (position / span + 1..=(window - 1) / span).rev() {
                    for row in (number * span..to).rev() {
                        state = from.push(simd, state, window - row);
                    }
                    to = number * span;
                    state.save(&mut checkpoints[number * size..(number + 1) * size]);
                }
            }
            let mut state: K::State<S> = if end == window {
                State::empty(simd)
            } else {
                let number = end / span;
                State::load(simd, &checkpoints[number * size..(number + 1) * size])
            };
            let suffixes = &mut self.suffixes[group * span * size..(group + 1) * span * size];
            for row in (position..end).rev() {
                let suffix = (row - position) * size;
                state.save(&mut suffixes[suffix..suffix + size]);
                state = from.push(simd, state, window - row);
            }
        }
        self.checked = true;
        self.held = position..end;
    }
}

/// The block before, of a group.
struct Older<'a> {
    input: &'a Input,
    newest: &'a Newest<'a>,
    /// The row of the ring that follows it, where there is such a block.
    meet: Option<usize>,
    group: usize,
}

impl Older<'_> {
    /// `state` with its row so many rows before its end. No closure: it would be compiled without the vector instructions.
    #[inline(always)]
    fn push<S: Simd, T: State<S>>(&self, simd: S, state: T, back: usize) -> T {
        match self.meet {
            None => state,
            Some(meet) => {
                let values = self.input.load(simd, self.newest, meet - back, self.group);
                state.push::<false>(simd, values, place(-(back as f64)))
            }
        }
    }
}

fn place(position: f64) -> Place {
    Place { position, inverse: 0.0 }
}

impl<K: Statistic + Send> Steps for Running<K> {
    fn step(&mut self, newest: &Newest<'_>, out: &mut [Row]) {
        Running::step(self, newest, out, K::RESULTS);
    }
}
