//! Readings that are none, each judged by its own sensor.

use acm_linalg::lanes::LANES;
use acm_linalg::memory::{Gather, push};
use acm_linalg::samples::room;
use acm_linalg::scaling::{keep_known, mad_about, quantile};
use acm_linalg::{Result, Samples, parallel};

use super::{Code, WHAT};

/// A sensor with no more different values than this has states, not readings.
const FEW_VALUES: usize = 20;

/// Repeats beyond so many times the usual length of a repeat are a stuck sensor.
const LONG: f64 = 10.0;

/// A run that is this unlikely in the whole history, by the sensor's own share of repeats, is no chance.
const CHANCE: f64 = 1e-3;

/// A sensor that changes in a smaller share of the running rows is not one that moves.
const MOVING: f64 = 0.2;

/// Scales beyond which a reading is far.
const FAR: f64 = 8.0;

/// Share of the rows that an error code, or a stuck sensor, has at most.
const MOST_CODES: f64 = 0.1;

/// Share of the rows that spikes are at most.
const MOST_SPIKES: f64 = 0.05;

/// Rows that a spike lasts at most.
const SPIKE: usize = 3;

/// Scale of the median absolute deviation that is the standard deviation of normal numbers.
const NORMAL: f64 = 1.4826;

/// Standard deviations between the median and the 85 % quantile of normal numbers.
const Q85: f64 = 1.036;

/// Estimated time for a value, in nanoseconds.
const COST_NS: f64 = 30.0;

const MISSING: u8 = 1;
const FROZEN: u8 = 2;
const OUTLYING: u8 = 4;
const BAD: u8 = 8;
const STUCK: u8 = 16;

/// How a sensor behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sensor {
    /// Many different values, and half of them known.
    many: bool,
    /// It moves in the running rows: what follows is of it.
    pub(super) moves: bool,
    pub(super) median: f64,
    up: f64,
    down: f64,
}

impl Sensor {
    /// The greater of its one-sided scales.
    pub(super) fn scale(&self) -> f64 {
        self.up.max(self.down)
    }
}

/// What was found, by sensor and row.
#[derive(Debug)]
pub(super) struct Marks {
    rows: usize,
    pub(super) sensors: Vec<Sensor>,
    /// Column by column.
    marks: Vec<u8>,
    /// Rows in which the machine stands still.
    still: Vec<bool>,
    /// Rows of which half of the sensors' readings are bad.
    gone: Vec<bool>,
    bad: usize,
    pub(super) codes: Vec<Code>,
}

impl Marks {
    pub(super) fn of(x: Samples<'_>) -> Result<Self> {
        let (rows, columns) = (x.rows(), x.columns());
        let unknown = Sensor {
            many: false,
            moves: false,
            median: 0.0,
            up: 0.0,
            down: 0.0,
        };
        let mut found = Self {
            rows,
            sensors: room(columns, 1, unknown, WHAT)?,
            marks: room(columns, rows, 0, WHAT)?,
            still: room(rows, 1, false, WHAT)?,
            gone: room(rows, 1, false, WHAT)?,
            bad: 0,
            codes: Vec::new(),
        };
        let mut codes = room(columns, 1, Vec::new(), WHAT)?;
        found.by_column(x, &mut codes, |desk, sensor, marks, _| desk.repeats(sensor, marks))?;
        found.stand_still()?;
        let still = std::mem::take(&mut found.still);
        found.by_column(x, &mut codes, |desk, sensor, marks, _| desk.scales(&still, sensor, marks))?;
        let wide = found.wide()?;
        found.by_column(x, &mut codes, |desk, sensor, marks, codes| desk.codes(&wide, &still, sensor, marks, codes))?;
        found.still = still;
        for (column, codes) in codes.into_iter().enumerate() {
            for (value, count) in codes {
                push(&mut found.codes, Code { column, value, count }, WHAT)?;
            }
        }
        found.bad = found.marks.iter().filter(|&&mark| mark & BAD != 0).count();
        found.lose()?;
        Ok(found)
    }

    fn by_column(
        &mut self,
        x: Samples<'_>,
        codes: &mut [Codes],
        look: impl Fn(&mut Desk<'_>, &mut Sensor, &mut [u8], &mut Codes) + Sync,
    ) -> Result<()> {
        let (rows, columns) = (self.rows, self.sensors.len());
        let group = columns.div_ceil(parallel::num_threads()).min(LANES);
        let sensors = self
            .sensors
            .chunks_mut(group)
            .zip(self.marks.chunks_mut(group * rows))
            .zip(codes.chunks_mut(group));
        parallel::run(
            sensors.enumerate(),
            COST_NS * (rows * columns) as f64,
            || Ok((room(group, rows, 0.0, "some columns")?, room(rows, 1, 0.0, "a column")?)),
            |(values, spare), (number, ((sensors, marks), codes)), stop| {
                let first = number * group;
                let values = &mut values[..sensors.len() * rows];
                x.read_columns(first..first + sensors.len(), values);
                let columns = values.chunks_exact(rows).zip(marks.chunks_exact_mut(rows));
                for ((sensor, codes), (values, marks)) in sensors.iter_mut().zip(codes).zip(columns) {
                    if stop.requested() {
                        return;
                    }
                    look(&mut Desk { values, spare }, sensor, marks, codes);
                }
            },
        )
    }

    /// For each row, at how many of the sensors that `which` names the mark has a bit of `bits`.
    fn counts(&self, which: impl Fn(&Sensor) -> bool, bits: u8, none: u8) -> Result<Vec<u32>> {
        let mut counts = room(self.rows, 1, 0, WHAT)?;
        for (_, marks) in self.sensors.iter().zip(self.marks.chunks_exact(self.rows)).filter(|pair| which(pair.0)) {
            for (count, mark) in counts.iter_mut().zip(marks) {
                *count += u32::from(mark & bits != 0 && mark & none == 0);
            }
        }
        Ok(counts)
    }

    fn many(&self) -> usize {
        self.sensors.iter().filter(|sensor| sensor.many).count()
    }

    fn stand_still(&mut self) -> Result<()> {
        let many = self.many();
        if many > 0 {
            let frozen = self.counts(|sensor| sensor.many, FROZEN, BAD)?;
            for (still, frozen) in self.still.iter_mut().zip(frozen) {
                *still = 2 * frozen as usize >= many;
            }
        }
        Ok(())
    }

    /// Rows in which more than a quarter of the sensors are far: what they say is judged together.
    fn wide(&self) -> Result<Vec<bool>> {
        let most = (self.sensors.len() / 4).max(1);
        let far = self.counts(|_| true, OUTLYING, 0)?;
        far.iter().map(|&far| far as usize > most).gathered(WHAT)
    }

    /// Rows of which half of the sensors are bad.
    fn lose(&mut self) -> Result<()> {
        let many = self.many();
        if self.bad > 0 && many > 0 {
            let bad = self.counts(|sensor| sensor.many, BAD, 0)?;
            for (gone, bad) in self.gone.iter_mut().zip(bad) {
                *gone = 2 * bad as usize >= many;
            }
            self.stand_still()?;
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    fn mark(&self, row: usize, column: usize) -> u8 {
        self.marks[column * self.rows + row]
    }

    pub(super) fn bad(&self, row: usize, column: usize) -> bool {
        self.mark(row, column) & BAD != 0
    }

    pub(super) fn stuck(&self, row: usize, column: usize) -> bool {
        self.mark(row, column) & STUCK != 0
    }

    /// Neither missing nor bad.
    pub(super) fn sound(&self, row: usize, column: usize) -> bool {
        self.mark(row, column) & (MISSING | BAD) == 0
    }

    pub(super) fn still(&self, row: usize) -> bool {
        self.still[row]
    }

    pub(super) fn gone(&self, row: usize) -> bool {
        self.gone[row]
    }

    pub(super) fn bad_cells(&self) -> usize {
        self.bad
    }
}

/// Values, and how often each.
type Codes = Vec<(f64, u64)>;

/// Where a column is looked at.
struct Desk<'a> {
    values: &'a [f64],
    spare: &'a mut [f64],
}

impl Desk<'_> {
    /// Missing values, and runs of equal values far longer than the sensor's others.
    fn repeats(&mut self, sensor: &mut Sensor, marks: &mut [u8]) {
        let Self { values, spare } = self;
        let rows = values.len();
        let mut known = 0;
        let mut seen = [0.0; FEW_VALUES];
        let mut different = 0;
        for (value, mark) in values.iter().zip(&mut *marks) {
            *mark = 0;
            if !value.is_finite() {
                *mark = MISSING;
                continue;
            }
            known += 1;
            if different <= FEW_VALUES && !seen[..different.min(FEW_VALUES)].contains(value) {
                if different < FEW_VALUES {
                    seen[different] = *value;
                }
                different += 1;
            }
        }
        sensor.many = different > FEW_VALUES && 2 * known >= rows;
        if !sensor.many || values.windows(2).all(|two| two[0] != two[1]) {
            return;
        }
        let mut count = 0;
        for run in values.chunk_by(|one, next| one == next).filter(|run| run[0].is_finite()) {
            spare[count] = run.len() as f64;
            count += 1;
        }
        let usual = quantile(&mut spare[..count], 0.5).max(1.0);
        let short = spare[..count].iter().filter(|&&length| length < LONG * usual);
        let (runs, inside) = short.fold((0.0, 0.0), |(runs, inside), length| (runs + 1.0, inside + length));
        let repeats = (inside - runs) / inside;
        let mut longest = LONG * usual;
        if repeats > 0.0 {
            longest = longest.max((CHANCE / rows as f64).ln() / repeats.ln());
        }
        let mut first = 0;
        for run in values.chunk_by(|one, next| one == next) {
            if run.len() as f64 >= longest && run[0].is_finite() {
                marks[first..first + run.len()].iter_mut().for_each(|mark| *mark |= FROZEN);
            }
            first += run.len();
        }
    }

    /// Where the sensor lies in the running rows, what is far from there, and where it is stuck while the others run.
    fn scales(&mut self, still: &[bool], sensor: &mut Sensor, marks: &mut [u8]) {
        if !sensor.many {
            return;
        }
        let Self { values, spare } = self;
        let (mut pairs, mut changes, mut count) = (0, 0, 0);
        let mut stuck = 0;
        for row in 0..values.len() {
            if still[row] || marks[row] & MISSING != 0 {
                continue;
            }
            if row > 0 && !still[row - 1] && marks[row - 1] & MISSING == 0 {
                pairs += 1;
                changes += usize::from(values[row] != values[row - 1]);
            }
            if marks[row] & FROZEN == 0 {
                spare[count] = values[row];
                count += 1;
            } else {
                stuck += 1;
            }
        }
        if count < 10 || (changes as f64) < MOVING * pairs as f64 {
            return;
        }
        let running = &mut spare[..count];
        let middle = quantile(running, 0.5);
        let (high, low) = (quantile(running, 0.85), quantile(running, 0.15));
        let mad = NORMAL * mad_about(running, middle);
        sensor.median = middle;
        sensor.up = mad.max((high - middle) / Q85);
        sensor.down = mad.max((middle - low) / Q85);
        sensor.moves = sensor.up > 0.0 && sensor.down > 0.0 && sensor.scale().is_finite();
        if !sensor.moves {
            return;
        }
        for (value, mark) in values.iter().zip(&mut *marks) {
            let far = *value > middle + FAR * sensor.up || *value < middle - FAR * sensor.down;
            *mark |= if far && *mark & MISSING == 0 { OUTLYING } else { 0 };
        }
        if stuck > 0 && stuck as f64 <= MOST_CODES * values.len() as f64 {
            for (mark, still) in marks.iter_mut().zip(still) {
                if *mark & FROZEN != 0 && !still {
                    *mark |= BAD | STUCK;
                }
            }
        }
    }

    /// Error codes and spikes.
    fn codes(&mut self, wide: &[bool], still: &[bool], sensor: &Sensor, marks: &mut [u8], codes: &mut Codes) {
        if sensor.moves {
            for (sign, scale) in [(1.0, sensor.up), (-1.0, sensor.down)] {
                self.side((wide, still), sign, scale, sensor.median, marks, codes);
            }
        } else {
            self.apart(marks, codes);
        }
    }

    /// On one side of a sensor that moves: what lies beyond a gap as wide as the way to it.
    fn side(
        &mut self,
        (wide, still): (&[bool], &[bool]),
        sign: f64,
        scale: f64,
        middle: f64,
        marks: &mut [u8],
        codes: &mut Codes,
    ) {
        let Self { values, spare } = self;
        let away = |row: usize| sign * (values[row] - middle);
        // Without an early end this goes by many values at a time.
        let far = |(value, mark): (&f64, &u8)| sign * (value - middle) > FAR * scale && mark & MISSING == 0;
        if !values.iter().zip(&*marks).fold(false, |any, pair| any | far(pair)) {
            return;
        }
        let mut count = 0;
        for row in 0..values.len() {
            if marks[row] & MISSING == 0 && away(row) > 0.0 {
                spare[count] = away(row);
                count += 1;
            }
        }
        let sorted = &mut spare[..count];
        sorted.sort_unstable_by(f64::total_cmp);
        let below = |place: usize| if place == 0 { 0.0 } else { sorted[place - 1] };
        let first = (0..count).find(|&place| sorted[place] > FAR * scale && below(place) <= sorted[place] / 2.0);
        let Some(first) = first else { return };
        let cut = sorted[first];
        let mut from = first;
        let most = MOST_CODES * values.len() as f64;
        for run in sorted[first..].chunk_by(|one, next| one == next) {
            let (length, next) = (run.len(), from + run.len());
            let lonely = run[0] - below(from) > scale && (next == count || sorted[next] - run[0] > scale);
            if lonely && length >= 2 && length as f64 <= most {
                let code = (0..values.len()).find(|&row| marks[row] & MISSING == 0 && away(row) == run[0]);
                // A machine that stands still reads something between nothing and what it reads otherwise.
                let rest = |code: f64| {
                    let there = || values.iter().zip(still).filter(|pair| *pair.0 == code);
                    code * middle > 0.0
                        && code.abs() < middle.abs()
                        && 5 * there().filter(|pair| *pair.1).count() >= 4 * there().count()
                };
                if let Some(code) = code.map(|row| values[row]).filter(|&code| code != 0.0 && !rest(code)) {
                    for (value, mark) in values.iter().zip(&mut *marks) {
                        if *value == code {
                            *mark = (*mark | BAD) & !STUCK;
                        }
                    }
                    if push(codes, (code, length as u64), WHAT).is_err() {
                        return;
                    }
                }
            }
            from = next;
        }
        let spikes = |marks: &[u8]| {
            let mut runs = Vec::new();
            let (mut row, mut total, mut zeros) = (0, 0, false);
            while row < values.len() {
                let far = |row: usize| marks[row] & (MISSING | BAD) == 0 && away(row) >= cut;
                if !far(row) {
                    row += 1;
                    continue;
                }
                let start = row;
                while row < values.len() && far(row) {
                    row += 1;
                }
                if row - start > SPIKE {
                    zeros |= values[start..row].iter().all(|&value| value == 0.0);
                } else {
                    total += row - start;
                    if push(&mut runs, start..row, WHAT).is_err() {
                        return Vec::new();
                    }
                }
            }
            if total as f64 > MOST_SPIKES * values.len() as f64 {
                return Vec::new();
            }
            runs.retain(|run| {
                let nothing = zeros && values[run.clone()].contains(&0.0);
                !nothing && !wide[run.clone()].contains(&true)
            });
            runs
        };
        for run in spikes(marks) {
            marks[run].iter_mut().for_each(|mark| *mark |= BAD);
        }
    }

    /// Of a sensor that has states, or hardly moves: a rare greatest or least value, far from all others.
    fn apart(&mut self, marks: &mut [u8], codes: &mut Codes) {
        let Self { values, spare } = self;
        spare.copy_from_slice(values);
        let count = keep_known(spare);
        let sorted = &mut spare[..count];
        sorted.sort_unstable_by(f64::total_cmp);
        let most = MOST_CODES * values.len() as f64;
        for _ in 0..2 * FEW_VALUES {
            let known = values.iter().zip(&*marks).filter(|pair| pair.1 & (MISSING | BAD) == 0);
            let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
            for (value, _) in known {
                least = least.min(*value);
                greatest = greatest.max(*value);
            }
            let low = sorted.iter().copied().find(|&value| value > least);
            let high = sorted.iter().rev().copied().find(|&value| value < greatest);
            let (Some(low), Some(high)) = (low, high) else { return };
            let found = [
                (least, low - least, greatest - low),
                (greatest, greatest - high, high - least),
            ];
            let code = found.into_iter().find(|&(code, gap, rest)| {
                let count = sorted.iter().filter(|&&value| value == code).count();
                code != 0.0 && gap > FAR * rest && (rest > 0.0 || nothing_else(code)) && count as f64 <= most
            });
            let Some((code, ..)) = code else { return };
            let mut count = 0;
            for (value, mark) in values.iter().zip(&mut *marks) {
                if *value == code {
                    *mark |= BAD;
                    count += 1;
                }
            }
            if push(codes, (code, count), WHAT).is_err() {
                return;
            }
        }
    }
}

/// Whether programs give this number where there is no reading; of a sensor with one other value nothing else tells.
fn nothing_else(code: f64) -> bool {
    const LIMITS: [f64; 5] = [32_767.0, 32_768.0, 65_535.0, 2_147_483_647.0, 2_147_483_648.0];
    let size = code.abs();
    let nines = [99.0, 999.0, 9_999.0, 99_999.0, 999_999.0, 9_999_999.0];
    nines.contains(&size) || LIMITS.contains(&size)
}

#[cfg(test)]
mod tests;
