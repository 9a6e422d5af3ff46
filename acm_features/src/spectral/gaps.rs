//! Band energies of windows with missing values.
//!
//! A missing value counts as the mean m of the window's others, so it adds nothing to the sum of `(x - m) e`. The mean is the
//! window's own: each part of the window sums `(x - origin) e` and `e` over its valid rows, and the window's sum is that of
//! `(x - origin) e` less `(m - origin)` times that of `e`. The origin is the block's first row where that is valid; else
//! each part has its own, the valid row next to the border of the blocks. A window that lacks nothing has `m - origin`
//! replaced by 0, which turns the sum into the one that is taken where nothing is missing, to the bit.

use acm_linalg::Result;
use acm_linalg::columns::allocate;
use acm_linalg::lanes::{Row, V};
use acm_linalg::memory::{reserve, reserved};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::circle::{Complex, Point, power};
use super::cuts::Cut;

/// Rows of memory for the sums of a bin at a row.
pub(crate) const SUMS: usize = 4;

/// Means of the windows of a tile's cuts, where these have missing or huge values.
pub(super) struct Means {
    /// Whether each cut has any.
    any: Vec<bool>,
    /// Origins of the older and the newer part, by cut.
    origins: Vec<[Row; 2]>,
    /// By row of the tile: mean less either origin.
    means: Vec<[Row; 2]>,
    /// By row of the tile: valid rows of the window.
    counts: Vec<Row>,
}

/// Count and sum of the valid rows of a part, relative to an origin.
#[derive(Clone, Copy)]
pub(crate) struct Part<S: Simd> {
    pub(crate) origin: V<S>,
    count: V<S>,
    sum: V<S>,
}

impl<S: Simd> Part<S> {
    #[inline(always)]
    pub(crate) fn push(self, simd: S, x: V<S>) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        let valid = x.simd_eq(x);
        // An origin that is not there yet is NaN.
        let origin = self.origin.simd_eq(self.origin).select(self.origin, x);
        Self {
            origin,
            count: self.count + valid.select(f64x8::splat(simd, 1.0), zero),
            sum: self.sum + valid.select(x - origin, zero),
        }
    }
}

/// What the means of a window of two parts are, less the origin of either, and its valid rows.
pub(crate) struct WindowMeans<S: Simd> {
    pub(crate) older: V<S>,
    pub(crate) newer: V<S>,
    pub(crate) count: V<S>,
}

impl<S: Simd> Part<S> {
    /// Means of a window of `window` rows: 0 where it lacks nothing.
    #[inline(always)]
    pub(crate) fn means(simd: S, older: Self, newer: Self, window: usize) -> WindowMeans<S> {
        let zero = f64x8::splat(simd, 0.0);
        let one = f64x8::splat(simd, 1.0);
        let no_older = older.count.simd_eq(0.0);
        let no_newer = newer.count.simd_eq(0.0);
        let count = older.count + newer.count;
        let sum = older.sum + newer.sum;
        let apart = (no_older | no_newer).select(zero, newer.origin - older.origin);
        let lacks_nothing = count.simd_eq(window as f64);
        let parts = count.max(one);
        let older_mean = (sum + newer.count * apart) / parts;
        let newer_mean = (sum - older.count * apart) / parts;
        WindowMeans {
            older: (lacks_nothing | no_older).select(zero, older_mean),
            newer: (lacks_nothing | no_newer).select(zero, newer_mean),
            count,
        }
    }

    /// Its count and sum.
    #[inline(always)]
    pub(crate) fn save(self, memory: &mut [Row]) {
        memory[0].store(self.count);
        memory[1].store(self.sum);
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, origin: V<S>, memory: &[Row]) -> Self {
        Self {
            origin,
            count: memory[0].load(simd),
            sum: memory[1].load(simd),
        }
    }
}

/// BinSums of a bin over the valid rows of a part: of `(x - origin) e` and of `e`.
#[derive(Clone, Copy)]
pub(crate) struct BinSums<S: Simd> {
    origin: V<S>,
    values: Complex<S>,
    weights: Complex<S>,
}

impl<S: Simd> BinSums<S> {
    #[inline(always)]
    fn empty(simd: S, origin: V<S>) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        Self {
            origin,
            values: [zero; 2],
            weights: [zero; 2],
        }
    }

    #[inline(always)]
    pub(crate) fn push(mut self, simd: S, x: V<S>, angle: &Point) -> Self {
        let zero = f64x8::splat(simd, 0.0);
        let valid = x.simd_eq(x);
        let x = valid.select(x - self.origin, zero);
        for part in 0..2 {
            let angle = f64x8::splat(simd, angle[part]);
            self.values[part] += x * angle;
            self.weights[part] += valid.select(angle, zero);
        }
        self
    }

    /// The sum of `(x - origin - mean) e`.
    #[inline(always)]
    pub(crate) fn less(self, mean: V<S>) -> Complex<S> {
        // No closure: it would be compiled without the vector instructions.
        let [re, im] = self.weights;
        [self.values[0] - mean * re, self.values[1] - mean * im]
    }

    #[inline(always)]
    pub(crate) fn save(self, memory: &mut [Row; SUMS]) {
        memory[0].store(self.values[0]);
        memory[1].store(self.values[1]);
        memory[2].store(self.weights[0]);
        memory[3].store(self.weights[1]);
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, origin: V<S>, memory: &[Row; SUMS]) -> Self {
        Self {
            origin,
            values: [memory[0].load(simd), memory[1].load(simd)],
            weights: [memory[2].load(simd), memory[3].load(simd)],
        }
    }
}

impl Means {
    /// For tiles of `rows` rows.
    pub(super) fn new(window: usize, rows: usize) -> Result<Self> {
        let cuts = if rows == 0 { 0 } else { rows / window + 2 };
        Ok(Self {
            any: reserved(cuts, "a window")?,
            origins: reserve(cuts, [Row::default(); 2], "a window")?,
            means: reserve(rows, [Row::default(); 2], "a window")?,
            counts: allocate(rows, "counts of valid rows")?,
        })
    }

    /// Forgets the tile before.
    pub(super) fn clear(&mut self) {
        self.any.clear();
    }

    /// The next cut lacks nothing.
    pub(super) fn skip(&mut self) {
        self.any.push(false);
    }

    pub(super) fn any(&self, cut: usize) -> bool {
        self.any[cut]
    }

    pub(super) fn any_at_all(&self) -> bool {
        self.any.contains(&true)
    }

    /// Means of the next cut's windows.
    #[inline(always)]
    pub(super) fn prepare<S: Simd>(&mut self, simd: S, x: &[Row], cut: &Cut) {
        let zero = f64x8::splat(simd, 0.0);
        let (start, rows) = (cut.rows.start, cut.rows.len());
        let counts = &mut self.counts[cut.place..][..rows];
        let means = &mut self.means[cut.place..][..rows];
        let empty = Part {
            origin: x[cut.block].load(simd),
            count: zero,
            sum: zero,
        };

        let (near, far) = x[cut.oldest()..cut.block].split_at(rows - 1);
        let mut older = empty;
        for x in far.iter().rev() {
            older = older.push(simd, x.load(simd));
        }
        for row in (0..rows).rev() {
            counts[row].store(older.count);
            means[row][0].store(older.sum);
            if row > 0 {
                older = older.push(simd, near[row - 1].load(simd));
            }
        }

        let block = &x[cut.block..][..cut.rows.end];
        let mut newer = empty;
        for x in &block[..start] {
            newer = newer.push(simd, x.load(simd));
        }
        for ((x, count), means) in block[start..].iter().zip(counts).zip(means) {
            newer = newer.push(simd, x.load(simd));
            let (older_count, older_sum) = (count.load(simd), means[0].load(simd));
            let older = Part {
                count: older_count,
                sum: older_sum,
                ..older
            };
            let found = Part::means(simd, older, newer, cut.window);
            means[0].store(found.older);
            means[1].store(found.newer);
            count.store(found.count);
        }
        self.origins[self.any.len()] = [Row::default(); 2];
        self.origins[self.any.len()][0].store(older.origin);
        self.origins[self.any.len()][1].store(newer.origin);
        self.any.push(true);
    }

    /// Adds the energies of a bin to the results of a cut.
    #[inline(always)]
    pub(super) fn pass<'a, S: Simd>(
        &self,
        simd: S,
        (number, cut): (usize, &Cut),
        x: &[Row],
        angles: &[[Point; 1]],
        suffixes: &mut [Row],
        results: impl Iterator<Item = &'a mut Row>,
    ) {
        let (start, end) = (cut.rows.start, cut.rows.end);
        let [older, newer] = &self.origins[number];
        let (older_origin, newer_origin) = (older.load(simd), newer.load(simd));
        let (suffixes, _) = suffixes.as_chunks_mut::<SUMS>();
        let suffixes = &mut suffixes[..end - start];

        let mut sums = BinSums::empty(simd, older_origin);
        let older = x[cut.oldest()..cut.block].iter();
        for (row, (x, [angle])) in older.zip(&angles[start + 1..]).enumerate().rev() {
            if let Some(suffix) = suffixes.get_mut(row + 1) {
                sums.save(suffix);
            }
            sums = sums.push(simd, x.load(simd), angle);
        }
        sums.save(&mut suffixes[0]);

        let block = &x[cut.block..cut.block + end];
        let mut sums = BinSums::empty(simd, newer_origin);
        for (x, [angle]) in block[..start].iter().zip(angles) {
            sums = sums.push(simd, x.load(simd), angle);
        }
        let rows = block[start..].iter().zip(&angles[start..end]);
        let means = &self.means[cut.place..];
        for ((((x, [angle]), suffix), means), result) in rows.zip(suffixes).zip(means).zip(results) {
            sums = sums.push(simd, x.load(simd), angle);
            let older = BinSums::load(simd, older_origin, suffix).less(means[0].load(simd));
            let newer = sums.less(means[1].load(simd));
            result.store(result.load(simd) + power([older[0] + newer[0], older[1] + newer[1]]));
        }
    }

    /// Replaces the results of a cut that are beyond float64 by infinity and those of too few values by NaN.
    #[inline(always)]
    pub(super) fn finish<'a, S: Simd>(
        &self,
        simd: S,
        cut: &Cut,
        needed: f64,
        results: impl Iterator<Item = &'a mut [Row]>,
    ) {
        let infinity = f64x8::splat(simd, f64::INFINITY);
        let missing = f64x8::splat(simd, f64::NAN);
        for (results, count) in results.zip(&self.counts[cut.place..][..cut.rows.len()]) {
            let enough = count.load(simd).simd_ge(needed);
            for result in results {
                let energy = result.load(simd);
                let energy = energy.simd_eq(energy).select(energy, infinity);
                result.store(enough.select(energy, missing));
            }
        }
    }
}
