//! What is taken off a column before cycles are looked for: missing rows, trend, far values, shifts of its level.

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, canonical};

/// Known rows under which nothing can be told.
const LEAST: usize = 16;

/// Stretches whose slopes vote on the trend: shifts of the level spoil one each.
const STRETCHES: usize = 16;

/// Distance from the trend, in robust standard deviations, to which values further off are drawn in.
const FAR: f64 = 8.0;

/// Standard deviations of normal values in a median absolute deviation.
const NORMAL: f64 = 1.482_602_218_505_602;

/// A spread below this share of the values' size is rounding.
const ROUNDING: f64 = 128.0 * f64::EPSILON;

/// Values beyond this are divided by it.
const HUGE: f64 = 1e250;

/// Most shifts of the level that are taken off.
const SHIFTS: usize = 6;

/// Share of the squares that every shift leaves at most. A wave of four cycles or more falls short of that.
const LEFT: f64 = 0.7;

/// The known values of a column, as multiples of its robust standard deviation about its trend.
pub(super) struct Record {
    /// Rows of the known values, counted from the first of them.
    pub(super) rows: Vec<usize>,
    /// The known values less the trend, far ones drawn in.
    pub(super) values: Vec<f64>,
    /// The column's row of the first known value.
    pub(super) first: usize,
    /// What a value of 1 stands for in the column's unit.
    pub(super) unit: f64,
}

impl Record {
    /// Room for columns of `rows` rows.
    pub(super) fn new(rows: usize) -> Result<Self> {
        Ok(Self {
            rows: reserve(rows, 0, "the rows of a column")?,
            values: reserve(rows, 0.0, "a column")?,
            first: 0,
            unit: 1.0,
        })
    }

    /// Rows from the first to the last known value.
    pub(super) fn span(&self) -> usize {
        self.rows.last().map_or(0, |last| last + 1)
    }

    /// Reads a column; false where it is too short, constant or a straight line. `spare` holds as many values as there are
    /// rows.
    pub(super) fn read<'a, T: Element>(&mut self, column: impl Iterator<Item = &'a T>, spare: &mut [f64]) -> bool {
        self.rows.clear();
        self.values.clear();
        let mut largest = 0.0_f64;
        for (row, value) in column.enumerate() {
            let value = canonical(value.widen(), f64::NAN);
            if !value.is_nan() {
                if self.rows.is_empty() {
                    self.first = row;
                }
                self.rows.push(row - self.first);
                self.values.push(value);
                largest = largest.max(value.abs());
            }
        }
        if self.rows.len() < LEAST || largest == 0.0 {
            return false;
        }
        // So that nothing below overflows.
        let factor = if largest > HUGE { 1.0 / HUGE } else { 1.0 };
        let magnitude = self.median_of(spare, f64::abs) * factor;
        let origin = self.median_of(spare, |value| value);
        for value in &mut self.values {
            *value = *value * factor - origin * factor;
        }

        // Cycles of few stretches each give slopes that say nothing: a slope must bring the values closer together.
        let slope = self.slope(spare);
        let slope = if self.deviation(spare, slope) < self.deviation(spare, 0.0) {
            slope
        } else {
            0.0
        };
        for (value, &row) in self.values.iter_mut().zip(&self.rows) {
            *value -= slope * row as f64;
        }
        let middle = self.median_of(spare, |value| value);
        let mut farthest = 0.0_f64;
        for value in &mut self.values {
            *value -= middle;
            farthest = farthest.max(value.abs());
        }
        let rounding = ROUNDING * magnitude;
        let robust = NORMAL * self.median_of(spare, f64::abs);
        let spread = if robust > rounding { robust } else { farthest };
        if spread <= rounding {
            return false;
        }
        for value in &mut self.values {
            *value = (*value / spread).clamp(-FAR, FAR);
        }
        self.unit = spread / factor;
        true
    }

    /// The median of what `of` makes of the values.
    fn median_of(&self, spare: &mut [f64], of: impl Fn(f64) -> f64) -> f64 {
        let spare = &mut spare[..self.values.len()];
        for (place, &value) in spare.iter_mut().zip(&self.values) {
            *place = of(value);
        }
        median(spare)
    }

    /// The median absolute deviation from a line of this slope.
    fn deviation(&self, spare: &mut [f64], slope: f64) -> f64 {
        let spare = &mut spare[..self.values.len()];
        for ((place, &value), &row) in spare.iter_mut().zip(&self.values).zip(&self.rows) {
            *place = value - slope * row as f64;
        }
        let middle = median(spare);
        for place in spare.iter_mut() {
            *place = (*place - middle).abs();
        }
        median(spare)
    }

    /// The median of the slopes of stretches, each from the medians of its halves (after Tukey's resistant line).
    fn slope(&self, spare: &mut [f64]) -> f64 {
        let known = self.rows.len();
        let stretches = STRETCHES.min(known / 8);
        let mut slopes = [0.0; STRETCHES];
        for (number, slope) in slopes.iter_mut().enumerate().take(stretches) {
            let (start, end) = (known * number / stretches, known * (number + 1) / stretches);
            let half = (end - start) / 2;
            let mut centre = |part: std::ops::Range<usize>| {
                let rows: usize = self.rows[part.clone()].iter().sum();
                let spare = &mut spare[..half];
                spare.copy_from_slice(&self.values[part]);
                (rows as f64 / half as f64, median(spare))
            };
            let (early, late) = (centre(start..start + half), centre(end - half..end));
            *slope = (late.1 - early.1) / (late.0 - early.0);
        }
        median(&mut slopes[..stretches])
    }
}

/// The median, of an even number the upper one.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Takes shifts of the level and what is left of the slope off `values`; returns the sum of their squares. `sums` holds one
/// value more than there are.
///
/// Shifts are found by binary segmentation: the cut that takes most off the squares, then the best within either part, and
/// so on; as many are kept as make `squares / LEFT^shifts` least.
pub(super) fn level(values: &mut [f64], rows: &[usize], sums: &mut [f64]) -> f64 {
    let mut cuts = Vec::new();
    for _ in 0..2 {
        cuts = segments(values, sums);
        let (mut product, mut square) = (0.0, 0.0);
        for part in cuts.windows(2) {
            let (rows, values) = (&rows[part[0]..part[1]], &values[part[0]..part[1]]);
            let middle = rows.iter().sum::<usize>() as f64 / rows.len() as f64;
            for (&row, value) in rows.iter().zip(values) {
                let time = row as f64 - middle;
                product += time * value;
                square += time * time;
            }
        }
        let slope = if square > 0.0 { product / square } else { 0.0 };
        let middle = 0.5 * rows.last().map_or(0.0, |&last| last as f64);
        for (value, &row) in values.iter_mut().zip(rows) {
            *value -= slope * (row as f64 - middle);
        }
    }
    let mut squares = 0.0;
    for part in cuts.windows(2) {
        let values = &mut values[part[0]..part[1]];
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        for value in values {
            *value -= mean;
            squares += *value * *value;
        }
    }
    squares
}

/// The cuts of `values` into stretches of one level, both ends included.
fn segments(values: &[f64], sums: &mut [f64]) -> Vec<usize> {
    let count = values.len();
    let shortest = (count / 64).max(8);
    let mean = values.iter().sum::<f64>() / count as f64;
    let mut squares = 0.0;
    let mut sum = 0.0;
    sums[0] = 0.0;
    for (place, value) in sums[1..].iter_mut().zip(values) {
        let value = value - mean;
        sum += value;
        squares += value * value;
        *place = sum;
    }
    let mut cuts = vec![0, count];
    let mut gains = vec![best_cut(sums, 0, count, shortest)];
    let mut chosen = cuts.clone();
    let (mut penalty, mut least) = (1.0, squares);
    for _ in 0..SHIFTS {
        let mut widest = 0;
        for number in 1..gains.len() {
            if gains[number].0 > gains[widest].0 {
                widest = number;
            }
        }
        let (gain, cut) = gains[widest];
        if gain <= 0.0 {
            break;
        }
        squares -= gain;
        penalty *= LEFT;
        let (start, end) = (cuts[widest], cuts[widest + 1]);
        cuts.insert(widest + 1, cut);
        gains[widest] = best_cut(sums, start, cut, shortest);
        gains.insert(widest + 1, best_cut(sums, cut, end, shortest));
        if squares < least * penalty {
            least = squares / penalty;
            chosen.clone_from(&cuts);
        }
    }
    chosen
}

/// How much the best cut of a stretch takes off its squares, and where it is; 0 where the stretch is too short for one.
fn best_cut(sums: &[f64], start: usize, end: usize, shortest: usize) -> (f64, usize) {
    let length = end - start;
    let mut best = (0.0, start);
    if length < 2 * shortest {
        return best;
    }
    let share = (sums[end] - sums[start]) / length as f64;
    for cut in start + shortest..=end - shortest {
        let (left, right) = ((cut - start) as f64, (end - cut) as f64);
        let excess = (sums[cut] - sums[start]) - share * left;
        let gain = excess * excess * length as f64 / (left * right);
        if gain > best.0 {
            best = (gain, cut);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_and_slope_are_taken_off() {
        let rows: Vec<usize> = (0..1000).filter(|row| row % 7 != 3).collect();
        let noise = |row: usize| ((row * 7919) % 101) as f64 / 101.0 - 0.5;
        let mut values: Vec<f64> = rows
            .iter()
            .map(|&row| 0.01 * row as f64 + noise(row) + if (300..450).contains(&row) { 20.0 } else { 0.0 })
            .collect();
        let mut sums = vec![0.0; values.len() + 1];
        let squares = level(&mut values, &rows, &mut sums);
        assert!(values.iter().all(|value| value.abs() < 0.8));
        assert!((squares - values.iter().map(|value| value * value).sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn a_wave_of_four_cycles_is_no_shift() {
        for square in [false, true] {
            let rows: Vec<usize> = (0..400).collect();
            let wave = |row: usize| (std::f64::consts::TAU * (row as f64 + 0.5) / 100.0).sin();
            let values: Vec<f64> =
                rows.iter().map(|&row| if square { wave(row).signum() } else { wave(row) }).collect();
            assert_eq!(segments(&values, &mut vec![0.0; 401]), [0, 400]);
        }
    }

    #[test]
    fn constants_and_lines_have_nothing_to_look_at() {
        let mut record = Record::new(500).unwrap();
        let mut spare = vec![0.0; 500];
        for slope in [0.0, 0.1, -1e6] {
            let column: Vec<f64> = (0..500).map(|row| 1e3 + slope * f64::from(row)).collect();
            assert!(!record.read(column.iter(), &mut spare));
        }
        assert!(!record.read([f64::NAN; 500].iter(), &mut spare));
        assert!(!record.read([1.0, 2.0].iter(), &mut spare));
    }

    #[test]
    fn far_values_are_drawn_in() {
        let mut column: Vec<f64> = (0..500).map(|row| f64::from(row * 7919 % 101)).collect();
        column[77] = 1e15;
        column[78] = -1.7e308;
        let mut record = Record::new(500).unwrap();
        assert!(record.read(column.iter(), &mut [0.0; 500]));
        assert_eq!((record.values[77], record.values[78]), (8.0, -8.0));
        column.drain(77..79);
        assert!(record.read(column.iter(), &mut [0.0; 500]));
        assert!(record.values.iter().all(|value| value.abs() < 2.0));
        // A quarter of the range, 1.48 times.
        assert!((record.unit - 37.4).abs() < 1.0, "{}", record.unit);
    }
}
