//! Matrices times points, eight rows of samples at a time, a lane for each.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Result, Samples};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use crate::lagged::Lagged;

/// Rows of a matrix that are worked on at once.
const GROUP: usize = 4;

/// Estimated time for a product of eight lanes' share, in nanoseconds.
pub(super) const PRODUCT_NS: f64 = 0.06;

/// A matrix in groups of four rows, coordinate by coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Product {
    rows: usize,
    width: usize,
    entries: Vec<[f64; GROUP]>,
}

impl Product {
    /// From a row-major matrix of `rows` rows.
    pub(super) fn new(matrix: &[f64], rows: usize, width: usize) -> Result<Self> {
        let mut entries = room(rows.div_ceil(GROUP), width, [0.0; GROUP], "a matrix")?;
        for (number, row) in matrix.chunks_exact(width.max(1)).take(rows).enumerate() {
            let group = &mut entries[number / GROUP * width..][..width];
            for (entry, value) in group.iter_mut().zip(row) {
                entry[number % GROUP] = *value;
            }
        }
        Ok(Self { rows, width, entries })
    }

    /// The row-major matrix.
    pub(super) fn matrix(&self) -> Result<Vec<f64>> {
        let mut matrix = room(self.rows, self.width, 0.0, "a matrix")?;
        for (number, row) in matrix.chunks_exact_mut(self.width.max(1)).enumerate() {
            let group = &self.entries[number / GROUP * self.width..][..self.width];
            for (value, entry) in row.iter_mut().zip(group) {
                *value = entry[number % GROUP];
            }
        }
        Ok(matrix)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Places that [`Self::apply`] writes.
    fn padded(&self) -> usize {
        self.rows.next_multiple_of(GROUP)
    }

    /// The matrix times the points; zeros beyond its rows.
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, points: &[Row], out: &mut [Row]) {
        let width = self.width;
        for group in 0..self.rows.div_ceil(GROUP) {
            let entries = &self.entries[group * width..][..width];
            let points = &points[..width];
            let zero: V<S> = f64x8::splat(simd, 0.0);
            let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
            for place in 0..width {
                let point: V<S> = points[place].load(simd);
                let [p, q, r, s] = entries[place];
                a += point * p;
                b += point * q;
                c += point * r;
                d += point * s;
            }
            let out = &mut out[group * GROUP..][..GROUP];
            out[0].store(a);
            out[1].store(b);
            out[2].store(c);
            out[3].store(d);
        }
    }
}

fn rows_of(count: usize) -> Result<Vec<Row>> {
    room(count, 1, Row::default(), "eight rows")
}

#[inline(always)]
fn squares<S: Simd>(simd: S, values: &[Row]) -> V<S> {
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    for place in 0..values.len() {
        let value: V<S> = values[place].load(simd);
        sum += value * value;
    }
    sum
}

/// `product` times the points of the rows `rows` of `x`, row after row.
///
/// With `explained`, a row of the result has one value more: the squared length of its point less that of `explained` times
/// the point.
pub(super) fn of_points(
    lagged: &Lagged,
    product: &Product,
    explained: Option<&Product>,
    x: Samples<'_>,
    rows: Range<usize>,
    out: &mut [f64],
) -> Result<()> {
    let more = explained.map_or(0, Product::rows);
    let width = product.rows + usize::from(explained.is_some());
    by_rows(
        rows.len(),
        width,
        out,
        2.0 * product.width as f64 + PRODUCT_NS * (product.width * (product.rows + more)) as f64,
        || {
            let spare = explained.map_or(0, Product::padded);
            Ok((lagged.scratch()?, rows_of(product.width)?, rows_of(product.padded())?, rows_of(spare)?))
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
                    let (values, last) = out.split_at_mut(product.rows);
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
pub(super) fn squared_lengths(product: &Product, x: Samples<'_>, rows: Range<usize>, out: &mut [f64]) -> Result<()> {
    by_rows(
        rows.len(),
        1,
        out,
        product.width as f64 + PRODUCT_NS * (product.width * product.rows) as f64,
        || Ok((rows_of(product.width)?, rows_of(product.padded())?)),
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
