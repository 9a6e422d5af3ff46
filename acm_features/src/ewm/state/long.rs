//! A long column by itself: its rows in pieces that are lanes, then all rows side by side held to what they must be.
//!
//! A mean waits for the one before it, and the last bits of two walks hardly ever meet: what one is ahead of the other by fades to
//! the size of a rounding and then stays, as both round alike but for one row in some hundred. So pieces walk from a guess, far
//! enough ahead; and then the move from each row to the next is made again, eight rows at once, from the first row's own state and
//! the others' as walked, plus how much the first was ahead. Where a move comes to the very state that the next row began with,
//! that row began right. Up to the first where it does not all are the bits of a walk row by row, and from there on the difference
//! is taken anew.

use acm_linalg::Result;
use acm_linalg::columns::{allocate, reserve};
use acm_linalg::lanes::{Element, LANES, Row, V, loaded, transposed};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*, u64x8};

use super::super::TIDY_ROWS;
use super::super::decay::Plan;
use super::super::tiles::{Columns, Results};
use super::{Mask, Move, SIZE, State, alone, either, settled};
use crate::rolling::Compensated;

/// Most rows at once.
const BLOCK: usize = 1 << 16;

/// Fewest rows of a column that is long.
const LONG: usize = 2048;

/// Rows that go one by one behind a missing value.
const BEHIND_A_GAP: usize = 2048;

/// Most groups of pieces that walk side by side.
const SIDES: usize = 4;

/// Rows beyond the last that are read or written with it.
const BEYOND: usize = LANES + 1;

/// Times the share that a value has, after which nothing but roundings is left of a guess: `-ln(2^-58)`.
const TO_FADE: f64 = 40.0;

/// Moves that a tile's rows may take; with more, a walk row by row is as fast.
const MOVES: usize = TIDY_ROWS / 2;

/// Doublings of the rows that pass before pieces are tried again.
const MOST_VAIN: u32 = 6;

/// Every lane.
const ALL: u64 = (1 << LANES) - 1;

/// A thread's own memory for a column.
pub(in crate::ewm) struct Long {
    /// Of the columns' group.
    pub(in crate::ewm) state: Vec<Row>,
    values: Vec<f64>,
    /// Means and variances before each row, each with what rounding took.
    walked: [Vec<f64>; 4],
    results: Vec<f64>,
    /// Of the last blocks, those one after the other that were walked row by row in the end.
    vain: u32,
}

/// How a block is cut: so many groups of pieces, rows of each, and those before each in which a guess fades.
#[derive(Clone, Copy)]
pub(in crate::ewm) struct Cut {
    sides: usize,
    rows: usize,
    ahead: usize,
}

impl Cut {
    /// Of at most so many rows; nothing where they are too few.
    pub(in crate::ewm) fn of(rows: usize, by: Move) -> Option<Self> {
        let rows = rows.min(BLOCK);
        if ((rows / LANES) as f64 * by.new) < TO_FADE {
            return None;
        }
        let ahead = (1..=BLOCK).find(|ahead| (ahead * LANES) as f64 * by.new >= TO_FADE)? * LANES;
        [(SIDES, 3 * ahead), (2, 2 * ahead), (1, ahead)].into_iter().find_map(|(sides, least)| {
            let each = TIDY_ROWS / LANES;
            let rows = rows / (sides * LANES) / each * each;
            (rows >= least).then_some(Self { sides, rows, ahead })
        })
    }

    /// All of its rows.
    pub(in crate::ewm) const fn len(self) -> usize {
        self.sides * LANES * self.rows
    }
}

impl Long {
    /// For a column of so many rows; nothing where they are few.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(in crate::ewm) fn new<const STD: bool>(rows: usize) -> Result<Option<Self>> {
        if rows < LONG {
            return Ok(None);
        }
        let what = "the rows of a long column";
        let row = |rows: usize| reserve(rows + BEYOND, 0.0, what);
        let rows = rows.min(BLOCK);
        let variances = || if STD { row(rows) } else { Ok(Vec::new()) };
        Ok(Some(Self {
            state: allocate(SIZE, what)?,
            values: row(rows)?,
            walked: [row(rows)?, row(rows)?, variances()?, variances()?],
            results: row(TIDY_ROWS)?,
            vain: 0,
        }))
    }

    /// Walks rows of the only column from `start` on, the first of a tile, and returns how many, and how many rows are to go by
    /// before it is tried again: none are walked where a value is missing among the next, where they are too few, or where their
    /// weights still change.
    // Apart from the walk of all other columns, whose loops are not to grow by it.
    #[inline(never)]
    pub(in crate::ewm) fn hurry<T: Element, const ADJUST: bool, const STD: bool>(
        &mut self,
        level: Level,
        (x, out): (&Columns<'_, T>, &mut Results<'_, T>),
        (start, length): (usize, usize),
        last: &mut f64,
        plan: &Plan<'_>,
    ) -> (usize, usize) {
        dispatch!(level, simd => {
            let state = State::load(simd, &self.state);
            let Some(by) = state.steady::<ADJUST, STD>(simd, plan) else {
                return (0, TIDY_ROWS);
            };
            let known = x.whole(start, &mut self.values[..(length - start).min(BLOCK)]);
            let Some(cut) = Cut::of(known, by) else {
                return (0, known + BEHIND_A_GAP);
            };
            match cut.sides {
                SIDES => self.guess::<_, STD, SIDES>(simd, state, cut, by),
                2 => self.guess::<_, STD, 2>(simd, state, cut, by),
                _ => self.guess::<_, STD, 1>(simd, state, cut, by),
            }
            let before = (state.lane(simd, 0), *last);
            let (after, vain) = self.settle::<_, T, STD>(simd, before, (cut.len(), by), plan, (start, out));
            *last = self.values[cut.len() - 1];
            state.with_first_lane(after).after(cut.len()).save(&mut self.state);
            // What such a column gains from pieces it may not gain soon: ever longer stretches pass before the next.
            self.vain = if vain { (self.vain + 1).min(MOST_VAIN) } else { 0 };
            (cut.len(), cut.len() + if vain { BLOCK << self.vain } else { 0 })
        })
    }

    /// Walks all pieces from states that are nearly right.
    #[inline(always)]
    fn guess<S: Simd, const STD: bool, const G: usize>(&mut self, simd: S, state: State<S>, cut: Cut, by: Move) {
        let zero = f64x8::splat(simd, 0.0);
        let mut states = [state; G];
        let ahead = cut.ahead;
        let first_lane = first_lane(simd);
        for row in (0..ahead).step_by(LANES) {
            for (side, own) in states.iter_mut().enumerate() {
                let mut lanes = [zero; LANES];
                for (lane, to) in lanes.iter_mut().enumerate() {
                    // None is before the first.
                    let from = ((side * LANES + lane) * cut.rows).max(ahead) - ahead + row;
                    if let Some(values) = self.values[from..].first_chunk() {
                        *to = loaded(simd, values);
                    }
                }
                let rows = transposed(lanes);
                if row == 0 {
                    own.mean = alone(simd, rows[0]);
                    own.variance = Compensated::zero(simd);
                }
                for x in rows {
                    *own = own.moved::<STD>(x, by);
                }
            }
        }
        states[0] = state.or_of(first_lane, states[0]);
        for (to, first) in self.walked.iter_mut().zip(state.numbers()) {
            if let Some(to) = to.first_mut() {
                *to = first[0];
            }
        }
        let mut last = [zero; G];
        for row in (0..cut.rows).step_by(LANES) {
            let mut values = [[zero; LANES]; G];
            for side in 0..G {
                let mut lanes = [zero; LANES];
                for (lane, to) in lanes.iter_mut().enumerate() {
                    if let Some(values) = self.values[(side * LANES + lane) * cut.rows + row..].first_chunk() {
                        *to = loaded(simd, values);
                    }
                }
                values[side] = transposed(lanes);
                if row > 0 && row.is_multiple_of(TIDY_ROWS) {
                    states[side] = states[side].tidied::<STD>(simd, last[side], states[side].nobody(simd));
                }
                last[side] = values[side][LANES - 1];
            }
            let mut walked = [[[zero; LANES]; 4]; G];
            for at in 0..LANES {
                for side in 0..G {
                    states[side] = states[side].moved::<STD>(values[side][at], by);
                    let numbers = states[side].numbers();
                    walked[side][0][at] = numbers[0];
                    walked[side][1][at] = numbers[1];
                    if STD {
                        walked[side][2][at] = numbers[2];
                        walked[side][3][at] = numbers[3];
                    }
                }
            }
            for side in 0..G {
                for number in 0..if STD { 4 } else { 2 } {
                    let lanes = transposed(walked[side][number]);
                    for (lane, from) in lanes.into_iter().enumerate() {
                        let to = (side * LANES + lane) * cut.rows + row + 1;
                        if let Some(to) = self.walked[number][to..].first_chunk_mut() {
                            *to = *from;
                        }
                    }
                }
            }
        }
    }

    /// The states before eight rows, from a row on, as walked, with what is to be added.
    #[inline(always)]
    fn walked<S: Simd, const STD: bool>(&self, simd: S, state: State<S>, row: usize, ahead: [f64; 2]) -> State<S> {
        State {
            mean: self.walked_sum(simd, 0, row, ahead[0]),
            variance: if STD { self.walked_sum(simd, 2, row, ahead[1]) } else { state.variance },
            ..state
        }
    }

    #[inline(always)]
    fn walked_sum<S: Simd>(&self, simd: S, number: usize, row: usize, ahead: f64) -> Compensated<S> {
        let mut sum = Compensated::zero(simd);
        let (highs, lows) = (&self.walked[number][row..], &self.walked[number + 1][row..]);
        if let (Some(highs), Some(lows)) = (highs.first_chunk(), lows.first_chunk()) {
            (sum.high, sum.low) = (loaded(simd, highs), loaded(simd, lows) + ahead);
        }
        settled(sum)
    }

    /// How much a state is ahead of that walked before a row.
    #[inline(always)]
    fn ahead<S: Simd, const STD: bool>(&self, state: State<S>, row: usize) -> [f64; 2] {
        let mean = (state.mean.high[0] - self.walked[0][row]) + (state.mean.low[0] - self.walked[1][row]);
        if !STD {
            return [mean, 0.0];
        }
        let variance = (state.variance.high[0] - self.walked[2][row]) + (state.variance.low[0] - self.walked[3][row]);
        [mean, variance]
    }

    /// Makes each row's move from its own state, and returns that after the last and whether they went row by row in the end.
    #[inline(always)]
    fn settle<S: Simd, T: Element, const STD: bool>(
        &mut self,
        simd: S,
        (first, before): (State<S>, f64),
        (rows, by): (usize, Move),
        plan: &Plan<'_>,
        (start, out): (usize, &mut Results<'_, T>),
    ) -> (State<S>, bool) {
        let first_lane = first_lane(simd);
        let mut state = first;
        let mut ahead = [0.0; 2];
        for tile in (0..rows).step_by(TIDY_ROWS) {
            let end = (tile + TIDY_ROWS).min(rows);
            let last = if tile == 0 { before } else { self.values[tile - 1] };
            state = state.tidied::<STD>(simd, f64x8::splat(simd, last), state.nobody(simd));
            let (mut row, mut moves) = (tile, 0);
            while row < end {
                // The first row's is its own; of the others it is yet to be seen.
                let own = state.or_of(first_lane, self.walked::<S, STD>(simd, state, row, ahead));
                let (mut moved, mut right) = self.moved::<S, STD>(simd, own, (tile, row), ahead, by, plan);
                let mut sure = (right.trailing_ones() as usize + 1).min(LANES).min(end - row);
                row += sure;
                moves += 1;
                // Then so is that of the row after the last, as walked.
                while right == ALL && row + LANES <= end {
                    let own = self.walked::<S, STD>(simd, state, row, ahead);
                    (moved, right) = self.moved::<S, STD>(simd, own, (tile, row), ahead, by, plan);
                    sure = (right.trailing_ones() as usize + 1).min(LANES);
                    row += sure;
                    moves += 1;
                }
                state = moved.lane(simd, sure - 1);
                if right != ALL {
                    ahead = self.ahead::<S, STD>(state, row);
                }
            }
            out.put_first(start + tile, &self.results[..end - tile]);
            if moves > MOVES {
                return (self.one_by_one::<S, T, STD>(simd, state, (end, rows), by, plan, (start, out)), true);
            }
        }
        (state, false)
    }

    /// Results of eight rows from states before them, the states after them, and which of these are as walked.
    #[inline(always)]
    fn moved<S: Simd, const STD: bool>(
        &mut self,
        simd: S,
        own: State<S>,
        (tile, row): (usize, usize),
        ahead: [f64; 2],
        by: Move,
        plan: &Plan<'_>,
    ) -> (State<S>, u64) {
        let mut x = f64x8::splat(simd, 0.0);
        if let Some(values) = self.values[row..].first_chunk() {
            x = loaded(simd, values);
        }
        let moved = own.moved::<STD>(x, by);
        if let Some(to) = self.results[row - tile..].first_chunk_mut() {
            *to = *moved.result_of::<STD>(simd, by, plan);
        }
        let right = moved.same_as::<STD>(self.walked::<S, STD>(simd, own, row + 1, ahead));
        (moved, right)
    }

    /// Rows to the last of the block, whose first begins a tile.
    #[inline(always)]
    fn one_by_one<S: Simd, T: Element, const STD: bool>(
        &mut self,
        simd: S,
        state: State<S>,
        (from, rows): (usize, usize),
        by: Move,
        plan: &Plan<'_>,
        (start, out): (usize, &mut Results<'_, T>),
    ) -> State<S> {
        let mut state = state;
        for tile in (from..rows).step_by(TIDY_ROWS) {
            let values = &self.values[tile - 1..(tile + TIDY_ROWS).min(rows)];
            state = state.tidied::<STD>(simd, f64x8::splat(simd, values[0]), state.nobody(simd));
            for (value, result) in values[1..].iter().zip(&mut self.results) {
                state = state.moved::<STD>(f64x8::splat(simd, *value), by);
                *result = state.result_of::<STD>(simd, by, plan)[0];
            }
            out.put_first(start + tile, &self.results[..values.len() - 1]);
        }
        state
    }
}

#[inline(always)]
fn first_lane<S: Simd>(simd: S) -> Mask<S> {
    let mut first = [0.0; LANES];
    first[0] = 1.0;
    loaded(simd, &first).simd_gt(0.0)
}

#[inline(always)]
fn of_lane<S: Simd>(simd: S, sum: Compensated<S>, lane: usize) -> Compensated<S> {
    Compensated {
        high: f64x8::splat(simd, sum.high[lane]),
        low: f64x8::splat(simd, sum.low[lane]),
    }
}

impl<S: Simd> State<S> {
    /// Mean and variance in these lanes, of the other state in the others.
    #[inline(always)]
    fn or_of(self, lanes: Mask<S>, other: Self) -> Self {
        Self {
            mean: either(lanes, self.mean, other.mean),
            variance: either(lanes, self.variance, other.variance),
            ..self
        }
    }

    /// Mean and variance, each with what rounding took.
    #[inline(always)]
    fn numbers(self) -> [V<S>; 4] {
        [self.mean.high, self.mean.low, self.variance.high, self.variance.low]
    }

    /// Mean and variance of one lane, in every lane.
    #[inline(always)]
    fn lane(self, simd: S, lane: usize) -> Self {
        Self {
            mean: of_lane(simd, self.mean, lane),
            variance: of_lane(simd, self.variance, lane),
            ..self
        }
    }

    /// With the first lane's mean and variance of another.
    #[inline(always)]
    fn with_first_lane(mut self, other: Self) -> Self {
        self.mean.high[0] = other.mean.high[0];
        self.mean.low[0] = other.mean.low[0];
        self.variance.high[0] = other.variance.high[0];
        self.variance.low[0] = other.variance.low[0];
        self
    }

    /// With so many values more.
    #[inline(always)]
    fn after(mut self, rows: usize) -> Self {
        self.seen += rows as f64;
        self
    }

    /// The lanes in which mean and variance are the same to the bit: the sign of a zero may be that of a result.
    #[inline(always)]
    fn same_as<const STD: bool>(self, other: Self) -> u64 {
        let (own, other) = (self.numbers(), other.numbers());
        let same = |number: usize| {
            let own: u64x8<S> = own[number].bitcast();
            own.simd_eq(other[number].bitcast::<u64x8<S>>())
        };
        let mut all = same(0) & same(1);
        if STD {
            all &= same(2) & same(3);
        }
        all.to_bitmask()
    }

    /// What each value does from here on, where it is the same for ever and results are of enough values.
    #[inline(always)]
    pub(in crate::ewm) fn steady<const ADJUST: bool, const STD: bool>(self, simd: S, plan: &Plan<'_>) -> Option<Move> {
        let steps = [plan.decay.step];
        let nobody = self.nobody(simd);
        if plan.decay.in_time.is_some()
            || self.seen[0] < plan.needed()
            || !self.weighs_as(self, nobody)
            || self.deep(&steps, true)
        {
            return None;
        }
        let (after, by) = self.next::<ADJUST, STD>(simd, steps[0], plan);
        let still = State {
            seen: self.seen,
            ..after
        };
        (still.weighs_as(self, nobody) && !by.mostly_new()).then_some(by)
    }
}
