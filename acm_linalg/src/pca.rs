//! Principal components.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::covariance::Centered;
use crate::dense::{Rows, fix_sign, products, symmetric_eigen};
use crate::error::{Error, Result, require};
use crate::leading::leading_eigen;
use crate::memory::{Gather, copied, room};
use crate::parallel::{Stop, aside};
use crate::samples::{Samples, by_rows, reduce};
use crate::{svd, workspace};

/// Squares of singular values carry an error of about 1e-15 of the greatest: below this share of it the values are found
/// from the rows themselves.
const SURE: f64 = 1e-4;

/// Estimated times of a triangle's rows and of a product, for each of the rows times columns times what they are taken by, in
/// nanoseconds.
const QR_NS: f64 = 0.4;
const PRODUCT_NS: f64 = 0.1;

/// How many components are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Components {
    /// This many.
    Count(usize),
    /// As many as explain more than this share of the variance, in (0, 1).
    Share(f64),
}

impl Components {
    /// `Ok` with a count of at least 1 or a share between 0 and 1.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming `name`.
    pub fn require(self, name: &'static str) -> Result<()> {
        match self {
            Self::Count(count) => require(count >= 1, name, "at least 1", count),
            Self::Share(share) => {
                require(share > 0.0 && share < 1.0, name, "a whole number or a share between 0 and 1", share)
            }
        }
    }
}

/// Principal components of rows about their means.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// (k, d), row-major, rows of length 1; the entry of greatest magnitude of each (the first of equal ones) is positive.
    pub components: Vec<f64>,
    /// (min(n, d),): variances (divisor n - 1) along all components, the kept ones first, largest first.
    pub variances: Vec<f64>,
    /// (d,).
    pub mean: Vec<f64>,
    /// How many are kept.
    pub kept: usize,
}

/// Principal components of samples without missing values.
///
/// Shapes: x (n, d), n >= 2 -> k components of d entries.
/// Missing: refused.
/// Cost: n d² / 2 products and the eigenvectors of a (min(n, d), min(n, d)) matrix, of many columns only those asked for; where kept variances fall below 1e-4 of the
/// greatest, a decomposition of the rows themselves.
/// Threads: pieces of rows; any number gives the same bytes.
/// Oracle: scikit-learn `PCA(svd_solver="full")`, 1e-10.
///
/// # Examples
///
/// ```
/// use acm_linalg::pca::{Components, pca};
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // All on one line.
/// let x = array![[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]];
/// let found = pca(x.view().into(), Components::Share(0.9))?;
/// assert_eq!((found.kept, &found.mean[..]), (1, &[3.0, 4.0][..]));
/// assert!((found.components[0] - 0.6).abs() < 1e-12 && (found.variances[0] - 25.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`] with less than two rows or no column; [`Error::Parameter`] for a bad count or share;
/// [`Error::Missing`]; [`Error::Singular`] where squares overflow; [`Error::Memory`]; [`Error::Interrupted`].
pub fn pca(samples: Samples<'_>, keep: Components) -> Result<Pca> {
    keep.require("k")?;
    samples.require(2)?;
    if let Components::Count(count) = keep {
        let most = samples.rows().min(samples.columns());
        require(count <= most, "k", "at most the lesser of rows and columns", count)?;
    }
    let centered = Centered::new(&samples)?;
    centered.require_complete(samples, "x")?;
    about_means(&centered, keep)
}

/// Principal components of the rows of a table; a count beyond min(n, d) keeps all.
///
/// # Errors
/// [`Error::Singular`] where squares overflow; [`Error::Memory`]; [`Error::Interrupted`].
pub fn principal<T: Rows>(table: &T, keep: Components) -> Result<Pca> {
    about_means(&Centered::new(table)?, keep)
}

fn about_means<T: Rows>(centered: &Centered<'_, T>, keep: Components) -> Result<Pca> {
    let mean = centered.mean()?;
    let wide = centered.rows() < centered.columns();
    let rough = if wide {
        through_rows(centered, keep)
    } else {
        through_columns(centered, keep)
    };
    if let Ok(found) = &rough
        && let Some(nearer) = centered.nearer(found.variances.first().copied().unwrap_or(0.0))?
    {
        return about_means(&nearer, keep);
    }
    let mut found = match rough {
        Ok(found) if found.sure() => found,
        Ok(_) | Err(Error::Singular { .. }) if wide => through_all(centered, keep)?,
        Ok(_) | Err(Error::Singular { .. }) => through_triangle(centered, keep)?,
        Err(error) => return Err(error),
    };
    if found.variances.iter().any(|value| !value.is_finite()) {
        return Err(Error::Singular {
            name: "x",
            requirement: "free of numbers too large to be squared",
        });
    }
    found.variances.iter_mut().for_each(|value| *value = centered.square(*value));
    Ok(Pca { mean, ..found })
}

impl Pca {
    /// Keeps what is asked for; `components` may hold more.
    fn keep(mut components: Vec<f64>, columns: usize, variances: Vec<f64>, keep: Components) -> Self {
        let kept = kept_of(&variances, keep);
        components.truncate(kept * columns);
        Self {
            components,
            variances,
            mean: Vec::new(),
            kept,
        }
    }

    /// Whether the kept variances are well above the rounding of squares.
    fn sure(&self) -> bool {
        match (self.variances.first(), self.variances.get(self.kept.saturating_sub(1))) {
            (Some(&first), Some(&last)) => last > SURE * first,
            _ => true,
        }
    }
}

/// How many components of these variances, largest first, are kept.
#[must_use]
pub fn kept_of(variances: &[f64], keep: Components) -> usize {
    match keep {
        Components::Count(count) => count.min(variances.len()),
        Components::Share(share) => {
            let total: f64 = variances.iter().sum();
            let mut explained = 0.0;
            let enough = variances.iter().position(|variance| {
                explained += variance;
                explained > share * total
            });
            enough.map_or(variances.len(), |last| last + 1)
        }
    }
}

fn divisor(rows: usize) -> f64 {
    rows.saturating_sub(1).max(1) as f64
}

/// Eigenvectors of the covariance of the columns.
fn through_columns<T: Rows>(centered: &Centered<'_, T>, keep: Components) -> Result<Pca> {
    let columns = centered.columns();
    let mut covariance = products(centered)?;
    let divisor = divisor(centered.rows());
    covariance.iter_mut().for_each(|sum| *sum /= divisor);
    let count = match keep {
        Components::Count(count) => count.min(columns),
        Components::Share(_) => columns,
    };
    let (mut variances, vectors) = leading_eigen(&covariance, columns, count, "x")?;
    variances.iter_mut().for_each(|value| *value = value.max(0.0));
    Ok(Pca::keep(vectors, columns, variances, keep))
}

/// Singular values of the triangle R of Z = Q R, in steps over the rows.
fn through_triangle<T: Rows>(centered: &Centered<'_, T>, keep: Components) -> Result<Pca> {
    let columns = centered.columns();
    let block = columns.max(256);
    let what = "rows to be reduced to a triangle";
    // The triangle so far lies on top of the rows that are yet to go into it.
    let (stack, done) = reduce(
        centered.rows(),
        (4_000_000 / (columns * columns).max(1)).clamp(2, 16),
        (columns * columns) as f64,
        || Ok(()),
        || Ok((room(columns + block, columns, 0.0, what)?, Ok(()))),
        |(stack, done), (), rows, stop| {
            for start in rows.clone().step_by(block) {
                if stop.requested() || done.is_err() {
                    return;
                }
                let end = rows.end.min(start + block);
                let (_, below) = stack.split_at_mut(columns * columns);
                let (now, rest) = below.split_at_mut((end - start) * columns);
                centered.read(start..end, now);
                rest.fill(0.0);
                *done = triangle(stack, columns, stop);
            }
        },
        |(all, done), (part, also), stop| {
            *done = done.clone().and(also);
            if done.is_err() {
                return;
            }
            let (_, below) = all.split_at_mut(columns * columns);
            below.fill(0.0);
            below[..columns * columns].copy_from_slice(&part[..columns * columns]);
            *done = triangle(all, columns, stop);
        },
    )?;
    done?;
    let found = svd::thin(copied(&stack[..columns * columns], what)?, columns, columns, columns)?;
    Ok(Pca::keep(found.vt, columns, squares(&found.s, centered.rows())?, keep))
}

/// Replaces the first rows of a row-major matrix by the triangle R of its decomposition Q R.
fn triangle(stack: &mut Vec<f64>, columns: usize, stop: &Stop) -> Result<()> {
    let rows = stack.len() / columns;
    let cost = QR_NS * (rows * columns) as f64 * columns as f64;
    let values = std::mem::take(stack);
    let (values, found) = aside(cost, Some(stop), move || -> Result<_> {
        let _room = workspace::for_qr(rows, columns)?;
        let found = MatRef::from_row_major_slice(&values, rows, columns).qr();
        Ok((values, found))
    })??;
    *stack = values;
    let upper = found.thin_R();
    for row in 0..columns {
        for column in 0..columns {
            stack[row * columns + column] = if column < row { 0.0 } else { upper[(row, column)] };
        }
    }
    Ok(())
}

/// Rows fewer than columns: eigenvectors of the products of all pairs of rows.
fn through_rows<T: Rows>(centered: &Centered<'_, T>, keep: Components) -> Result<Pca> {
    let (rows, columns) = (centered.rows(), centered.columns());
    let values = all(centered)?;
    let mut pairs = room(rows, rows, 0.0, "products of rows")?;
    let (values, pairs) = aside(PRODUCT_NS * (rows * rows) as f64 * columns as f64, None, move || -> Result<_> {
        workspace::ready()?;
        let all = MatRef::from_row_major_slice(&values, rows, columns);
        let into = MatMut::from_row_major_slice_mut(&mut pairs, rows, rows);
        matmul(into, Accum::Replace, all, all.transpose(), 1.0 / divisor(rows), Par::Seq);
        Ok((values, pairs))
    })??;
    let (mut variances, vectors) = symmetric_eigen(&pairs, rows, "x")?;
    variances.iter_mut().for_each(|value| *value = value.max(0.0));
    let kept = kept_of(&variances, keep);
    let mut components = room(kept, columns, 0.0, "components")?;
    let mut components = aside(PRODUCT_NS * (kept * rows) as f64 * columns as f64, None, move || -> Result<_> {
        workspace::ready()?;
        let into = MatMut::from_row_major_slice_mut(&mut components, kept, columns);
        let vectors = MatRef::from_row_major_slice(&vectors[..kept * rows], kept, rows);
        let all = MatRef::from_row_major_slice(&values, rows, columns);
        matmul(into, Accum::Replace, vectors, all, 1.0, Par::Seq);
        Ok(components)
    })??;
    for component in components.chunks_exact_mut(columns) {
        let length = component.iter().map(|value| value * value).sum::<f64>().sqrt();
        component.iter_mut().for_each(|value| *value /= length);
        fix_sign(component);
    }
    Ok(Pca::keep(components, columns, variances, keep))
}

/// Rows fewer than columns: singular values of the rows themselves.
fn through_all<T: Rows>(centered: &Centered<'_, T>, keep: Components) -> Result<Pca> {
    let (rows, columns) = (centered.rows(), centered.columns());
    let found = svd::thin(all(centered)?, rows, columns, rows)?;
    Ok(Pca::keep(found.vt, columns, squares(&found.s, rows)?, keep))
}

fn all<T: Rows>(centered: &Centered<'_, T>) -> Result<Vec<f64>> {
    let mut values = room(centered.rows(), centered.columns(), 0.0, "centred samples")?;
    let columns = centered.columns();
    by_rows(
        centered.rows(),
        columns,
        &mut values,
        2.0 * columns as f64,
        || Ok(()),
        |(), rows, out, _| centered.read(rows, out),
    )?;
    Ok(values)
}

fn squares(singular: &[f64], rows: usize) -> Result<Vec<f64>> {
    singular.iter().map(|value| value * value / divisor(rows)).gathered("variances")
}

#[cfg(test)]
mod tests;
