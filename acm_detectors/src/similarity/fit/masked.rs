//! Where parts lie while sensors are missing: stretches of the training rows, each judged without some of the sensors by what
//! is remembered of the others.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, extend, push, reserved};
use acm_linalg::samples::room;
use acm_linalg::seed::stream;
use acm_linalg::{Result, parallel};
use fearless_simd::{Level, dispatch};
use rand::RngExt;

use super::super::absent::Absent;
use super::super::prototypes::Prototypes;
use super::super::watch::{Norms, Present, Watch};
use super::{LEAST_REACH, MOST_ALONE, MOST_BLUR, STEP_NS, Task, WHAT, Whitener, joined, table_of};
use crate::gaps::{Dense, Gaps, Trouble, dot};
use crate::held_out::{HeldOut, Without};
use crate::packed::{Packed, rows_of};

/// Seed of which sensors are taken away.
const SEED: u64 = 29;

/// Most stretches of a fold, each of which has sensors of its own taken away, and how many memories long one is at least.
const MOST_STRETCHES: usize = 8;
const MEMORIES: f64 = 5.0;

/// From so many memories after the start of a stretch on its rows tell.
const SETTLED: f64 = 2.0;

/// Most rows that are judged for each count of sensors; fewer training rows are judged several times, each time without others.
const MOST_ROWS: usize = 16_384;
const ROWS: usize = 4096;
const MOST_TIMES: usize = 8;

/// Products for what is expected of missing sensors, for each count of them: of many sensors fewer rows and stretches are judged.
const MOST_PRODUCTS: usize = 200_000_000;

/// Of which rows some sensors are taken away, by what they are judged, and which sensors are left.
struct Stretch {
    fold: usize,
    rows: Range<usize>,
    lacking: Vec<usize>,
    marks: Vec<bool>,
}

/// What judges the rows of a fold.
struct Judge {
    offset: Vec<f64>,
    whitening: Packed,
    precision: Dense,
}

impl Task<'_> {
    /// Means and limits of the parts for some counts of present sensors. `settled` are the rows that tell, `limit` is what the
    /// greatest of the parts exceeds at the rate asked for in complete ones, one more and cubed.
    pub(super) fn absent(
        &self,
        prototypes: &[Prototypes],
        residuals: &[f64],
        blur: &[f64],
        usual: f64,
        settled: &[bool],
        limit: f64,
    ) -> Result<Absent> {
        let (width, parts) = (self.table.width, self.of.parts()?);
        let mut found = Absent::default();
        if !(2..=MOST_ALONE).contains(&width) {
            return Ok(found);
        }
        let judges = self.judges(residuals)?;
        let none = Norms::default();
        let watch = Watch::new(self.of, &parts, usual, width, &none)?;
        for count in counts(width) {
            let (stretches, times) = self.stretches(count)?;
            let rows = stretches.iter().map(|stretch| stretch.rows.len()).sum();
            let mut statistics = room(rows, parts.len(), 0.0, WHAT)?;
            let power = self.follow(prototypes, &judges, blur, &watch, &stretches, &mut statistics)?;
            let start = self.start(SETTLED);
            let marks = stretches.iter().flat_map(|stretch| {
                let start = start.min(stretch.rows.len() / 2);
                stretch.rows.clone().enumerate().map(move |(place, row)| place >= start && settled[row])
            });
            let marks = marks.gathered(WHAT)?;
            if !marks.contains(&true) {
                continue;
            }
            let mut own = self.of.norms(&parts, &statistics, &marks, (power, count), times)?;
            let greatest = HeldOut::of(&mut joined(&own, &statistics, parts.len())?, &marks)?;
            let own_limit = greatest.limit_remembering(self.of.false_alarm_rate, 0.0, times);
            let larger = (own_limit.cbrt() - 1.0).max(LEAST_REACH) / (limit.cbrt() - 1.0).max(LEAST_REACH);
            own.reach.iter_mut().for_each(|reach| *reach *= larger);
            push(&mut found.present, count as f64, WHAT)?;
            extend(&mut found.mean, own.mean.iter().copied(), WHAT)?;
            extend(&mut found.reach, own.reach.iter().copied(), WHAT)?;
        }
        Ok(found)
    }

    /// So many of the slowest memories, in rows.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    fn start(&self, memories: f64) -> usize {
        let slowest = self.of.smoothing.iter().copied().fold(1.0, f64::min);
        (memories / slowest) as usize
    }

    fn judges(&self, residuals: &[f64]) -> Result<Vec<Judge>> {
        let width = self.table.width;
        let table = table_of(residuals, width)?;
        let judge = |stretch: &Range<usize>| {
            let others = Without {
                table: &table,
                stretch: stretch.clone(),
            };
            let Whitener { offset, inverse, .. } = Whitener::of(&others, width)?;
            Ok(Judge {
                offset,
                whitening: Packed::lower(&inverse, width)?,
                precision: Dense::of_root(&inverse, width)?,
            })
        };
        self.folds.iter().map(judge).gathered_ok(WHAT)
    }

    /// Each fold in some stretches, so many times over; of each `count` sensors are left, all of them equally often.
    fn stretches(&self, count: usize) -> Result<(Vec<Stretch>, usize)> {
        let width = self.table.width;
        let most_rows = MOST_ROWS.min(MOST_PRODUCTS / (width * width).max(1));
        let times = (most_rows.min(ROWS) / self.table.rows().max(1)).clamp(1, MOST_TIMES);
        let length = self.start(MEMORIES).max(1);
        let affordable = MOST_PRODUCTS / (width * width * width).max(1) / (times * self.folds.len());
        let mut order = (0..width).gathered(WHAT)?;
        let mut random = stream(SEED, count as u64);
        let (mut left, mut found) = (room(width, 1, 0, WHAT)?, Vec::new());
        for (fold, rows) in (0..times).flat_map(|_| self.folds.iter().enumerate()) {
            let number = (rows.len() / length).min(MOST_STRETCHES).min(affordable).max(1);
            let most = (most_rows / self.folds.len() / number).max(length);
            for part in 0..number {
                let edge = |part: usize| rows.start + part * rows.len() / number;
                let first = edge(part);
                let mut marks = room(width, 1, false, WHAT)?;
                // Those that were left least often, in any order.
                for place in (1..width).rev() {
                    order.swap(place, random.random_range(0..=place));
                }
                order.sort_by_key(|&place: &usize| left[place]);
                for &place in &order[..count] {
                    marks[place] = true;
                    left[place] += 1;
                }
                let lacking = (0..width).filter(|&place| !marks[place]).gathered(WHAT)?;
                let rows = first..edge(part + 1).min(first + most);
                push(
                    &mut found,
                    Stretch {
                        fold,
                        rows,
                        lacking,
                        marks,
                    },
                    WHAT,
                )?;
            }
        }
        Ok((found, times))
    }

    /// The parts' statistics of the stretches, one after the other; the mean power of their rows.
    fn follow(
        &self,
        prototypes: &[Prototypes],
        judges: &[Judge],
        blur: &[f64],
        watch: &Watch<'_>,
        stretches: &[Stretch],
        statistics: &mut [f64],
    ) -> Result<f64> {
        let (width, parts) = (self.table.width, watch.parts.len());
        let points = table_of(self.table.values, width)?;
        let padded = judges.first().map_or(width, |judge| judge.whitening.padded());
        let mut jobs = reserved(stretches.len(), WHAT)?;
        let mut powers = room(stretches.len(), 1, 0.0, WHAT)?;
        let (mut rest, mut rows) = (statistics, 0);
        for (stretch, power) in stretches.iter().zip(&mut powers) {
            let (own, others) = rest.split_at_mut(stretch.rows.len() * parts);
            jobs.push((stretch, own, power));
            (rest, rows) = (others, rows + stretch.rows.len());
        }
        let each = prototypes.iter().map(Prototypes::cost_ns).fold(0.0, f64::max)
            + judges.iter().map(|judge| judge.whitening.cost_ns()).fold(0.0, f64::max)
            + STEP_NS * width as f64;
        let scratch = || {
            let spare = prototypes.iter().map(Prototypes::scratch).gathered_ok(WHAT)?;
            let eight = || rows_of(padded);
            Ok((eight()?, eight()?, eight()?, room(width, 1, 0.0, WHAT)?, Gaps::new(width)?, spare))
        };
        let trouble = Trouble::default();
        parallel::run(jobs, each * rows as f64, scratch, |scratch, (stretch, out, power), stop| {
            let (eight, expected, white, row, gaps, spare) = scratch;
            let judge = &judges[stretch.fold];
            let gone = stretch.lacking.iter().fold(1.0, |all: f64, &place| (all * blur[place]).min(MOST_BLUR));
            let share = 1.0 / gone.sqrt();
            let present = Present {
                count: width - stretch.lacking.len(),
                marks: &stretch.marks,
            };
            let mut means = match watch.start_with(&stretch.marks) {
                Ok(means) => means,
                Err(error) => {
                    trouble.none(Err(error));
                    return;
                }
            };
            gaps.forget();
            let firsts = stretch.rows.clone().step_by(LANES);
            for (first, out) in firsts.zip(out.chunks_mut(LANES * parts)) {
                if stop.requested() {
                    return;
                }
                points.pack(first, &mut eight[..width]);
                stretch.lacking.iter().for_each(|&place| eight[place] = Row::splat(f64::NAN));
                dispatch!(Level::new(), simd => {
                    prototypes[stretch.fold].expect(simd, &eight[..width], &mut spare[stretch.fold], expected);
                });
                for (place, offset) in judge.offset.iter().enumerate() {
                    for lane in 0..LANES {
                        eight[place].0[lane] -= expected[place].0[lane] + offset;
                    }
                }
                if !trouble.none(gaps.fill(&judge.precision, &mut eight[..width], width)) {
                    return;
                }
                eight[..width].iter_mut().flat_map(|row| &mut row.0).for_each(|value| *value *= share);
                dispatch!(Level::new(), simd => judge.whitening.apply(simd, eight, white));
                for (lane, values) in out.chunks_exact_mut(parts).enumerate() {
                    row.iter_mut().zip(&*white).for_each(|(value, white)| *value = white.0[lane]);
                    *power += dot(row, row);
                    watch.step(&mut means, row, present, values);
                }
            }
        })?;
        trouble.told()?;
        Ok(powers.iter().sum::<f64>() / rows.max(1) as f64)
    }
}

/// Of so many sensors these are left: all but one, three quarters, half, a quarter, a tenth, one.
fn counts(sensors: usize) -> impl Iterator<Item = usize> {
    let [most, half, few] = [3, 2, 1].map(|fourths| fourths * sensors / 4);
    let counts = [sensors - 1, most, half, few, sensors / 10, 1];
    let mut least = sensors;
    counts.into_iter().filter(move |&count| {
        let fewer = count >= 1 && count < least;
        if fewer {
            least = count;
        }
        fewer
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::Similarity;
    use super::super::super::choice::Table;
    use super::*;
    use crate::folds::folds;

    #[test]
    fn counts_fall_from_all_but_one_to_one() {
        let of = |sensors: usize| counts(sensors).collect::<Vec<_>>();
        assert_eq!((of(2), of(3), of(4)), (vec![1], vec![2, 1], vec![3, 2, 1]));
        assert_eq!((of(8), of(30)), (vec![7, 6, 4, 2, 1], vec![29, 22, 15, 7, 3, 1]));
    }

    #[test]
    fn stretches_cover_the_folds_and_lack_all_sensors_alike() {
        let width = 7;
        for (rows, times, each) in [(400, 8, 2), (4000, 1, 8), (40_000, 1, 8)] {
            let values = vec![0.0; rows * width];
            let of = Similarity::new(30, 5, &[1.0, 0.1], 4, 0.01).unwrap();
            let task = Task {
                of: &of,
                table: Table { values: &values, width },
                folds: folds(rows, 4).unwrap(),
            };
            for count in counts(width) {
                let (found, again) = task.stretches(count).unwrap();
                assert_eq!((found.len(), again), (4 * each * times, times));
                let mut left = [0_usize; 7];
                for stretch in &found {
                    let fold = &task.folds[stretch.fold];
                    assert!(fold.start <= stretch.rows.start && stretch.rows.end <= fold.end);
                    assert!((50..=512).contains(&stretch.rows.len()));
                    assert_eq!(stretch.lacking.len(), width - count);
                    assert!(stretch.lacking.iter().all(|&place| !stretch.marks[place]));
                    stretch.marks.iter().zip(&mut left).for_each(|(&mark, left)| *left += usize::from(mark));
                }
                let total: usize = found.iter().map(|stretch| stretch.rows.len()).sum();
                assert!(total == rows * times || (rows > MOST_ROWS && total == MOST_ROWS));
                let (least, most) = (left.iter().min().unwrap(), left.iter().max().unwrap());
                assert!(most - least <= 1, "{count}: {left:?}");
            }
        }
    }
}
