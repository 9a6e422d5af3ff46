//! Sensors whose level wanders: no stretch of such a history tells where the next one will lie, and no limit from it holds.
//!
//! One half of the rows is judged by a model of the other, and the other by it. Where many rows exceed the limits of held-out
//! rows then, and the levels of the halves lie so far apart as those of steady sensors hardly ever do, or the levels of sensors do
//! not come back to where they were (a unit root), the history wanders.

use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::room;
use acm_linalg::scaling::{keep_known, mean_and_deviation};
use acm_linalg::{Reader, Result, Samples, Writer, parallel};

use crate::held_out::{HeldOut, Names};

/// The rate of alarms at which the halves are compared.
pub(crate) const RATE: f64 = 0.01;

/// Names of the limits in a file, of a model with one statistic.
pub(crate) const HALVES: [Names; 1] = [Names {
    count: "wandering.count",
    moments: "wandering.moments",
    values: "wandering.values",
}];

/// Halves further apart than all spreads within them count as this many.
const FAR: f64 = 100.0;

/// Most coordinates that halves are fitted for.
const MANY: usize = 200;

/// Means that the course of a sensor is told by.
const BLOCKS: usize = 64;

/// Fewest rows of a history whose course is told.
const LEAST_ROWS: usize = 4 * BLOCKS;

/// Fewest of them.
const LEAST_BLOCKS: usize = 16;

/// Dickey and Fuller's coefficient that a tenth of the series with a unit root fall below.
const COEFFICIENT: f64 = -11.3;

/// Breitung's ratio that a twentieth of them fall below.
const RATIO: f64 = 0.01;

/// A coefficient of one sensor that stands for the history, of up to `FEW` of them; of more it is greater by the logarithm of how
/// many times more.
const ALONE: f64 = -6.0;
const FEW: f64 = 6.0;

/// A mean coefficient of all sensors that does.
const TOGETHER: f64 = -12.0;

/// No coefficient is less.
const STEADY: f64 = -100.0;

/// Rows of a history beyond so many times its coordinates: half of them tell nearly what all do.
const ROWS: usize = 10;

/// So many roundings of a mean are no spread.
const ROUNDINGS: f64 = 64.0 * f64::EPSILON;

/// Scores beyond this are all alike.
const LARGEST: f64 = 300.0;

/// Estimated time for a value, in nanoseconds.
const VALUE_NS: f64 = 4.0;

/// Means on both sides of a step are of a row in so many, but of so many rows at least.
const BESIDE: usize = 64;
const LEAST_BESIDE: usize = 8;

/// A step has this share of the distance of the levels before and after it at once, and these lie so many deviations apart.
const AT_ONCE: f64 = 0.8;
const DEVIATIONS: f64 = 3.0;

/// A level that is another one from a row on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The first row of the new level.
    pub row: usize,
    /// By how much the new level is higher.
    pub size: f64,
}

/// The one step of the readings of a column, where they are steady before and after it: none in a course that drifts or walks.
///
/// Rows are parted where the squares about the two means are least (Bai 1997, doi 10.1162/003465397557132).
///
/// # Errors
/// [`acm_linalg::Error::Memory`].
pub fn step_of(x: Samples<'_>, column: usize) -> Result<Option<Step>> {
    let mut values = room(x.rows(), 1, 0.0, "a column")?;
    x.read_column(column, &mut values);
    let known = (0..values.len()).filter(|&row| values[row].is_finite()).gathered("a column")?;
    let count = known.len();
    let beside = (count / BESIDE).max(LEAST_BESIDE);
    if count < 4 * beside {
        return Ok(None);
    }
    let all = count as f64;
    let middle = known.iter().map(|&row| values[row] / all).sum::<f64>();
    let value = |place: usize| values[known[place]] - middle;
    let (mut sum, mut best) = ((0..beside).map(value).sum::<f64>(), (0.0, 0, 0.0));
    for place in beside..=count - beside {
        let first = place as f64;
        let between = sum * sum / first + sum * sum / (all - first);
        if between > best.0 {
            best = (between, place, sum);
        }
        sum += value(place);
    }
    let (between, place, sum) = best;
    let size = -sum / (all - place as f64) - sum / place as f64;
    let total: f64 = (0..count).map(|place| value(place) * value(place)).sum();
    let mean = |places: std::ops::Range<usize>| places.map(value).sum::<f64>() / beside as f64;
    if place == 0 || !total.is_finite() {
        return Ok(None);
    }
    let at_once = mean(place..place + beside) - mean(place - beside..place);
    let deviation = ((total - between).max(0.0) / all).sqrt();
    let told = at_once / size >= AT_ONCE && size.abs() >= DEVIATIONS * deviation;
    Ok(told.then_some(Step {
        row: known[place],
        size,
    }))
}

/// Whether rows suffice for the halves to be compared.
pub(crate) fn comparable(rows: usize, coordinates: usize) -> bool {
    coordinates <= MANY && rows >= ROWS * coordinates.max(ROWS)
}

/// What is known of a history that wanders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wandering {
    /// The share of healthy rows that is expected in alarm: that of either half under the limit that the other one has set.
    pub(crate) expected: f64,
    /// Columns whose levels part, rising.
    pub(crate) columns: Vec<usize>,
    /// Each statistic of each half by a model of the other.
    limits: Vec<HeldOut>,
}

impl Wandering {
    /// From the statistics of each half by a model of the other, `held` being those of held-out rows: of the samples' columns
    /// `kept`, for alarms at a rate of `alpha`, by the rows in which the machine is `running`. `None` where the halves agree.
    ///
    /// Accused are histories in which, with n rows and d the distances of the halves' means in units of the columns' spreads
    /// within them, more than 3 % of the rows exceed the limits and a column has d > max(1, 90 / sqrt(n)), or more than
    /// max(5 %, 400 / n) do and the root mean square of d is above 1.2. So are those in which more than 2 % of the rows exceed the
    /// limits and the level does not come back: Dickey and Fuller's coefficient, of 64 means and one lagged difference (1979,
    /// doi 10.2307/2286348), is above -6 of a sensor (of more than 6 by as much more as ln(sensors / 6)) whose ratio after
    /// Breitung (2002, doi 10.1016/S0304-4076(01)00139-7) is above 0.01, or its mean over the sensors above -12.
    pub(crate) fn of(
        x: Samples<'_>,
        kept: &[usize],
        counts: &[bool],
        halves: &[Vec<f64>],
        held: &[&HeldOut],
        alpha: f64,
        running: Option<&[bool]>,
    ) -> Result<Option<Self>> {
        let (rows, parts) = (x.rows(), halves.len() as f64);
        let limits = held.iter().map(|held| held.limit(RATE / parts)).gathered("limits")?;
        let share = exceeding(halves, counts, 0..rows, &limits);
        let levels = levels(x, kept, running)?;
        let apart = levels.iter().map(|level| level.apart).gathered("a level for each column")?;
        let most = apart.iter().fold(0.0_f64, |most, &far| most.max(far));
        let mean_square = apart.iter().map(|far| far * far).sum::<f64>() / apart.len().max(1) as f64;
        let far = (90.0 / (rows as f64).sqrt()).max(1.0);
        let one = share > 0.03 && most > far;
        let all = share > (400.0 / rows as f64).max(0.05) && mean_square.sqrt() > 1.2;
        let rooted = rows >= LEAST_ROWS && share > 2.0 * RATE && rooted(&levels);
        if !one && !all && !rooted {
            return Ok(None);
        }
        let least = match (one, all) {
            (true, _) => far,
            (_, true) => most.min(1.2),
            _ => FAR,
        };
        let wanders = |level: &Level| level.apart >= least || rooted && level.is_rooted(COEFFICIENT);
        let columns = kept.iter().zip(&levels).filter(|(_, level)| wanders(level)).map(|(&column, _)| column);
        Ok(Some(Self {
            expected: crossed(halves, counts, alpha / parts)?.max(alpha),
            columns: columns.gathered("the columns that wander")?,
            limits: halves
                .iter()
                .map(|values| HeldOut::of(&mut copied(values, "statistics")?, counts))
                .gathered_ok("limits")?,
        }))
    }

    /// The same of a model that has one limit of its scores for good: how many alarms either half has at the limit of this rate that
    /// the other one sets, and what all of them exceed at it.
    pub(crate) fn of_scores(self, scores: &[f64], counts: &[bool], alpha: f64) -> Result<(Self, f64)> {
        // Limits are of numbers that are not below zero, and only their order matters.
        let mut values = scores.iter().map(|score| score.clamp(-LARGEST, LARGEST).exp()).gathered("scores")?;
        let expected = crossed(std::slice::from_ref(&values), counts, alpha)?.max(alpha);
        let limit = HeldOut::of(&mut values, counts)?.counted(alpha).ln();
        let (columns, limits) = (self.columns, Vec::new());
        let found = Self {
            expected,
            columns,
            limits,
        };
        Ok((found, limit))
    }

    /// A statistic's limit, widened.
    pub(crate) fn limit(&self, statistic: usize, held: f64, alpha: f64) -> f64 {
        self.limits.get(statistic).map_or(held, |halves| halves.counted(alpha).max(held))
    }

    pub(crate) fn write(&self, to: &mut Writer, names: &[Names]) {
        to.real("wandering.expected", self.expected);
        to.counted("wandering.columns", self.columns.iter().map(|&column| column as u64));
        self.limits.iter().zip(names).for_each(|(limit, names)| limit.write(to, names));
    }

    /// `None` where a file has none.
    pub(crate) fn read(from: &Reader<'_>, columns: usize, names: &[Names]) -> Result<Option<Self>> {
        if !from.has("wandering.expected") {
            return Ok(None);
        }
        let expected = from.real("wandering.expected")?;
        from.require((0.0..=1.0).contains(&expected), "wandering.expected")?;
        let found = from.counts("wandering.columns", from.length("wandering.columns")?)?;
        let within = found.iter().all(|&column| column < columns as u64);
        from.require(within && found.is_sorted_by(|a, b| a < b), "wandering.columns")?;
        let place = |&column: &u64| usize::try_from(column).map_err(|_| from.wrong("wandering.columns"));
        let read = |names: &Names| HeldOut::read(from, names)?.ok_or_else(|| from.wrong("wandering.expected"));
        Ok(Some(Self {
            expected,
            columns: found.iter().map(place).gathered_ok("the columns that wander")?,
            limits: names.iter().map(read).gathered_ok("limits")?,
        }))
    }
}

/// The share of the rows that count, of `rows`, of which a statistic is above its limit.
fn exceeding(halves: &[Vec<f64>], counts: &[bool], rows: std::ops::Range<usize>, limits: &[f64]) -> f64 {
    let known = rows.clone().filter(|&row| counts[row]).count();
    let above = |&row: &usize| counts[row] && halves.iter().zip(limits).any(|(values, &limit)| values[row] > limit);
    rows.filter(above).count() as f64 / known.max(1) as f64
}

/// The mean share of alarms in one half at the limits that the other sets, each statistic at a rate of `alpha`.
fn crossed(halves: &[Vec<f64>], counts: &[bool], alpha: f64) -> Result<f64> {
    let rows = counts.len();
    let mut shares = 0.0;
    for (one, other) in [(0..rows / 2, rows / 2..rows), (rows / 2..rows, 0..rows / 2)] {
        let limit = |values: &Vec<f64>| {
            let mut values = copied(&values[one.clone()], "statistics")?;
            Ok(HeldOut::of(&mut values, &counts[one.clone()])?.counted(alpha))
        };
        let limits = halves.iter().map(limit).gathered_ok("limits")?;
        shares += exceeding(halves, counts, other, &limits);
    }
    Ok(shares / 2.0)
}

/// The course of a column's level.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    /// How far the means of the halves lie apart, in units of the spread within them.
    apart: f64,
    /// Dickey and Fuller's coefficient, and Breitung's ratio.
    coefficient: f64,
    ratio: f64,
}

impl Level {
    fn is_rooted(&self, least: f64) -> bool {
        self.coefficient > least && self.ratio > RATIO
    }
}

/// Whether levels do not come back to where they were.
fn rooted(levels: &[Level]) -> bool {
    let count = levels.len().max(1) as f64;
    let alone = ALONE + (count / FEW).ln().max(0.0);
    let together = levels.iter().map(|level| level.coefficient).sum::<f64>() / count > TOGETHER;
    let any = |least: f64| levels.iter().any(|level| level.is_rooted(least));
    any(alone) || together && any(COEFFICIENT)
}

/// The coefficient and the ratio of a column's readings, NaN where they are missing.
fn unit_root(values: &[f64]) -> (f64, f64) {
    let mut means = [0.0; BLOCKS];
    let mut count = 0;
    for block in values.chunks(values.len().div_ceil(BLOCKS).max(1)) {
        let known = || block.iter().filter(|value| value.is_finite());
        let rows = known().count();
        if rows > 0 {
            means[count] = known().sum::<f64>() / rows as f64;
            count += 1;
        }
    }
    let means = &mut means[..count];
    if count < LEAST_BLOCKS {
        return (STEADY, 0.0);
    }
    let many = count as f64;
    let mean = means.iter().sum::<f64>() / many;
    means.iter_mut().for_each(|value| *value -= mean);
    let (mut sum, mut sums, mut squares) = (0.0, 0.0, 0.0);
    for value in &*means {
        sum += value;
        sums += sum * sum;
        squares += value * value;
    }
    if squares <= many * (ROUNDINGS * mean).powi(2) {
        return (STEADY, 0.0);
    }
    // Differences by levels and differences before them.
    let rows = || means.windows(3).map(|of| [of[1], of[1] - of[0], of[2] - of[1]]);
    let mut about = [0.0; 3];
    for row in rows() {
        about.iter_mut().zip(row).for_each(|(about, value)| *about += value / (many - 2.0));
    }
    let [mut aa, mut ab, mut bb, mut ac, mut bc] = [0.0; 5];
    for row in rows() {
        let [a, b, c] = [row[0] - about[0], row[1] - about[1], row[2] - about[2]];
        (aa, ab, bb, ac, bc) = (aa + a * a, ab + a * b, bb + b * b, ac + a * c, bc + b * c);
    }
    let determinant = aa * bb - ab * ab;
    let coefficient = if determinant > 1e-12 * aa * bb {
        let (slope, momentum) = ((ac * bb - bc * ab) / determinant, (bc * aa - ac * ab) / determinant);
        // Steps that grow lead nowhere back.
        if momentum < 1.0 { many * slope / (1.0 - momentum) } else { 0.0 }
    } else {
        many * ac / aa
    };
    (coefficient.clamp(STEADY, -STEADY), sums / (many * many * squares))
}

/// The course of each of the columns.
fn levels(x: Samples<'_>, columns: &[usize], running: Option<&[bool]>) -> Result<Vec<Level>> {
    let rows = x.rows();
    let nothing = Level {
        apart: 0.0,
        coefficient: STEADY,
        ratio: 0.0,
    };
    let mut found = room(columns.len(), 1, nothing, "a level for each column")?;
    parallel::run(
        found.iter_mut().zip(columns),
        VALUE_NS * (rows * columns.len()) as f64,
        || room(rows, 1, 0.0, "a column"),
        |values, (found, &column), stop| {
            if stop.requested() {
                return;
            }
            x.read_column(column, values);
            if let Some(running) = running {
                let still = values.iter_mut().zip(running).filter(|pair| !pair.1);
                still.for_each(|(value, _)| *value = f64::NAN);
            }
            (found.coefficient, found.ratio) = unit_root(values);
            let (first, second) = values.split_at_mut(rows / 2);
            let [(mean, spread), (other, wide)] = [first, second].map(|half| {
                let known = keep_known(half);
                mean_and_deviation(&half[..known])
            });
            let gap = (mean - other).abs();
            let within = spread.hypot(wide) / std::f64::consts::SQRT_2;
            found.apart = if gap > 0.0 { (gap / within).min(FAR) } else { 0.0 };
        },
    )?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use rand::RngExt;

    use super::*;

    fn noise(rows: usize, seed: u64) -> Vec<f64> {
        let mut stream = stream(seed, 3);
        (0..rows).map(|_| (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn halves_lie_apart_by_their_means_over_their_spreads() {
        let x = ndarray::array![[0.0, 5.0, 1.0], [2.0, 5.0, f64::NAN], [4.0, 6.0, 1.0], [6.0, 6.0, 1.0]];
        let found = levels(x.view().into(), &[0, 1, 2], None).unwrap();
        assert_eq!(found.iter().map(|level| level.apart).collect::<Vec<_>>(), [4.0, FAR, 0.0]);
        assert!(comparable(100, 1) && !comparable(99, 1) && comparable(2000, 200) && !comparable(9999, 201));
    }

    #[test]
    fn a_level_that_does_not_come_back_has_a_unit_root() {
        // By NumPy: least squares of the differences on levels and differences before them, N slope / (1 - momentum).
        let steps = (0..64).map(|number| f64::from((37 * number) % 101 - 50) / 50.0);
        let mut level = 0.0;
        let sums: Vec<f64> = steps.map(|step| (level += step, level).1).collect();
        let (coefficient, ratio) = unit_root(&sums);
        assert!((coefficient + 18.010_299_794_473_19).abs() < 1e-9, "{coefficient}");
        assert!((ratio - 0.034_015_280_971_701_39).abs() < 1e-12, "{ratio}");
        let told = |memory: f64, seed: u64| {
            let mut level = 0.0;
            let course: Vec<f64> =
                noise(400, seed).iter().map(|step| (level = memory * level + step, level).1).collect();
            unit_root(&course)
        };
        let seeds = 0..200;
        let share = |memory: f64| {
            let any = seeds.clone().filter(|&seed| {
                let (coefficient, ratio) = told(memory, seed);
                coefficient > COEFFICIENT && ratio > RATIO
            });
            any.count()
        };
        // Of 400 rows: as many as the tests' levels say, and few of those that come back within twenty rows.
        assert!((160..=190).contains(&share(1.0)) && share(0.9) <= 4 && share(0.0) == 0);
        // Too few, all alike, and with gaps.
        assert_eq!((unit_root(&[1.0; 15]), unit_root(&[1e9; 400])), ((STEADY, 0.0), (STEADY, 0.0)));
        let mut gaps = noise(640, 1);
        let whole = unit_root(&gaps);
        gaps.iter_mut().step_by(10).for_each(|value| *value = f64::NAN);
        assert!((unit_root(&gaps).1 - whole.1).abs() < 0.01);
    }

    #[test]
    fn a_step_is_one_where_both_levels_are_steady() {
        let rows = 1000;
        let steps = noise(rows, 2);
        let mut level = 0.0;
        let course = |row: usize| {
            [
                7.0 * f64::from(u8::from(row >= 700)),
                0.01 * row as f64,
                0.0,
                4.0 * (row as f64 / 40.0).sin(),
            ]
        };
        let mut x = Array2::from_shape_fn((rows, 5), |(row, column)| match column {
            4 => (level += 0.3 * steps[row], level).1,
            _ => 1e6 + steps[row] + course(row)[column],
        });
        x[[700, 0]] = f64::NAN;
        let found = step_of(x.view().into(), 0).unwrap().unwrap();
        assert!((699..=702).contains(&found.row) && (found.size - 7.0).abs() < 0.3, "{found:?}");
        for column in 1..5 {
            assert_eq!(step_of(x.view().into(), column).unwrap(), None, "{column}");
        }
        // Two levels without noise, nothing at all, and too few rows.
        let still = Array2::from_shape_fn((64, 1), |(row, _)| if row < 20 { 5.0 } else { 3.0 });
        assert_eq!(step_of(still.view().into(), 0).unwrap(), Some(Step { row: 20, size: -2.0 }));
        assert_eq!(step_of(Array2::from_elem((64, 1), 3.0).view().into(), 0).unwrap(), None);
        assert_eq!(step_of(still.slice(ndarray::s![..31, ..]).into(), 0).unwrap(), None);
    }

    #[test]
    fn each_half_alarms_at_the_limits_of_the_other() {
        // 1 to 200, then 101 to 300, in another order.
        let values: Vec<f64> = (0..400)
            .map(|row| f64::from(37 * row % 200 + 1) + if row < 200 { 0.0 } else { 100.0 })
            .collect();
        let counts = vec![true; 400];
        // 20.1 and 10.05 places from the top: 180.9 and 190.95 in the first half, 280.9 and 290.95 in the second.
        let of = |halves: &[Vec<f64>], alpha| crossed(halves, &counts, alpha).unwrap();
        let one = std::slice::from_ref(&values);
        assert_eq!([of(one, 0.1), of(one, 0.05)], [0.5 * 120.0 / 200.0, 0.5 * 110.0 / 200.0]);
        // The other way round the second half is the one without alarms.
        let turned: Vec<f64> = values.iter().rev().copied().collect();
        assert_eq!(of(&[turned], 0.05), 0.5 * 110.0 / 200.0);
        // A row alarms by any statistic: half of the rows of each half by the second one.
        let second = |row: usize| if row.is_multiple_of(2) == (row < 200) { 1.0 } else { 0.0 };
        let both = vec![
            values.clone(),
            (0..400).map(|row| if row < 200 { 0.0 } else { second(row) }).collect(),
        ];
        let any = (200..400).filter(|&row| values[row] > 190.95 || second(row) > 0.0).count();
        assert_eq!(of(&both, 0.05), 0.5 * any as f64 / 200.0);
        // Rows that do not count neither set limits nor alarm: 1 to 100 and 101 to 200 are left.
        let counts: Vec<bool> = values
            .iter()
            .enumerate()
            .map(|(row, &value)| value <= if row < 200 { 100.0 } else { 200.0 })
            .collect();
        assert_eq!(crossed(one, &counts, 0.05).unwrap(), 0.5);
        assert_eq!(exceeding(one, &counts, 200..400, &[150.0]), 0.5);
        assert_eq!(exceeding(one, &[false; 400], 0..400, &[0.0]), 0.0);
    }

    #[test]
    fn halves_that_do_not_tell_of_each_other_wander() {
        let rows = 2000;
        let steps = noise(rows, 1);
        let walk: Vec<f64> = steps.iter().enumerate().map(|(row, step)| step + row as f64 / 100.0).collect();
        let counts = vec![true; rows];
        let squares = |values: &[f64]| values.iter().map(|value| value * value).collect::<Vec<f64>>();
        let held = HeldOut::of(&mut squares(&steps), &counts).unwrap();
        for (values, wanders) in [(&steps, false), (&walk, true)] {
            let x = Array2::from_shape_fn((rows, 2), |(row, column)| values[row] * (column + 1) as f64);
            let found =
                Wandering::of(x.view().into(), &[0, 1], &counts, &[squares(values)], &[&held], 0.01, None).unwrap();
            assert_eq!(found.is_some(), wanders);
            if let Some(found) = found {
                assert_eq!(found.columns, [0, 1]);
                assert!(found.expected >= 0.01 && found.expected <= 1.0);
                assert!(found.limit(0, held.limit(0.01), 0.01) > held.limit(0.01));
                assert_eq!(found.limit(0, 1e9, 0.01), 1e9);
            }
        }
    }
}
