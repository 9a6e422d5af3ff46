//! Matrices that are multiplied with the points of eight rows of samples at once, a lane for each row.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::lanes::{Row, V};
use acm_linalg::samples::room;
use fearless_simd::{Simd, f64x8, prelude::*};

/// Rows of a matrix that are worked on at once.
const GROUP: usize = 4;

/// Estimated time for a product of eight lanes' share, in nanoseconds.
pub(crate) const PRODUCT_NS: f64 = 0.06;

/// Which entries there are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Full,
    /// Up to the diagonal, and zeros beyond it to the end of a group.
    Lower,
}

/// A matrix in groups of four rows, coordinate by coordinate; rows beyond the last are zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packed {
    shape: Shape,
    rows: usize,
    width: usize,
    entries: Vec<[f64; GROUP]>,
}

impl Packed {
    /// From a row-major matrix of `rows` rows.
    pub(crate) fn full(matrix: &[f64], rows: usize, width: usize) -> Result<Self> {
        Self::of(Shape::Full, matrix, rows, width)
    }

    /// From a lower triangular row-major matrix, what lies above its diagonal unread.
    pub(crate) fn lower(matrix: &[f64], width: usize) -> Result<Self> {
        Self::of(Shape::Lower, matrix, width, width)
    }

    fn of(shape: Shape, matrix: &[f64], rows: usize, width: usize) -> Result<Self> {
        let groups = rows.div_ceil(GROUP);
        let (tall, wide) = match shape {
            Shape::Full => (groups, width),
            Shape::Lower => (2 * groups, groups + 1),
        };
        let mut packed = Self {
            shape,
            rows,
            width,
            entries: room(tall, wide, [0.0; GROUP], "a matrix")?,
        };
        for row in 0..rows {
            let length = match shape {
                Shape::Full => width,
                Shape::Lower => row + 1,
            };
            let span = packed.span(row / GROUP);
            let values = &matrix[row * width..][..length];
            for (entry, value) in packed.entries[span].iter_mut().zip(values) {
                entry[row % GROUP] = *value;
            }
        }
        Ok(packed)
    }

    /// Where a group's entries lie.
    #[inline(always)]
    fn span(&self, group: usize) -> Range<usize> {
        match self.shape {
            Shape::Full => group * self.width..(group + 1) * self.width,
            Shape::Lower => 2 * group * (group + 1)..2 * (group + 1) * (group + 2),
        }
    }

    /// The row-major matrix.
    pub(crate) fn matrix(&self) -> Result<Vec<f64>> {
        let mut matrix = room(self.rows, self.width, 0.0, "a matrix")?;
        for (row, values) in matrix.chunks_exact_mut(self.width.max(1)).enumerate() {
            for (value, entry) in values.iter_mut().zip(&self.entries[self.span(row / GROUP)]) {
                *value = entry[row % GROUP];
            }
        }
        Ok(matrix)
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Places that [`Self::apply`] writes.
    pub(crate) fn padded(&self) -> usize {
        self.rows.next_multiple_of(GROUP)
    }

    /// Estimated time for a row of samples, in nanoseconds.
    pub(crate) fn cost_ns(&self) -> f64 {
        PRODUCT_NS * (GROUP * self.entries.len()) as f64
    }

    /// The matrix times the points; zeros beyond its rows. The points of a triangle go on to a whole group.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(&self, simd: S, points: &[Row], out: &mut [Row]) {
        for group in 0..self.rows.div_ceil(GROUP) {
            let entries = &self.entries[self.span(group)];
            let points = &points[..entries.len()];
            let zero: V<S> = f64x8::splat(simd, 0.0);
            let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
            for place in 0..entries.len() {
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

    /// Adds the matrix's rows by their weights to `sums`.
    #[inline(always)]
    pub(crate) fn add_rows<S: Simd>(&self, simd: S, weights: &[Row], sums: &mut [Row]) {
        self.combine::<S, true>(simd, weights, sums);
    }

    /// Subtracts the matrix's rows by their weights from `rest`.
    #[inline(always)]
    pub(crate) fn subtract_rows<S: Simd>(&self, simd: S, weights: &[Row], rest: &mut [Row]) {
        self.combine::<S, false>(simd, weights, rest);
    }

    #[inline(always)]
    fn combine<S: Simd, const ADD: bool>(&self, simd: S, weights: &[Row], into: &mut [Row]) {
        for group in 0..self.rows.div_ceil(GROUP) {
            let entries = &self.entries[self.span(group)];
            let into = &mut into[..entries.len()];
            let weights = &weights[group * GROUP..][..GROUP];
            let a: V<S> = weights[0].load(simd);
            let b: V<S> = weights[1].load(simd);
            let c: V<S> = weights[2].load(simd);
            let d: V<S> = weights[3].load(simd);
            for place in 0..entries.len() {
                let value: V<S> = into[place].load(simd);
                let [p, q, r, s] = entries[place];
                let part = (a * p + b * q) + (c * r + d * s);
                into[place].store(if ADD { value + part } else { value - part });
            }
        }
    }
}

/// Rows of zeros.
pub(crate) fn rows_of(count: usize) -> Result<Vec<Row>> {
    room(count, 1, Row::default(), "eight rows")
}

/// The sum of the squares, one after the other.
#[inline(always)]
pub(crate) fn squares<S: Simd>(simd: S, values: &[Row]) -> V<S> {
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    for place in 0..values.len() {
        let value: V<S> = values[place].load(simd);
        sum += value * value;
    }
    sum
}

/// The sum of the squares of what [`Packed::apply`] gave, group by group.
#[inline(always)]
pub(crate) fn squares_by_group<S: Simd>(simd: S, values: &[Row]) -> V<S> {
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    for group in values.chunks_exact(GROUP) {
        let a: V<S> = group[0].load(simd);
        let b: V<S> = group[1].load(simd);
        let c: V<S> = group[2].load(simd);
        let d: V<S> = group[3].load(simd);
        sum += (a * a + b * b) + (c * c + d * d);
    }
    sum
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    fn points(count: usize) -> Vec<Row> {
        (0..count)
            .map(|place| Row(std::array::from_fn(|lane| (3 * place + lane) as f64 - 4.0)))
            .collect()
    }

    #[test]
    fn a_full_matrix_times_points_and_back() {
        for (rows, width) in [(0, 3), (3, 0), (1, 1), (4, 2), (6, 5), (9, 3)] {
            let matrix: Vec<f64> = (0..rows * width).map(|place| ((5 * place) % 7) as f64 - 3.0).collect();
            let packed = Packed::full(&matrix, rows, width).unwrap();
            assert_eq!((packed.rows(), packed.width(), packed.matrix().unwrap()), (rows, width, matrix.clone()));
            let x = points(width);
            let mut found = rows_of(packed.padded()).unwrap();
            let (mut sums, mut rest) = (x.clone(), x.clone());
            dispatch!(Level::new(), simd => {
                packed.apply(simd, &x, &mut found);
                packed.add_rows(simd, &found, &mut sums);
                packed.subtract_rows(simd, &found, &mut rest);
            });
            for lane in 0..8 {
                let product = |row: usize| (0..width).map(|at| matrix[row * width + at] * x[at].0[lane]).sum::<f64>();
                for (row, found) in found.iter().enumerate() {
                    assert_eq!(found.0[lane], if row < rows { product(row) } else { 0.0 });
                }
                for at in 0..width {
                    let back: f64 = (0..rows).map(|row| matrix[row * width + at] * product(row)).sum();
                    assert_eq!(sums[at].0[lane], x[at].0[lane] + back);
                    assert_eq!(rest[at].0[lane], x[at].0[lane] - back);
                }
            }
        }
    }

    #[test]
    fn a_triangle_is_the_full_matrix_with_zeros() {
        for width in [1, 3, 4, 5, 8, 11] {
            let filled: Vec<f64> = (0..width * width).map(|place| ((5 * place) % 7) as f64 - 3.0).collect();
            let mut matrix = filled.clone();
            for row in 0..width {
                matrix[row * width + row + 1..(row + 1) * width].fill(0.0);
            }
            let lower = Packed::lower(&filled, width).unwrap();
            assert_eq!(lower.matrix().unwrap(), matrix);
            let full = Packed::full(&matrix, width, width).unwrap();
            let mut x = points(width);
            x.resize(lower.padded(), Row::default());
            let (mut of_lower, mut of_full) = (rows_of(lower.padded()).unwrap(), rows_of(full.padded()).unwrap());
            let (mut back, mut expected) = (rows_of(lower.padded()).unwrap(), rows_of(lower.padded()).unwrap());
            dispatch!(Level::new(), simd => {
                lower.apply(simd, &x, &mut of_lower);
                full.apply(simd, &x, &mut of_full);
                lower.add_rows(simd, &of_lower, &mut back);
                full.add_rows(simd, &of_full, &mut expected);
            });
            assert_eq!((of_lower, back), (of_full, expected));
        }
    }

    #[test]
    fn squares_sum_in_either_order() {
        let x = points(8);
        let (mut one, mut other) = (Row::default(), Row::default());
        dispatch!(Level::new(), simd => {
            one.store(squares(simd, &x));
            other.store(squares_by_group(simd, &x));
        });
        let exact = Row(std::array::from_fn(|lane| x.iter().map(|row| row.0[lane] * row.0[lane]).sum()));
        assert_eq!((one, other), (exact, exact));
    }
}
