//! Centres laid out for tiles of eight rows, and the distances to them.
//!
//! Each row's squared distance is the sum of its squared differences, column after column: nothing cancels, and no
//! row's result depends on another row.

use acm_linalg::Result;
use acm_linalg::lanes::{Row, V};
use acm_linalg::memory::Gather;
use acm_linalg::samples::room;
use fearless_simd::{Simd, f64x8, prelude::*};

/// Centres that are measured to at once.
const ABREAST: usize = 4;

/// Centres, four abreast: the values of a column side by side.
#[derive(Debug)]
pub(super) struct Centers {
    blocks: Vec<[f64; ABREAST]>,
    /// Half of the centres' squared lengths.
    halves: Vec<f64>,
    /// The length of the longest centre.
    pub(super) reach: f64,
    columns: usize,
    pub(super) count: usize,
}

impl Centers {
    /// Of `count` centres of `columns` values each, one after the other.
    pub(super) fn new(rows: &[f64], columns: usize) -> Result<Self> {
        let count = rows.len() / columns.max(1);
        let mut blocks = room(count.div_ceil(ABREAST), columns, [0.0; ABREAST], "the centres")?;
        for (number, row) in rows.chunks_exact(columns.max(1)).enumerate() {
            let block = &mut blocks[number / ABREAST * columns..][..columns];
            block.iter_mut().zip(row).for_each(|(to, from)| to[number % ABREAST] = *from);
        }
        let square = |row: &[f64]| row.iter().map(|value| value * value).sum::<f64>();
        let halves = rows.chunks_exact(columns.max(1)).map(|row| 0.5 * square(row)).gathered("the centres")?;
        let reach = halves.iter().copied().fold(0.0, f64::max);
        Ok(Self {
            blocks,
            halves,
            reach: (2.0 * reach).sqrt(),
            columns,
            count,
        })
    }

    /// Groups of four centres.
    #[inline(always)]
    pub(super) fn groups(&self) -> usize {
        self.count.div_ceil(ABREAST)
    }

    /// Squared distances of the rows of `tile` to the centres from `4 * group` on, and how many these are.
    #[inline(always)]
    pub(super) fn squares<S: Simd>(&self, simd: S, tile: &[Row], group: usize, found: &mut [Row; ABREAST]) -> usize {
        let block = &self.blocks[group * self.columns..][..self.columns];
        let count = ABREAST.min(self.count - group * ABREAST);
        match count {
            1 => squares::<S, 1>(simd, tile, block, found),
            2 => squares::<S, 2>(simd, tile, block, found),
            3 => squares::<S, 3>(simd, tile, block, found),
            _ => squares::<S, 4>(simd, tile, block, found),
        }
        count
    }

    /// The squared distance to the nearest centre and its number, the lowest of equally near ones.
    #[inline(always)]
    pub(super) fn nearest<S: Simd>(&self, simd: S, tile: &[Row]) -> (V<S>, V<S>) {
        let nearest = self.nearest_two(simd, tile);
        (nearest.square, nearest.label)
    }

    /// The same, and the squared distance to the second nearest.
    #[inline(always)]
    pub(super) fn nearest_two<S: Simd>(&self, simd: S, tile: &[Row]) -> Nearest<S> {
        let mut square: V<S> = f64x8::splat(simd, f64::INFINITY);
        let mut second = square;
        let mut label: V<S> = f64x8::splat(simd, 0.0);
        let mut found = [Row::splat(0.0); ABREAST];
        for group in 0..self.groups() {
            let count = self.squares(simd, tile, group, &mut found);
            for place in 0..count {
                let next: V<S> = found[place].load(simd);
                let nearer = next.simd_lt(square);
                second = second.min(nearer.select(square, next));
                square = nearer.select(next, square);
                label = nearer.select(f64x8::splat(simd, (group * ABREAST + place) as f64), label);
            }
        }
        Nearest { square, label, second }
    }
}

/// The nearest centre of each row of a tile.
pub(super) struct Nearest<S: Simd> {
    pub(super) square: V<S>,
    pub(super) label: V<S>,
    pub(super) second: V<S>,
}

/// The centre of the largest product of each row of a tile.
pub(super) struct Largest<S: Simd> {
    pub(super) product: V<S>,
    pub(super) label: V<S>,
    pub(super) second: V<S>,
}

impl Centers {
    /// The largest x c - c c / 2 and the second largest: half of what the squared distances fall short of x x.
    #[inline(always)]
    pub(super) fn largest_two<S: Simd>(&self, simd: S, tile: &[Row]) -> Largest<S> {
        let mut product: V<S> = f64x8::splat(simd, f64::NEG_INFINITY);
        let mut second = product;
        let mut label: V<S> = f64x8::splat(simd, 0.0);
        let mut found = [Row::splat(0.0); ABREAST];
        for group in 0..self.groups() {
            let block = &self.blocks[group * self.columns..][..self.columns];
            let count = ABREAST.min(self.count - group * ABREAST);
            match count {
                1 => products::<S, 1>(simd, tile, block, &mut found),
                2 => products::<S, 2>(simd, tile, block, &mut found),
                3 => products::<S, 3>(simd, tile, block, &mut found),
                _ => products::<S, 4>(simd, tile, block, &mut found),
            }
            for place in 0..count {
                let next: V<S> = found[place].load(simd) - self.halves[group * ABREAST + place];
                let larger = next.simd_gt(product);
                second = second.max(larger.select(product, next));
                product = larger.select(next, product);
                label = larger.select(f64x8::splat(simd, (group * ABREAST + place) as f64), label);
            }
        }
        Largest { product, label, second }
    }
}

#[inline(always)]
fn products<S: Simd, const N: usize>(simd: S, tile: &[Row], block: &[[f64; ABREAST]], found: &mut [Row; ABREAST]) {
    let mut sums: [V<S>; N] = [f64x8::splat(simd, 0.0); N];
    let block = &block[..tile.len()];
    for column in 0..tile.len() {
        let x: V<S> = tile[column].load(simd);
        for place in 0..N {
            sums[place] = x.mul_add_precise(block[column][place], sums[place]);
        }
    }
    for place in 0..N {
        found[place].store(sums[place]);
    }
}

#[inline(always)]
fn squares<S: Simd, const N: usize>(simd: S, tile: &[Row], block: &[[f64; ABREAST]], found: &mut [Row; ABREAST]) {
    let mut sums: [V<S>; N] = [f64x8::splat(simd, 0.0); N];
    let block = &block[..tile.len()];
    for column in 0..tile.len() {
        let x: V<S> = tile[column].load(simd);
        for place in 0..N {
            let center: V<S> = f64x8::splat(simd, block[column][place]);
            let difference = x - center;
            sums[place] = difference.mul_add_precise(difference, sums[place]);
        }
    }
    for place in 0..N {
        found[place].store(sums[place]);
    }
}
