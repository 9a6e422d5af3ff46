//! What training rows hold that no healthy machine does: error codes, spikes, stuck sensors, standstill and bad rows. Every
//! fit looks for it first, so that a few bad readings do not decide what is normal.
//!
//! The order matters. Impossible readings go first, each judged by its own sensor; then rows in which the machine stands
//! still are set apart; the rows left are judged together by a robust covariance; one stretch in which one sensor alone was off
//! is a fault that was repaired; and rows that are far from the others but come back alike are a state of the machine. What is found is told in
//! [`LeftOut`]. Data in which nothing is found are fitted as they are.

mod cells;
mod groups;
#[cfg(test)]
mod kinds_tests;
mod once;
mod robust;
#[cfg(test)]
mod tests;

use acm_linalg::memory::{Gather, push, reserved};
use acm_linalg::samples::{read_all, room};
use acm_linalg::{Error, Reader, Result, Samples, Writer};
use ndarray::Array2;

/// A bad share of the rows greater than this is no accident: the rows are kept.
const MOST_LEFT: f64 = 0.12;

/// A state of a smaller share of the rows has its own centre; the covariance spans the others by itself.
const RARE: f64 = 0.15;

/// Fewest rows that a robust covariance is made of.
const LEAST_ROWS: usize = 20;

/// What a training row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    /// Half of its readings are none.
    Gone,
    /// Not trained on.
    Left,
    /// Likewise, of a group of rows that are alike; a model of clusters learns from them.
    Alike,
    /// Likewise, where they are one stretch in which one sensor alone reads something else.
    Once,
    /// Of a state beside the main one.
    State(usize),
}

impl Kind {
    /// Whether it is not trained on.
    fn lost(self) -> bool {
        matches!(self, Self::Gone | Self::Left | Self::Alike | Self::Once)
    }
}

/// A value that stands for "no reading".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Code {
    /// The sensor.
    pub column: usize,
    /// What it reads.
    pub value: f64,
    /// How often.
    pub count: u64,
}

/// What a fit has not learned from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeftOut {
    /// Rows, rising.
    pub rows: Vec<u64>,
    /// For each sensor, readings of other rows; empty where there are none at all.
    pub readings: Vec<u64>,
    /// Those of them at which the sensor was stuck.
    pub stuck: Vec<u64>,
    /// Those of them that are error codes, by sensor and value.
    pub codes: Vec<Code>,
}

impl LeftOut {
    /// Whether all was learned from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.readings.is_empty()
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if !self.rows.is_empty() {
            to.counts("left_out.rows", &self.rows);
        }
        if !self.readings.is_empty() {
            to.counts("left_out.readings", &self.readings);
            to.counts("left_out.stuck", &self.stuck);
        }
        if !self.codes.is_empty() {
            to.counted("left_out.code_columns", self.codes.iter().map(|code| code.column as u64));
            to.measured("left_out.code_values", self.codes.iter().map(|code| code.value));
            to.counted("left_out.code_counts", self.codes.iter().map(|code| code.count));
        }
    }

    /// Of a model of so many columns.
    pub(crate) fn read(from: &Reader<'_>, columns: usize) -> Result<Self> {
        let counts = |name, length: Option<usize>| {
            if !from.has(name) {
                return Ok(Vec::new());
            }
            let length = length.map_or_else(|| from.length(name), Ok)?;
            from.counts(name, length)
        };
        let rows = counts("left_out.rows", None)?;
        from.require(rows.is_sorted_by(|one, next| one < next), "left_out.rows")?;
        let readings = counts("left_out.readings", Some(columns))?;
        let stuck = counts("left_out.stuck", Some(columns))?;
        from.require(readings.len() == stuck.len(), "left_out.stuck")?;
        let mut codes = Vec::new();
        if from.has("left_out.code_columns") {
            let count = from.length("left_out.code_columns")?;
            let places = from.counts("left_out.code_columns", count)?;
            let values = from.reals("left_out.code_values", count)?;
            let counts = from.counts("left_out.code_counts", count)?;
            for ((column, value), count) in places.into_iter().zip(values).zip(counts) {
                let column = usize::try_from(column).map_err(|_| from.wrong("left_out.code_columns"))?;
                from.require(column < columns, "left_out.code_columns")?;
                push(&mut codes, Code { column, value, count }, WHAT)?;
            }
        }
        Ok(Self {
            rows,
            readings,
            stuck,
            codes,
        })
    }
}

const WHAT: &str = "what the training rows hold";

const TO_TRAIN: &str = "the rows to train on";

/// A reading that is not trained on, and what the other sensors let expect; NaN where they tell nothing, or where the row is
/// of another state than those that it would be told from.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    row: usize,
    column: usize,
    value: f64,
    stuck: bool,
    /// Which of the codes.
    code: Option<usize>,
}

/// A way the machine runs, or stands still, beside its main one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    rows: usize,
    still: bool,
    /// Mean of each sensor there, NaN without a reading.
    pub(crate) center: Vec<f64>,
}

/// Training rows, looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Screened {
    /// Empty where all rows are good.
    kinds: Vec<Kind>,
    /// By rows; those of rows that are left out too, which may be taken back.
    cells: Vec<Cell>,
    /// By sensor and value.
    codes: Vec<Code>,
    /// 0 without cells.
    columns: usize,
    states: Vec<State>,
    left_out: LeftOut,
}

/// Rows to train on, in memory of their own where some were left out.
#[derive(Debug)]
pub(crate) struct Training<'a> {
    x: Samples<'a>,
    own: Option<Array2<f64>>,
}

impl Training<'_> {
    pub(crate) fn samples(&self) -> Samples<'_> {
        self.own.as_ref().map_or(self.x, |own| own.view().into())
    }
}

impl Screened {
    /// Nothing found.
    pub(crate) fn nothing() -> Self {
        Self {
            kinds: Vec::new(),
            cells: Vec::new(),
            codes: Vec::new(),
            columns: 0,
            states: Vec::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Looks at training rows, oldest first.
    ///
    /// Cost: some passes over each column, and about ten covariances of the moving sensors of at most 20,000 rows. Holds two
    /// copies of the moving sensors, of more than 20,000 rows one. Any number of threads and any layout give the same bytes.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub(crate) fn of(x: Samples<'_>) -> Result<Self> {
        let (rows, columns) = (x.rows(), x.columns());
        if rows < LEAST_ROWS || columns == 0 {
            return Ok(Self::nothing());
        }
        let mut marks = cells::Marks::of(x)?;
        let found = robust::distances(x, &marks)?;
        let mut kinds = room(rows, 1, Kind::Good, WHAT)?;
        let (mut states, mut once) = (Vec::new(), Vec::new());
        for (row, kind) in kinds.iter_mut().enumerate() {
            if marks.gone(row) {
                *kind = Kind::Gone;
            }
        }
        if let Some(found) = &found {
            once = once::stretches(found)?;
            groups::states(x, &marks, (found, &once), &mut kinds, &mut states)?;
            groups::standstill(x, &marks, &mut kinds, &mut states)?;
        }
        let left = kinds.iter().filter(|kind| kind.lost()).count();
        if left as f64 > MOST_LEFT * rows as f64 {
            for kind in &mut kinds {
                if kind.lost() && *kind != Kind::Gone {
                    *kind = Kind::Good;
                }
            }
        }
        if let Some(found) = &found {
            let places = once.iter().zip(&found.rows).filter(|pair| *pair.0);
            places.for_each(|(_, &row)| kinds[row] = Kind::Once);
        }
        let codes = std::mem::take(&mut marks.codes);
        let mut cells = reserved(marks.bad_cells(), WHAT)?;
        if marks.bad_cells() > 0 {
            for row in (0..rows).filter(|&row| kinds[row] != Kind::Gone) {
                for column in (0..columns).filter(|&column| marks.bad(row, column)) {
                    let usual = found.as_ref().filter(|found| kinds[row] == Kind::Good && !found.far(row));
                    let read = x.value(row, column);
                    let cell = Cell {
                        row,
                        column,
                        value: usual.map_or(f64::NAN, |found| found.expected(row, column)),
                        stuck: marks.stuck(row, column),
                        code: codes.iter().position(|code| code.column == column && code.value == read),
                    };
                    push(&mut cells, cell, WHAT)?;
                }
            }
        }
        if kinds.iter().all(|&kind| kind == Kind::Good) {
            kinds = Vec::new();
        }
        let mut screened = Self {
            kinds,
            columns: if cells.is_empty() { 0 } else { columns },
            cells,
            codes,
            states,
            left_out: LeftOut::default(),
        };
        let lost = (0..rows).filter(|&row| !screened.keeps(row)).map(|row| row as u64);
        screened.left_out.rows = lost.gathered(WHAT)?;
        screened.tell()?;
        Ok(screened)
    }

    pub(crate) fn left_out(self) -> LeftOut {
        self.left_out
    }

    /// With the rows that are alike, for models of clusters.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn with_clusters(mut self) -> Result<Self> {
        self.keep(|kind| kind == Kind::Alike)?;
        Ok(self)
    }

    /// With all rows that have readings, for who knows the states.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn with_all(mut self) -> Result<Self> {
        self.keep(|kind| matches!(kind, Kind::Alike | Kind::Once | Kind::Left))?;
        Ok(self)
    }

    /// With all rows that are alike, for who has been told which cluster each row is of.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn with_labels(mut self) -> Result<Self> {
        self.keep(|kind| matches!(kind, Kind::Alike | Kind::Once))?;
        Ok(self)
    }

    /// With all that may be a state whose number is known: rows that are alike, or far for some rows in a row.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn with_states(mut self) -> Result<Self> {
        for run in self.kinds.chunk_by_mut(|one, next| one == next).filter(|run| run.len() >= groups::RUN) {
            if run[0] == Kind::Left {
                run.fill(Kind::Good);
            }
        }
        self.keep(|kind| matches!(kind, Kind::Alike | Kind::Once))?;
        Ok(self)
    }

    fn keep(&mut self, wanted: impl Fn(Kind) -> bool) -> Result<()> {
        self.kinds.iter_mut().filter(|kind| wanted(**kind)).for_each(|kind| *kind = Kind::Good);
        let mut rows = std::mem::take(&mut self.left_out.rows);
        rows.retain(|&row| usize::try_from(row).is_ok_and(|row| !self.keeps(row)));
        self.left_out.rows = rows;
        self.tell()
    }

    /// Makes what is told of readings that of the rows as they are now.
    fn tell(&mut self) -> Result<()> {
        let kept = || self.cells.iter().filter(|cell| self.keeps(cell.row));
        let (mut readings, mut stuck) = (Vec::new(), Vec::new());
        if kept().next().is_some() {
            (readings, stuck) = (room(self.columns, 1, 0, WHAT)?, room(self.columns, 1, 0, WHAT)?);
        }
        let mut codes = acm_linalg::memory::copied(&self.codes, WHAT)?;
        codes.iter_mut().for_each(|code| code.count = 0);
        for cell in kept() {
            readings[cell.column] += 1;
            stuck[cell.column] += u64::from(cell.stuck);
            if let Some(code) = cell.code {
                codes[code].count += 1;
            }
        }
        codes.retain(|code| code.count > 0);
        self.left_out.codes = codes;
        (self.left_out.readings, self.left_out.stuck) = (readings, stuck);
        Ok(())
    }

    /// The values of the rows that are not left out.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn kept<T: Copy>(&self, values: &[T]) -> Result<Vec<T>> {
        let kept = values.iter().enumerate().filter(|pair| self.keeps(pair.0));
        kept.map(|pair| *pair.1).gathered(WHAT)
    }

    /// Whether the row is among those of [`Self::training`].
    pub(crate) fn keeps(&self, row: usize) -> bool {
        self.kinds.get(row).is_none_or(|kind| !kind.lost())
    }

    /// Whether any reading or row is not what it was, or of a state.
    fn is_nothing(&self) -> bool {
        self.kinds.is_empty() && self.cells.is_empty()
    }

    /// The rows that are not left out, whatever their state.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn training<'a>(&self, x: Samples<'a>) -> Result<Training<'a>> {
        self.chosen(x, |kind| !kind.lost())
    }

    /// The rows of the main state, and the centres of the rare states and of standstill beside it.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn main<'a>(&self, x: Samples<'a>) -> Result<(Training<'a>, Vec<&State>)> {
        let apart = |number: usize| self.is_apart(number, x.rows());
        let training = self.chosen(x, |kind| match kind {
            Kind::Good => true,
            Kind::Gone | Kind::Left | Kind::Alike | Kind::Once => false,
            Kind::State(number) => !apart(number),
        })?;
        let states = (0..self.states.len()).filter(|&number| apart(number));
        Ok((training, states.map(|number| &self.states[number]).gathered(WHAT)?))
    }

    /// Whether the state has a centre of its own beside the main one: standstill, and what is rare in so many rows.
    fn is_apart(&self, number: usize, rows: usize) -> bool {
        let state = &self.states[number];
        state.still || (state.rows as f64) < RARE * rows as f64
    }

    /// The states of [`Self::main`], and which of all rows are of one.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn apart(&self, rows: usize) -> Result<(Vec<&State>, Vec<bool>)> {
        let states = (0..self.states.len()).filter(|&number| self.is_apart(number, rows));
        let states = states.map(|number| &self.states[number]).gathered(WHAT)?;
        let mut marks = room(rows, 1, false, WHAT)?;
        for (mark, kind) in marks.iter_mut().zip(&self.kinds) {
            *mark = matches!(kind, Kind::State(number) if self.is_apart(*number, rows));
        }
        Ok((states, marks))
    }

    /// As [`Self::main`] for a model without lags; one that looks back learns from all states as they come.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn beside<'a>(&self, x: Samples<'a>, lags: usize) -> Result<(Training<'a>, Vec<&State>)> {
        if lags == 0 { self.main(x) } else { Ok((self.training(x)?, Vec::new())) }
    }

    /// Which of the rows of [`Self::training`] are none of standstill; `None` where the machine never stands still.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn running(&self) -> Result<Option<Vec<bool>>> {
        if !self.states.iter().any(|state| state.still) {
            return Ok(None);
        }
        let kept = self.kinds.iter().filter(|kind| !kind.lost());
        let running = kept.map(|kind| !matches!(kind, Kind::State(number) if self.states[*number].still));
        running.gathered(WHAT).map(Some)
    }

    /// The rows of [`Self::training`] in which the machine runs.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn moving<'a>(&self, x: Samples<'a>) -> Result<Training<'a>> {
        self.chosen(x, |kind| match kind {
            Kind::State(number) => !self.states[number].still,
            kind => !kind.lost(),
        })
    }

    /// All rows, with the readings mended, and which of them are not left out. For models that look back.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn in_place<'a>(&self, x: Samples<'a>) -> Result<(Training<'a>, Vec<bool>)> {
        let training = if self.cells.is_empty() {
            Training { x, own: None }
        } else {
            self.chosen(x, |_| true)?
        };
        let mut good = room(x.rows(), 1, true, WHAT)?;
        for (row, good) in good.iter_mut().enumerate() {
            *good = self.keeps(row);
        }
        Ok((training, good))
    }

    /// All rows, with NaN for the readings and the rows that are left out. For models of each sensor by itself.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn blanked<'a>(&self, x: Samples<'a>) -> Result<Training<'a>> {
        if self.left_out.is_empty() {
            return Ok(Training { x, own: None });
        }
        let columns = x.columns();
        let mut values = room(x.rows(), columns, 0.0, TO_TRAIN)?;
        read_all(x, &mut values)?;
        for cell in &self.cells {
            values[cell.row * columns + cell.column] = f64::NAN;
        }
        for (row, values) in values.chunks_exact_mut(columns).enumerate() {
            if !self.keeps(row) {
                values.fill(f64::NAN);
            }
        }
        owned(x, values)
    }

    /// Which rows are trained on as they came.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub(crate) fn sound(&self, rows: usize) -> Result<Vec<bool>> {
        let mut sound = room(rows, 1, true, WHAT)?;
        for (row, sound) in sound.iter_mut().enumerate() {
            *sound = self.keeps(row);
        }
        self.cells.iter().for_each(|cell| sound[cell.row] = false);
        Ok(sound)
    }

    fn chosen<'a>(&self, x: Samples<'a>, keep: impl Fn(Kind) -> bool) -> Result<Training<'a>> {
        let kept = |row: usize| self.kinds.get(row).is_none_or(|&kind| keep(kind));
        let count = (0..x.rows()).filter(|&row| kept(row)).count();
        if self.is_nothing() || (count == x.rows() && self.cells.is_empty()) {
            return Ok(Training { x, own: None });
        }
        let columns = x.columns();
        let mut values = room(count, columns, 0.0, TO_TRAIN)?;
        let mut cells = self.cells.iter().peekable();
        let kept = (0..x.rows()).filter(|&row| kept(row));
        for (row, out) in kept.zip(values.chunks_exact_mut(columns)) {
            x.read(row..row + 1, out);
            while let Some(cell) = cells.next_if(|cell| cell.row <= row) {
                if cell.row == row {
                    out[cell.column] = cell.value;
                }
            }
        }
        owned(x, values)
    }
}

/// As many columns as `x` has.
fn owned(x: Samples<'_>, values: Vec<f64>) -> Result<Training<'_>> {
    let (rows, columns) = (values.len() / x.columns().max(1), x.columns());
    let own = Array2::from_shape_vec((rows, columns), values).map_err(|_| Error::Memory {
        what: TO_TRAIN,
        rows,
        columns,
    })?;
    Ok(Training { x, own: Some(own) })
}
