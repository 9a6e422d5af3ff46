//! Cycles of a history: their periods, and how much of the history they explain.
//!
//! A column is freed of its trend, of shifts of its level and of far values; gaps are bridged by straight lines. Peaks of
//! Hann's periodogram are then held against the bins on either side of them: a peak must stand out from both, so that the
//! colour of the noise does not matter as long as its spectrum is smooth over some forty bins. The strongest peak becomes a
//! cycle: its frequency and harmonics are fitted by least squares to the known values alone and taken off, and the search
//! goes on in what is left.

mod cycle;
mod peaks;
#[cfg(test)]
mod tests;
mod trend;

use std::sync::OnceLock;

use acm_linalg::columns::reserve;
use acm_linalg::error::require;
use acm_linalg::lanes::Element;
use acm_linalg::memory::{Gather, push};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Result, Table};
use ndarray::{ArrayViewMut2, Axis};

use self::cycle::{Cycle, HARMONICS};
use self::peaks::{CYCLES, Peaks, nearest_bin};
use self::trend::Record;
use super::transform::{Transform, plan, require_shape};

/// Probability that a column of noise is said to have a cycle.
const FALSE_ALARM: f64 = 0.01;

/// The same for one harmonic of a cycle that is there.
const FALSE_HARMONIC: f64 = 0.01;

/// And for a longer cycle of which the peak found is a harmonic.
const FALSE_FUNDAMENTAL: f64 = 1e-4;

/// Fewest rows of a cycle.
const ROWS: f64 = 4.0;

/// Most times that a longer cycle may be as long as one of which it takes in the peak.
const FOLDED: usize = 12;

/// Share of a peak's amplitude that a longer cycle must have to take it in as a harmonic.
const FUNDAMENTAL: f64 = 0.2;

/// How near in frequency a second cycle may not come to a first: bins, and share of the frequency. Cycles whose size changes
/// in the course of the data have such neighbours.
const NEAR: (f64, f64) = (3.0, 0.03);

/// Times that a harmonic must exceed those before it to be a cycle of its own, from the fourth on.
const OUTGROWN: f64 = 2.0;

/// Share of the squares under which nothing is left but rounding and what fitting left over.
const NOTHING: f64 = 1e-16;

/// Estimated time of a row of one column.
const ROW_NS: f64 = 600.0;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    fs: f64,
    periods: Periods,
}

#[derive(Debug, Clone, PartialEq)]
enum Periods {
    Most(usize),
    Given(Vec<f64>),
}

impl Search {
    /// The strongest cycles of each column, `max_periods` at most; `fs` rows per unit of time.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] where `fs` is not positive and finite or `max_periods` is not from 1 to 100.
    pub fn strongest(fs: f64, max_periods: usize) -> Result<Self> {
        require(fs > 0.0 && fs < f64::INFINITY, "fs", "positive and finite", fs)?;
        require((1..=100).contains(&max_periods), "max_periods", "between 1 and 100", max_periods)?;
        Ok(Self {
            fs,
            periods: Periods::Most(max_periods),
        })
    }

    /// Cycles of the given periods, in units of `1 / fs`, and no others.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] where `fs` is not positive and finite, there is no period, or one is shorter than four
    /// rows or not finite.
    pub fn among(fs: f64, periods: impl Into<Vec<f64>>) -> Result<Self> {
        let periods = periods.into();
        require(fs > 0.0 && fs < f64::INFINITY, "fs", "positive and finite", fs)?;
        require(!periods.is_empty(), "periods", "at least one period", periods.len())?;
        for &period in &periods {
            let long = period * fs >= ROWS && period * fs < f64::INFINITY;
            require(long, "periods", "finite and at least four rows long", period)?;
        }
        Ok(Self {
            fs,
            periods: Periods::Given(periods),
        })
    }

    /// Number of cycles a column has room for.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.periods {
            Periods::Most(most) => *most,
            Periods::Given(periods) => periods.len(),
        }
    }
}

/// Where the cycles of a history go, each array (d, [`Search::len`]), NaN where there is none.
#[derive(Debug)]
pub struct Seasons<'a, T> {
    /// Length of the cycle, in units of `1 / fs`.
    pub period: ArrayViewMut2<'a, T>,
    /// Share of the variance that the cycle explains, with its harmonics: `1 - var(R) / var(R + S)`, where S is the cycle and R
    /// what is left when trend and all cycles are taken off.
    pub strength: ArrayViewMut2<'a, T>,
    /// Time of the fundamental's crest, in units of `1 / fs` from the first row: in `[0, period)`.
    pub phase: ArrayViewMut2<'a, T>,
    /// Half the peak-to-peak of the fundamental, in the unit of x.
    pub amplitude: ArrayViewMut2<'a, T>,
}

/// Finds the cycles of each column.
///
/// Cycles of at least four rows are found where the data span at least four of them; strongest first, given periods in the
/// order given. The harmonics of a cycle (whole fractions of its period) are part of it.
///
/// Errors: a column of noise whose spectrum is smooth over some forty bins (white, autoregressive, random walk, with gaps,
/// trend, spikes or stretches that stand still) is said to have a cycle with a probability of at most 1 %. Simulated rates
/// over 60 to 10,770 rows are 0.4 % and less, 0.8 % and less where periods are given. A spectrum with a narrower hump is not
/// smooth: noise that ran through a moving average as long as a fortieth of the data was taken for a cycle in 6 to 12 % of
/// columns, one of a twentieth in up to 3 %; differences over seven rows in 3 %, a resonance of AR(2) with radius 0.99 in 5
/// to 9 %. The sidebands of a modulated cycle (a day that is weaker on weekends) may be taken for cycles of their own.
///
/// Shapes: x (n, d); every output (d, `search.len()`).
/// Missing: NaN and infinity are skipped; bridged by straight lines where a spectrum is needed.
/// Far values: those over eight robust standard deviations from the trend are drawn in to that distance.
/// Cost: O(n log n) a column and cycle. Threads: columns. Scratch of a thread: 64 bytes a row and, where the number of rows
/// has large prime factors, up to 64 more.
/// Sources: the share of variance is the seasonal strength of X. Wang, K. Smith, R. Hyndman, "Characteristic-based
/// clustering for time series data", Data Min. Knowl. Discov. 13, 2006, doi:10.1007/s10618-005-0039-x; a peak against the mean
/// of its neighbours follows R. A. Fisher, "Tests of significance in harmonic analysis", Proc. R. Soc. A 125, 1929,
/// doi:10.1098/rspa.1929.0151, with local noise.
///
/// # Examples
///
/// ```
/// use acm_features::spectral::{Search, Seasons, seasonality};
/// use ndarray::Array2;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // Two weeks of hours, with a day.
/// let x = Array2::from_shape_fn((14 * 24, 1), |(row, _)| 3.0 * (std::f64::consts::TAU * row as f64 / 24.0).cos());
/// let search = Search::strongest(1.0, 1)?;
/// let mut found = [(); 4].map(|()| Array2::zeros((1, search.len())));
/// let [period, strength, phase, amplitude] = found.each_mut().map(|array| array.view_mut());
/// seasonality(x.view(), &search, Seasons { period, strength, phase, amplitude })?;
/// let [period, strength, _, amplitude] = found.map(|array| array[[0, 0]]);
/// assert!((period - 24.0).abs() < 0.01 && strength > 0.99 && (amplitude - 3.0).abs() < 0.01);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for another output; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn seasonality<'a, T: Element>(x: impl Into<Table<'a, T>>, search: &Search, mut out: Seasons<'_, T>) -> Result<()> {
    let x = x.into();
    let (rows, columns) = x.dim();
    let shape = (columns, search.len());
    for (name, array) in [
        ("period", &mut out.period),
        ("strength", &mut out.strength),
        ("phase", &mut out.phase),
        ("amplitude", &mut out.amplitude),
    ] {
        require_shape(name, array.dim(), shape)?;
        array.fill(T::narrow(f64::NAN));
    }
    if x.is_empty() {
        return Ok(());
    }
    let jobs = out
        .period
        .axis_iter_mut(Axis(0))
        .zip(out.strength.axis_iter_mut(Axis(0)))
        .zip(out.phase.axis_iter_mut(Axis(0)))
        .zip(out.amplitude.axis_iter_mut(Axis(0)))
        .enumerate();
    let cost = ROW_NS * x.len() as f64;
    let failure = OnceLock::new();
    parallel::run(
        jobs,
        cost,
        || Column::new(rows),
        |scratch, (column, (((mut period, mut strength), mut phase), mut amplitude)), stop| {
            let found = scratch.search(x.column(column).iter(), search, stop);
            let found = found.unwrap_or_else(|error| {
                // The first one counts.
                let _ = failure.set(error);
                Vec::new()
            });
            for one in found {
                let given = match &search.periods {
                    Periods::Most(_) => None,
                    Periods::Given(periods) => Some(periods[one.place]),
                };
                let rows = one.cycle.period();
                let crest = (one.cycle.crest() + scratch.record.first as f64).rem_euclid(rows);
                period[one.place] = T::narrow(given.unwrap_or(rows / search.fs));
                strength[one.place] = T::narrow(one.strength);
                phase[one.place] = T::narrow(if crest < rows { crest / search.fs } else { 0.0 });
                amplitude[one.place] = T::narrow(one.cycle.amplitude() * scratch.record.unit);
            }
        },
    )?;
    failure.into_inner().map_or(Ok(()), Err)
}

/// A cycle that was found.
struct Found {
    cycle: Cycle,
    /// Turns over the data.
    frequency: f64,
    /// Amplitude of each harmonic's bin when the cycle was found; from number 1 on.
    amplitudes: [f64; HARMONICS + 1],
    strength: f64,
    /// Where it goes in the output.
    place: usize,
}

impl Found {
    /// Whether a peak is the cycle itself or one of its harmonics.
    fn takes_in(&self, bin: usize, amplitude: f64) -> bool {
        let number = nearest_bin(bin as f64 / self.frequency);
        let distance = (bin as f64 - number as f64 * self.frequency).abs();
        match number {
            0 => false,
            1 => distance <= NEAR.0.max(NEAR.1 * self.frequency),
            // Harmonics of a slow cycle lie so close that they must not take in everything between them.
            _ => distance <= NEAR.0.min(self.frequency / 8.0) && !outgrown(number, amplitude, &self.amplitudes),
        }
    }
}

/// Whether the peak at harmonic `number` is too large to be one: the harmonics of a wave with jumps fall off like 1 / number,
/// those of short pulses not at all, but none stands up above all that come before it.
fn outgrown(number: usize, amplitude: f64, amplitudes: &[f64; HARMONICS + 1]) -> bool {
    let before = amplitudes[2..number.clamp(2, HARMONICS + 1)].iter().copied().fold(0.0, f64::max);
    number >= 4 && amplitude > OUTGROWN * before && amplitude > OUTGROWN * amplitudes[1] / number as f64
}

/// What a thread keeps between columns.
struct Column {
    record: Record,
    /// The record's values less the cycles found, levelled.
    rest: Vec<f64>,
    /// Space for what needs one value a row and one more.
    spare: Vec<f64>,
    peaks: Peaks,
    transform: Option<Transform>,
}

impl Column {
    fn new(rows: usize) -> Result<Self> {
        Ok(Self {
            record: Record::new(rows)?,
            rest: reserve(rows, 0.0, "a column")?,
            spare: reserve(rows + 1, 0.0, "sums of a column")?,
            peaks: Peaks::new(rows)?,
            transform: None,
        })
    }

    /// The cycles of a column; none where the work was stopped.
    fn search<'a, T: Element>(
        &mut self,
        column: impl Iterator<Item = &'a T>,
        search: &Search,
        stop: &Stop,
    ) -> Result<Vec<Found>> {
        let mut found: Vec<Found> = Vec::new();
        if !self.record.read(column, &mut self.spare) {
            return Ok(found);
        }
        let span = self.record.span();
        let mut whole = None;
        while found.len() < search.len() && !stop.requested() {
            let squares = self.level(&found);
            if squares <= NOTHING * *whole.get_or_insert(self.record.values.len() as f64 + squares) {
                break;
            }
            if !self.measure(stop)? {
                return Ok(Vec::new());
            }
            let next = match &search.periods {
                Periods::Most(_) => self.next(&found),
                Periods::Given(periods) => self.next_given(&found, periods, search.fs),
            };
            let Some((frequency, place)) = next else { break };
            let one = match &search.periods {
                Periods::Most(_) => self.describe(frequency, place, &[], stop),
                Periods::Given(periods) => {
                    let others = periods.iter().map(|period| span as f64 / (period * search.fs));
                    self.describe(frequency, place, &others.gathered("the periods")?, stop)
                }
            };
            push(&mut found, one, "the periods")?;
        }
        self.settle(&mut found, matches!(search.periods, Periods::Most(_)), stop);
        if stop.requested() {
            return Ok(Vec::new());
        }
        if let Periods::Most(_) = search.periods {
            found.sort_by(|a, b| b.strength.total_cmp(&a.strength));
            for (place, one) in found.iter_mut().enumerate() {
                one.place = place;
            }
        }
        Ok(found)
    }

    /// The values less the cycles found, without slope and shifts; the sum of their squares.
    fn level(&mut self, found: &[Found]) -> f64 {
        let Record { rows, values, .. } = &self.record;
        self.rest.clear();
        self.rest.extend_from_slice(values);
        for one in found {
            one.cycle.add_to(&mut self.rest, rows, -1.0);
        }
        trend::level(&mut self.rest, rows, &mut self.spare)
    }

    /// The spectrum of the rest, its gaps bridged by straight lines: whether it is there, or the work was stopped.
    fn measure(&mut self, stop: &Stop) -> Result<bool> {
        let span = self.record.span();
        let transform = match &mut self.transform {
            Some(transform) if transform.series.len() == span => transform,
            other => {
                // Before there is another.
                *other = None;
                other.insert(Transform::new(&plan(span, stop)?)?)
            }
        };
        let mut before: Option<(usize, f64)> = None;
        for (&row, &value) in self.record.rows.iter().zip(&self.rest) {
            if let Some((start, from)) = before {
                let slope = (value - from) / (row - start) as f64;
                for (step, place) in (1..).zip(&mut transform.series[start + 1..row]) {
                    *place = from + slope * f64::from(step);
                }
            }
            transform.series[row] = value;
            before = Some((row, value));
        }
        if !transform.run(stop) {
            return Ok(false);
        }
        self.peaks.measure(&transform.spectrum, span);
        Ok(true)
    }

    /// The frequency of the peak that stands out most, if it does: of the longest cycle of which it is a harmonic.
    fn next(&self, found: &[Found]) -> Option<(f64, usize)> {
        let peaks = &self.peaks;
        let free = |bin: usize| !found.iter().any(|one| one.takes_in(bin, peaks.amplitude(bin)));
        let last = self.last();
        let mut best = (0.0, 0);
        for bin in CYCLES..=last {
            let probability = peaks.log_probability(bin);
            if probability < best.0 && free(bin) {
                best = (probability, bin);
            }
        }
        let (probability, bin) = best;
        if bin == 0 || probability + ((last - CYCLES + 1) as f64).ln() > FALSE_ALARM.ln() {
            return None;
        }
        let frequency = peaks.between(bin);
        for number in (2..=FOLDED).rev() {
            let fundamental = frequency / number as f64;
            let bin_below = peaks.highest_near(fundamental);
            if nearest_bin(fundamental) >= CYCLES
                && peaks.log_probability(bin_below) < FALSE_FUNDAMENTAL.ln()
                && peaks.amplitude(bin_below) >= FUNDAMENTAL * peaks.amplitude(bin)
                && free(bin_below)
                && !outgrown(number, peaks.amplitude(bin), &self.amplitudes(fundamental))
            {
                return Some((fundamental, found.len()));
            }
        }
        Some((frequency, found.len()))
    }

    /// The given period that stands out most and has not been found, if it does.
    fn next_given(&self, found: &[Found], periods: &[f64], fs: f64) -> Option<(f64, usize)> {
        let mut best = (FALSE_ALARM.ln() - (periods.len() as f64).ln(), None);
        for (place, period) in periods.iter().enumerate() {
            let frequency = self.record.span() as f64 / (period * fs);
            let bin = nearest_bin(frequency);
            if (CYCLES..=self.last()).contains(&bin) && !found.iter().any(|one| one.place == place) {
                let probability = self.peaks.log_probability(bin);
                if probability < best.0 {
                    best = (probability, Some((frequency, place)));
                }
            }
        }
        best.1
    }

    /// The highest bin that is looked at: a cycle has at least four known rows.
    fn last(&self) -> usize {
        (self.record.rows.len() / 4).min(self.peaks.last())
    }

    /// Amplitudes of the first harmonics of a frequency; from number 1 on.
    fn amplitudes(&self, frequency: f64) -> [f64; HARMONICS + 1] {
        let mut amplitudes = [0.0; HARMONICS + 1];
        for (number, amplitude) in amplitudes.iter_mut().enumerate().skip(1) {
            let place = frequency * number as f64;
            if nearest_bin(place) <= self.peaks.last() {
                *amplitude = self.peaks.amplitude(self.peaks.highest_near(place));
            }
        }
        amplitudes
    }

    /// Fits the cycle of `frequency` with those of its harmonics that stand out. `others` are the given frequencies, this
    /// one among them: they are not its harmonics, and it is not moved.
    fn describe(&self, frequency: f64, place: usize, others: &[f64], stop: &Stop) -> Found {
        let span = self.record.span();
        let amplitudes = self.amplitudes(frequency);
        let mut numbers = vec![1];
        let mut own: Vec<usize> = Vec::new();
        let mut tuned = frequency;
        for number in 2..=HARMONICS {
            let target = tuned * number as f64;
            if nearest_bin(target) > self.peaks.last() || own.iter().any(|own| number % own == 0) {
                continue;
            }
            let bin = self.peaks.highest_near(target);
            let given = others.iter().any(|&other| {
                let turns = (target / other).round();
                other > frequency && (target - turns * other).abs() < 0.5
            });
            if given || self.peaks.log_probability(bin) > FALSE_HARMONIC.ln() {
                continue;
            }
            if outgrown(number, self.peaks.amplitude(bin), &amplitudes) {
                own.push(number);
                continue;
            }
            numbers.push(number);
            if others.is_empty() {
                tuned = self.peaks.between(bin) / number as f64;
            }
        }
        let mut cycle = Cycle::new(tuned, span, numbers);
        if others.is_empty() {
            cycle.tune(&self.rest, &self.record.rows, span, stop);
        }
        cycle.fit(&self.rest, &self.record.rows, span);
        Found {
            frequency: span as f64 / cycle.period(),
            cycle,
            amplitudes,
            strength: 0.0,
            place,
        }
    }

    /// Fits each cycle once more where the others are taken off, and says how strong it is.
    fn settle(&mut self, found: &mut [Found], free: bool, stop: &Stop) {
        let span = self.record.span();
        self.level(found);
        let (rest, rows) = (&mut self.rest, &self.record.rows);
        if found.len() > 1 {
            for one in found.iter_mut() {
                one.cycle.add_to(rest, rows, 1.0);
                if free {
                    one.cycle.tune(rest, rows, span, stop);
                }
                one.cycle.fit(rest, rows, span);
                one.cycle.add_to(rest, rows, -1.0);
            }
        }
        for one in found {
            let (left, with) = one.cycle.squares(rest, rows);
            one.strength = if with > 0.0 { (1.0 - left / with).max(0.0) } else { 0.0 };
        }
    }
}
