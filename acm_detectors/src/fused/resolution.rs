//! Which model judges a row, by the steps that its readings and those before it lie on.

use std::ops::Range;

use acm_linalg::memory::reserved;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};

use super::FittedFused;
use super::memory::ResidualMeans;
use super::steps::{WHAT, whole};

/// Rows that are looked at together.
const BLOCK: usize = 64;

/// The steps that the model for a step judges, in tenths of it: readings in steps of .02 or .05 are judged as if rounded to .1.
const TENTHS: [i32; 3] = [2, 5, 10];

/// Decimal digits of evidence that rows have steps: finer readings lie on them by chance in one row of ten thousand. Such a row
/// is then judged a little too mildly, and a rounded one before it is known to be one, much too strictly.
const EVIDENCE: f64 = 4.0;

/// The same for one sensor alone, of all of them.
const ALONE: f64 = 6.0;

/// What a reading that lies on none of them takes from the evidence: some sensors may come another way. Readings in tenths lie
/// on every other fifth by chance, and must not seem to.
const OFF: [f64; 3] = [1.0, 1.0, 0.5];

/// What the readings of each sensor tell of steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Telling {
    /// The steps of all models, three for each.
    steps: Vec<f64>,
    /// For each model, what readings are multiplied by to be in tenths of its step.
    tenths: Vec<f64>,
    /// (d, steps): the digits of evidence of a reading that lies on a step, against a tenth of it or the sensor's own step; 0
    /// where it tells nothing.
    digits: Vec<f64>,
    /// How many sensors tell of each step.
    tell: Vec<usize>,
    /// (d, steps): how many of the sensor's own readings decide, infinity where they do not.
    alone: Vec<f64>,
}

/// What the readings up to a row have shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shown {
    /// For each step, in digits.
    pub(super) evidence: Vec<f64>,
    /// (d, steps): readings in succession that differ from the one before and lie on the step.
    pub(super) runs: Vec<f64>,
    /// Of each sensor.
    pub(super) latest: Vec<f64>,
}

impl Telling {
    /// Of sensors with these steps, for models of rows that are rounded to `members`; no sensor decides alone.
    pub(super) fn new(own: &[f64], members: &[f64]) -> Result<Self> {
        let count = TENTHS.len() * members.len();
        let mut steps = reserved(count, WHAT)?;
        let mut tenths = reserved(members.len(), WHAT)?;
        for &member in members {
            tenths.push(10.0 / member);
            steps.extend(TENTHS.map(|parts| f64::from(parts) * member / 10.0));
        }
        let mut digits = room(own.len(), count, 0.0, WHAT)?;
        let mut tell = room(count, 1, 0, WHAT)?;
        for (digits, &own) in digits.chunks_exact_mut(count.max(1)).zip(own) {
            for ((digits, number), (&step, tell)) in digits.iter_mut().zip(0..).zip(steps.iter().zip(&mut tell)) {
                // States and sensors that were as coarse before tell nothing.
                if own >= 0.0 && own < 0.999 * step {
                    *digits = (step / own).min(f64::from(TENTHS[number % TENTHS.len()])).log10();
                    *tell += 1;
                }
            }
        }
        Ok(Self {
            alone: room(own.len(), count, f64::INFINITY, WHAT)?,
            steps,
            tenths,
            digits,
            tell,
        })
    }

    pub(super) fn steps(&self) -> &[f64] {
        &self.steps
    }

    /// The number of the model for step number `number`, 0 being the one for none.
    pub(super) fn judge(number: usize) -> usize {
        number / TENTHS.len() + 1
    }

    /// Whether the sensor at `place` has a run of changing `readings` on step number `number` that would tell of it alone.
    pub(super) fn runs_on(&self, place: usize, number: usize, readings: &[f64]) -> bool {
        let digits = self.digits[place * self.steps.len() + number];
        let (model, parts) = (number / TENTHS.len(), TENTHS[number % TENTHS.len()]);
        let (mut run, mut latest) = (0.0_f64, 0.0);
        for &value in readings.iter().filter(|value| value.is_finite() && **value != 0.0) {
            match whole(value * self.tenths[model]) {
                Some(Some(steps)) if steps % parts == 0 => run += f64::from(u8::from(value != latest)),
                Some(_) => run = 0.0,
                None => {}
            }
            if run >= ALONE / digits {
                return true;
            }
            latest = value;
        }
        false
    }

    /// Lets the sensor at `place` decide alone of step number `number`.
    pub(super) fn decide(&mut self, place: usize, number: usize) {
        let at = place * self.steps.len() + number;
        self.alone[at] = ALONE / self.digits[at];
    }

    /// 1 for each sensor and step where the sensor decides alone.
    pub(super) fn deciding(&self) -> impl Iterator<Item = f64> {
        self.alone.iter().map(|needed| f64::from(u8::from(needed.is_finite())))
    }

    pub(super) fn start(&self) -> Result<Shown> {
        let sensors = self.alone.len().checked_div(self.steps.len()).unwrap_or(0);
        Ok(Shown {
            evidence: room(self.steps.len(), 1, 0.0, WHAT)?,
            runs: room(sensors, self.steps.len(), 0.0, WHAT)?,
            latest: room(sensors, 1, 0.0, WHAT)?,
        })
    }
}

/// Room for the counts of a row.
struct Count {
    told: Vec<usize>,
    on: Vec<f64>,
    found: Vec<f64>,
    /// Whether a sensor may have a run.
    busy: Vec<bool>,
}

impl FittedFused {
    /// The step of the readings that the model which judges a row is made for; 0 for rows as fine as those of the training.
    ///
    /// Shapes: x (n, d) -> (n,).
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn resolution(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        if out.len() != x.rows() {
            return Err(Error::Length {
                name: "out",
                expected: x.rows(),
                got: out.len(),
            });
        }
        let mut judges = room(x.rows(), 1, 0, WHAT)?;
        self.choose(x, 0..x.rows(), &mut self.telling.start()?, 0, &mut judges)?;
        for (out, &judge) in out.iter_mut().zip(&judges) {
            *out = if judge == 0 { 0.0 } else { self.member_steps[judge - 1] };
        }
        Ok(())
    }

    /// Which model judges each of the rows, by what the readings show up to it; `before` judged the row before.
    pub(super) fn choose(
        &self,
        x: Samples<'_>,
        rows: Range<usize>,
        shown: &mut Shown,
        before: usize,
        judges: &mut [usize],
    ) -> Result<()> {
        if self.members.is_empty() {
            judges.fill(0);
            return Ok(());
        }
        let (columns, steps) = (x.columns(), self.telling.steps.len());
        let mut block = room(BLOCK.min(rows.len()), columns, 0.0, "a block of rows")?;
        let mut count = Count {
            told: room(steps, 1, 0, WHAT)?,
            on: room(steps, 1, 0.0, WHAT)?,
            found: room(steps, 1, 0.0, WHAT)?,
            busy: room(self.steps.len(), 1, true, WHAT)?,
        };
        let mut judge = before.min(self.members.len());
        for (judges, first) in judges.chunks_mut(BLOCK).zip(rows.step_by(BLOCK)) {
            let block = &mut block[..judges.len() * columns];
            x.read(first..first + judges.len(), block);
            for (values, out) in block.chunks_exact(columns).zip(judges) {
                if let Some(found) = self.look(values, shown, &mut count) {
                    judge = found;
                }
                *out = judge;
            }
        }
        Ok(())
    }

    /// Adds a row to what is shown; who judges it, nothing where no reading tells.
    fn look(&self, values: &[f64], shown: &mut Shown, count: &mut Count) -> Option<usize> {
        let Telling {
            steps,
            tenths,
            digits,
            tell,
            alone,
        } = &self.telling;
        let Count { told, on, found, busy } = count;
        let (steps, parts) = (steps.len(), TENTHS.len());
        told.copy_from_slice(tell);
        on.fill(0.0);
        found.fill(0.0);
        let mut decided = None;
        for (place, &column) in self.lagged.kept.iter().enumerate() {
            if self.steps[place] < 0.0 {
                continue;
            }
            let digits = &digits[place * steps..(place + 1) * steps];
            let value = values[column];
            // A 0 lies on every step.
            if value == 0.0 || !value.is_finite() {
                told.iter_mut().zip(digits).for_each(|(told, &digits)| *told -= usize::from(digits > 0.0));
            } else {
                let runs = &mut shown.runs[place * steps..(place + 1) * steps];
                let fresh = f64::from(u8::from(value != shown.latest[place]));
                shown.latest[place] = value;
                for (model, tenths) in tenths.iter().enumerate() {
                    let first = model * parts;
                    match whole(value * tenths) {
                        Some(Some(whole)) => {
                            busy[place] = true;
                            let three = (
                                runs[first..].first_chunk_mut::<3>(),
                                on[first..].first_chunk_mut::<3>(),
                                found[first..].first_chunk_mut::<3>(),
                                digits[first..].first_chunk::<3>(),
                            );
                            if let (Some(runs), Some(on), Some(found), Some(digits)) = three {
                                let on_step = TENTHS.map(|parts| whole % parts == 0);
                                for part in 0..3 {
                                    let hit = f64::from(u8::from(on_step[part] & (digits[part] > 0.0)));
                                    on[part] += hit;
                                    found[part] += hit * digits[part];
                                    runs[part] = hit * (runs[part] + fresh);
                                }
                            }
                        }
                        // What lies on no step lies on no coarser one.
                        Some(None) => {
                            if busy[place] {
                                runs[first..].fill(0.0);
                                busy[place] = model > 0;
                            }
                            break;
                        }
                        None => {
                            let told = told[first..first + parts].iter_mut();
                            told.zip(&digits[first..]).for_each(|(told, &digits)| *told -= usize::from(digits > 0.0));
                        }
                    }
                }
            }
            if busy[place] {
                let runs = &shown.runs[place * steps..(place + 1) * steps];
                let needed = &alone[place * steps..(place + 1) * steps];
                let pairs = || runs.iter().zip(needed).map(|(run, needed)| run >= needed);
                if pairs().fold(false, |any, told| any | told) {
                    decided = decided.max(pairs().rposition(|told| told));
                }
            }
        }
        if told.iter().all(|&told| told == 0) {
            return None;
        }
        for number in 0..steps {
            if told[number] > 0 {
                let off = told[number] as f64 - on[number];
                let evidence = shown.evidence[number] + found[number] - OFF[number % parts] * off;
                shown.evidence[number] = if on[number] < off { 0.0 } else { evidence.clamp(0.0, 2.0 * EVIDENCE) };
            }
        }
        let found = shown.evidence.iter().rposition(|&evidence| evidence >= EVIDENCE);
        Some(found.max(decided).map_or(0, Telling::judge))
    }
}

impl ResidualMeans {
    /// Begins anew to look for steps where a model has others.
    pub(super) fn look_as(&mut self, telling: &Telling) -> Result<()> {
        let (steps, cells) = (telling.steps.len(), telling.alone.len());
        if self.shown.evidence.len() != steps || self.shown.runs.len() != cells {
            (self.shown, self.judge) = (telling.start()?, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod rows_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_tell_against_a_tenth_or_their_own_step() {
        let telling = Telling::new(&[0.0, 0.05, 0.1, -1.0], &[0.1, 1.0]).unwrap();
        assert_eq!(telling.steps(), [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]);
        let close =
            |found: &[f64], exact: [f64; 6]| found.iter().zip(exact).all(|(one, other)| (one - other).abs() < 1e-12);
        let (two, five) = (2.0_f64.log10(), 5.0_f64.log10());
        assert!(close(&telling.digits[..6], [two, five, 1.0, two, five, 1.0]));
        assert!(close(&telling.digits[6..12], [0.0, 0.0, two, two, five, 1.0]));
        assert!(close(&telling.digits[12..18], [0.0, 0.0, 0.0, two, five, 1.0]));
        assert_eq!((&telling.tell[..], &telling.digits[18..]), (&[1, 1, 2, 3, 3, 3][..], &[0.0; 6][..]));
        assert_eq!([0, 2, 3, 5].map(Telling::judge), [1, 1, 2, 2]);

        // Six changing readings on .1 tell; five, or six of which one repeats, do not.
        let on = [0.3, 0.4, 0.7, 0.1, 5.2, 0.3];
        assert!(telling.runs_on(0, 2, &on));
        assert!(!telling.runs_on(0, 2, &on[1..]));
        assert!(!telling.runs_on(0, 2, &[0.3, 0.4, 0.7, 0.7, 5.2, 0.3]));
        assert!(!telling.runs_on(0, 2, &[0.3, 0.4, 0.7, 0.71, 0.1, 5.2, 0.3]));
        assert!(telling.runs_on(0, 2, &[0.3, 0.4, 0.7, f64::NAN, 0.0, 0.1, 5.2, 0.3]));
        assert_eq!(
            [whole(7.000_000_1), whole(7.1), whole(-3.0), whole(1e-9), whole(1e9)],
            [Some(Some(7)), Some(None), Some(Some(-3)), Some(None), None]
        );
    }
}
