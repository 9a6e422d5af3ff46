//! The level of a sensor: whether it shifts, and whether there is one at all.
//!
//! Both look at the medians of at most 128 blocks of rows: noise and single spikes do not reach them, and the work beyond
//! them does not grow with the rows.

use acm_linalg::Result;
use acm_linalg::memory::{push, reserve, reserved};
use acm_linalg::parallel::Stop;

/// Most blocks.
const BLOCKS: usize = 128;

/// Fewest rows in a block.
const LEAST_ROWS: usize = 4;

/// Fewest blocks that tell something.
pub(super) const LEAST_BLOCKS: usize = 32;

/// Blocks on each side of a boundary whose means are compared.
const REACHES: [usize; 4] = [1, 2, 4, 8];

/// Robust standard deviations of such differences beyond which one is a shift.
const OUTLYING: f64 = 5.0;

/// Least standard deviation of the differences, in those of the readings.
const FLOOR: f64 = 0.1;

/// Blocks between two shifts, and between a shift and an end.
const APART: usize = 3;

/// Most shifts.
const LISTED: usize = 32;

/// Share of the blocks of a side that lie on their side of a shift.
const SETTLED: f64 = 0.9;

/// Most shifts that are taken out before it is asked whether the sensor wanders: more of them are no levels.
const TAKEN_OUT: usize = 5;

/// Dickey and Fuller's coefficient that 10 % of the series with a unit root fall below (with a mean).
const COEFFICIENT: f64 = -11.3;

/// Breitung's ratio that 5 % of the series with a unit root fall below (with a mean).
const RATIO: f64 = 0.01;

/// Makes the median absolute deviation of normal data its standard deviation.
const NORMAL: f64 = 1.4826;

/// A lasting shift of the level.
///
/// The means of 1, 2, 4 and 8 blocks before and after each boundary of blocks are compared. A difference is a shift that is
/// 5 robust standard deviations of all such differences, each at least a tenth of the readings' own: a sensor that is slow
/// or wanders has large differences everywhere, and no shift. Of both sides, as far as the next shift, at least 9 of 10
/// blocks must lie on their side of the middle between the two medians. The differences are those of Bai and Perron (1998),
/// doi 10.2307/2998540, taken over fixed lengths as in the moving sums of Eichinger and Kirch (2018), doi 10.3150/16-BEJ887.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The first row on the new level.
    pub row: usize,
    /// The level before, a median.
    pub before: f64,
    /// The level after.
    pub after: f64,
}

/// Whether there is a level that readings come back to.
///
/// Two tests of a unit root that do not depend on each other, on the medians of the blocks less the levels between shifts:
/// N φ/(1 − c) of `Δy[t] = m + φ y[t−1] + c Δy[t−1]` (Dickey and Fuller 1979, doi 10.2307/2286348), and ΣU²/(N² Σy²) of the
/// partial sums U of y about its mean (Breitung 2002, doi 10.1016/S0304-4076(01)00139-7). The sensor wanders where neither
/// rejects the unit root, the first at 10 %, the second at 5 %. The first is also how many times its own memory the history
/// holds, so that a healthy sensor with a long memory is told from one that wanders as well as its history allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wander {
    /// Dickey and Fuller's coefficient.
    pub coefficient: f64,
    /// Breitung's ratio.
    pub ratio: f64,
}

impl Wander {
    /// Whether neither test rejects a unit root.
    #[must_use]
    pub fn is_wandering(&self) -> bool {
        self.coefficient > COEFFICIENT && self.ratio > RATIO
    }
}

/// Memory for the blocks of a column.
pub(super) struct Levels {
    block: Vec<f64>,
    medians: Vec<f64>,
    /// First row of each block.
    starts: Vec<usize>,
    spare: Vec<f64>,
    each: usize,
}

impl Levels {
    pub(super) fn new(rows: usize) -> Result<Self> {
        let each = rows.div_ceil(BLOCKS).max(LEAST_ROWS);
        Ok(Self {
            block: reserved(each, "a block of rows")?,
            medians: reserved(BLOCKS, "medians of blocks")?,
            starts: reserved(BLOCKS, "medians of blocks")?,
            spare: reserved(BLOCKS, "medians of blocks")?,
            each,
        })
    }

    /// Takes the medians of a column's blocks; those with readings in less than half of their rows are left out.
    pub(super) fn take(&mut self, column: &[f64], stop: &Stop) {
        self.medians.clear();
        self.starts.clear();
        for (number, rows) in column.chunks_exact(self.each).enumerate() {
            if stop.requested() {
                return;
            }
            self.block.clear();
            self.block.extend(rows.iter().filter(|value| !value.is_nan()));
            if 2 * self.block.len() >= self.each {
                self.medians.push(median(&mut self.block));
                self.starts.push(number * self.each);
            }
        }
    }

    /// How many blocks there are.
    pub(super) fn len(&self) -> usize {
        self.medians.len()
    }

    /// The shifts of a column whose readings have the robust standard deviation `width`, in the order of their rows.
    pub(super) fn shifts(&mut self, column: &[f64], width: f64) -> Result<Vec<Shift>> {
        let floor = FLOOR * width;
        let mut found = Vec::new();
        if self.len() < LEAST_BLOCKS || floor.is_nan() || floor <= 0.0 {
            return Ok(found);
        }
        let mut places = self.candidates(floor)?;
        self.prune(&mut places, floor);
        for (number, &(_, place)) in places.iter().enumerate() {
            let (before, after) = self.sides(&places, number);
            let row = self.row_of(column, place, before, after);
            push(&mut found, Shift { row, before, after }, "shifts")?;
        }
        if places.len() <= TAKEN_OUT {
            self.take_out(&places);
        }
        Ok(found)
    }

    /// Boundaries with outlying differences, how far they outlie, in the order of the blocks.
    fn candidates(&mut self, floor: f64) -> Result<Vec<(f64, usize)>> {
        let blocks = self.len();
        let mut all: Vec<(f64, usize)> = Vec::new();
        for reach in REACHES.into_iter().filter(|reach| 16 * reach <= blocks) {
            let sum = |from: usize| self.medians[from..from + reach].iter().sum::<f64>();
            let difference = |place: usize| ((sum(place) - sum(place - reach)) / reach as f64).abs();
            let places = reach..=blocks - reach;
            self.spare.clear();
            self.spare.extend(places.clone().map(difference));
            let spread = (NORMAL * median(&mut self.spare)).max(floor);
            for place in places {
                let outlying = difference(place) / spread;
                if outlying > OUTLYING && (APART..=blocks - APART).contains(&place) {
                    push(&mut all, (outlying, place), "shifts")?;
                }
            }
        }
        all.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut kept: Vec<(f64, usize)> = reserve(0, (0.0, 0), "shifts")?;
        for (outlying, place) in all {
            if kept.len() < LISTED && kept.iter().all(|one| one.1.abs_diff(place) >= APART) {
                push(&mut kept, (outlying, place), "shifts")?;
            }
        }
        kept.sort_unstable_by_key(|one| one.1);
        Ok(kept)
    }

    /// Leaves out what does not part two levels, the least outlying first.
    fn prune(&mut self, places: &mut Vec<(f64, usize)>, floor: f64) {
        loop {
            let mut worst: Option<usize> = None;
            for number in 0..places.len() {
                let (before, after) = self.sides(places, number);
                let (from, at, to) = self.around(places, number);
                let middle = 0.5 * (before + after);
                let settled = |blocks: &[f64], high: bool| {
                    let own = blocks.iter().filter(|&&level| if high { level > middle } else { level < middle });
                    own.count() as f64 >= SETTLED * blocks.len() as f64
                };
                let rises = after > before;
                let parts = (after - before).abs() >= OUTLYING * floor
                    && settled(&self.medians[from..at], !rises)
                    && settled(&self.medians[at..to], rises);
                if !parts && worst.is_none_or(|worst| places[number].0 < places[worst].0) {
                    worst = Some(number);
                }
            }
            match worst {
                Some(number) => places.remove(number),
                None => return,
            };
        }
    }

    /// The blocks about a shift: from the one before it, its own first, to the next one.
    fn around(&self, places: &[(f64, usize)], number: usize) -> (usize, usize, usize) {
        let from = number.checked_sub(1).map_or(0, |before| places[before].1);
        let to = places.get(number + 1).map_or(self.len(), |after| after.1);
        (from, places[number].1, to)
    }

    /// The levels before and after a shift.
    fn sides(&mut self, places: &[(f64, usize)], number: usize) -> (f64, f64) {
        let (from, at, to) = self.around(places, number);
        (self.level(from, at), self.level(at, to))
    }

    fn level(&mut self, from: usize, to: usize) -> f64 {
        self.spare.clear();
        self.spare.extend_from_slice(&self.medians[from..to]);
        median(&mut self.spare)
    }

    /// The row that best parts the readings near a boundary of blocks into those nearer to one level and to the other.
    fn row_of(&self, column: &[f64], place: usize, before: f64, after: f64) -> usize {
        let from = self.starts[place - 1];
        let to = (self.starts[place] + self.each).min(column.len());
        let middle = 0.5 * (before + after);
        let (mut best, mut votes, mut row) = (0_isize, 0_isize, from);
        for (offset, &value) in column[from..to].iter().enumerate() {
            if value.is_nan() {
                continue;
            }
            votes += if (value < middle) == (before < after) { 1 } else { -1 };
            if votes > best {
                (best, row) = (votes, from + offset + 1);
            }
        }
        row.min(column.len() - 1)
    }

    fn take_out(&mut self, places: &[(f64, usize)]) {
        let mut ends: [usize; TAKEN_OUT + 2] = [self.len(); TAKEN_OUT + 2];
        ends[0] = 0;
        for (end, place) in ends[1..].iter_mut().zip(places) {
            *end = place.1;
        }
        for part in ends.windows(2).filter(|part| part[0] < part[1]) {
            let level = self.level(part[0], part[1]);
            for median in &mut self.medians[part[0]..part[1]] {
                *median -= level;
            }
        }
    }

    /// Both tests, on what the shifts have left; none with too few blocks, or where no block differs.
    pub(super) fn wander(&self) -> Option<Wander> {
        let y = &self.medians;
        let count = y.len() as f64;
        if y.len() < LEAST_BLOCKS {
            return None;
        }
        let mean = y.iter().sum::<f64>() / count;
        let (mut sum, mut sums, mut squares) = (0.0, 0.0, 0.0);
        for level in y {
            let level = level - mean;
            sum += level;
            sums += sum * sum;
            squares += level * level;
        }
        // What rounding leaves of a mean is no spread.
        let nothing = count * (64.0 * f64::EPSILON * mean.abs()).powi(2);
        if squares <= nothing {
            return None;
        }
        let rows = || y.windows(3).map(|w| (w[1], w[1] - w[0], w[2] - w[1]));
        let used = count - 2.0;
        let totals = rows().fold((0.0, 0.0, 0.0), |t, (a, b, c)| (t.0 + a, t.1 + b, t.2 + c));
        let (level, before, now) = (totals.0 / used, totals.1 / used, totals.2 / used);
        let mut products = [0.0; 5];
        for (a, b, c) in rows() {
            let (a, b, c) = (a - level, b - before, c - now);
            for (product, more) in products.iter_mut().zip([a * a, a * b, b * b, a * c, b * c]) {
                *product += more;
            }
        }
        let [aa, ab, bb, ac, bc] = products;
        let determinant = aa * bb - ab * ab;
        let coefficient = if determinant > 1e-12 * aa * bb {
            let slope = (ac * bb - bc * ab) / determinant;
            let momentum = (bc * aa - ac * ab) / determinant;
            // A series of steps that grow has no level to come back to.
            if momentum < 1.0 { count * slope / (1.0 - momentum) } else { 0.0 }
        } else {
            count * ac / aa
        };
        Some(Wander {
            coefficient,
            ratio: sums / (count * count * squares),
        })
    }
}

/// The median, of an even count the mean of the middle two; NaN of nothing.
fn median(values: &mut [f64]) -> f64 {
    let count = values.len();
    if count == 0 {
        return f64::NAN;
    }
    let (lower, middle, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
    let high = *middle;
    if count % 2 == 1 {
        return high;
    }
    let low = lower.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    low + 0.5 * (high - low)
}
