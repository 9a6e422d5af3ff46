//! One cycle: a period and the harmonics fitted to it by least squares.

use std::f64::consts::TAU;

use acm_linalg::parallel::Stop;

/// Most harmonics of a cycle: all that a day of half-hourly rows has.
pub(super) const HARMONICS: usize = 24;

/// Columns of the largest fit: level, slope, and two of each harmonic.
const COLUMNS: usize = 2 + 2 * HARMONICS;

/// A pivot below this share of its column's square: the column says nothing that those before it do not.
const DEPENDENT: f64 = 1e-10;

/// Rows after which the angle is computed anew instead of turned on.
const TURNS: usize = 64;

/// Steps of the search for the frequency.
const STEPS: usize = 12;

/// A step, in radians over the whole data, after which the frequency stands.
const STILL: f64 = 1e-7;

/// Highest harmonic that has a say in the frequency.
const TUNED: usize = 6;

/// A sum of harmonics of one frequency.
#[derive(Debug, Clone)]
pub(super) struct Cycle {
    /// Radians a row.
    pub(super) speed: f64,
    /// Row about which angles are counted: the middle of the data.
    middle: f64,
    /// Number of each harmonic, ascending from 1.
    numbers: Vec<usize>,
    /// Of each harmonic, what its cosine and its sine are multiplied with.
    weights: Vec<[f64; 2]>,
}

impl Cycle {
    /// Nothing yet, of `frequency` turns over `span` rows and the given harmonics, 1 first.
    pub(super) fn new(frequency: f64, span: usize, numbers: Vec<usize>) -> Self {
        Self {
            speed: TAU * frequency / span as f64,
            middle: 0.5 * (span as f64 - 1.0),
            weights: vec![[0.0; 2]; numbers.len()],
            numbers,
        }
    }

    /// Rows of a turn.
    pub(super) fn period(&self) -> f64 {
        TAU / self.speed
    }

    /// Half the peak-to-peak of the fundamental.
    pub(super) fn amplitude(&self) -> f64 {
        self.weights[0][0].hypot(self.weights[0][1])
    }

    /// The row, somewhere, where the fundamental is largest.
    pub(super) fn crest(&self) -> f64 {
        self.middle + self.weights[0][1].atan2(self.weights[0][0]) / self.speed
    }

    /// Adds `factor` times the cycle to `values`, which stand at `rows`.
    pub(super) fn add_to(&self, values: &mut [f64], rows: &[usize], factor: f64) {
        self.each_row(rows, |place, _, circle| values[place] += factor * self.value(circle));
    }

    /// Sums of squares of `rest` and of `rest` plus the cycle, either about its mean.
    pub(super) fn squares(&self, rest: &[f64], rows: &[usize]) -> (f64, f64) {
        let count = rows.len() as f64;
        let mut sums = [0.0; 2];
        self.each_row(rows, |place, _, circle| {
            sums[0] += rest[place];
            sums[1] += rest[place] + self.value(circle);
        });
        let means = sums.map(|sum| sum / count);
        let mut squares = [0.0; 2];
        self.each_row(rows, |place, _, circle| {
            squares[0] += (rest[place] - means[0]).powi(2);
            squares[1] += (rest[place] + self.value(circle) - means[1]).powi(2);
        });
        (squares[0], squares[1])
    }

    /// Moves the frequency, by less than a turn over `span` rows, to where the harmonics explain most.
    ///
    /// Gauss-Newton on the frequency alone, the other unknowns solved for at each step. Rows are weighed with Hann's taper, so
    /// that a drift under the cycle does not pull at it.
    pub(super) fn tune(&mut self, values: &[f64], rows: &[usize], span: usize, stop: &Stop) {
        let low: Vec<usize> = self.numbers.iter().copied().filter(|&number| number <= TUNED).collect();
        let mut cycle = Self {
            weights: vec![[0.0; 2]; low.len()],
            numbers: low,
            ..*self
        };
        cycle.tune_all(values, rows, span, stop);
        self.speed = cycle.speed;
    }

    fn tune_all(&mut self, values: &[f64], rows: &[usize], span: usize, stop: &Stop) {
        let start = self.speed;
        for _ in (0..STEPS).take_while(|_| !stop.requested()) {
            let [level, slope] = self.solve(values, rows, span, true);
            let (mut product, mut square) = (0.0, 0.0);
            self.each_row(rows, |place, time, circle| {
                let mut change = 0.0;
                let mut turned = circle;
                let mut number = 1;
                for (&wanted, [cos, sin]) in self.numbers.iter().zip(&self.weights) {
                    while number < wanted {
                        turned = turn(turned, circle);
                        number += 1;
                    }
                    change += wanted as f64 * (sin * turned[0] - cos * turned[1]);
                }
                let change = change * time;
                let rest = values[place] - self.value(circle) - level - slope * time;
                let weight = hann(time, span);
                product += weight * rest * change;
                square += weight * change * change;
            });
            let step = product / square;
            let speed = self.speed + step;
            // Also where the step is not a number.
            let near = (speed - start).abs() * span as f64 <= TAU;
            if !near {
                self.speed = start;
                break;
            }
            self.speed = speed;
            if step.abs() * span as f64 <= STILL {
                break;
            }
        }
    }

    /// Fits the harmonics to `values`, beside a level and a slope.
    pub(super) fn fit(&mut self, values: &[f64], rows: &[usize], span: usize) {
        self.solve(values, rows, span, false);
    }

    /// Fits the harmonics, all rows alike or weighed; returns the level and the slope beside them.
    fn solve(&mut self, values: &[f64], rows: &[usize], span: usize, weighed: bool) -> [f64; 2] {
        let top = self.numbers.last().copied().unwrap_or(1).min(HARMONICS);
        let mut sums = Equations::none();
        // Time in units of the span keeps the columns alike in size.
        let unit = 1.0 / span as f64;
        self.each_row(rows, |place, time, circle| {
            let weight = if weighed { hann(time, span) } else { 1.0 };
            sums.add(top, circle, time * unit, values[place], weight);
        });

        let columns = 2 + 2 * self.numbers.len();
        let mut matrix = [[0.0; COLUMNS]; COLUMNS];
        let mut right = [0.0; COLUMNS];
        matrix[0][0] = sums.turns[0][0];
        matrix[1][0] = sums.time;
        matrix[1][1] = sums.time_time;
        right[0] = sums.value;
        right[1] = sums.time_value;
        for (i, &high) in self.numbers.iter().enumerate() {
            for part in 0..2 {
                let row = 2 + 2 * i + part;
                matrix[row][0] = sums.turns[high][part];
                matrix[row][1] = sums.time_turns[high][part];
                right[row] = sums.value_turns[high][part];
            }
            for (j, &low) in self.numbers.iter().enumerate().take(i + 1) {
                let ([cos_sum, sin_sum], [cos_gap, sin_gap]) = (sums.turns[high + low], sums.turns[high - low]);
                let (row, column) = (2 + 2 * i, 2 + 2 * j);
                matrix[row][column] = 0.5 * (cos_gap + cos_sum);
                matrix[row][column + 1] = 0.5 * (sin_sum - sin_gap);
                matrix[row + 1][column] = 0.5 * (sin_sum + sin_gap);
                matrix[row + 1][column + 1] = 0.5 * (cos_gap - cos_sum);
            }
        }
        solve_symmetric(&mut matrix, &mut right, columns);
        for (weights, found) in self.weights.iter_mut().zip(right[2..columns].chunks_exact(2)) {
            *weights = [found[0], found[1]];
        }
        [right[0], right[1] * unit]
    }

    /// The cycle where its fundamental stands at `circle`.
    fn value(&self, circle: [f64; 2]) -> f64 {
        let mut value = 0.0;
        let mut turned = circle;
        let mut number = 1;
        for (&wanted, [cos, sin]) in self.numbers.iter().zip(&self.weights) {
            while number < wanted {
                turned = turn(turned, circle);
                number += 1;
            }
            value += cos * turned[0] + sin * turned[1];
        }
        value
    }

    /// Calls `visit` for each of `rows` with its place, its time from the middle, and the cosine and sine of its angle.
    fn each_row(&self, rows: &[usize], mut visit: impl FnMut(usize, f64, [f64; 2])) {
        let step = cos_sin(self.speed);
        let mut circle = [1.0, 0.0];
        let mut before = 0;
        for (place, &row) in rows.iter().enumerate() {
            let time = row as f64 - self.middle;
            if place % TURNS == 0 || row != before + 1 {
                circle = cos_sin(self.speed * time);
            } else {
                circle = turn(circle, step);
            }
            before = row;
            visit(place, time, circle);
        }
    }
}

/// What the normal equations of a fit are made of: products of cosines are cosines of sums.
struct Equations {
    /// Cosine and sine of each multiple of the angle.
    turns: [[f64; 2]; 2 * HARMONICS + 1],
    time_turns: [[f64; 2]; HARMONICS + 1],
    value_turns: [[f64; 2]; HARMONICS + 1],
    time: f64,
    time_time: f64,
    value: f64,
    time_value: f64,
}

impl Equations {
    fn none() -> Self {
        Self {
            turns: [[0.0; 2]; 2 * HARMONICS + 1],
            time_turns: [[0.0; 2]; HARMONICS + 1],
            value_turns: [[0.0; 2]; HARMONICS + 1],
            time: 0.0,
            time_time: 0.0,
            value: 0.0,
            time_value: 0.0,
        }
    }

    /// Adds a row; `top` is the highest harmonic.
    fn add(&mut self, top: usize, circle: [f64; 2], time: f64, value: f64, weight: f64) {
        self.turns[0][0] += weight;
        self.time += weight * time;
        self.time_time += weight * time * time;
        self.value += weight * value;
        self.time_value += weight * time * value;
        let mut turned = [weight, 0.0];
        for number in 1..=2 * top {
            turned = turn(turned, circle);
            for part in 0..2 {
                self.turns[number][part] += turned[part];
                if number <= top {
                    self.time_turns[number][part] += turned[part] * time;
                    self.value_turns[number][part] += turned[part] * value;
                }
            }
        }
    }
}

fn cos_sin(angle: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos, sin]
}

/// The point `by` further on.
fn turn(point: [f64; 2], by: [f64; 2]) -> [f64; 2] {
    [point[0] * by[0] - point[1] * by[1], point[0] * by[1] + point[1] * by[0]]
}

/// Hann's taper over `span` rows, 1 in the middle.
fn hann(time: f64, span: usize) -> f64 {
    0.5 + 0.5 * (TAU * time / span as f64).cos()
}

/// Solves the normal equations whose lower triangle is `matrix` for `right`; unknowns that depend on earlier ones become 0.
fn solve_symmetric(matrix: &mut [[f64; COLUMNS]; COLUMNS], right: &mut [f64; COLUMNS], size: usize) {
    let mut kept = [true; COLUMNS];
    for column in 0..size {
        let whole = matrix[column][column];
        let mut pivot = whole;
        for earlier in 0..column {
            pivot -= matrix[column][earlier] * matrix[column][earlier];
        }
        kept[column] = pivot > DEPENDENT * whole;
        let root = pivot.max(0.0).sqrt();
        matrix[column][column] = root;
        for row in column + 1..size {
            let mut entry = matrix[row][column];
            for earlier in 0..column {
                entry -= matrix[row][earlier] * matrix[column][earlier];
            }
            matrix[row][column] = if kept[column] { entry / root } else { 0.0 };
        }
    }
    for row in 0..size {
        let mut entry = right[row];
        for earlier in 0..row {
            entry -= matrix[row][earlier] * right[earlier];
        }
        right[row] = if kept[row] { entry / matrix[row][row] } else { 0.0 };
    }
    for row in (0..size).rev() {
        let mut entry = right[row];
        for later in row + 1..size {
            entry -= matrix[later][row] * right[later];
        }
        right[row] = if kept[row] { entry / matrix[row][row] } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequency_and_harmonics_are_found_beside_a_slope() {
        let rows: Vec<usize> = (0..1000).filter(|row| row % 11 != 5 && !(200..260).contains(row)).collect();
        let speed = TAU / 47.3;
        let wave = |row: usize| {
            let angle = speed * row as f64;
            3.0 * (angle - 1.0).cos() + 0.5 * (3.0 * angle).sin()
        };
        let values: Vec<f64> = rows.iter().map(|&row| wave(row) + 0.01 * row as f64 - 4.0).collect();
        let mut cycle = Cycle::new(1000.0 / 47.3 + 0.3, 1000, vec![1, 3]);
        cycle.tune(&values, &rows, 1000, &Stop::default());
        cycle.fit(&values, &rows, 1000);
        assert!((cycle.period() - 47.3).abs() < 1e-8, "{}", cycle.period());
        assert!((cycle.amplitude() - 3.0).abs() < 1e-8);
        let crest = cycle.crest().rem_euclid(47.3);
        assert!((crest - 1.0 / speed).abs() < 1e-6, "{crest}");
        let mut rest = values;
        cycle.add_to(&mut rest, &rows, -1.0);
        assert!(rest.iter().zip(&rows).all(|(rest, &row)| (rest - (0.01 * row as f64 - 4.0)).abs() < 1e-7));
    }

    #[test]
    fn rows_that_cannot_tell_harmonics_apart_do_no_harm() {
        let rows: Vec<usize> = (0..400).step_by(4).collect();
        let values: Vec<f64> = rows.iter().map(|&row| if row % 8 == 0 { 1.0 } else { -1.0 }).collect();
        let mut cycle = Cycle::new(50.0, 400, vec![1, 2, 3, 4]);
        cycle.fit(&values, &rows, 400);
        let mut rest = values;
        cycle.add_to(&mut rest, &rows, -1.0);
        assert!(rest.iter().all(|rest| rest.abs() < 1e-6));
    }
    #[test]
    fn squares_are_about_the_means_with_the_cycle_and_without() {
        let rows: Vec<usize> = (0..137).filter(|row| row % 7 != 3).collect();
        let rest: Vec<f64> = rows.iter().map(|&row| 2.0 + 0.01 * row as f64 + ((row * row) % 5) as f64).collect();
        let mut cycle = Cycle::new(5.3, 137, vec![1, 2]);
        cycle.weights = vec![[1.5, -0.5], [0.25, 0.75]];
        let mut both = rest.clone();
        cycle.add_to(&mut both, &rows, 1.0);
        let about_mean = |values: &[f64]| -> f64 {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|value| (value - mean) * (value - mean)).sum()
        };
        let (left, with) = cycle.squares(&rest, &rows);
        assert!((left / about_mean(&rest) - 1.0).abs() < 1e-12);
        assert!((with / about_mean(&both) - 1.0).abs() < 1e-12);
    }
}
