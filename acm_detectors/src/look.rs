//! Which of eight rows may have readings on coarser steps: most have none, and a look without branches tells. No row that has any
//! escapes it; who is suspected is looked at by itself ([`crate::alone`]).

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::push;
use fearless_simd::{Simd, f64x8, mask64x8, prelude::*};

use crate::alone::{MOST_STEPS, NEAR, NEAR_SINGLE};
use crate::fused::steps::{self, nearest, nearest_of};

/// How far from a multiple of a step a reading may lie that is suspected, in steps, with what one over the step is rounded by.
const WITHIN: f64 = 1.1 * (NEAR_SINGLE + NEAR * MOST_STEPS);

/// The same of rows that are rounded as a whole, in steps of which the one that counts is up to ten.
const WITHIN_TEN: f64 = 10.0 * WITHIN;

/// The same of readings of few steps: single precision is near to them.
const TEN_NEAR: (f64, f64) = (11.0 * steps::NEAR.0, 11.0 * steps::NEAR.1);

const WHAT: &str = "steps of readings";

/// What is suspected of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Suspect {
    /// One more than the number of the step that all of it lies on.
    pub(crate) judge: usize,
    /// Whether a sensor may lie on a coarser one by itself.
    alone: bool,
    /// Whether all sensors may tell of coarser ones together.
    pub(crate) told: bool,
    /// Whether all of it lies on a step that does not matter: it is judged as if the training rows did.
    pub(crate) quiet: bool,
}

impl Suspect {
    /// Whether there is anything beside what the row is as a whole.
    pub(crate) fn any(self) -> bool {
        self.alone || self.told
    }

    /// Whether the row is as those of the training.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Bits of eight lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Suspects {
    alone: u8,
    told: u8,
    quiet: u8,
}

impl Suspects {
    pub(crate) fn is_empty(self) -> bool {
        self.alone | self.told == 0
    }

    /// With what is suspected of some lanes.
    pub(crate) fn with(self, other: Self, lanes: u8) -> Self {
        Self {
            alone: self.alone | other.alone & lanes,
            told: self.told | other.told & lanes,
            quiet: self.quiet | other.quiet & lanes,
        }
    }

    /// Of each lane, judged by these numbers.
    pub(crate) fn each(self, judges: [usize; LANES]) -> [Suspect; LANES] {
        std::array::from_fn(|lane| Suspect {
            judge: judges[lane],
            alone: self.alone >> lane & 1 == 1,
            told: self.told >> lane & 1 == 1,
            quiet: self.quiet >> lane & 1 == 1,
        })
    }
}

/// A step that does not matter, and what rows on it are looked at with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quiet {
    pub(crate) step: f64,
    /// Sensors whose training readings are finer.
    pub(crate) finer: Vec<usize>,
    pub(crate) look: Look,
}

impl Quiet {
    /// Which of eight rows lie on it.
    #[inline(always)]
    fn lie<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> u8 {
        let mut most: V<S> = f64x8::splat(simd, 0.0);
        let grid = 1.0 / self.step;
        for &place in &self.finer {
            let value: V<S> = raw[kept[place]].load(simd);
            let steps = value * grid;
            let off = (steps - nearest_of(steps)).abs();
            // What is missing tells nothing.
            most = off.simd_gt(most).select(off, most);
        }
        bits(most, |most| most <= WITHIN)
    }
}

/// What a look needs to know of sensors, by their places.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Look {
    /// One over the power of ten that a sensor lies on if it is rounded by itself.
    alone: Vec<(usize, f64)>,
    within: f64,
    /// One over the power of ten that tells, and the digits told by it and the next.
    telling: Vec<(usize, f64, [f64; 2])>,
    /// Of each sensor of either kind what tells and what it lies on by itself; infinite for none.
    either: Vec<(usize, [f64; 2])>,
    /// Digits that are enough.
    enough: f64,
}

impl Look {
    /// One over the grid of a sensor, 0 for none, and what it tells by.
    pub(crate) fn of_sensor(&mut self, place: usize, grid: f64, (first, digits): (f64, [usize; 2])) -> Result<()> {
        if grid > 0.0 {
            push(&mut self.alone, (place, grid), WHAT)?;
        }
        if first > 0.0 {
            push(&mut self.telling, (place, 1.0 / first, digits.map(|digits| digits as f64)), WHAT)?;
        }
        if grid > 0.0 || first > 0.0 {
            let own = if grid > 0.0 { grid } else { f64::INFINITY };
            let told = if first > 0.0 { 1.0 / first } else { f64::INFINITY };
            push(&mut self.either, (place, [told, own]), WHAT)?;
        }
        Ok(())
    }

    /// Of rows that are rounded as a whole, or are not; so many digits are enough.
    pub(crate) fn of_rows(&mut self, rounded: bool, enough: usize) {
        self.within = if rounded { WITHIN_TEN } else { WITHIN };
        self.enough = enough as f64;
    }

    /// Which of eight rows are suspected; where they lie on a step that does not matter, of coarser ones.
    ///
    /// Neither closures nor recursion: what they call is compiled without the instructions that are there.
    #[inline(always)]
    pub(crate) fn lanes<S: Simd>(&self, simd: S, quiet: Option<&Quiet>, raw: &[Row], kept: &[usize]) -> Suspects {
        let [told, alone] = self.glance(simd, raw, kept);
        if !told && !alone {
            return Suspects::default();
        }
        let hits = if told { self.hits(simd, raw, kept) } else { 0 };
        let lie = match quiet {
            Some(quiet) if hits > 0 => quiet.lie(simd, raw, kept) & hits,
            _ => 0,
        };
        let mut suspects = Suspects::default();
        if lie < u8::MAX {
            suspects = self.seen(simd, hits, alone, raw, kept);
        }
        if let Some(quiet) = quiet.filter(|_| lie > 0) {
            let look = &quiet.look;
            let [told, alone] = look.glance(simd, raw, kept);
            let hits = if told { look.hits(simd, raw, kept) } else { 0 };
            let instead = Suspects {
                quiet: lie,
                ..look.seen(simd, hits, alone, raw, kept)
            };
            suspects = Suspects::default().with(suspects, !lie).with(instead, lie);
        }
        suspects
    }

    #[inline(always)]
    fn seen<S: Simd>(&self, simd: S, hits: u8, alone: bool, raw: &[Row], kept: &[usize]) -> Suspects {
        Suspects {
            alone: if alone { self.any(simd, raw, kept) } else { 0 },
            told: if hits == 0 { 0 } else { self.tell(simd, raw, kept) },
            quiet: 0,
        }
    }

    /// Places of sensors of a lane that may be rounded by themselves.
    pub(crate) fn places(&self, reading: impl Fn(usize) -> f64) -> impl Iterator<Item = usize> {
        let near = move |&&(place, grid): &&(usize, f64)| {
            let steps = reading(place) * grid;
            (steps - nearest(steps)).abs() <= self.within
        };
        self.alone.iter().filter(near).map(|&(place, _)| place)
    }

    /// Whether any of eight rows may have hits, and any a sensor that is rounded by itself: most have neither.
    #[inline(always)]
    fn glance<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> [bool; 2] {
        let (within, own_within): (V<S>, V<S>) = (f64x8::splat(simd, WITHIN), f64x8::splat(simd, self.within));
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let mut hits = zero;
        let mut any = zero.simd_lt(zero);
        for &(place, grids) in &self.either {
            let value: V<S> = raw[kept[place]].load(simd);
            let (told, own) = (value * grids[0], value * grids[1]);
            hits = (told - nearest_of(told)).abs().simd_le(within).select(hits + 2.0, hits);
            any |= (own - nearest_of(own)).abs().simd_le(own_within);
        }
        [hits.simd_ge(self.enough).any_true(), any.any_true()]
    }

    #[inline(always)]
    fn any<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> u8 {
        let (zero, one): (V<S>, V<S>) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 1.0));
        let (slope, most): (V<S>, V<S>) = (f64x8::splat(simd, TEN_NEAR.1), f64x8::splat(simd, self.within));
        let mut any = zero;
        for &(place, grid) in &self.alone {
            let value: V<S> = raw[kept[place]].load(simd);
            let steps = value * grid;
            let whole = nearest_of(steps);
            let near = (steps.abs() * slope + TEN_NEAR.0).min(most);
            any = ((steps - whole).abs().simd_le(near) & !whole.simd_eq(zero)).select(one, any);
        }
        bits(any, |any| any > 0.0)
    }

    /// Of which so many readings lie on the first power of ten that they may tell enough.
    #[inline(always)]
    fn hits<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> u8 {
        if self.telling.is_empty() {
            return 0;
        }
        let mut hits: V<S> = f64x8::splat(simd, 0.0);
        for &(place, first, _) in &self.telling {
            let value: V<S> = raw[kept[place]].load(simd);
            hits = on(simd, value * first).select(hits + 2.0, hits);
        }
        bits(hits, |hits| hits >= self.enough)
    }

    #[inline(always)]
    fn tell<S: Simd>(&self, simd: S, raw: &[Row], kept: &[usize]) -> u8 {
        let mut told: V<S> = f64x8::splat(simd, 0.0);
        for &(place, first, digits) in &self.telling {
            let value: V<S> = raw[kept[place]].load(simd);
            told = on(simd, value * first).select(told + digits[0], told);
            told = on(simd, value * (0.1 * first)).select(told + digits[1], told);
        }
        bits(told, |told| told >= self.enough)
    }
}

/// Whether readings may be whole numbers of steps, not 0.
#[inline(always)]
fn on<S: Simd>(simd: S, steps: V<S>) -> mask64x8<S> {
    let whole = nearest_of(steps);
    let within: V<S> = f64x8::splat(simd, WITHIN);
    let zero: V<S> = f64x8::splat(simd, 0.0);
    (steps - whole).abs().simd_le(within) & !whole.simd_eq(zero)
}

#[inline(always)]
fn bits<S: Simd>(values: V<S>, is: impl Fn(f64) -> bool) -> u8 {
    let mut lanes = Row::default();
    lanes.store(values);
    lanes.0.iter().rev().fold(0, |bits, &value| bits << 1 | u8::from(is(value)))
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};
    use ndarray::Array2;

    use super::*;
    use crate::alone::{Alone, Noisy};
    use crate::rounding::Rounding;

    /// Readings about 0 and about 1,500, to so many decimals each.
    fn rows(seed: u64, decimals: impl Fn(usize, usize) -> i32) -> Array2<f64> {
        Array2::from_shape_fn((400, 12), |(row, column)| {
            let number = (row as u64 * 12 + column as u64 + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let share = (number ^ number >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11;
            let value = (share as f64 / 2.0_f64.powi(53) - 0.5) * 6.0 + if column % 2 == 0 { 1500.0 } else { 0.0 };
            let unit = 10.0_f64.powi(decimals(row, column));
            (value * unit).round() / unit
        })
    }

    #[test]
    fn no_row_of_which_anything_is_rounded_escapes_a_look() {
        let (kept, scale) = ((0..12).collect::<Vec<_>>(), vec![1.7; 12]);
        let precise = vec![4.0; 12];
        for own in [1, 2, 3, 9] {
            let train = rows(7, |_, _| own);
            let rounding = Rounding::learn(train.view().into(), &kept, &scale, &precise, 12.0).unwrap();
            let alone = Alone::learn(&rounding, &scale, &precise, None).unwrap();
            let alone = alone.unusual(train.view().into(), &kept, &rounding).unwrap();
            // Of eight rows that are looked at together some, and all.
            let kind = |row: usize| if row < 200 { row % 5 } else { row / LANES % 5 };
            let fresh = rows(5000, |row, column| match kind(row) {
                0 => own,
                1 => [0, 1, 2][column % 3],
                2 => own.min(1),
                3 => own - i32::from(column == row % 12),
                _ => {
                    if column == row % 12 {
                        0
                    } else {
                        own
                    }
                }
            });
            let (mut suspected, mut found) = (0, 0);
            let mut raw = vec![Row::default(); 12];
            for first in (0..400).step_by(LANES) {
                acm_linalg::Samples::from(fresh.view()).pack(first, &mut raw);
                let judges = dispatch!(Level::new(), simd => rounding.lying(simd, &raw, &kept));
                let suspects = dispatch!(Level::new(), simd => alone.lanes(simd, judges, &raw, &kept));
                for (lane, suspect) in suspects.each(judges).into_iter().enumerate() {
                    let every = Suspect {
                        alone: true,
                        told: true,
                        ..suspect
                    };
                    let reading = |place: usize| raw[place].0[lane];
                    let find = |suspect| {
                        let mut noisy = Noisy::default();
                        let any = noisy.find(&alone, &rounding, suspect, &scale, reading).unwrap();
                        any.then_some((noisy.sensors, noisy.noise))
                    };
                    let exact = find(every);
                    assert_eq!(exact.is_some() && suspect.any(), exact.is_some(), "{own} {}", first + lane);
                    if suspect.any() {
                        assert_eq!(find(suspect), exact);
                    }
                    suspected += usize::from(suspect.any());
                    found += usize::from(exact.is_some());
                }
            }
            assert!(found > 0 && suspected < 3 * found + 40, "{own}: {suspected} {found}");
        }
    }
}
