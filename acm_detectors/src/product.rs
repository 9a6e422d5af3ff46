//! Products of a matrix with the points of many rows.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Error, Result, Samples};
use fearless_simd::{Level, dispatch};
use ndarray::ArrayView2;

use crate::lagged::Lagged;
use crate::packed::{Packed, rows_of, squares};

/// Most rows that are not worth a copy of the matrix.
const FEW: usize = 2;

/// Each row of `x` times `matrix`: sums in the order of the columns, whichever rows come together.
///
/// Shapes: x (n, d), matrix (d, k) -> (n, k).
/// Missing values count as they are: NaN makes NaN.
/// Cost: n d k products. Threads: rows; any number gives the same bytes. Holds a copy of the matrix.
///
/// # Errors
/// [`acm_linalg::Error::Columns`] unless `matrix` has a row for each column of `x`; [`acm_linalg::Error::Length`] unless `out`
/// has n k places; [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let (rows, matrix) = (array![[1.0, 2.0]], array![[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]]);
/// let mut out = [0.0; 3];
/// acm_detectors::product::of_rows(rows.view().into(), matrix.view().into(), &mut out)?;
/// assert_eq!(out, [2.0, 2.0, 2.0]);
/// # Ok(())
/// # }
/// ```
pub fn of_rows(x: Samples<'_>, matrix: Samples<'_>, out: &mut [f64]) -> Result<()> {
    let (width, columns) = (matrix.rows(), matrix.columns());
    x.require_columns(width)?;
    if let (1..=FEW, Samples::F64(matrix)) = (x.rows(), matrix)
        && let Some(matrix) = matrix.with_whole_rows()
    {
        return of_few(x, matrix, out);
    }
    let mut transposed = room(columns, width, 0.0, "a matrix")?;
    for (column, out) in transposed.chunks_exact_mut(width.max(1)).enumerate() {
        matrix.read_column(column, out);
    }
    let product = Packed::full(&transposed, columns, width)?;
    by_rows(
        x.rows(),
        columns,
        out,
        product.width() as f64 + product.cost_ns(),
        || Ok((rows_of(width)?, rows_of(product.padded())?)),
        |(points, found), inside, out, stop| {
            for (out, first) in out.chunks_mut(LANES * columns).zip(inside.step_by(LANES)) {
                if stop.requested() {
                    return;
                }
                x.pack(first, points);
                dispatch!(Level::new(), simd => product.apply(simd, points, found));
                for (lane, out) in out.chunks_exact_mut(columns).enumerate() {
                    for (value, found) in out.iter_mut().zip(&*found) {
                        *value = found.0[lane];
                    }
                }
            }
        },
    )
}

/// The same sums, all columns of the matrix side by side.
fn of_few(x: Samples<'_>, matrix: ArrayView2<'_, f64>, out: &mut [f64]) -> Result<()> {
    let columns = matrix.ncols();
    let expected = x.rows().saturating_mul(columns);
    if out.len() != expected {
        return Err(Error::Length {
            name: "out",
            expected,
            got: out.len(),
        });
    }
    out.fill(0.0);
    for (row, out) in out.chunks_exact_mut(columns.max(1)).enumerate() {
        for (place, factors) in matrix.rows().into_iter().enumerate() {
            let value = x.value(row, place);
            out.iter_mut().zip(factors).for_each(|(sum, factor)| *sum += value * factor);
        }
    }
    Ok(())
}

/// `product` times the points of the rows `rows` of `x`, row after row.
///
/// With `explained`, a row of the result has one value more: the squared length of its point less that of `explained` times
/// the point.
pub(crate) fn of_points(
    lagged: &Lagged,
    product: &Packed,
    explained: Option<&Packed>,
    x: Samples<'_>,
    rows: Range<usize>,
    out: &mut [f64],
) -> Result<()> {
    let width = product.rows() + usize::from(explained.is_some());
    by_rows(
        rows.len(),
        width,
        out,
        2.0 * product.width() as f64 + product.cost_ns() + explained.map_or(0.0, Packed::cost_ns),
        || {
            let spare = explained.map_or(0, Packed::padded);
            Ok((lagged.scratch()?, rows_of(product.width())?, rows_of(product.padded())?, rows_of(spare)?))
        },
        |(raw, points, found, spare), inside, out, stop| {
            for (out, first) in out.chunks_mut(LANES * width).zip(inside.step_by(LANES)) {
                if stop.requested() {
                    return;
                }
                let mut rest = Row::default();
                dispatch!(Level::new(), simd => {
                    lagged.pack(simd, &x, rows.start + first, raw, points);
                    product.apply(simd, points, found);
                    if let Some(explained) = explained {
                        explained.apply(simd, points, spare);
                        rest.store(squares(simd, points) - squares(simd, spare));
                    }
                });
                for (lane, out) in out.chunks_exact_mut(width).enumerate() {
                    let (values, last) = out.split_at_mut(product.rows());
                    for (value, found) in values.iter_mut().zip(&*found) {
                        *value = found.0[lane];
                    }
                    if let [last] = last {
                        *last = rest.0[lane];
                    }
                }
            }
        },
    )
}

/// |`product` times each row|² of the rows `rows` of `x`, which are read as they are.
pub(crate) fn squared_lengths(product: &Packed, x: Samples<'_>, rows: Range<usize>, out: &mut [f64]) -> Result<()> {
    by_rows(
        rows.len(),
        1,
        out,
        product.width() as f64 + product.cost_ns(),
        || Ok((rows_of(product.width())?, rows_of(product.padded())?)),
        |(points, found), inside, out, stop| {
            for (out, first) in out.chunks_mut(LANES).zip(inside.step_by(LANES)) {
                if stop.requested() {
                    return;
                }
                x.pack(rows.start + first, points);
                let mut lengths = Row::default();
                dispatch!(Level::new(), simd => {
                    product.apply(simd, points, found);
                    lengths.store(squares(simd, found));
                });
                out.copy_from_slice(&lengths.0[..out.len()]);
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use acm_linalg::Error;
    use ndarray::{Array2, s};

    use super::*;

    #[test]
    fn rows_times_a_matrix_are_sums_in_order_whichever_come_together() {
        for (rows, width, columns) in [(1, 1, 1), (9, 3, 5), (70, 6, 4), (17, 2, 0), (0, 3, 2)] {
            let x =
                Array2::from_shape_fn((rows, width), |(row, place)| ((7 * row + 3 * place) % 11) as f64 * 0.1 - 0.4);
            let matrix = Array2::from_shape_fn((width, columns), |(row, place)| ((5 * row + place) % 7) as f64 * 0.3);
            let mut out = vec![0.0; rows * columns];
            of_rows(x.view().into(), matrix.view().into(), &mut out).unwrap();
            for (place, &value) in out.iter().enumerate() {
                let (row, column) = (x.row(place / columns), matrix.column(place % columns));
                assert_eq!(value, row.iter().zip(column).fold(0.0, |sum, (one, other)| sum + one * other));
            }
            if rows > 8 {
                let mut last = vec![0.0; columns];
                let row = x.slice(s![rows - 1.., ..]);
                of_rows(row.into(), matrix.view().into(), &mut last).unwrap();
                assert_eq!(last, out[(rows - 1) * columns..]);
                of_rows(row.into(), matrix.t().as_standard_layout().t().into(), &mut last).unwrap();
                assert_eq!(last, out[(rows - 1) * columns..]);
            }
        }
        let (x, matrix) = (Array2::<f64>::zeros((2, 3)), Array2::<f64>::zeros((2, 3)));
        let short = of_rows(x.view().into(), Array2::<f64>::zeros((3, 2)).view().into(), &mut [0.0; 3]);
        assert!(matches!(
            short,
            Err(Error::Length {
                expected: 4,
                got: 3,
                ..
            })
        ));
        let wrong = of_rows(x.view().into(), matrix.view().into(), &mut [0.0; 6]);
        assert!(matches!(wrong, Err(Error::Columns { fitted: 2, got: 3, .. })));
    }
}
