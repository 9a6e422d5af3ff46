//! Lanes: eight columns side by side, the unit in which every leaf computes.

use fearless_simd::{Level, Simd, f64x8, prelude::*};

/// Columns that a leaf computes at once.
pub const LANES: usize = 8;

/// The lanes in registers.
pub type V<S> = f64x8<S>;

/// Into registers.
///
/// Conversions of an array by value go through the stack. Where registers of 256 bits are preferred that is two stores and one
/// load over both, which no processor forwards: some twenty cycles.
#[inline(always)]
pub fn loaded<S: Simd>(simd: S, values: &[f64; LANES]) -> V<S> {
    let mut lanes = V::<S>::splat(simd, 0.0);
    *lanes = *values;
    lanes
}

/// Rows and lanes change places: three perfect shuffles (Stone 1971, doi 10.1109/T-C.1971.223205).
#[inline(always)]
#[must_use]
pub fn transposed<S: Simd>(rows: [V<S>; LANES]) -> [V<S>; LANES] {
    const HALF: usize = LANES / 2;
    let mut rows = rows;
    for _ in 0..LANES.ilog2() {
        let before = rows;
        for pair in 0..HALF {
            (rows[2 * pair], rows[2 * pair + 1]) = before[pair].interleave(before[pair + HALF]);
        }
    }
    rows
}

/// One row of a tile in memory: a value of each lane.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Row(pub [f64; LANES]);

impl Row {
    /// The same value in every lane.
    #[must_use]
    pub const fn splat(value: f64) -> Self {
        Self([value; LANES])
    }

    /// Into registers.
    #[inline(always)]
    pub fn load<S: Simd>(&self, simd: S) -> V<S> {
        loaded(simd, &self.0)
    }

    /// From registers.
    #[inline(always)]
    pub fn store<S: Simd>(&mut self, value: V<S>) {
        self.0 = value.into();
    }
}

impl Default for Row {
    fn default() -> Self {
        Self::splat(0.0)
    }
}

/// A number that comes in and goes out of the driver; inside everything is float64.
pub trait Element: Copy + Send + Sync + 'static {
    /// Exact widening.
    fn widen(self) -> f64;
    /// Rounding to the nearest.
    fn narrow(value: f64) -> Self;
    /// As [`Self::narrow`], of all lanes.
    fn write(values: &[f64; LANES], target: &mut [Self; LANES]);
}

impl Element for f64 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn write(values: &[f64; LANES], target: &mut [Self; LANES]) {
        *target = *values;
    }
}

impl Element for f32 {
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
    #[expect(clippy::cast_possible_truncation, reason = "float32 in, float32 out")]
    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value as Self
    }
    #[inline(always)]
    fn write(values: &[f64; LANES], target: &mut [Self; LANES]) {
        *target = values.map(Self::narrow);
    }
}

/// The value a leaf sees: infinities and NaN become `missing`, minus zero becomes zero.
#[inline(always)]
#[must_use]
pub fn canonical(value: f64, missing: f64) -> f64 {
    if value.abs() < f64::INFINITY { value + 0.0 } else { missing }
}

/// Instruction sets of this processor that the leaves can run on, the one they do run on last.
#[must_use]
pub fn instructions() -> Vec<&'static str> {
    let level = Level::new();
    let mut names = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("sse2", true),
            ("avx2", level.as_avx2().is_some()),
            ("avx512", level.as_avx512().is_some()),
        ];
        names.extend(known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name));
    }
    #[cfg(target_arch = "aarch64")]
    if level.as_neon().is_some() {
        names.push("neon");
    }
    if names.is_empty() {
        let _ = level;
        names.push("scalar");
    }
    names
}
