//! Sums of products between all columns, cut into tiles of columns and blocks of rows.
//!
//! The micro kernel keeps a few by eight sums in registers over a block of rows, after Goto and van de Geijn, Anatomy of
//! High-Performance Matrix Multiplication, ACM TOMS 34 (3), 2008, doi 10.1145/1356052.1356053. Every sum adds its products
//! in the order of the rows, block by block, whatever the registers are wide, so that all processors give the same bytes.

use fearless_simd::{Simd, f64x8, prelude::*};

use acm_linalg::lanes::{LANES, Row, V};

/// Rows whose sums stay in registers.
pub(super) const BLOCK: usize = 256;

/// Words of a mask of as many rows.
pub(super) const WORDS: usize = BLOCK / 64;

/// The sums of eight columns with eight others.
pub(super) type Square = [Row; LANES];

/// Adds to `sums[j]`, in lane i, the products of column i of `a` with column j of `b`.
#[inline(always)]
pub(super) fn multiply<S: Simd>(simd: S, a: &[Row; BLOCK], b: &[Row; BLOCK], sums: &mut Square) {
    // Registers for 4 x 8 sums are there on every processor, for 8 x 8 where they are wide.
    if wide::<S>() {
        multiply_some::<S, 8>(simd, a, b, 0, sums);
    } else {
        multiply_some::<S, 4>(simd, a, b, 0, sums);
        multiply_some::<S, 4>(simd, a, b, 4, sums);
    }
}

#[inline(always)]
fn wide<S: Simd>() -> bool {
    <S::f64s as SimdBase<S>>::LEN >= LANES
}

#[inline(always)]
fn multiply_some<S: Simd, const N: usize>(
    simd: S,
    a: &[Row; BLOCK],
    b: &[Row; BLOCK],
    first: usize,
    sums: &mut Square,
) {
    let mut held = [f64x8::splat(simd, 0.0); N];
    for row in 0..BLOCK {
        let a: V<S> = a[row].load(simd);
        let b = &b[row].0;
        for j in 0..N {
            held[j] += a * f64x8::splat(simd, b[first + j]);
        }
    }
    for j in 0..N {
        let sum = sums[first + j].load(simd) + held[j];
        sums[first + j].store(sum);
    }
}

/// Adds to `sums[j]` and `squares[j]`, in lane i, column i of `z` and its squares over the rows where `mask` has column j.
#[inline(always)]
pub(super) fn mask<S: Simd>(simd: S, z: &[Row; BLOCK], mask: &[Row; BLOCK], sums: &mut Square, squares: &mut Square) {
    if wide::<S>() {
        mask_some::<S, 8>(simd, z, mask, 0, sums, squares);
    } else {
        for first in [0, 2, 4, 6] {
            mask_some::<S, 2>(simd, z, mask, first, sums, squares);
        }
    }
}

#[inline(always)]
fn mask_some<S: Simd, const N: usize>(
    simd: S,
    z: &[Row; BLOCK],
    mask: &[Row; BLOCK],
    first: usize,
    sums: &mut Square,
    squares: &mut Square,
) {
    let mut held = [f64x8::splat(simd, 0.0); N];
    let mut held_squares = held;
    for row in 0..BLOCK {
        let z: V<S> = z[row].load(simd);
        let mask = &mask[row].0;
        for j in 0..N {
            let z = z * f64x8::splat(simd, mask[first + j]);
            held[j] += z;
            held_squares[j] += z * z;
        }
    }
    for j in 0..N {
        let sum = sums[first + j].load(simd) + held[j];
        sums[first + j].store(sum);
        let sum = squares[first + j].load(simd) + held_squares[j];
        squares[first + j].store(sum);
    }
}

/// Adds to `counts[i]`, in lane j, the rows that column i of `a` and column j of `b` both have.
#[inline(always)]
pub(super) fn count(a: &[[u64; WORDS]; LANES], b: &[[u64; WORDS]; LANES], counts: &mut Square) {
    for i in 0..LANES {
        for j in 0..LANES {
            let mut both = 0;
            for word in 0..WORDS {
                both += (a[i][word] & b[j][word]).count_ones();
            }
            counts[i].0[j] += f64::from(both);
        }
    }
}
