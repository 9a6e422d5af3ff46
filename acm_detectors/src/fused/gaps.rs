//! Missing readings: what the other sensors and the rows before let expect.
//!
//! The whitened residual of a row is linear in its readings, so those that are missing are what makes it shortest: its squared
//! length is then that of the present sensors alone.

use std::ops::Range;

use acm_linalg::dense::{Rows, cholesky};
use acm_linalg::memory::{copied, extend, push, reserved};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};
use ndarray::ArrayView2;

use super::FittedFused;
use super::remember::{Present, products};
use crate::lagged::MOST;
use crate::product::of_points;

/// How firmly a missing reading is held near its mean: as if it were known to lie there with a standard deviation of about
/// three of its own. It decides only where the other sensors do not.
const HOLD: f64 = 0.1;

/// How firmly a filled reading of an earlier row is held where it was filled, for all of them together: no more firmly than a new
/// one near its mean. So what is filled never grows from row to row, and rows after a gap are not strange because of what stands
/// in it.
const HOLD_PAST: f64 = HOLD;

/// Patterns of missing sensors that are remembered: sensors that are read in turns repeat a few.
const PATTERNS: usize = 8;

/// Products of so many columns are kept: rows that each lack others ask for the same ones again.
const MOST_PRODUCTS: usize = 1500;

/// Rows that are looked through at a time.
const BLOCK: usize = 64;

const WHAT: &str = "rows with missing values";

/// What a pattern of missing sensors needs.
struct Pattern {
    /// The first row of a history stands for its own past.
    first: bool,
    missing: Vec<usize>,
    /// Readings of the rows before that were filled, as coordinates of the point.
    past: Vec<usize>,
    /// (missing, d): what each of them adds to the whitened residual, in a first row; in others these are columns of the whitening.
    design: Vec<f64>,
    /// The Cholesky factor of its products with itself, and of how firmly each is held.
    factor: Vec<f64>,
}

/// Fills gaps row after row.
pub(super) struct Filler<'a> {
    model: &'a FittedFused,
    /// (d, width), row-major, and its columns, one after the other.
    whitening: Vec<f64>,
    columns: Vec<f64>,
    /// The products of its columns that were asked for, NaN for others; nothing where they would be too many.
    products: Vec<f64>,
    patterns: Vec<Pattern>,
    /// The pattern that gives way to the next new one.
    oldest: usize,
    point: Vec<f64>,
    white: Vec<f64>,
    missing: Vec<usize>,
    past: Vec<usize>,
    step: Vec<f64>,
}

/// What a row that is filled may lean on.
pub(super) enum Fill<'a> {
    /// The likeliest readings, by those of the row and of those before it, filled or not.
    Likeliest,
    /// (n, d): which readings there were. What was filled before is no more than likely, and `white` gets by how much the whitened
    /// residuals of the rows from the first one on are shorter for it.
    Marginal { marks: &'a [bool], white: &'a mut Vec<f64> },
}

impl<'a> Filler<'a> {
    pub(super) fn new(model: &'a FittedFused) -> Result<Self> {
        let (sensors, width) = (model.lagged.kept.len(), model.lagged.width());
        let whitening = model.whitening.matrix()?;
        let mut columns = room(width, sensors, 0.0, WHAT)?;
        for (row, values) in whitening.chunks_exact(width).enumerate() {
            values
                .iter()
                .enumerate()
                .for_each(|(column, value)| columns[column * sensors + row] = *value);
        }
        let kept = if width <= MOST_PRODUCTS { width } else { 0 };
        Ok(Self {
            model,
            whitening,
            columns,
            products: room(kept, kept, f64::NAN, WHAT)?,
            patterns: reserved(PATTERNS, WHAT)?,
            oldest: 0,
            point: room(width, 1, 0.0, WHAT)?,
            white: room(sensors, 1, 0.0, WHAT)?,
            missing: reserved(sensors, WHAT)?,
            past: reserved(width, WHAT)?,
            step: reserved(width, WHAT)?,
        })
    }

    /// Fills the rows from `first` on of a table of whole rows, the earlier ones of which are filled; `present` gets how many
    /// sensors each of them has.
    pub(super) fn fill(&mut self, rows: &mut [f64], first: usize, present: &mut [usize], how: Fill<'_>) -> Result<()> {
        let lagged = &self.model.lagged;
        let (columns, sensors) = (lagged.columns, lagged.kept.len());
        let count = rows.len() / columns;
        let mut watch = Watch::start();
        let (mut white, mut marks) = (None, None);
        match how {
            Fill::Marginal {
                marks: these,
                white: found,
            } => {
                found.clear();
                extend(found, std::iter::repeat_n(0.0, (count - first) * sensors), WHAT)?;
                (white, marks) = (Some(found), Some(these));
            }
            Fill::Likeliest => {}
        }
        for (row, present) in (first..count).zip(present) {
            self.missing.clear();
            let values = &rows[row * columns..(row + 1) * columns];
            self.missing.extend((0..sensors).filter(|&place| !values[lagged.kept[place]].is_finite()));
            *present = sensors - self.missing.len();
            self.past.clear();
            if let Some(marks) = marks {
                for lag in 1..=if row > 0 { lagged.lags } else { 0 } {
                    let before = row.saturating_sub(lag) * sensors;
                    let filled = (0..sensors).filter(|&place| !marks[before + place]);
                    self.past.extend(filled.map(|place| lag * sensors + place));
                }
            }
            if self.missing.is_empty() && self.past.is_empty() {
                continue;
            }
            watch.after(self.whitening.len() / 4)?;
            let table = ArrayView2::from_shape((count, columns), &*rows).map_err(|_| Error::Memory {
                what: WHAT,
                rows: count,
                columns,
            })?;
            lagged.points(table.into()).read(row..row + 1, &mut self.point);
            self.expect(row == 0)?;
            if let Some(white) = &mut white {
                let white = &mut white[(row - first) * sensors..(row - first + 1) * sensors];
                self.shorten(row == 0, white);
            }
            let values = &mut rows[row * columns..(row + 1) * columns];
            for (&place, step) in self.missing.iter().zip(&self.step) {
                let scaled = (lagged.mean[place] + step).clamp(-MOST, MOST);
                let reading = lagged.scaling.center[place] + scaled * lagged.scaling.scale[place];
                let reading = if reading.is_finite() { reading } else { lagged.scaling.fill[place] };
                values[lagged.kept[place]] = reading;
            }
        }
        Ok(())
    }

    /// Adds what the steps of the readings before add to the whitened residual.
    fn shorten(&self, first: bool, white: &mut [f64]) {
        let known = |pattern: &&Pattern| self.is_this(pattern, first);
        let Some(pattern) = self.patterns.iter().find(known) else {
            return;
        };
        for (&place, step) in pattern.past.iter().zip(&self.step[pattern.missing.len()..]) {
            let column = &self.columns[place * white.len()..][..white.len()];
            white.iter_mut().zip(column).for_each(|(white, design)| *white += step * design);
        }
    }

    fn is_this(&self, pattern: &Pattern, first: bool) -> bool {
        pattern.first == first && pattern.missing == self.missing && pattern.past == self.past
    }

    /// How far from their means the missing readings of the point lie, and how far from where they were filled those before, in
    /// `step`.
    fn expect(&mut self, first: bool) -> Result<()> {
        let number = self.pattern(first)?;
        let sensors = self.white.len();
        let (lagged, pattern) = (&self.model.lagged, &self.patterns[number]);
        for &place in &pattern.missing {
            self.point[place] = 0.0;
            if first {
                for earlier in (place..self.point.len()).step_by(sensors).skip(1) {
                    self.point[earlier] = lagged.mean[place] - lagged.mean[earlier];
                }
            }
        }
        for (white, row) in self.white.iter_mut().zip(self.whitening.chunks_exact(self.point.len())) {
            *white = products(row, &self.point);
        }
        let count = pattern.missing.len() + pattern.past.len();
        self.step.clear();
        if first {
            self.step
                .extend(pattern.design.chunks_exact(sensors).map(|row| -products(row, &self.white)));
        } else {
            let columns = pattern.missing.iter().chain(&pattern.past);
            let columns = columns.map(|&place| &self.columns[place * sensors..][..sensors]);
            self.step.extend(columns.map(|column| -products(column, &self.white)));
        }
        for row in 0..count {
            let (before, at) = self.step.split_at_mut(row);
            let factor = &pattern.factor[row * count..];
            at[0] -= products(before, factor);
            at[0] /= factor[row];
        }
        for row in (0..count).rev() {
            let (before, at) = self.step.split_at_mut(row);
            let factor = &pattern.factor[row * count..];
            at[0] /= factor[row];
            before.iter_mut().zip(factor).for_each(|(before, factor)| *before -= factor * at[0]);
        }
        Ok(())
    }

    /// The coordinate of the point that is the missing or past reading of this number.
    fn place(&self, number: usize) -> usize {
        match number.checked_sub(self.missing.len()) {
            Some(past) => self.past[past],
            None => self.missing[number],
        }
    }

    /// The product of two columns of the whitening.
    fn product(&mut self, one: usize, other: usize) -> f64 {
        let (sensors, width) = (self.white.len(), self.point.len());
        let column = |place: usize| &self.columns[place * sensors..][..sensors];
        let Some(kept) = self.products.get_mut(one.max(other) * width + one.min(other)) else {
            return products(column(one), column(other));
        };
        if kept.is_nan() {
            *kept = products(column(one), column(other));
        }
        *kept
    }

    /// The number of the missing sensors' pattern.
    fn pattern(&mut self, first: bool) -> Result<usize> {
        if let Some(number) = self.patterns.iter().position(|pattern| self.is_this(pattern, first)) {
            return Ok(number);
        }
        let (sensors, width) = (self.white.len(), self.point.len());
        let count = self.missing.len() + self.past.len();
        let mut design = room(if first { count } else { 0 }, sensors, 0.0, WHAT)?;
        for (row, &place) in design.chunks_exact_mut(sensors).zip(&self.missing) {
            for (value, whitening) in row.iter_mut().zip(self.whitening.chunks_exact(width)) {
                *value = whitening.iter().skip(place).step_by(sensors).sum();
            }
        }
        let mut factor = room(count, count, 0.0, WHAT)?;
        let mut watch = Watch::start();
        let mut greatest = 0.0_f64;
        for row in 0..count {
            watch.after(row * sensors / 4)?;
            for column in 0..=row {
                let product = if first {
                    products(&design[row * sensors..][..sensors], &design[column * sensors..][..sensors])
                } else {
                    self.product(self.place(row), self.place(column))
                };
                factor[row * count + column] = product;
                factor[column * count + row] = product;
            }
            greatest = greatest.max(factor[row * (count + 1)]);
        }
        // Sensors that determine one another leave products that are singular but for rounding.
        let beside = 1e-10 * greatest;
        let past = HOLD_PAST / self.model.lagged.lags.max(1) as f64;
        for (row, value) in factor.iter_mut().step_by(count + 1).enumerate() {
            *value += beside + if row < self.missing.len() { HOLD } else { past };
        }
        let pattern = Pattern {
            first,
            missing: copied(&self.missing, WHAT)?,
            past: copied(&self.past, WHAT)?,
            design,
            factor: cholesky(&factor, count, "x")?,
        };
        if self.patterns.len() < PATTERNS {
            push(&mut self.patterns, pattern, WHAT)?;
            return Ok(self.patterns.len() - 1);
        }
        let number = self.oldest;
        self.oldest = (number + 1) % PATTERNS;
        self.patterns[number] = pattern;
        Ok(number)
    }
}

/// Rows whose gaps are filled as they are asked for, one stretch after the other.
pub(super) struct Filled<'a, 'x> {
    model: &'a FittedFused,
    x: Samples<'x>,
    /// Whether the models of all directions are meant.
    whole: bool,
    /// Of the model and of each member, once they are needed.
    fillers: Vec<Option<Filler<'a>>>,
    /// The latest stretch with the rows before it that it looks back to, filled; nothing where there was no gap.
    table: Vec<f64>,
    /// Where the table starts.
    start: usize,
    present: Vec<usize>,
    /// Which sensors the rows of the table have; nothing where there was no gap.
    marks: Vec<bool>,
    /// The same of the first rows of `x`, which came before and are filled.
    before: &'a [bool],
    /// By how much whitened residuals are shorter for what may have been in the gaps before.
    shorter: Vec<f64>,
}

impl<'a, 'x> Filled<'a, 'x> {
    /// `before` are the marks of the first rows, which are filled.
    pub(super) fn new(model: &'a FittedFused, x: Samples<'x>, before: &'a [bool], whole: bool) -> Result<Self> {
        let mut fillers = reserved(model.members.len() + 1, WHAT)?;
        fillers.resize_with(model.members.len() + 1, || None);
        Ok(Self {
            model,
            x,
            whole,
            fillers,
            table: Vec::new(),
            start: 0,
            present: Vec::new(),
            marks: Vec::new(),
            before,
            shorter: Vec::new(),
        })
    }

    /// The whitened residuals of the rows from the model number `judge`, and which sensors each of them has.
    pub(super) fn whiten(&mut self, judge: usize, rows: Range<usize>, white: &mut [f64]) -> Result<Present<'_>> {
        let model = self.model.judge(judge);
        let model = model.whole.as_deref().filter(|_| self.whole).unwrap_or(model);
        let FittedFused { lagged, whitening, .. } = model;
        let columns = lagged.columns;
        self.present.clear();
        self.marks.clear();
        extend(&mut self.present, rows.clone().map(|_| lagged.kept.len()), "counts of sensors")?;
        let past = rows.start.saturating_sub(lagged.lags);
        let sensors = lagged.kept.len();
        let before = self.before.get(past * sensors..).unwrap_or_default();
        if before.iter().all(|&mark| mark) && !any(self.x, past..rows.end, &lagged.kept)? {
            self.table.clear();
            of_points(lagged, whitening, None, self.x, rows, white)?;
            return Ok(self.present(0));
        }
        let mut table = table_of(self.x, past..rows.end)?;
        if model.marginal {
            let values = table.chunks_exact(columns);
            let marks = values.flat_map(|row| lagged.kept.iter().map(|&column| row[column].is_finite()));
            extend(&mut self.marks, marks, "marks of sensors")?;
            for (mark, &before) in self.marks.iter_mut().zip(before) {
                *mark = before;
            }
        }
        if !self.table.is_empty() {
            let filled = &self.table[(past - self.start) * columns..];
            table[..filled.len()].copy_from_slice(filled);
        }
        if self.fillers[judge].is_none() {
            self.fillers[judge] = Some(Filler::new(model)?);
        }
        let ahead = rows.start - past;
        if let Some(filler) = &mut self.fillers[judge] {
            let how = if model.marginal {
                Fill::Marginal {
                    marks: &self.marks,
                    white: &mut self.shorter,
                }
            } else {
                Fill::Likeliest
            };
            filler.fill(&mut table, ahead, &mut self.present, how)?;
        }
        let count = rows.end - past;
        let view = ArrayView2::from_shape((count, columns), &table).map_err(|_| Error::Memory {
            what: WHAT,
            rows: count,
            columns,
        })?;
        of_points(lagged, whitening, None, view.into(), ahead..count, white)?;
        if model.marginal && lagged.lags > 0 {
            white.iter_mut().zip(&self.shorter).for_each(|(white, shorter)| *white += shorter);
        }
        self.table = table;
        self.start = past;
        Ok(self.present(ahead * sensors))
    }

    fn present(&self, from: usize) -> Present<'_> {
        Present {
            counts: &self.present,
            marks: self.marks.get(from..).unwrap_or_default(),
        }
    }

    /// Where the latest filled rows start, and those rows.
    pub(super) fn latest(self) -> (usize, Vec<f64>) {
        (self.start, self.table)
    }
}

/// Whether one of the columns `kept` lacks a value in the rows `rows`.
pub(super) fn any(x: Samples<'_>, rows: Range<usize>, kept: &[usize]) -> Result<bool> {
    let columns = x.columns();
    let mut block = room(BLOCK.min(rows.len()), columns, 0.0, WHAT)?;
    for first in rows.clone().step_by(BLOCK) {
        let last = rows.end.min(first + BLOCK);
        let block = &mut block[..(last - first) * columns];
        x.read(first..last, block);
        // All at once: most blocks are complete.
        if block.iter().fold(true, |complete, value| complete & value.is_finite()) {
            continue;
        }
        if block.chunks_exact(columns).any(|row| kept.iter().any(|&column| !row[column].is_finite())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies of rows with room for what is filled in.
fn table_of(x: Samples<'_>, rows: Range<usize>) -> Result<Vec<f64>> {
    let mut table = room(rows.len(), x.columns(), 0.0, WHAT)?;
    x.read(rows, &mut table);
    Ok(table)
}

#[cfg(test)]
mod tests;
