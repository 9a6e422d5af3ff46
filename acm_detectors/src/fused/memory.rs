//! What is remembered from row to row, and how slow memories let go after a fault.

use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::room;
use acm_linalg::{Memory, Reader, Result, Writer};

use super::remember::{products, squares};
use super::resolution::Shown;
use crate::lagged::LaggedMemory;

/// Slow mean powers are not bounded below this share of the usual power.
const LEAST_POWER: f64 = 0.8;

/// The share of what a slow mean power has above the fastest one that it loses with each row: faults that come and go would be
/// lost between their bursts if it were all.
const LET_GO: f64 = 0.1;

/// Standard deviations of the fastest mean by which a slower one may be longer.
const DOUBT: f64 = 2.0;

/// What the memories hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ResidualMeans {
    /// Mean squared length at each memory of more than one row.
    pub(super) power: Vec<f64>,
    /// Mean whitened residual at each of them, sensor by sensor.
    pub(super) shift: Vec<f64>,
    /// The share of each of them that each sensor was not missing in. Models of former versions: mean counts of such sensors.
    pub(super) present: Vec<f64>,
    /// What the readings have shown of coarser steps.
    pub(super) shown: Shown,
    /// Which model judged the latest row, and has these memories.
    pub(super) judge: usize,
    /// What is remembered of the readings in all directions.
    pub(super) whole: Option<Box<ResidualMeans>>,
}

impl ResidualMeans {
    /// Before the first row.
    pub(super) fn new(memories: usize, sensors: usize, usual: f64, shares: bool) -> Result<Self> {
        let what = "means of residuals";
        Ok(Self {
            power: room(memories, 1, usual, what)?,
            shift: room(memories, sensors, 0.0, what)?,
            present: if shares {
                room(memories, sensors, 1.0, what)?
            } else {
                room(memories, 1, sensors as f64, what)?
            },
            shown: Shown::default(),
            judge: 0,
            whole: None,
        })
    }

    /// Whether these are means of a model that starts with `other`.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let whole = match (&self.whole, &other.whole) {
            (Some(whole), Some(other)) => whole.is_like(other),
            (None, None) => true,
            _ => false,
        };
        let lengths = |means: &Self| [means.power.len(), means.shift.len(), means.present.len()];
        whole && lengths(self) == lengths(other)
    }

    pub(super) fn copy(&self) -> Result<Self> {
        let what = "means of residuals";
        Ok(Self {
            power: copied(&self.power, what)?,
            shift: copied(&self.shift, what)?,
            present: copied(&self.present, what)?,
            shown: Shown {
                evidence: copied(&self.shown.evidence, what)?,
                runs: copied(&self.shown.runs, what)?,
                latest: copied(&self.shown.latest, what)?,
            },
            judge: self.judge,
            whole: match &self.whole {
                Some(whole) => Some(Box::new(whole.copy()?)),
                None => None,
            },
        })
    }
}

/// What the detector remembers of a history that is scored as it comes: its latest rows and the means of its residuals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FusedMemory {
    pub(super) rows: LaggedMemory,
    /// (rows, d): which of their readings were there; nothing for all.
    pub(super) marks: Vec<bool>,
    pub(super) state: Option<ResidualMeans>,
}

impl Memory for FusedMemory {
    fn write(&self, to: &mut Writer) {
        self.rows.write(to);
        if !self.marks.is_empty() {
            to.measured("live.marks", self.marks.iter().map(|&mark| f64::from(u8::from(mark))));
        }
        if let Some(state) = &self.state {
            to.reals("live.power", &state.power);
            to.reals("live.shift", &state.shift);
            to.reals("live.present", &state.present);
            to.reals("live.evidence", &state.shown.evidence);
            to.reals("live.runs", &state.shown.runs);
            to.reals("live.latest", &state.shown.latest);
            to.count("live.judge", state.judge as u64);
            if let Some(whole) = &state.whole {
                to.reals("live.whole.power", &whole.power);
                to.reals("live.whole.shift", &whole.shift);
                to.reals("live.whole.present", &whole.present);
            }
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let rows = LaggedMemory::read(from)?;
        let state = if from.has("live.power") {
            let power = from.reals("live.power", from.length("live.power")?)?;
            let memories = from.reals("memories", from.length("memories")?)?;
            let slow = memories.iter().filter(|&&memory| memory < 1.0).count();
            let sensors = from.length("scaling.fill")?;
            let shift = from.reals("live.shift", slow * sensors)?;
            // Earlier versions filled gaps with medians and counted all sensors.
            let shares = from.has("marginal") && from.count("marginal")? > 0;
            let (counts, most) = if shares { (slow * sensors, 1.0) } else { (slow, sensors as f64) };
            let present = if from.has("live.present") {
                from.reals("live.present", counts)?
            } else {
                room(counts, 1, most, "means of residuals")?
            };
            let counted = |present: &[f64]| {
                let each = if shares { sensors } else { 1 };
                let some = present.chunks(each.max(1)).all(|present| present.iter().sum::<f64>() > 0.0);
                some && present.iter().all(|&value| value >= 0.0 && value <= most)
            };
            from.require(power.len() == slow && power.iter().all(|value| value.is_finite()), "live.power")?;
            from.require(shift.iter().all(|value| value.is_finite()), "live.shift")?;
            from.require(counted(&present), "live.present")?;
            let (mut shown, mut judge) = (Shown::default(), 0);
            if from.has("live.evidence") {
                let steps = from.length("live.evidence")?;
                shown.evidence = from.reals("live.evidence", steps)?;
                let runs = steps.checked_mul(sensors).ok_or_else(|| from.wrong("live.runs"))?;
                shown.runs = from.reals("live.runs", runs)?;
                shown.latest = from.reals("live.latest", if steps > 0 { sensors } else { 0 })?;
                judge = from.size("live.judge")?;
                let counts = |values: &[f64]| values.iter().all(|&value| value >= 0.0 && value.is_finite());
                from.require(counts(&shown.evidence), "live.evidence")?;
                from.require(counts(&shown.runs), "live.runs")?;
                from.require(shown.latest.iter().all(|value| value.is_finite()), "live.latest")?;
                let members = if from.has("member.steps") { from.length("member.steps")? } else { 0 };
                from.require(judge <= members, "live.judge")?;
            }
            let mut whole = None;
            if from.has("live.whole.power") {
                let means = ResidualMeans {
                    power: from.reals("live.whole.power", slow)?,
                    shift: from.reals("live.whole.shift", slow * sensors)?,
                    present: from.reals("live.whole.present", counts)?,
                    shown: Shown::default(),
                    judge: 0,
                    whole: None,
                };
                let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
                from.require(finite(&means.power), "live.whole.power")?;
                from.require(finite(&means.shift), "live.whole.shift")?;
                from.require(counted(&means.present), "live.whole.present")?;
                whole = Some(Box::new(means));
            }
            Some(ResidualMeans {
                power,
                shift,
                present,
                shown,
                judge,
                whole,
            })
        } else {
            None
        };
        let mut marks = Vec::new();
        if from.has("live.marks") {
            let sensors = from.length("scaling.fill")?;
            let values = from.reals("live.marks", from.length("live.marks")?)?;
            let marked = values.iter().all(|&mark| mark == 0.0 || mark == 1.0);
            let rows = from.length("live.rows")? / from.length("used")?.max(1);
            from.require(marked && Some(values.len()) == rows.checked_mul(sensors), "live.marks")?;
            marks = values.iter().map(|&mark| mark == 1.0).gathered("marks of sensors")?;
        }
        Ok(Self { rows, marks, state })
    }

    fn copy(&self) -> Result<Self> {
        let state = match &self.state {
            Some(state) => Some(state.copy()?),
            None => None,
        };
        let rows = self.rows.copy()?;
        let marks = copied(&self.marks, "marks of sensors")?;
        Ok(Self { rows, marks, state })
    }
}

/// Lets slow memories go of what the fastest of them no longer sees: after a fault's end they would alarm for as long as they
/// take to forget it.
///
/// A fault that lasts is in the fastest mean too, in the same direction, but for the noise of few rows.
pub(super) struct Release {
    /// Where the fastest memory stands, and what it is.
    fastest: usize,
    memory: f64,
    /// Standard deviation of the fastest mean of healthy residuals, in any direction.
    noise: f64,
    usual: f64,
    sensors: usize,
}

impl Release {
    pub(super) fn new(slow: &[f64], usual: f64, sensors: usize) -> Self {
        let mut fastest = 0;
        for (number, memory) in slow.iter().enumerate() {
            if *memory > slow[fastest] {
                fastest = number;
            }
        }
        let memory = slow.get(fastest).copied().unwrap_or(1.0);
        Self {
            fastest,
            memory,
            noise: (usual / sensors as f64 * memory / (2.0 - memory)).sqrt(),
            usual,
            sensors,
        }
    }

    /// Bounds the slower means, or lowers them; `released` gets what is left of their powers.
    #[inline(always)]
    pub(super) fn apply(&self, slow: &[f64], state: &mut ResidualMeans, released: &mut [f64]) {
        for number in 0..slow.len() {
            released[number] = 1.0;
            if slow[number] >= self.memory {
                continue;
            }
            let most = state.power[self.fastest].max(LEAST_POWER * self.usual);
            if state.power[number] > most {
                let left = state.power[number] - LET_GO * (state.power[number] - most);
                released[number] = left / state.power[number];
                state.power[number] = left;
            }
            let (recent, own) = (self.fastest * self.sensors, number * self.sensors);
            let (recent, mean) = (&state.shift[recent..recent + self.sensors], &state.shift[own..own + self.sensors]);
            let length = squares(mean).sqrt();
            let healthy = (self.usual * slow[number] / (2.0 - slow[number])).sqrt();
            if length > healthy {
                let longest = (products(mean, recent) / length + DOUBT * self.noise).max(healthy);
                if length > longest {
                    let left = longest / length;
                    state.shift[own..own + self.sensors].iter_mut().for_each(|mean| *mean *= left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After the release, what is left of the powers, and the means.
    fn released(slow: &[f64], power: &[f64], shift: &[f64]) -> (Vec<f64>, ResidualMeans) {
        let release = Release::new(slow, 2.0, 2);
        let mut state = ResidualMeans::new(slow.len(), 2, 2.0, true).unwrap();
        state.power.copy_from_slice(power);
        state.shift.copy_from_slice(shift);
        let mut left = vec![9.0; slow.len()];
        release.apply(slow, &mut state, &mut left);
        (left, state)
    }

    #[track_caller]
    fn near(found: &[f64], exact: &[f64]) {
        let same = found.iter().zip(exact).all(|(one, other)| (one - other).abs() < 1e-14);
        assert!(found.len() == exact.len() && same, "{found:?} {exact:?}");
    }

    #[test]
    fn slow_powers_let_go_of_a_tenth_of_what_the_fastest_has_not() {
        // 5 lies 2 above 3; nothing is bounded below .8 of the usual power of 2.
        for (fastest, slow, exact) in [(3.0, 5.0, 4.8), (3.0, 2.9, 2.9), (0.1, 1.7, 1.69), (0.1, 1.5, 1.5)] {
            let (left, state) = released(&[0.5, 0.1], &[fastest, slow], &[0.0; 4]);
            near(&left, &[1.0, exact / slow]);
            near(&state.power, &[fastest, exact]);
        }
        // Whichever is the fastest; one that is as fast keeps all.
        let (left, state) = released(&[0.1, 0.5, 0.3, 0.5], &[13.0, 3.0, 5.0, 7.0], &[0.0; 8]);
        near(&left, &[12.0 / 13.0, 1.0, 0.96, 1.0]);
        near(&state.power, &[12.0, 3.0, 4.8, 7.0]);
    }

    #[test]
    fn slow_means_are_as_long_as_the_fastest_one_lets_be() {
        // Along the slow mean the fastest one is .6 long, and may be wrong by twice the root of 2 / 2 · .5 / 1.5.
        let (doubt, healthy) = (2.0 * (1.0_f64 / 3.0).sqrt(), (2.0 * 0.1 / 1.9_f64).sqrt());
        let of = |fast: [f64; 2], slow: [f64; 2]| {
            let (_, state) = released(&[0.5, 0.1], &[2.0; 2], &[fast, slow].concat());
            near(&state.shift[..2], &fast);
            [state.shift[2], state.shift[3]]
        };
        let longest = 0.6 + doubt;
        near(&of([1.0, 0.0], [3.0, 4.0]), &[0.6 * longest, 0.8 * longest]);
        near(&of([1.0, 0.0], [0.9, 1.2]), &[0.9, 1.2]);
        near(&of([3.0, 4.0], [3.0, 4.0]), &[3.0, 4.0]);
        // Noise may be there in any case.
        near(&of([-5.0, 0.0], [0.33, 0.0]), &[healthy, 0.0]);
        near(&of([-5.0, 0.0], [0.32, 0.0]), &[0.32, 0.0]);
    }
}
