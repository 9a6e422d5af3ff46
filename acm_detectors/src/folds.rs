//! Stretches of rows, and the sums from which models of all rows but some stretches are fitted.

use std::ops::Range;

use acm_linalg::dense::Rows;
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples, parallel, workspace};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};

use crate::lagged::Lagged;

/// Rows that are multiplied at a time.
const BLOCK: usize = 256;

/// Rows `0..rows` cut into `count` stretches of nearly the same length.
pub(crate) fn folds(rows: usize, count: usize) -> Result<Vec<Range<usize>>> {
    let edge = |number: usize| (number as u128 * rows as u128 / count as u128) as usize;
    (0..count).map(|number| edge(number)..edge(number + 1)).gathered("the folds")
}

/// How many rows, their sum, and the lower half of the sum of their products with themselves.
pub(crate) struct FoldSums {
    pub(crate) count: usize,
    sum: Vec<f64>,
    products: Vec<f64>,
}

impl FoldSums {
    fn new(width: usize) -> Result<Self> {
        Ok(Self {
            count: 0,
            sum: room(width, 1, 0.0, "sums of columns")?,
            products: room(width, width, 0.0, "products of columns")?,
        })
    }

    /// Adds rows that stand one after the other.
    fn add(&mut self, rows: &[f64]) {
        if rows.is_empty() {
            return;
        }
        let width = self.sum.len();
        let count = rows.len() / width;
        for row in rows.chunks_exact(width) {
            self.sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let rows = MatRef::from_row_major_slice(rows, count, width);
        let products = MatMut::from_row_major_slice_mut(&mut self.products, width, width);
        let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        matmul(products, lower, Accum::Add, rows.transpose(), whole, rows, whole, 1.0, Par::Seq);
        self.count += count;
    }

    fn join(&mut self, other: &Self) {
        self.sum.iter_mut().zip(&other.sum).for_each(|(sum, other)| *sum += other);
        self.products.iter_mut().zip(&other.products).for_each(|(sum, other)| *sum += other);
        self.count += other.count;
    }

    /// The mean of the rows and the lower half of their covariance (divisor n - 1).
    pub(crate) fn moments(self) -> Result<(Vec<f64>, Vec<f64>)> {
        let Self {
            count,
            sum,
            mut products,
        } = self;
        let width = sum.len();
        let count = count.max(2) as f64;
        let mean = sum.iter().map(|sum| sum / count).gathered("means of columns")?;
        for row in 0..width {
            for column in 0..=row {
                let product = &mut products[row * width + column];
                *product = (*product - count * mean[row] * mean[column]) / (count - 1.0);
            }
        }
        Ok((mean, products))
    }
}

/// One stretch: its first rows, whose lags reach into the stretch before, and the sums of the others.
pub(crate) struct Fold {
    head: Vec<f64>,
    rest: FoldSums,
}

/// The sums of each stretch's points, those of rows that are not `good` left out.
pub(crate) fn sums(lagged: &Lagged, x: Samples<'_>, good: &[bool], folds: &[Range<usize>]) -> Result<Vec<Fold>> {
    let width = lagged.width();
    let mut parts = reserved(folds.len(), "the folds")?;
    for _ in folds {
        let head = reserved(lagged.lags.saturating_mul(width), "the first rows of a fold")?;
        parts.push(Fold {
            head,
            rest: FoldSums::new(width)?,
        });
    }
    let jobs = parts.iter_mut().zip(folds);
    let cost = x.rows() as f64 * (3.0 * width as f64 + 0.1 * (width * width) as f64);
    let reader = Reader { lagged, x, good };
    parallel::run(
        jobs,
        cost,
        || {
            workspace::ready()?;
            room(BLOCK, width, 0.0, "a block of rows")
        },
        |block, (part, rows), stop| {
            let middle = (rows.start + lagged.lags).min(rows.end);
            reader.read(rows.start..middle, &mut block[..], &mut |rows: &[f64]| part.head.extend_from_slice(rows));
            for start in (middle..rows.end).step_by(BLOCK) {
                if stop.requested() {
                    return;
                }
                let end = (start + BLOCK).min(rows.end);
                reader.read(start..end, &mut block[..], &mut |rows: &[f64]| part.rest.add(rows));
            }
        },
    )?;
    Ok(parts)
}

struct Reader<'a, 'x> {
    lagged: &'a Lagged,
    x: Samples<'x>,
    good: &'a [bool],
}

impl Reader<'_, '_> {
    /// The points of the good ones of `rows`, a block at a time.
    fn read(&self, rows: Range<usize>, block: &mut [f64], take: &mut impl FnMut(&[f64])) {
        let width = self.lagged.width();
        let points = self.lagged.points(self.x);
        let mut filled = 0;
        for row in rows {
            if self.good[row] {
                points.read(row..row + 1, &mut block[filled..filled + width]);
                filled += width;
                if filled == block.len() {
                    take(&*block);
                    filled = 0;
                }
            }
        }
        if filled > 0 {
            take(&block[..filled]);
        }
    }
}

/// The sums of the stretches that are `inside`, without the rows whose lags reach into one that is not.
pub(crate) fn joined(parts: &[Fold], inside: impl Fn(usize) -> bool) -> Result<FoldSums> {
    let width = parts.first().map_or(0, |part| part.rest.sum.len());
    workspace::ready()?;
    let mut all = FoldSums::new(width)?;
    for (number, part) in parts.iter().enumerate() {
        if inside(number) {
            all.join(&part.rest);
        }
    }
    for (number, part) in parts.iter().enumerate() {
        if inside(number) && (number == 0 || inside(number - 1)) {
            all.add(&part.head);
        }
    }
    Ok(all)
}
