//! The principal subspace of lagged rows, of all of them and of all but one stretch after another.

use std::ops::Range;

use acm_linalg::dense::{Rows, symmetric_eigen};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::pca::Components;
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples, parallel, workspace};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};

use super::product::of_points;
use crate::lagged::Lagged;
use crate::packed::Packed;

/// Rows that are multiplied at a time.
const BLOCK: usize = 256;

/// Variances below this share of the greatest are rounding.
const NOTHING: f64 = 1e-12;

/// Rows `0..rows` cut into `count` stretches of nearly the same length.
pub(super) fn folds(rows: usize, count: usize) -> Result<Vec<Range<usize>>> {
    let edge = |number: usize| (number as u128 * rows as u128 / count as u128) as usize;
    (0..count).map(|number| edge(number)..edge(number + 1)).gathered("the folds")
}

/// How many rows, their sum, and the lower half of the sum of their products with themselves.
struct FoldSums {
    count: usize,
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
}

/// One stretch: its first rows, whose lags reach into the stretch before, and the sums of the others.
struct Fold {
    head: Vec<f64>,
    rest: FoldSums,
}

/// A model of the rows: where they are centred, the matrix that leaves of a point the residual of its present row, and the
/// components.
pub(super) struct Subspace {
    pub(super) lagged: Lagged,
    /// (d, width), row-major.
    pub(super) residual: Vec<f64>,
    components: Vec<f64>,
    pub(super) kept: usize,
}

/// Residuals of every row outside the fold that it was predicted from, and the model of all rows.
pub(super) struct Outside {
    /// d residuals and the squared length of the whole residual, row after row.
    pub(super) residuals: Vec<f64>,
    pub(super) model: Subspace,
}

/// What the parameters ask for, and the rows that count.
pub(super) struct Task<'a, 'x> {
    pub(super) x: Samples<'x>,
    pub(super) good: &'a [bool],
    pub(super) folds: &'a [Range<usize>],
    pub(super) keep: Components,
}

impl Task<'_, '_> {
    /// Fits all but each fold, and all; `lagged` has no means yet.
    ///
    /// The products of a fold's rows are summed once and shared by all models that contain the fold, so nothing is ever
    /// subtracted.
    pub(super) fn outside(&self, lagged: &Lagged) -> Result<Outside> {
        let (width, sensors) = (lagged.width(), lagged.kept.len());
        let parts = self.sums(lagged)?;
        let count = self.folds.len();
        let mut models = reserved(count + 1, "the folds")?;
        models.resize_with(count + 1, || None);
        let cost = (width * width * (count + 1)) as f64 * (2.0 * count as f64 + 3.0 * width as f64);
        parallel::run(
            models.iter_mut().enumerate(),
            cost,
            || Ok(()),
            |(), (number, model), stop| {
                if !stop.requested() {
                    // The last is the model of all folds.
                    *model = Some(self.model(lagged, &parts, (number < count).then_some(number)));
                }
            },
        )?;
        drop(parts);
        let mut residuals = room(self.x.rows(), sensors + 1, 0.0, "residuals of the training rows")?;
        let mut last = None;
        for (number, model) in models.into_iter().enumerate() {
            let Some(model) = model.transpose()? else { continue };
            if let Some(rows) = self.folds.get(number) {
                let residual = Packed::full(&model.residual, sensors, width)?;
                let explained = Packed::full(&model.components, model.kept, width)?;
                let out = &mut residuals[rows.start * (sensors + 1)..rows.end * (sensors + 1)];
                of_points(&model.lagged, &residual, Some(&explained), self.x, rows.clone(), out)?;
            } else {
                last = Some(model);
            }
        }
        match last {
            Some(model) => Ok(Outside { residuals, model }),
            None => Err(acm_linalg::Error::Interrupted),
        }
    }

    fn sums(&self, lagged: &Lagged) -> Result<Vec<Fold>> {
        let width = lagged.width();
        let mut parts = reserved(self.folds.len(), "the folds")?;
        for _ in self.folds {
            let head = reserved(lagged.lags.saturating_mul(width), "the first rows of a fold")?;
            parts.push(Fold {
                head,
                rest: FoldSums::new(width)?,
            });
        }
        let jobs = parts.iter_mut().zip(self.folds);
        let cost = self.x.rows() as f64 * (3.0 * width as f64 + 0.1 * (width * width) as f64);
        parallel::run(
            jobs,
            cost,
            || {
                workspace::ready()?;
                room(BLOCK, width, 0.0, "a block of rows")
            },
            |block, (part, rows), stop| {
                let middle = rows.start + lagged.lags;
                self.read(lagged, rows.start..middle, &mut block[..], &mut |rows: &[f64]| {
                    part.head.extend_from_slice(rows)
                });
                for start in (middle..rows.end).step_by(BLOCK) {
                    if stop.requested() {
                        return;
                    }
                    let end = (start + BLOCK).min(rows.end);
                    self.read(lagged, start..end, &mut block[..], &mut |rows: &[f64]| part.rest.add(rows));
                }
            },
        )?;
        Ok(parts)
    }

    /// The points of the good ones of `rows`, a block at a time.
    fn read(&self, lagged: &Lagged, rows: Range<usize>, block: &mut [f64], take: &mut impl FnMut(&[f64])) {
        let width = lagged.width();
        let points = lagged.points(self.x);
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

    /// Without the fold `out` and the rows after it whose lags reach into it.
    fn model(&self, lagged: &Lagged, parts: &[Fold], out: Option<usize>) -> Result<Subspace> {
        let width = lagged.width();
        workspace::ready()?;
        let mut all = FoldSums::new(width)?;
        for (number, part) in parts.iter().enumerate() {
            if out != Some(number) {
                all.join(&part.rest);
            }
        }
        for (number, part) in parts.iter().enumerate() {
            let behind = number.checked_sub(1);
            if out.is_none() || (out != Some(number) && out != behind) {
                all.add(&part.head);
            }
        }
        let count = all.count.max(2) as f64;
        let mean = all.sum.iter().map(|sum| sum / count).gathered("means of columns")?;
        for row in 0..width {
            for column in 0..=row {
                let product = &mut all.products[row * width + column];
                *product = (*product - count * mean[row] * mean[column]) / (count - 1.0);
            }
        }
        let (variances, mut components) = symmetric_eigen(&all.products, width, "x")?;
        let kept = kept(&variances, self.keep);
        components.truncate(kept * width);
        let sensors = lagged.kept.len();
        let mut residual = room(sensors, width, 0.0, "a matrix")?;
        for sensor in 0..sensors {
            let row = &mut residual[sensor * width..(sensor + 1) * width];
            row[sensor] = 1.0;
            for component in components.chunks_exact(width) {
                let weight = component[sensor];
                row.iter_mut().zip(component).for_each(|(value, entry)| *value -= weight * entry);
            }
        }
        Ok(Subspace {
            lagged: lagged.about(mean)?,
            residual,
            components,
            kept,
        })
    }
}

/// How many components are kept: never all, or nothing would be left to watch.
fn kept(variances: &[f64], keep: Components) -> usize {
    let total: f64 = variances.iter().sum();
    let first = variances.first().copied().unwrap_or(0.0);
    let wanted = match keep {
        Components::Count(count) => count,
        Components::Share(share) => {
            let mut explained = 0.0;
            let enough = variances.iter().position(|variance| {
                explained += variance;
                explained / total >= share
            });
            enough.map_or(variances.len(), |last| last + 1)
        }
    };
    let large = variances.iter().take_while(|&&variance| variance > NOTHING * first).count();
    wanted.min(large).min(variances.len().saturating_sub(1))
}
