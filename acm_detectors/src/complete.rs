//! Training rows with missing values made complete.
//!
//! Mean and covariance are those that make the known values likeliest under a normal distribution (expectation and maximisation:
//! Little and Rubin 2019, "Statistical Analysis with Missing Data", 11.2). Each missing value then becomes what the known ones
//! of its row let expect, plus noise of the covariance that it has about that: without the noise the sensors would seem to move
//! together more closely than they do.

use acm_linalg::dense::cholesky;
use acm_linalg::memory::room;
use acm_linalg::samples::{by_rows, reduce};
use acm_linalg::{Error, Result, Samples, Scaling, seed};
use ndarray::Array2;
use rand::RngExt;

use crate::gaps::{Dense, Gaps, Trouble};

/// Steps at most, and where sensors lack nearly all.
const STEPS: usize = 20;
const MOST_STEPS: usize = 80;

/// What each step leaves of an error is the share of readings that a sensor lacks; after so many steps this is left.
const LEFT: f64 = 1e-3;

/// The greatest change of a covariance of scaled columns that ends the steps.
const CLOSE: f64 = 1e-3;

/// Scaled values beyond this become it.
const MOST: f64 = 1e6;

/// What the diagonal gains, as a share: on its own, and times columns over rows.
const FIRMNESS: [f64; 2] = [1e-6, 0.01];

/// A column has half of its values, or one in this many where so many rows for each column would then have those of another such
/// column too: what sensors have in common is not told by fewer.
const LEAST_KNOWN: usize = 3;
const PAIRS: usize = 12;

const SEED: u64 = 17;

const WHAT: &str = "training rows made complete";

/// Sums over rows: how many, the values, the lower triangle of their products.
struct Sums {
    rows: f64,
    values: Vec<f64>,
    products: Vec<f64>,
    row: Vec<f64>,
    gaps: Gaps<usize>,
    spread: Vec<f64>,
    done: Result<()>,
}

impl Sums {
    fn new(width: usize) -> Result<Self> {
        Ok(Self {
            rows: 0.0,
            values: room(width, 1, 0.0, WHAT)?,
            products: room(width, width, 0.0, WHAT)?,
            row: room(width, 1, 0.0, WHAT)?,
            gaps: Gaps::new(width)?,
            spread: Vec::new(),
            done: Ok(()),
        })
    }

    fn add(&mut self) {
        self.rows += 1.0;
        let width = self.row.len();
        for (place, value) in self.row.iter().enumerate() {
            self.values[place] += value;
            let products = &mut self.products[place * width..][..=place];
            products.iter_mut().zip(&self.row).for_each(|(sum, other)| *sum += value * other);
        }
    }

    fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        for (sum, part) in self.values.iter_mut().zip(&other.values) {
            *sum += part;
        }
        for (sum, part) in self.products.iter_mut().zip(&other.products) {
            *sum += part;
        }
        if self.done.is_ok() {
            self.done.clone_from(&other.done);
        }
    }
}

/// A normal distribution, and its covariance's inverse.
struct Normal {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    precision: Dense,
}

impl Normal {
    fn of(sums: &Sums) -> Result<Self> {
        let width = sums.values.len();
        let mut mean = room(width, 1, 0.0, WHAT)?;
        mean.iter_mut().zip(&sums.values).for_each(|(mean, sum)| *mean = sum / sums.rows);
        let mut covariance = room(width, width, 0.0, WHAT)?;
        for row in 0..width {
            for column in 0..=row {
                let value = sums.products[row * width + column] / sums.rows - mean[row] * mean[column];
                covariance[row * width + column] = value;
                covariance[column * width + row] = value;
            }
        }
        let mut firmness = FIRMNESS[0] + FIRMNESS[1] * width as f64 / sums.rows;
        let lower = loop {
            let mut firm = room(width, width, 0.0, WHAT)?;
            firm.copy_from_slice(&covariance);
            for value in firm.iter_mut().step_by(width + 1) {
                *value = *value * (1.0 + firmness) + f64::MIN_POSITIVE;
            }
            match cholesky(&firm, width, "x") {
                Err(Error::Singular { .. }) if firmness < 1e3 => firmness *= 100.0,
                lower => break lower?,
            }
        };
        Ok(Self {
            mean,
            covariance,
            precision: Dense::of_factor(&lower, width)?,
        })
    }

    fn away(&self, from: &Self) -> f64 {
        let pairs = self.covariance.iter().zip(&from.covariance);
        pairs.fold(0.0, |most, (one, other)| (one - other).abs().max(most))
    }
}

/// Of the kept columns, scaled; NaN where a value is missing.
struct Table<'a> {
    x: Samples<'a>,
    kept: &'a [usize],
    /// Of the kept columns.
    scaling: &'a Scaling,
    /// The rows that count; nothing for all.
    good: Option<&'a [bool]>,
}

impl Table<'_> {
    fn counts(&self, row: usize) -> bool {
        self.good.is_none_or(|good| good[row])
    }

    fn read(&self, row: usize, out: &mut [f64]) -> bool {
        let mut complete = true;
        for (place, out) in out.iter_mut().enumerate() {
            let value = self.x.value(row, self.kept[place]);
            complete &= value.is_finite();
            *out = if value.is_finite() {
                self.scaling.scaled(value, place).clamp(-MOST, MOST)
            } else {
                f64::NAN
            };
        }
        complete
    }

    /// Sums over the complete rows, or over the others as `normal` has them.
    fn sums(&self, normal: Option<&Normal>) -> Result<Sums> {
        let width = self.kept.len();
        let cost = (width * width) as f64;
        let found = reduce(
            self.x.rows(),
            (4_000_000 / (width * width).max(1)).clamp(2, 16),
            cost,
            || Ok(()),
            || Sums::new(width),
            |sums, (), rows, stop| {
                for row in rows {
                    if stop.requested() || sums.done.is_err() {
                        return;
                    }
                    if !self.counts(row) {
                        continue;
                    }
                    let complete = self.read(row, &mut sums.row);
                    match normal {
                        None if complete => sums.add(),
                        Some(normal) if !complete => sums.done = expect(sums, normal),
                        _ => {}
                    }
                }
            },
            |all, part, _| all.join(&part),
        )?;
        found.done.clone().map(|()| found)
    }

    /// What is known of each column by itself.
    fn apart(&self) -> Result<Sums> {
        let width = self.kept.len();
        let mut sums = Sums::new(width)?;
        let mut count = room(width, 1, 0.0, WHAT)?;
        for row in (0..self.x.rows()).filter(|&row| self.counts(row)) {
            self.read(row, &mut sums.row);
            for place in 0..width {
                let value = sums.row[place];
                if !value.is_nan() {
                    count[place] += 1.0;
                    sums.values[place] += value;
                    sums.products[place * (width + 1)] += value * value;
                }
            }
        }
        for place in 0..width {
            sums.values[place] /= count[place];
            sums.products[place * (width + 1)] /= count[place];
            // What two columns have in common is not known by then: nothing beyond their means.
            for other in 0..place {
                sums.products[place * width + other] = sums.values[place] * sums.values[other];
            }
        }
        sums.rows = 1.0;
        Ok(sums)
    }
}

/// Adds a row as it is expected, and the spread of what is missing about that; nothing where all is missing.
fn expect(sums: &mut Sums, normal: &Normal) -> Result<()> {
    sums.row.iter_mut().zip(&normal.mean).for_each(|(value, mean)| *value -= mean);
    let width = sums.row.len();
    let fresh = sums.gaps.fill_row(&normal.precision, &mut sums.row)?;
    sums.row.iter_mut().zip(&normal.mean).for_each(|(value, mean)| *value += mean);
    let missing = sums.gaps.missing();
    if missing.len() == width {
        return Ok(());
    }
    if fresh {
        sums.gaps.spread(&mut sums.spread)?;
    }
    for (row, &place) in missing.iter().enumerate() {
        for (&other, value) in missing[..=row].iter().zip(&sums.spread[row * missing.len()..]) {
            sums.products[place * width + other] += value;
        }
    }
    sums.add();
    Ok(())
}

/// Whether so many known values of a column among `columns` tell what it has in common with the others.
pub(crate) fn enough(known: usize, rows: usize, columns: usize) -> bool {
    2 * known >= rows || (LEAST_KNOWN * known >= rows && known * known >= PAIRS * columns * rows)
}

/// Steps where a sensor lacks this share of its readings.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn steps(lacking: f64) -> usize {
    let steps = LEFT.ln() / lacking.clamp(0.01, 0.99).ln();
    steps.ceil().clamp(STEPS as f64, MOST_STEPS as f64) as usize
}

/// The rows with what is missing of the kept columns replaced, as those of them let expect that are `good`; None where nothing is.
/// Rows without any value of them stay as they are.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub(crate) fn completed(
    x: Samples<'_>,
    kept: &[usize],
    scaling: &Scaling,
    good: Option<&[bool]>,
) -> Result<Option<Array2<f64>>> {
    let rows = x.rows();
    if scaling.known.iter().all(|&known| known == rows as u64) {
        return Ok(None);
    }
    let table = Table { x, kept, scaling, good };
    let whole = table.sums(None)?;
    let mut normal = Normal::of(&table.apart()?)?;
    let known = scaling.known.iter().min().map_or(0.0, |&known| known as f64);
    for _ in 0..steps(1.0 - known / rows.max(1) as f64) {
        let mut sums = table.sums(Some(&normal))?;
        sums.join(&whole);
        let next = Normal::of(&sums)?;
        let change = next.away(&normal);
        normal = next;
        if change < CLOSE {
            break;
        }
    }
    let (columns, width) = (x.columns(), kept.len());
    let mut values = room(rows, columns, 0.0, WHAT)?;
    let trouble = Trouble::default();
    let scratch = || Ok((Gaps::new(width)?, room(width, 1, 0.0, WHAT)?, room(width, 1, 0.0, WHAT)?));
    by_rows(rows, columns, &mut values, 4.0 * columns as f64, scratch, |(gaps, row, noise), rows, out, stop| {
        x.read(rows.clone(), out);
        for (number, out) in rows.zip(out.chunks_exact_mut(columns)) {
            if stop.requested() {
                return;
            }
            if table.read(number, row) {
                continue;
            }
            row.iter_mut().zip(&normal.mean).for_each(|(value, mean)| *value -= mean);
            if !trouble.none(gaps.fill_row(&normal.precision, row).map(|_| ())) {
                return;
            }
            let missing = gaps.missing();
            if missing.len() == width {
                continue;
            }
            let noise = &mut noise[..missing.len()];
            let mut stream = seed::stream(SEED, number as u64);
            for value in noise.iter_mut() {
                // Of variance 1, and near enough to a normal number.
                *value = (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
            }
            gaps.shape(noise);
            for (&place, noise) in missing.iter().zip(&*noise) {
                let value = row[place] + noise + normal.mean[place];
                out[kept[place]] = value * scaling.scale[place] + scaling.center[place];
            }
        }
    })?;
    trouble.told()?;
    Array2::from_shape_vec((rows, columns), values).map(Some).map_err(|_| Error::Memory {
        what: WHAT,
        rows,
        columns,
    })
}

#[cfg(test)]
mod tests;
