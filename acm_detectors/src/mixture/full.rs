//! Components with covariances between their sensors, held as Cholesky factors: S = L Lᵀ.

use acm_linalg::lanes::{LANES, Row, V};
use fearless_simd::{Simd, SimdBase, SimdFloat, f64x8};

use super::tiles::TILES;

/// Columns are gathered in groups of as many.
const GROUP: usize = 4;

/// Rows that hold the products of two groups.
const SQUARE: usize = GROUP * GROUP / LANES;

#[inline(always)]
fn wide<S: Simd>() -> bool {
    <S::f64s as SimdBase<S>>::LEN >= LANES
}

/// The differences of M tiles from `mean`.
#[inline(always)]
pub(super) fn subtract<S: Simd, const M: usize>(simd: S, tiles: &[Row], mean: &[f64], out: &mut [[Row; M]]) {
    let width = mean.len();
    for m in 0..M {
        let tile = &tiles[m * width..(m + 1) * width];
        for column in 0..width {
            out[column][m].store(tile[column].load(simd) - mean[column]);
        }
    }
}

/// Turns the differences z of M tiles into y with L y = z, and returns their squared Mahalanobis distances yᵀy.
///
/// `reciprocals` are those of the factor's diagonal. However many rows of L and tiles are in registers at a time, the products
/// of a row are subtracted in the order of the columns.
#[inline(always)]
pub(super) fn solve<S: Simd, const M: usize>(
    simd: S,
    lower: &[f64],
    reciprocals: &[f64],
    rest: &mut [[Row; M]],
) -> [V<S>; M] {
    let mut sums = [f64x8::splat(simd, 0.0); M];
    let mut first = 0;
    if wide::<S>() {
        while first + 8 <= rest.len() {
            solve_some::<S, 8, M>(simd, lower, reciprocals, rest, first, &mut sums);
            first += 8;
        }
    }
    while first + 4 <= rest.len() {
        solve_some::<S, 4, M>(simd, lower, reciprocals, rest, first, &mut sums);
        first += 4;
    }
    while first + 2 <= rest.len() {
        solve_some::<S, 2, M>(simd, lower, reciprocals, rest, first, &mut sums);
        first += 2;
    }
    if first < rest.len() {
        solve_some::<S, 1, M>(simd, lower, reciprocals, rest, first, &mut sums);
    }
    sums
}

#[inline(always)]
fn solve_some<S: Simd, const N: usize, const M: usize>(
    simd: S,
    lower: &[f64],
    reciprocals: &[f64],
    rest: &mut [[Row; M]],
    first: usize,
    sums: &mut [V<S>; M],
) {
    let width = rest.len();
    let mut rows: [&[f64]; N] = [&[]; N];
    for n in 0..N {
        let start = (first + n) * width;
        rows[n] = &lower[start..start + first + N];
    }
    let (known, rest) = rest.split_at_mut(first);
    let mut held = [[f64x8::splat(simd, 0.0); M]; N];
    for n in 0..N {
        for m in 0..M {
            held[n][m] = rest[n][m].load(simd);
        }
    }
    for column in 0..known.len() {
        let mut y = [f64x8::splat(simd, 0.0); M];
        for m in 0..M {
            y[m] = known[column][m].load(simd);
        }
        for n in 0..N {
            let factor: V<S> = f64x8::splat(simd, -rows[n][column]);
            for m in 0..M {
                held[n][m] = y[m].mul_add_precise(factor, held[n][m]);
            }
        }
    }
    for n in 0..N {
        let reciprocal: V<S> = f64x8::splat(simd, reciprocals[first + n]);
        for m in 0..M {
            let y = held[n][m] * reciprocal;
            for below in n + 1..N {
                held[below][m] = y.mul_add_precise(-rows[below][first + n], held[below][m]);
            }
            rest[n][m].store(y);
            sums[m] = y.mul_add_precise(y, sums[m]);
        }
    }
}

/// Turns y into x with Lᵀ x = y.
#[inline(always)]
pub(super) fn solve_back<S: Simd>(simd: S, lower: &[f64], reciprocals: &[f64], rest: &mut [[Row; 1]]) {
    let width = rest.len();
    for last in (0..width).rev() {
        let x: V<S> = rest[last][0].load(simd) * reciprocals[last];
        rest[last][0].store(x);
        let row = &lower[last * width..last * width + last];
        for column in 0..last {
            let left = rest[column][0].load(simd) - x * row[column];
            rest[column][0].store(left);
        }
    }
}

/// The differences of a block from a mean, column by column, as they are and weighted.
pub(super) struct Panels {
    rests: Vec<[Row; TILES]>,
    weighted: Vec<[Row; TILES]>,
}

impl Panels {
    pub(super) fn new(width: usize) -> acm_linalg::Result<Self> {
        let panels = || {
            acm_linalg::samples::room(
                width.next_multiple_of(GROUP),
                1,
                [Row::default(); TILES],
                "a block of differences",
            )
        };
        Ok(Self {
            rests: panels()?,
            weighted: panels()?,
        })
    }

    /// Adds the weighted differences from `mean` over the rows of `count` tiles, and with `products` the weighted products
    /// of all pairs on and below the diagonal (some above it too).
    #[expect(clippy::too_many_arguments, reason = "two kinds of sums")]
    #[inline(always)]
    pub(super) fn gather<S: Simd>(
        &mut self,
        simd: S,
        tiles: &[Row],
        count: usize,
        shares: &[Row; TILES],
        mean: &[f64],
        sums: &mut [Row],
        products: Option<&mut [Row]>,
    ) {
        let width = mean.len();
        for column in 0..width {
            let (mean, rests, weighted) = (mean[column], &mut self.rests[column], &mut self.weighted[column]);
            let mut sum: V<S> = f64x8::splat(simd, 0.0);
            for tile in 0..count.min(TILES) {
                let rest = tiles[tile * width + column].load(simd) - mean;
                let share = shares[tile].load(simd) * rest;
                rests[tile].store(rest);
                weighted[tile].store(share);
                sum += share;
            }
            sums[column].store(sums[column].load(simd) + sum);
        }
        let Some(products) = products else { return };
        let mut products = products.chunks_exact_mut(SQUARE);
        for left in (0..self.rests.len()).step_by(GROUP) {
            for right in (0..=left).step_by(GROUP) {
                let mut held = [f64x8::splat(simd, 0.0); GROUP * GROUP];
                if wide::<S>() {
                    self.multiply::<S, 4>(simd, count, (left, 0), (right, 0), &mut held);
                } else {
                    for (a, b) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
                        self.multiply::<S, 2>(simd, count, (left, a), (right, b), &mut held);
                    }
                }
                let Some(products) = products.next() else { return };
                let [first, second] = totals(held);
                products[0].store(products[0].load(simd) + first);
                products[1].store(products[1].load(simd) + second);
            }
        }
    }

    /// The products of N columns of a left group, from `a` on, with N of a right one, from `b` on.
    #[inline(always)]
    fn multiply<S: Simd, const N: usize>(
        &self,
        simd: S,
        count: usize,
        (left, a): (usize, usize),
        (right, b): (usize, usize),
        out: &mut [V<S>; GROUP * GROUP],
    ) {
        let lefts = &self.weighted[left + a..left + a + N];
        let rights = &self.rests[right + b..right + b + N];
        let mut held = [[f64x8::splat(simd, 0.0); N]; N];
        for tile in 0..count.min(TILES) {
            let mut other: [V<S>; N] = [f64x8::splat(simd, 0.0); N];
            for n in 0..N {
                other[n] = rights[n][tile].load(simd);
            }
            for m in 0..N {
                let one = lefts[m][tile].load(simd);
                for n in 0..N {
                    held[m][n] = one.mul_add_precise(other[n], held[m][n]);
                }
            }
        }
        for m in 0..N {
            for n in 0..N {
                out[(a + m) * GROUP + b + n] = held[m][n];
            }
        }
    }
}

/// The sums of the lanes of sixteen, in their order: always neighbours first.
#[inline(always)]
fn totals<S: Simd>(held: [V<S>; GROUP * GROUP]) -> [V<S>; SQUARE] {
    let mut held = held;
    let mut count = held.len();
    while count > SQUARE {
        count /= 2;
        for n in 0..count {
            let (one, other) = (held[2 * n], held[2 * n + 1]);
            held[n] = one.unzip_low(other) + one.unzip_high(other);
        }
    }
    [held[0], held[1]]
}

/// The product of columns `row` and `column` (not behind it) among the sums of a component.
pub(super) fn product(products: &[Row], row: usize, column: usize) -> f64 {
    let (left, right) = (row / GROUP, column / GROUP);
    let place = row % GROUP * GROUP + column % GROUP;
    products[(left * (left + 1) / 2 + right) * SQUARE + place / LANES].0[place % LANES]
}

/// Rows that hold the products of all pairs of `width` columns.
pub(super) fn products(width: usize) -> usize {
    let groups = width.div_ceil(GROUP);
    groups.saturating_mul(groups + 1) / 2 * SQUARE
}

/// The sum of the lanes, in an order that any width of registers can keep.
#[inline(always)]
pub(super) fn total(lanes: [f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Adds `share` times each column's part z (S⁻¹ z) of the squared distance from `mean`; `rest` is room for a tile.
#[expect(clippy::too_many_arguments, reason = "a component, a tile and its share")]
#[inline(always)]
pub(super) fn explain<S: Simd>(
    simd: S,
    tile: &[Row],
    mean: &[f64],
    lower: &[f64],
    reciprocals: &[f64],
    share: &Row,
    rest: &mut [[Row; 1]],
    out: &mut [Row],
) {
    subtract(simd, tile, mean, rest);
    solve(simd, lower, reciprocals, rest);
    solve_back(simd, lower, reciprocals, rest);
    let share = share.load(simd);
    for column in 0..tile.len() {
        let part = (tile[column].load(simd) - mean[column]) * rest[column][0].load(simd);
        let sum = out[column].load(simd) + share * part;
        out[column].store(sum);
    }
}
