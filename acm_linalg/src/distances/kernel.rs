//! The micro kernel: eight points against eight, all sums in registers.

use fearless_simd::{Simd, SimdBase, f64x8, prelude::*};

use crate::lanes::{LANES, Row, V};

/// Results of eight points (rows) with eight others (lanes).
pub type Square = [Row; LANES];

/// What a difference adds to the sum.
pub(super) trait Term {
    fn onto<S: Simd>(sum: V<S>, difference: V<S>) -> V<S>;
}

pub(super) struct Squares;
pub(super) struct Magnitudes;

impl Term for Squares {
    #[inline(always)]
    fn onto<S: Simd>(sum: V<S>, difference: V<S>) -> V<S> {
        difference.mul_add_precise(difference, sum)
    }
}

impl Term for Magnitudes {
    #[inline(always)]
    fn onto<S: Simd>(sum: V<S>, difference: V<S>) -> V<S> {
        sum + difference.abs()
    }
}

/// Sums of squared differences of the eight points `left` from the eight points `right`: a [`Row`] for each column, a lane
/// for each point. Columns add up in their order, each square and sum in one rounding.
#[inline(always)]
pub fn squares<S: Simd>(simd: S, left: &[Row], right: &[Row], out: &mut Square) {
    sums::<S, Squares>(simd, left, right, out);
}

#[inline(always)]
pub(super) fn sums<S: Simd, T: Term>(simd: S, left: &[Row], right: &[Row], out: &mut Square) {
    // Registers for 4 x 8 sums are there on every processor, for 8 x 8 where they are wide.
    if <S::f64s as SimdBase<S>>::LEN >= LANES {
        some::<S, T, 8>(simd, left, right, 0, out);
    } else {
        some::<S, T, 4>(simd, left, right, 0, out);
        some::<S, T, 4>(simd, left, right, 4, out);
    }
}

#[inline(always)]
fn some<S: Simd, T: Term, const N: usize>(simd: S, left: &[Row], right: &[Row], first: usize, out: &mut Square) {
    let mut held: [V<S>; N] = [f64x8::splat(simd, 0.0); N];
    let width = left.len().min(right.len());
    let (left, right) = (&left[..width], &right[..width]);
    for column in 0..width {
        let y: V<S> = right[column].load(simd);
        let x = &left[column].0;
        for j in 0..N {
            held[j] = T::onto::<S>(held[j], y - f64x8::splat(simd, x[first + j]));
        }
    }
    for j in 0..N {
        out[first + j].store(held[j]);
    }
}
