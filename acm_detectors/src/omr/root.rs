//! A small matrix that stands for all rows: A with AᵀA = ZᵀZ, Z the training rows about their means.
//!
//! Whatever is linear in the rows follows from A: its least squares, its singular values and directions, the inner products
//! of its columns, which are all that PLS and ridge look at. Unlike ZᵀZ itself, A keeps the digits of directions in which the rows
//! hardly vary (Golub and Van Loan 2013, "Matrix Computations", 5.3.7).

use acm_linalg::dense::{cholesky, gram};
use acm_linalg::memory::{probe, room};
use acm_linalg::parallel::{Stop, Watch, aside};
use acm_linalg::samples::reduce;
use acm_linalg::{Error, Result, Samples, workspace};
use faer::{Mat, MatRef};

use super::standard::{BLOCK, Standard};

/// Above this condition number the products of columns have lost too many digits: the square of it times the rounding of
/// float64 is 2e-10, a bound seldom come near.
const CONDITION: f64 = 1e3;

/// Estimated time of a triangle for each of its rows times the square of its columns, in nanoseconds.
const QR_NS: f64 = 0.4;

/// At most as many rows as columns, row after row.
pub(super) struct Root {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Vec<f64>,
}

pub(super) fn of(x: Samples<'_>, standard: &Standard) -> Result<Root> {
    let (rows, columns) = (x.rows(), standard.watched.len());
    if rows <= columns {
        let mut values = room(rows, x.columns(), 0.0, "scaled rows")?;
        standard.read(x, 0..rows, &mut values);
        values.truncate(rows * columns);
        return Ok(Root { rows, columns, values });
    }
    let values = match by_products(x, standard)? {
        Some(values) => values,
        None => by_reflections(x, standard)?,
    };
    Ok(Root {
        rows: columns,
        columns,
        values,
    })
}

/// Through the products of the columns, where that is accurate enough.
fn by_products(x: Samples<'_>, standard: &Standard) -> Result<Option<Vec<f64>>> {
    let (all, size) = (x.columns(), standard.watched.len());
    let products = gram(x, &standard.scaling)?;
    let mut matrix = room(size, size, 0.0, "products of columns")?;
    for (i, &left) in standard.watched.iter().enumerate() {
        for (j, &right) in standard.watched.iter().enumerate() {
            let of_means = x.rows() as f64 * (standard.mean[i] * standard.mean[j]);
            matrix[i * size + j] = products[left * all + right] - of_means;
        }
    }
    drop(products);
    let mut factor = match cholesky(&matrix, size, "x") {
        Err(Error::Singular { .. }) => return Ok(None),
        factor => factor?,
    };
    for row in 0..size {
        for column in 0..row {
            factor.swap(row * size + column, column * size + row);
        }
    }
    Ok(inverse(&factor, size, CONDITION)?.map(|_| factor))
}

/// Through orthogonal reflections, a block of rows after the other.
fn by_reflections(x: Samples<'_>, standard: &Standard) -> Result<Vec<f64>> {
    let (rows, all, size) = (x.rows(), x.columns(), standard.watched.len());
    let step = size.clamp(BLOCK, 4 * BLOCK);
    reduce(
        rows,
        (rows / (4 * size)).max(1),
        (1.0 + size as f64 / step as f64) * (size * size) as f64,
        || room(step, all, 0.0, "a block of rows"),
        || Ok(room(size, size, 0.0, "a triangle")),
        |factor, block, rows, stop| {
            for start in rows.clone().step_by(step) {
                let Ok(known) = &*factor else { return };
                if stop.requested() {
                    return;
                }
                let part = start..rows.end.min(start + step);
                let count = part.len();
                standard.read(x, part, block);
                *factor = triangle(known, &block[..count * size], size, Some(stop));
            }
        },
        |all, part, stop| {
            *all = match (&*all, &part) {
                (Ok(all), Ok(part)) => triangle(all, part, size, Some(stop)),
                (Err(error), _) | (_, Err(error)) => Err(error.clone()),
            };
        },
    )?
}

/// Upper triangle R with RᵀR = UᵀU + LᵀL, U and L the rows of `upper` and `lower`.
///
/// `stop` is the request of the job that this is part of, if it is part of one.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub(super) fn triangle(upper: &[f64], lower: &[f64], size: usize, stop: Option<&Stop>) -> Result<Vec<f64>> {
    let [above, below] = [upper, lower].map(|part| MatRef::from_row_major_slice(part, part.len() / size, size));
    let rows = above.nrows() + below.nrows();
    // The matrix to be decomposed, beside its copy.
    probe(2 * rows * size * size_of::<f64>(), "a triangle")?;
    let mut both = Mat::zeros(above.nrows() + below.nrows(), size);
    both.as_mut().subrows_mut(0, above.nrows()).copy_from(above);
    both.as_mut().subrows_mut(above.nrows(), below.nrows()).copy_from(below);
    let cost = QR_NS * (both.nrows() * size) as f64 * size as f64;
    let factors = aside(cost, stop, move || -> Result<_> {
        let _room = workspace::for_qr(rows, size)?;
        Ok(both.qr())
    })??;
    let factor = factors.thin_R();
    let mut values = room(size, size, 0.0, "a triangle")?;
    for row in 0..factor.nrows() {
        for column in row..size {
            values[row * size + column] = factor[(row, column)];
        }
    }
    Ok(values)
}

/// The inverse of an upper triangle, unless their Frobenius norms multiply to more than `condition`.
pub(super) fn inverse(triangle: &[f64], size: usize, condition: f64) -> Result<Option<Vec<f64>>> {
    let mut inverse = room(size, size, 0.0, "the inverse of a triangle")?;
    let mut watch = Watch::start();
    for (first, row) in inverse.chunks_exact_mut(size).enumerate() {
        watch.after(size * size / 2)?;
        row[first] = 1.0;
        for place in first..size {
            let (value, rest) = row[place..].split_first_mut().map_or((0.0, Default::default()), |(value, rest)| {
                *value /= triangle[place * size + place];
                (*value, rest)
            });
            let line = &triangle[place * size + place + 1..(place + 1) * size];
            rest.iter_mut().zip(line).for_each(|(to, by)| *to -= value * by);
        }
    }
    let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let fine = norm(triangle) * norm(&inverse) <= condition;
    Ok(fine.then_some(inverse))
}
