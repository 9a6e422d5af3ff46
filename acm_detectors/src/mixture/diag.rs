//! Components whose sensors are independent of each other.

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::tiles::TILES;

/// Squared Mahalanobis distances of the rows of `count` tiles from `mean`.
#[inline(always)]
pub(super) fn distances<S: Simd>(
    simd: S,
    tiles: &[Row],
    count: usize,
    mean: &[f64],
    precision: &[f64],
    out: &mut [Row; TILES],
) {
    let mut tile = 0;
    while tile + 4 <= count {
        some_distances::<S, 4>(simd, tiles, tile, mean, precision, out);
        tile += 4;
    }
    while tile < count {
        some_distances::<S, 1>(simd, tiles, tile, mean, precision, out);
        tile += 1;
    }
}

#[inline(always)]
fn some_distances<S: Simd, const N: usize>(
    simd: S,
    tiles: &[Row],
    first: usize,
    mean: &[f64],
    precision: &[f64],
    out: &mut [Row; TILES],
) {
    let width = mean.len();
    let precision = &precision[..width];
    let mut rows: [&[Row]; N] = [&[]; N];
    for n in 0..N {
        rows[n] = &tiles[(first + n) * width..(first + n + 1) * width];
    }
    let mut held = [f64x8::splat(simd, 0.0); N];
    for column in 0..width {
        let mean: V<S> = f64x8::splat(simd, mean[column]);
        let precision: V<S> = f64x8::splat(simd, precision[column]);
        for n in 0..N {
            let rest = rows[n][column].load(simd) - mean;
            held[n] = (rest * precision).mul_add_precise(rest, held[n]);
        }
    }
    for n in 0..N {
        out[first + n].store(held[n]);
    }
}

/// Adds the weighted differences from `mean` and their squares over the rows of `count` tiles.
#[inline(always)]
pub(super) fn gather<S: Simd>(
    simd: S,
    tiles: &[Row],
    count: usize,
    shares: &[Row; TILES],
    mean: &[f64],
    sums: &mut [Row],
    squares: &mut [Row],
) {
    let mut column = 0;
    while column + 4 <= mean.len() {
        gather_some::<S, 4>(simd, tiles, count, shares, mean, column, sums, squares);
        column += 4;
    }
    while column < mean.len() {
        gather_some::<S, 1>(simd, tiles, count, shares, mean, column, sums, squares);
        column += 1;
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of `gather` and the first of its columns"
)]
#[inline(always)]
fn gather_some<S: Simd, const N: usize>(
    simd: S,
    tiles: &[Row],
    count: usize,
    shares: &[Row; TILES],
    mean: &[f64],
    first: usize,
    sums: &mut [Row],
    squares: &mut [Row],
) {
    let width = mean.len();
    let zero: V<S> = f64x8::splat(simd, 0.0);
    let (mut held, mut held_squares, mut means) = ([zero; N], [zero; N], [zero; N]);
    for n in 0..N {
        means[n] = f64x8::splat(simd, mean[first + n]);
    }
    for tile in 0..count.min(TILES) {
        let share = shares[tile].load(simd);
        let row = &tiles[tile * width + first..tile * width + first + N];
        for n in 0..N {
            let rest = row[n].load(simd) - means[n];
            held[n] = share.mul_add_precise(rest, held[n]);
            held_squares[n] = (share * rest).mul_add_precise(rest, held_squares[n]);
        }
    }
    for n in 0..N {
        let sum = sums[first + n].load(simd) + held[n];
        sums[first + n].store(sum);
        let sum = squares[first + n].load(simd) + held_squares[n];
        squares[first + n].store(sum);
    }
}

/// Adds `share` times each column's part of the squared distance from `mean`.
#[inline(always)]
pub(super) fn explain<S: Simd>(simd: S, tile: &[Row], mean: &[f64], precision: &[f64], share: &Row, out: &mut [Row]) {
    let share = share.load(simd);
    for column in 0..tile.len() {
        let rest = tile[column].load(simd) - mean[column];
        let sum = out[column].load(simd) + share * (rest * rest * precision[column]);
        out[column].store(sum);
    }
}
