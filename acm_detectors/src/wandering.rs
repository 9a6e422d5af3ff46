//! Sensors whose level wanders: no stretch of such a history tells where the next one will lie, and no limit from it holds.
//!
//! One half of the rows is judged by a model of the other, and the other by it. Where many rows exceed the limits of held-out
//! rows then, and the levels of the halves lie so far apart as those of steady sensors hardly ever do, the history wanders.

use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::room;
use acm_linalg::scaling::{keep_known, mean_and_deviation};
use acm_linalg::{Reader, Result, Samples, Writer, parallel};

use crate::held_out::{HeldOut, Names};

/// The rate of alarms at which the halves are compared.
const RATE: f64 = 0.01;

/// Halves further apart than all spreads within them count as this many.
const FAR: f64 = 100.0;

/// Most coordinates that halves are fitted for.
const MANY: usize = 200;

/// Rows of a history beyond so many times its coordinates: half of them tell nearly what all do.
const ROWS: usize = 10;

/// Estimated time for a value, in nanoseconds.
const VALUE_NS: f64 = 3.0;

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
    /// max(5 %, 400 / n) do and the root mean square of d is above 1.2. In 400 to 1,000 simulated histories of 2 to 50 steady
    /// sensors with memory 0.95 none was, with 0.98 none in most cases and 5 of 1,000 at worst (50 sensors); of random walks 5-40 %
    /// were with 400 rows, 37-100 % with 1,000 and 83-100 % with 4,000.
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
        let apart = apart(x, kept, running)?;
        let most = apart.iter().fold(0.0_f64, |most, &far| most.max(far));
        let mean_square = apart.iter().map(|far| far * far).sum::<f64>() / apart.len().max(1) as f64;
        let far = (90.0 / (rows as f64).sqrt()).max(1.0);
        let one = share > 0.03 && most > far;
        let all = share > (400.0 / rows as f64).max(0.05) && mean_square.sqrt() > 1.2;
        if !one && !all {
            return Ok(None);
        }
        let least = if one { far } else { most.min(1.2) };
        let columns = kept.iter().zip(&apart).filter(|(_, apart)| **apart >= least).map(|(&column, _)| column);
        Ok(Some(Self {
            expected: crossed(halves, counts, alpha / parts)?.max(alpha),
            columns: columns.gathered("the columns that wander")?,
            limits: halves
                .iter()
                .map(|values| HeldOut::of(&mut copied(values, "statistics")?, counts))
                .gathered_ok("limits")?,
        }))
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

/// How far the means of the halves of each of the columns lie apart, in units of the spread within them.
fn apart(x: Samples<'_>, columns: &[usize], running: Option<&[bool]>) -> Result<Vec<f64>> {
    let rows = x.rows();
    let mut found = room(columns.len(), 1, 0.0, "a level for each column")?;
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
            let (first, second) = values.split_at_mut(rows / 2);
            let [(mean, spread), (other, wide)] = [first, second].map(|half| {
                let known = keep_known(half);
                mean_and_deviation(&half[..known])
            });
            let gap = (mean - other).abs();
            let within = spread.hypot(wide) / std::f64::consts::SQRT_2;
            *found = if gap > 0.0 { (gap / within).min(FAR) } else { 0.0 };
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
        let found = apart(x.view().into(), &[0, 1, 2], None).unwrap();
        assert_eq!(found, [4.0, FAR, 0.0]);
        assert!(comparable(100, 1) && !comparable(99, 1) && comparable(2000, 200) && !comparable(9999, 201));
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
