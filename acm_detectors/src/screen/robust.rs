//! How far each row is from most of the others, all moving sensors together.
//!
//! Values are drawn in ("wrapped": Raymaekers and Rousseeuw 2021, doi 10.1080/00401706.2019.1677270), the medians and
//! deviations along the axes of their covariance give first distances, and a few concentration steps on the nearest three
//! quarters of the rows the covariance of the healthy ones (deterministic MCD: Hubert, Rousseeuw and Verdonck 2012,
//! doi 10.1080/10618600.2012.672100), drawn in after Ledoit and Wolf where rows are few (Boudt and others 2020,
//! doi 10.1007/s11222-019-09869-x). What is missing or bad is what the other sensors let expect.

use std::cmp::Ordering;
use std::ops::Range;

use acm_linalg::covariance::{Centered, Shrinkage, shrunk};
use acm_linalg::dense::{Rows, cholesky};
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, copied, reserved};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::{median_mad, neighbours, quantile};
use acm_linalg::seed::one_of_each;
use acm_linalg::{Result, Samples, parallel};
use fearless_simd::{Level, dispatch};
use ndarray::ArrayView2;

pub(super) use triangles::squared;
use triangles::{inverse_of, solve};

use super::cells::Marks;
use super::{LEAST_ROWS, WHAT};
use crate::limits::chi2_upper;
use crate::packed::{Packed, rows_of, squares_by_group};

/// Rows beyond this probability of χ² have no part in the last covariances.
const BEYOND: f64 = 0.0005;

/// Concentration steps at most.
const STEPS: usize = 10;

/// Rows that all of this is told from at most.
const SAMPLE: usize = 20_000;

/// Rows that the concentration steps are taken on where there are twice as many, and rows a sensor (nested steps: Rousseeuw
/// and Van Driessen 1999, doi 10.1080/00401706.1999.10485670, section 3.3).
const NESTED: usize = 5_000;
const NESTED_A_SENSOR: usize = 50;

/// Sensors beyond which only their own scales count: a covariance of more is mostly its shrinkage.
const MOST_SENSORS: usize = 200;

/// Rows a sensor that there must be, likewise: the rows that a covariance of few is not made of look far from it.
const ROWS_A_SENSOR: usize = 4;

/// Least variance, as a share of the mean one.
const LEAST: f64 = 1e-9;

/// Scale of the median absolute deviation that is the standard deviation of normal numbers.
pub(super) const NORMAL: f64 = 1.4826;

/// Rows, scaled, and how far they are.
#[derive(Debug)]
pub(super) struct Found {
    /// The moving sensors.
    pub(super) columns: Vec<usize>,
    centers: Vec<f64>,
    scales: Vec<f64>,
    /// The running rows, rising.
    pub(super) rows: Vec<usize>,
    /// (rows, columns): scaled, and what is missing is what the others let expect.
    pub(super) z: Vec<f64>,
    /// Of the healthy rows.
    pub(super) mean: Vec<f64>,
    pub(super) covariance: Vec<f64>,
    /// L⁻¹ of it.
    pub(super) whitening: Packed,
    /// Whether there were rows enough for that of all sensors together, not of each by itself.
    pub(super) together: bool,
    /// Squared distance of each running row, those with something missing brought to the scale of whole ones.
    pub(super) squares: Vec<f64>,
    /// Standard deviations of the cube root of the squared distance above its median (Wilson and Hilferty 1931,
    /// doi 10.1073/pnas.17.12.684), for each running row.
    pub(super) far: Vec<f64>,
}

impl Found {
    /// Whether a running row lies far from most.
    pub(super) fn far(&self, row: usize) -> bool {
        self.rows.binary_search(&row).is_ok_and(|place| self.far[place] > super::groups::TOGETHER)
    }

    /// What the other sensors of a running row let expect.
    pub(super) fn expected(&self, row: usize, column: usize) -> f64 {
        match (self.rows.binary_search(&row), self.columns.binary_search(&column)) {
            (Ok(row), Ok(place)) => self.z[row * self.columns.len() + place] * self.scales[place] + self.centers[place],
            _ => f64::NAN,
        }
    }
}

/// None where no sensor moves or hardly a row is left.
pub(super) fn distances(x: Samples<'_>, marks: &Marks) -> Result<Option<Found>> {
    let columns = (0..x.columns()).filter(|&column| marks.sensors[column].moves).gathered(WHAT)?;
    let running = |row: &usize| !marks.still(*row) && !marks.gone(*row);
    let rows = (0..x.rows()).filter(running).gathered(WHAT)?;
    if columns.is_empty() || rows.len() < LEAST_ROWS {
        return Ok(None);
    }
    let width = columns.len();
    let centers = columns.iter().map(|&column| marks.sensors[column].median).gathered(WHAT)?;
    let scales = columns.iter().map(|&column| marks.sensors[column].scale()).gathered(WHAT)?;
    let mut z = room(rows.len(), width, 0.0, "the scaled rows")?;
    by_rows(
        rows.len(),
        width,
        &mut z,
        4.0 * width as f64,
        || room(x.columns(), 1, 0.0, "a row"),
        |values, inside, out, stop| {
            for (row, out) in inside.zip(out.chunks_exact_mut(width)) {
                if stop.requested() {
                    return;
                }
                let row = rows[row];
                x.read(row..row + 1, values);
                for (((out, &column), center), scale) in out.iter_mut().zip(&columns).zip(&centers).zip(&scales) {
                    let value = values[column];
                    let scaled = ((value - center) / scale).clamp(-1e9, 1e9);
                    *out = if value.is_finite() { scaled } else { f64::NAN };
                }
                if marks.bad_cells() > 0 {
                    for (out, _) in out.iter_mut().zip(&columns).filter(|pair| marks.bad(row, *pair.1)) {
                        *out = f64::NAN;
                    }
                }
            }
        },
    )?;
    let lacking = room(rows.len(), 1, 0_u32, "the scaled rows")?;
    let mut table = Rowwise { z, width, lacking };
    table.count();
    let every = rows.len().div_ceil(SAMPLE);
    let together = table.covaries(table.rows().div_ceil(every));
    let (mean, covariance, whitening, squares, far) = if every > 1 {
        let mut sample = table.drawn(every)?;
        let (mean, covariance, whitening, squares) = sample.concentrate()?;
        drop(sample);
        let all = table.distances(&mean, &whitening)?;
        let far = cube_roots(&squares, &all, width)?;
        (mean, covariance, whitening, all, far)
    } else {
        let (mean, covariance, whitening, squares) = table.concentrate()?;
        let far = cube_roots(&squares, &squares, width)?;
        (mean, covariance, whitening, squares, far)
    };
    Ok(Some(Found {
        columns,
        centers,
        scales,
        rows,
        z: table.z,
        mean,
        covariance,
        whitening,
        together,
        squares,
        far,
    }))
}

/// Standard deviations of the cube roots of `all` above the median of those of `usual`, which vary at least as those of χ² do:
/// where one of two states is much tighter, the other is not far from it.
fn cube_roots(usual: &[f64], all: &[f64], width: usize) -> Result<Vec<f64>> {
    let mut roots = usual.iter().map(|square| square.cbrt()).gathered(WHAT)?;
    let (median, mad) = median_mad(&mut roots);
    let share = 2.0 / (9.0 * width as f64);
    let spread = (NORMAL * mad).max(median * share.sqrt() / (1.0 - share)).max(1e-12);
    all.iter().map(|square| (square.cbrt() - median) / spread).gathered(WHAT)
}

/// Scaled rows, NaN or filled where something is missing.
struct Rowwise {
    z: Vec<f64>,
    width: usize,
    /// How many values of each row are missing.
    lacking: Vec<u32>,
}

/// Mean, covariance, L⁻¹ of it, and the squared distances of the rows.
type Concentrated = (Vec<f64>, Vec<f64>, Packed, Vec<f64>);

impl Rowwise {
    fn count(&mut self) {
        for (lacking, row) in self.lacking.iter_mut().zip(self.z.chunks_exact(self.width)) {
            *lacking = row.iter().fold(0, |count, value| count + u32::from(value.is_nan()));
        }
    }

    /// One row of each so many neighbours.
    fn drawn(&self, step: usize) -> Result<Self> {
        let chosen = one_of_each(self.rows(), self.rows().div_ceil(step)).gathered(WHAT)?;
        let what = "the scaled rows";
        let values = chosen.iter().flat_map(|&row| &self.z[row * self.width..(row + 1) * self.width]);
        Ok(Self {
            z: values.copied().gathered(what)?,
            width: self.width,
            lacking: chosen.iter().map(|&row| self.lacking[row]).gathered(what)?,
        })
    }

    fn rows(&self) -> usize {
        self.lacking.len()
    }

    /// Whether so many rows tell how the sensors hang together.
    fn covaries(&self, rows: usize) -> bool {
        self.width <= MOST_SENSORS && rows >= ROWS_A_SENSOR * self.width
    }

    fn concentrate(&mut self) -> Result<Concentrated> {
        let (rows, width) = (self.rows(), self.width);
        let holes = self.holes()?;
        if !self.covaries(rows) {
            self.fill_with(&holes, &room(width, 1, 0.0, WHAT)?);
            let mean = room(width, 1, 0.0, WHAT)?;
            let mut covariance = room(width, width, 0.0, WHAT)?;
            covariance.iter_mut().step_by(width + 1).for_each(|value| *value = 1.0);
            let squares = self.z.chunks_exact(width).map(|row| row.iter().map(|z| z.min(1e6) * z.min(1e6)).sum());
            let squares = squares.gathered(WHAT)?;
            let whitening = Packed::lower(&covariance, width)?;
            return Ok((mean, covariance, whitening, squares));
        }
        let every = rows / NESTED.max(NESTED_A_SENSOR * width);
        let mut squares = if every > 1 {
            let mut some = self.drawn(every)?;
            let (mean, covariance, ..) = some.converge(&some.holes()?)?;
            drop(some);
            self.seen_from(&mean, &covariance, &holes)?.1
        } else {
            self.converge(&holes)?.3
        };
        let middle = chi2_upper(width as f64, 0.5);
        let most = chi2_upper(width as f64, BEYOND);
        let mut found = None;
        for _ in 0..2 {
            rescale(&mut squares, middle)?;
            let near = (0..rows).filter(|&row| squares[row] <= most).gathered(WHAT)?;
            let chosen = if near.len() < LEAST_ROWS { nearest(&squares, self.core())? } else { near };
            let step = self.step(&chosen, &holes)?;
            squares = copied(&step.3, WHAT)?;
            found = Some(step);
        }
        match found {
            Some((mean, covariance, whitening, _)) => Ok((mean, covariance, whitening, squares)),
            None => Err(acm_linalg::Error::Interrupted),
        }
    }

    /// Rows that a covariance of the steps is made of.
    fn core(&self) -> usize {
        self.rows() - self.rows() / 4
    }

    /// Concentration steps, until the nearest rows stay the same.
    fn converge(&mut self, holes: &[(usize, usize)]) -> Result<Concentrated> {
        let core = self.core();
        let mut chosen = nearest(&self.first(holes)?, core)?;
        let mut found = self.step(&chosen, holes)?;
        let mut watch = Watch::start();
        for _ in 1..STEPS {
            watch.look()?;
            let next = nearest(&found.3, core)?;
            if next == chosen {
                break;
            }
            chosen = next;
            found = self.step(&chosen, holes)?;
        }
        Ok(found)
    }

    /// Row and place of each missing value, by rows.
    fn holes(&self) -> Result<Vec<(usize, usize)>> {
        let rows = self.lacking.iter().zip(self.z.chunks_exact(self.width)).enumerate();
        let rows = rows.filter(|(_, (lacking, _))| **lacking > 0);
        let holes = rows.flat_map(|(number, (_, row))| {
            let places = row.iter().enumerate().filter(|pair| pair.1.is_nan());
            places.map(move |(place, _)| (number, place))
        });
        holes.gathered(WHAT)
    }

    fn fill_with(&mut self, holes: &[(usize, usize)], values: &[f64]) {
        for &(row, place) in holes {
            self.z[row * self.width + place] = values[place];
        }
    }

    fn samples(&self) -> Result<Samples<'_>> {
        let (rows, columns) = (self.z.len() / self.width, self.width);
        let table = ArrayView2::from_shape((rows, columns), &self.z);
        let what = "the scaled rows";
        Ok(table.map_err(|_| acm_linalg::Error::Memory { what, rows, columns })?.into())
    }

    /// Mean and covariance of the chosen rows, and the distances of all from there.
    fn step(&mut self, chosen: &[usize], holes: &[(usize, usize)]) -> Result<Concentrated> {
        let width = self.width;
        let subset = Chosen { table: self, chosen };
        let centered = Centered::new(&subset)?;
        let mean = centered.mean()?;
        let found = shrunk(&centered, Shrinkage::LedoitWolf)?;
        let mut covariance = found.covariance;
        let diagonal = || (0..width).map(|place| place * (width + 1));
        let usual = diagonal().map(|place| covariance[place]).sum::<f64>() / width as f64;
        let least = LEAST * usual.max(f64::MIN_POSITIVE / LEAST);
        if found.shrinkage * usual < least {
            for place in diagonal() {
                covariance[place] += least;
            }
        }
        let (whitening, squares) = self.seen_from(&mean, &covariance, holes)?;
        Ok((mean, covariance, whitening, squares))
    }

    /// L⁻¹ of a covariance, and the distances of all rows by it, what is missing of them as the rest lets expect.
    fn seen_from(&mut self, mean: &[f64], covariance: &[f64], holes: &[(usize, usize)]) -> Result<(Packed, Vec<f64>)> {
        let width = self.width;
        let lower = cholesky(covariance, width, "x")?;
        let inverse = inverse_of(&lower, width)?;
        let whitening = Packed::lower(&inverse, width)?;
        if !holes.is_empty() {
            let precision = squared(&inverse, width)?;
            self.expect(holes, mean, &precision)?;
        }
        let squares = self.distances(mean, &whitening)?;
        Ok((whitening, squares))
    }

    /// What is missing of a row becomes what the rest of it lets expect.
    fn expect(&mut self, holes: &[(usize, usize)], mean: &[f64], precision: &[f64]) -> Result<()> {
        let width = self.width;
        let mut places = Vec::new();
        for row in holes.chunk_by(|one, next| one.0 == next.0) {
            acm_linalg::memory::push(&mut places, row, WHAT)?;
        }
        let mut rest = &mut self.z[..];
        let mut before = 0;
        let mut jobs = Vec::new();
        for holes in places {
            let row = holes[0].0;
            let (_, tail) = std::mem::take(&mut rest).split_at_mut((row - before) * width);
            let (values, tail) = tail.split_at_mut(width);
            (rest, before) = (tail, row + 1);
            acm_linalg::memory::push(&mut jobs, (holes, values), WHAT)?;
        }
        let cost = jobs.len() as f64 * (8.0 * width as f64 + 200.0);
        parallel::run(
            jobs,
            cost,
            || Ok((room(width, width, 0.0, WHAT)?, room(width, 1, 0.0, WHAT)?)),
            |(matrix, right), (holes, values), stop| {
                if stop.requested() {
                    return;
                }
                let count = holes.len();
                for &(_, place) in holes {
                    values[place] = mean[place];
                }
                if count == width {
                    return;
                }
                // With the missing ones at their means, Λ_mk (z_k - μ_k) is Λ_m (z - μ).
                for (number, &(_, place)) in holes.iter().enumerate() {
                    let line = &precision[place * width..(place + 1) * width];
                    right[number] = -line.iter().zip(&*values).zip(mean).map(|((l, z), m)| l * (z - m)).sum::<f64>();
                    for (other, &(_, at)) in holes[..=number].iter().enumerate() {
                        matrix[number * count + other] = line[at];
                    }
                }
                solve(&mut matrix[..count * count], &mut right[..count]);
                for (&(_, place), step) in holes.iter().zip(&*right) {
                    values[place] += step;
                }
            },
        )
    }

    /// Squared distances, those of rows with something missing brought to the scale of whole ones.
    fn distances(&self, mean: &[f64], whitening: &Packed) -> Result<Vec<f64>> {
        let (rows, width) = (self.rows(), self.width);
        let mut squares = room(rows, 1, 0.0, WHAT)?;
        let table = self.samples()?;
        by_rows(
            rows,
            1,
            &mut squares,
            2.0 * width as f64 + whitening.cost_ns(),
            || Ok((rows_of(whitening.padded())?, rows_of(whitening.padded())?)),
            |(points, white), inside, out, stop| {
                for (out, first) in out.chunks_mut(LANES).zip(inside.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    table.pack(first, &mut points[..width]);
                    for (point, mean) in points.iter_mut().zip(mean) {
                        for lane in 0..LANES {
                            point.0[lane] -= mean;
                        }
                    }
                    let mut found = Row::default();
                    dispatch!(Level::new(), simd => {
                        whitening.apply(simd, points, white);
                        found.store(squares_by_group(simd, white));
                    });
                    out.copy_from_slice(&found.0[..out.len()]);
                }
            },
        )?;
        for (square, &lacking) in squares.iter_mut().zip(&self.lacking) {
            if lacking > 0 {
                *square *= width as f64 / f64::from(lacking).mul_add(-1.0, width as f64).max(1.0);
            }
        }
        Ok(squares)
    }
}

/// Brings the median to `middle`.
fn rescale(squares: &mut [f64], middle: f64) -> Result<()> {
    let mut spare = copied(squares, WHAT)?;
    let median = quantile(&mut spare, 0.5);
    if median > 0.0 {
        squares.iter_mut().for_each(|square| *square *= middle / median);
    }
    Ok(())
}

/// The rows of the least squares, of equal ones the first, rising.
fn nearest(squares: &[f64], count: usize) -> Result<Vec<usize>> {
    let Some(last) = count.checked_sub(1).filter(|_| count < squares.len()) else {
        return (0..squares.len().min(count)).gathered(WHAT);
    };
    let farthest = neighbours(&mut copied(squares, WHAT)?, last).0;
    let nearer = squares.iter().filter(|square| square.total_cmp(&farthest).is_lt()).count();
    let mut equal = count - nearer;
    let mut near = |square: &f64| match square.total_cmp(&farthest) {
        Ordering::Less => true,
        Ordering::Equal if equal > 0 => {
            equal -= 1;
            true
        }
        _ => false,
    };
    let mut chosen = reserved(count, WHAT)?;
    for (row, square) in squares.iter().enumerate() {
        if near(square) {
            chosen.push(row);
        }
    }
    Ok(chosen)
}

/// Some of the rows.
struct Chosen<'a> {
    table: &'a Rowwise,
    chosen: &'a [usize],
}

impl Rows for Chosen<'_> {
    fn rows(&self) -> usize {
        self.chosen.len()
    }

    fn columns(&self) -> usize {
        self.table.width
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        let width = self.table.width;
        for (&row, out) in self.chosen[rows].iter().zip(out.chunks_exact_mut(width)) {
            out.copy_from_slice(&self.table.z[row * width..(row + 1) * width]);
        }
    }
}

mod start;
#[cfg(test)]
mod tests;
mod triangles;
