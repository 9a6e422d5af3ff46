//! The parts of the score: sizes and lasting shifts of the whitened residuals, at several memories.

use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::room;
use acm_linalg::{Memory, Reader, Result, Writer};

use super::Similarity;
use crate::gaps::{carried, dot};

const WHAT: &str = "means of residuals";

/// For the memories a row counts at most as this many usual ones: a spike, or a past fault, is forgotten in bounded time.
const CAP: f64 = 5.0;

/// What a part watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// How large the residuals are: the mean of their squared lengths.
    Power,
    /// Where they point to: the squared length of their mean.
    Shift,
}

/// A statistic of the residuals with its memory: the weight of the latest row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) kind: Kind,
    pub(super) memory: f64,
}

impl Similarity {
    /// Power at each memory, then shift at each memory of more than one row.
    pub(super) fn parts(&self) -> Result<Vec<Part>> {
        let part = |kind, memory| Part { kind, memory };
        let powers = self.smoothing.iter().map(|&memory| part(Kind::Power, memory));
        powers
            .chain(self.slow().map(|memory| part(Kind::Shift, memory)))
            .gathered("the parts of the score")
    }

    /// The memories of more than one row.
    pub(super) fn slow(&self) -> impl Iterator<Item = f64> {
        self.smoothing.iter().copied().filter(|&memory| memory < 1.0)
    }
}

/// What the memories hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Means {
    /// Mean squared length at each memory of more than one row.
    pub(super) power: Vec<f64>,
    /// Mean whitened residual at each of them, sensor by sensor.
    pub(super) shift: Vec<f64>,
    /// Mean count of the sensors that were not missing, at each of them.
    pub(super) present: Vec<f64>,
}

impl Means {
    fn copy(&self) -> Result<Self> {
        Ok(Self {
            power: copied(&self.power, WHAT)?,
            shift: copied(&self.shift, WHAT)?,
            present: copied(&self.present, WHAT)?,
        })
    }
}

/// Follows residuals from row to row.
pub(super) struct Watch<'a> {
    pub(super) parts: &'a [Part],
    slow: Vec<f64>,
    /// The mean squared length of residuals on healthy rows.
    usual: f64,
    sensors: usize,
}

/// What a row's residual counts with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counted {
    /// The share of its power that the memories take.
    pub(super) share: f64,
    /// What makes the squared length of the present sensors that of all.
    pub(super) scale: f64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(of: &Similarity, parts: &'a [Part], usual: f64, sensors: usize) -> Result<Self> {
        Ok(Self {
            parts,
            slow: of.slow().gathered(WHAT)?,
            usual,
            sensors,
        })
    }

    /// Before the first row.
    pub(super) fn start(&self) -> Result<Means> {
        let slow = self.slow.len();
        Ok(Means {
            power: room(slow, 1, self.usual, WHAT)?,
            shift: room(slow, self.sensors, 0.0, WHAT)?,
            present: room(slow, 1, self.sensors as f64, WHAT)?,
        })
    }

    /// The statistic of each part with a row whose whitened residual is `white`, of which `here` sensors are present.
    ///
    /// Without any sensor nothing is learned and nothing forgotten.
    #[inline(always)]
    pub(super) fn step(&self, means: &mut Means, white: &[f64], here: usize, values: &mut [f64]) -> Counted {
        let own = dot(white, white);
        let power = match here {
            0 => self.usual,
            _ if here < self.sensors => {
                let (present, all) = (here as f64, self.sensors as f64);
                self.usual * carried(own * all / (self.usual * present), present, all)
            }
            _ => own,
        };
        let cap = CAP * self.usual;
        let share = if power > cap { cap / power } else { 1.0 };
        let weight = share.sqrt();
        if here > 0 {
            let shifts = means.shift.chunks_exact_mut(self.sensors);
            let levels = means.power.iter_mut().zip(&mut means.present);
            for ((&memory, shift), (level, present)) in self.slow.iter().zip(shifts).zip(levels) {
                for (mean, value) in shift.iter_mut().zip(white) {
                    *mean += memory * (weight * value - *mean);
                }
                *level += memory * (power.min(cap) - *level);
                *present += memory * (here as f64 - *present);
            }
        }
        let (mut powers, mut shifts) = (0, 0);
        for (value, part) in values.iter_mut().zip(self.parts) {
            *value = if part.kind == Kind::Shift {
                let shift = &means.shift[shifts * self.sensors..][..self.sensors];
                let present = means.present[shifts];
                shifts += 1;
                dot(shift, shift) * ((2.0 - part.memory) / part.memory) * (self.sensors as f64 / present)
            } else if part.memory < 1.0 {
                powers += 1;
                means.power[powers - 1]
            } else {
                power
            };
        }
        let scale = if here == 0 || own == 0.0 { 0.0 } else { power / own };
        Counted { share, scale }
    }
}

/// Where each part lies on healthy rows, by cube roots, which are nearly normal (Wilson and Hilferty 1931,
/// doi 10.1073/pnas.17.12.684).
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Norms {
    pub(super) mean: Vec<f64>,
    /// From the mean to the limit.
    pub(super) reach: Vec<f64>,
}

impl Norms {
    /// How far the statistic `value` of part `number` lies above its mean: 1 at its limit.
    #[inline(always)]
    pub(super) fn stand(&self, number: usize, value: f64) -> f64 {
        (value.cbrt() - self.mean[number]) / self.reach[number]
    }

    #[inline(always)]
    pub(super) fn greatest(&self, values: &[f64]) -> f64 {
        let stands = values.iter().enumerate().map(|(number, &value)| self.stand(number, value));
        stands.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// What the detector remembers of a history that is scored as it comes: the means of its residuals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SimilarityMemory {
    pub(super) means: Option<Means>,
}

impl Memory for SimilarityMemory {
    fn write(&self, to: &mut Writer) {
        if let Some(means) = &self.means {
            to.reals("live.power", &means.power);
            to.reals("live.shift", &means.shift);
            to.reals("live.present", &means.present);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.power") {
            return Ok(Self::default());
        }
        let smoothing = from.reals("smoothing", from.length("smoothing")?)?;
        let slow = smoothing.iter().filter(|&&memory| memory < 1.0).count();
        let sensors = from.length("scaling.fill")?;
        let power = from.reals("live.power", slow)?;
        let shift = from.reals("live.shift", slow.checked_mul(sensors).ok_or_else(|| from.wrong("live.shift"))?)?;
        let present = from.reals("live.present", slow)?;
        from.require(power.iter().all(|&value| value >= 0.0 && value.is_finite()), "live.power")?;
        from.require(shift.iter().all(|value| value.is_finite()), "live.shift")?;
        from.require(present.iter().all(|&value| value > 0.0 && value <= sensors as f64), "live.present")?;
        let means = Some(Means { power, shift, present });
        Ok(Self { means })
    }

    fn copy(&self) -> Result<Self> {
        let means = match &self.means {
            Some(means) => Some(means.copy()?),
            None => None,
        };
        Ok(Self { means })
    }
}
