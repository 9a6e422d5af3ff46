//! Order statistics of windows that move on by a row: each column's values, kept sorted.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::reserve;

use super::running::Input;
use super::steps::{Newest, Steps};
use crate::rolling::{Wanted, between, middle};

/// Most values that are kept sorted.
const MOST: usize = 1 << 24;

/// The known values of each column's window, upwards.
pub(super) struct Sorted {
    wanted: Wanted,
    window: usize,
    needed: usize,
    columns: usize,
    input: Input,
    /// `window` places for each column, the first `counts` of them in use.
    values: Vec<f64>,
    counts: Vec<usize>,
}

impl Sorted {
    /// Before the row that follows those of `newest`; none where its memory would be too large.
    pub(super) fn new(
        wanted: Wanted,
        (window, min_periods): (usize, usize),
        input: Input,
        newest: &Newest<'_>,
    ) -> Result<Option<Self>> {
        const WHAT: &str = "sorted windows";
        let columns = newest.x.columns();
        if window.saturating_mul(columns) > MOST {
            return Ok(None);
        }
        let mut sorted = Self {
            wanted,
            window,
            needed: min_periods.max(1),
            columns,
            input,
            values: reserve(window.saturating_mul(columns), 0.0, WHAT)?,
            counts: reserve(columns, 0, WHAT)?,
        };
        let rows = newest.x.rows();
        for column in 0..columns {
            let own = &mut sorted.values[column * window..(column + 1) * window];
            let mut count = 0;
            for row in rows.saturating_sub(window)..rows {
                let value = value(&sorted.input, newest, row, column);
                if !value.is_nan() {
                    own[count] = value;
                    count += 1;
                }
            }
            own[..count].sort_unstable_by(f64::total_cmp);
            sorted.counts[column] = count;
        }
        Ok(Some(sorted))
    }

    /// The newest row's results into `out`, `stride` rows of memory from group to group.
    pub(super) fn step(&mut self, newest: &Newest<'_>, out: &mut [Row], stride: usize) {
        let last = newest.x.rows() - 1;
        let gone = (newest.row >= self.window).then(|| last - self.window);
        for column in 0..self.columns {
            let own = &mut self.values[column * self.window..(column + 1) * self.window];
            let leaving = gone.map_or(f64::NAN, |row| value(&self.input, newest, row, column));
            let entering = value(&self.input, newest, last, column);
            slide(own, &mut self.counts[column], leaving, entering);
            let known = &own[..self.counts[column]];
            let (group, lane) = (column / LANES, column % LANES);
            let out = &mut out[group * stride..group * stride + self.wanted.results()];
            if known.len() < self.needed {
                out.iter_mut().for_each(|out| out.0[lane] = f64::NAN);
                continue;
            }
            results(&self.wanted, known, lane, out);
        }
    }
}

fn value(input: &Input, newest: &Newest<'_>, row: usize, column: usize) -> f64 {
    let value = newest.x.value(row, column);
    match input {
        Input::Filled(fill) if value.is_nan() => fill[column / LANES][column % LANES],
        _ => value,
    }
}

/// Takes one value out and another one in; NaN is none.
fn slide(values: &mut [f64], count: &mut usize, leaving: f64, entering: f64) {
    let known = &values[..*count];
    let place = |value: f64| known.partition_point(|&known| known < value);
    match (leaving.is_nan(), entering.is_nan()) {
        (true, true) => {}
        (false, true) => {
            values.copy_within(place(leaving) + 1..*count, place(leaving));
            *count -= 1;
        }
        (true, false) => {
            let to = place(entering);
            values.copy_within(to..*count, to + 1);
            values[to] = entering;
            *count += 1;
        }
        (false, false) => {
            let (from, to) = (place(leaving), place(entering));
            // Only what lies between the two moves.
            if to > from {
                values.copy_within(from + 1..to, from);
                values[to - 1] = entering;
            } else {
                values.copy_within(to..from, to + 1);
                values[to] = entering;
            }
        }
    }
}

/// What is wanted of the sorted values, of which there are some.
fn results(wanted: &Wanted, known: &[f64], lane: usize, out: &mut [Row]) {
    let count = known.len();
    let mut out = out.iter_mut();
    if wanted.median || wanted.mad.is_some() {
        let (low, high) = (known[(count - 1) / 2], known[count / 2]);
        let median = middle(low, high);
        if wanted.median
            && let Some(out) = out.next()
        {
            out.0[lane] = median;
        }
        if let Some(scale) = wanted.mad
            && let Some(out) = out.next()
        {
            let rest = ((low - median) + (high - median)) * 0.5;
            out.0[lane] = scale * deviation(known, median, rest);
        }
    }
    for (&q, out) in wanted.quantiles.iter().zip(out) {
        let place = q * (count - 1) as f64;
        let whole = place.floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and count"
        )]
        let rank = whole as usize;
        let (low, fraction) = (known[rank], place - whole);
        out.0[lane] = if fraction > 0.0 { between(low, known[rank + 1], fraction) } else { low };
    }
}

/// The median distance from the median, of which rounding took `rest`: the least radius about it of a run of neighbours.
fn deviation(known: &[f64], median: f64, rest: f64) -> f64 {
    let count = known.len();
    let length = count.div_ceil(2);
    let below = |place: usize| (median - known[place]) + rest;
    let above = |place: usize| (known[place] - median) - rest;
    let reach = |start: usize| below(start).max(above(start + length - 1));
    // The first run whose right end is at least as far from the median as its left end, or the last.
    let (mut start, mut last) = (0, count - length);
    while start < last {
        let half = usize::midpoint(start, last);
        if above(half + length - 1) >= below(half) {
            last = half;
        } else {
            start = half + 1;
        }
    }
    // The run before may be the nearer one still.
    if start > 0 && reach(start - 1) < reach(start) {
        start -= 1;
    }
    let distance = reach(start);
    if count % 2 == 1 {
        return distance;
    }
    let outer = if start > 0 { below(start - 1) } else { f64::INFINITY };
    let next = if start + length < count { above(start + length) } else { f64::INFINITY };
    middle(distance, outer.min(next))
}

impl Steps for Sorted {
    fn step(&mut self, newest: &Newest<'_>, out: &mut [Row]) {
        let stride = self.wanted.results();
        Sorted::step(self, newest, out, stride);
    }
}
