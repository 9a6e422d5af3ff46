//! Time-weighted means row by row: the columns' windows as the function of the whole slides them.

use acm_linalg::lanes::{Element, LANES, Row};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::{Result, Table};

use crate::rolling::{Reading, TimeColumn, TimeMean};

const WHAT: &str = "the readings of a window";

/// The readings of each column that may still count.
#[derive(Debug)]
pub(super) struct Standing(Vec<TimeColumn>);

impl Standing {
    pub(super) fn new(columns: usize) -> Result<Self> {
        let columns = (0..columns).map(|_| TimeColumn::of(Vec::new()));
        columns.gathered("the columns").map(Self)
    }

    /// A copy to move on.
    pub(super) fn copy(&self) -> Result<Self> {
        let copied = |column: &TimeColumn| Ok(TimeColumn::of(column.readings().gathered(WHAT)?));
        self.0.iter().map(copied).gathered_ok("the columns").map(Self)
    }

    /// Room for rows, so that to take them in does not fail.
    pub(super) fn make_room(&mut self, rows: usize) -> Result<()> {
        self.0.iter_mut().try_for_each(|column| column.make_room(rows))
    }

    /// The means of one more row, whose time is `now`.
    pub(super) fn step<T: Element>(&mut self, how: TimeMean, now: i64, row: &Table<'_, T>, out: &mut [Row]) {
        for (number, column) in self.0.iter_mut().enumerate() {
            column.push(now, row.value(0, number).widen());
            out[number / LANES].0[number % LANES] = column.mean(now, how);
        }
    }

    /// How many readings each column has.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|column| column.readings().len() as u64)
    }

    /// Column after column.
    pub(super) fn readings(&self) -> impl Iterator<Item = Reading> {
        self.0.iter().flat_map(TimeColumn::readings)
    }

    /// What [`Self::counts`] and [`Self::readings`] gave; none unless each column's are in order, none after `now`.
    pub(super) fn from_readings(counts: &[u64], times: &[u64], values: &[f64], now: i64) -> Result<Option<Self>> {
        let mut columns = reserved(counts.len(), "the columns")?;
        let mut readings = times.iter().zip(values).map(|(&time, &value)| Reading {
            time: time.cast_signed(),
            value,
        });
        for &count in counts {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let own: Vec<Reading> = readings.by_ref().take(count).gathered(WHAT)?;
            let sound = own.len() == count
                && own.iter().all(|reading| reading.value.is_finite() && reading.time <= now)
                && own.is_sorted_by_key(|reading| reading.time);
            if !sound {
                return Ok(None);
            }
            columns.push(TimeColumn::of(own));
        }
        Ok((readings.next().is_none() && times.len() == values.len()).then_some(Self(columns)))
    }
}

#[cfg(test)]
mod tests {
    use super::Standing;

    fn taken(counts: &[u64], times: &[u64], values: &[f64]) -> bool {
        Standing::from_readings(counts, times, values, 7).unwrap().is_some()
    }

    #[test]
    fn readings_that_nobody_can_have_kept_are_refused() {
        assert!(taken(&[2, 0, 1], &[3, 7, 5], &[1.0, 2.0, 3.0]));
        for (place, value) in [(0, f64::NAN), (1, f64::INFINITY), (2, f64::NEG_INFINITY)] {
            let mut values = [1.0, 2.0, 3.0];
            values[place] = value;
            assert!(!taken(&[2, 0, 1], &[3, 7, 5], &values), "{value}");
        }
        assert!(!taken(&[2, 0, 1], &[3, 8, 5], &[1.0, 2.0, 3.0]), "after the last row");
        assert!(!taken(&[2, 0, 1], &[7, 3, 5], &[1.0, 2.0, 3.0]), "not in order");
        assert!(!taken(&[2, 0, 2], &[3, 7, 5], &[1.0, 2.0, 3.0]), "too few");
        assert!(!taken(&[2, 0, 0], &[3, 7, 5], &[1.0, 2.0, 3.0]), "too many");
        assert!(!taken(&[2, 0, 1], &[3, 7, 5], &[1.0, 2.0, 3.0, 4.0]), "one without a time");
    }
}
