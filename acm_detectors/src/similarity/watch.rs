//! The parts of the score: sizes and lasting shifts of the whitened residuals, at several memories.

use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::room;
use acm_linalg::{Memory, Reader, Result, Writer};

use super::Similarity;
use super::absent::Absent;
use crate::gaps::{carried, dot};
use crate::standing::{Standing, share_present};

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
    /// The share of each of them that each sensor was not missing in. Models of former versions: mean counts of such sensors.
    pub(super) present: Vec<f64>,
}

impl Means {
    /// Whether these are means of a model that starts with `other`.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let lengths = |means: &Self| [means.power.len(), means.shift.len(), means.present.len()];
        lengths(self) == lengths(other)
    }

    /// Whether some sensor was missing in them; not for counts.
    #[inline(always)]
    fn lack(&self) -> bool {
        self.present.iter().any(|&share| share != 1.0)
    }

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
    norms: &'a Norms,
    /// Where shifts stand, at each memory; nothing while norms are sought, and for models of the first versions.
    standings: Vec<Standing>,
}

/// Which sensors a row has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present<'a> {
    pub(super) count: usize,
    /// Which; nothing where all are there.
    pub(super) marks: &'a [bool],
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
    pub(super) fn new(
        of: &Similarity,
        parts: &'a [Part],
        usual: f64,
        sensors: usize,
        norms: &'a Norms,
    ) -> Result<Self> {
        let shifts = parts.iter().zip(norms.mean.iter().zip(&norms.spread));
        let shifts = shifts.filter(|(part, _)| part.kind == Kind::Shift);
        let standings = shifts.map(|(_, (&mean, &spread))| Standing::new(mean, spread, usual, sensors));
        Ok(Self {
            parts,
            slow: of.slow().gathered(WHAT)?,
            usual,
            sensors,
            norms,
            standings: standings.gathered(WHAT)?,
        })
    }

    /// Models of former versions scale shifts by their counts of sensors.
    fn scales(&self) -> bool {
        self.norms.is_former()
    }

    /// Before the first row.
    pub(super) fn start(&self) -> Result<Means> {
        let slow = self.slow.len();
        Ok(Means {
            power: room(slow, 1, self.usual, WHAT)?,
            shift: room(slow, self.sensors, 0.0, WHAT)?,
            present: if self.scales() {
                room(slow, 1, self.sensors as f64, WHAT)?
            } else {
                room(slow, self.sensors, 1.0, WHAT)?
            },
        })
    }

    /// The same after so many rows of the sensors with these marks that nothing else is remembered.
    pub(super) fn start_with(&self, marks: &[bool]) -> Result<Means> {
        let mut means = self.start()?;
        for shares in means.present.chunks_exact_mut(self.sensors) {
            shares.iter_mut().zip(marks).for_each(|(share, &mark)| *share = f64::from(u8::from(mark)));
        }
        Ok(means)
    }

    /// The statistic of part `number` that is as likely in complete rows as `own` is in those of which sensors have these `shares`.
    #[inline(always)]
    fn brought(&self, number: usize, slow: usize, own: f64, shares: &[f64]) -> f64 {
        if self.norms.mean.is_empty() {
            return own;
        }
        let present = shares.iter().sum();
        if let Some(absent) = self.norms.learned() {
            return self.as_complete(absent, number, own, present);
        }
        if self.parts[number].kind == Kind::Shift {
            self.standings[slow].of(own, present, dot(shares, shares))
        } else {
            let norms = (self.norms.mean[number], self.norms.spread[number]);
            self.standings[slow].of_power(own, present, norms, self.parts[number].memory)
        }
    }

    #[inline(always)]
    fn as_complete(&self, absent: &Absent, number: usize, own: f64, present: f64) -> f64 {
        let complete = [self.norms.mean[number], self.norms.reach[number]];
        let root = absent.root(own.cbrt(), present, self.sensors as f64, (number, self.parts.len()), complete);
        root.max(0.0).powi(3)
    }

    /// The statistic of each part with a row whose whitened residual is `white`, of the sensors that are `present`.
    ///
    /// Without any sensor nothing is learned and nothing forgotten.
    #[inline(always)]
    pub(super) fn step(&self, means: &mut Means, white: &[f64], present: Present<'_>, values: &mut [f64]) -> Counted {
        let (here, sensors) = (present.count, self.sensors);
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
            let shifts = means.shift.chunks_exact_mut(sensors);
            for ((&memory, shift), level) in self.slow.iter().zip(shifts).zip(&mut means.power) {
                for (mean, value) in shift.iter_mut().zip(white) {
                    *mean += memory * (weight * value - *mean);
                }
                *level += memory * (power.min(cap) - *level);
            }
            if self.scales() {
                for (&memory, counted) in self.slow.iter().zip(&mut means.present) {
                    *counted += memory * (here as f64 - *counted);
                }
            } else if here < sensors || means.lack() {
                for (&memory, shares) in self.slow.iter().zip(means.present.chunks_exact_mut(sensors)) {
                    share_present(shares, present.marks, memory);
                }
            }
        }
        let partly = !self.scales() && means.lack();
        let (mut powers, mut shifts) = (0, 0);
        for (number, (value, part)) in values.iter_mut().zip(self.parts).enumerate() {
            *value = if part.kind == Kind::Shift {
                let shift = &means.shift[shifts * sensors..][..sensors];
                let own = dot(shift, shift) * ((2.0 - part.memory) / part.memory);
                shifts += 1;
                if partly {
                    let shares = &means.present[(shifts - 1) * sensors..][..sensors];
                    self.brought(number, shifts - 1, own, shares)
                } else if self.scales() {
                    own * (sensors as f64 / means.present[shifts - 1])
                } else {
                    own
                }
            } else if part.memory < 1.0 {
                let own = means.power[powers];
                powers += 1;
                if partly {
                    self.brought(number, powers - 1, own, &means.present[(powers - 1) * sensors..][..sensors])
                } else {
                    own
                }
            } else {
                match self.norms.learned() {
                    Some(absent) if (1..sensors).contains(&here) => {
                        self.as_complete(absent, number, power, here as f64)
                    }
                    _ => power,
                }
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
    /// Standard deviations; models of former versions have none.
    pub(super) spread: Vec<f64>,
    /// From the mean to the limit.
    pub(super) reach: Vec<f64>,
    /// Where sensors are missing; models of former versions have none.
    pub(super) absent: Option<Absent>,
}

impl Norms {
    /// Whether they are those of a model of a former version.
    pub(super) fn is_former(&self) -> bool {
        self.spread.len() < self.mean.len()
    }

    /// What was learned of missing sensors, if something was.
    #[inline(always)]
    fn learned(&self) -> Option<&Absent> {
        self.absent.as_ref().filter(|absent| !absent.present.is_empty())
    }

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
        // Earlier versions counted the sensors.
        let shares = from.has("parts.spread");
        let (each, most) = if shares { (sensors, 1.0) } else { (1, sensors as f64) };
        let counts = slow.checked_mul(each).ok_or_else(|| from.wrong("live.present"))?;
        let present = from.reals("live.present", counts)?;
        from.require(power.iter().all(|&value| value >= 0.0 && value.is_finite()), "live.power")?;
        from.require(shift.iter().all(|value| value.is_finite()), "live.shift")?;
        let some = present.chunks(each.max(1)).all(|present| present.iter().sum::<f64>() > 0.0);
        from.require(some && present.iter().all(|&value| value >= 0.0 && value <= most), "live.present")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_of_some_sensors_stand_by_their_shares_of_the_memory() {
        let of = Similarity::new(10, 3, &[0.3], 2, 0.01).unwrap();
        let parts = of.parts().unwrap();
        let norms = Norms {
            mean: vec![1.4, 1.3],
            spread: vec![0.1, 0.4],
            reach: vec![0.5, 1.0],
            absent: None,
        };
        let former = Norms {
            spread: Vec::new(),
            ..norms.clone()
        };
        let (watch, scaling) =
            (Watch::new(&of, &parts, 3.0, 3, &norms).unwrap(), Watch::new(&of, &parts, 3.0, 3, &former).unwrap());
        let standing = Standing::new(1.3, 0.4, 3.0, 3);
        let (mut means, mut counted) = (watch.start().unwrap(), scaling.start().unwrap());
        let (mut values, mut scaled) = ([0.0; 2], [0.0; 2]);
        let rows = [
            ([1.0, 0.5, 0.0], [true, true, false]),
            ([0.0, 0.0, 0.0], [false; 3]),
            ([2.0, 1.0, 1.0], [true; 3]),
        ];
        // The shares of the variance that each sensor was there in, the count, and the mean, by hand.
        let counts = [2.7, 2.7, 0.7 * 2.7 + 0.3 * 3.0];
        let shifts = [[0.3, 0.15, 0.0], [0.3, 0.15, 0.0], [0.81, 0.405, 0.3]];
        for (number, (white, marks)) in rows.iter().enumerate() {
            let marks = if marks.contains(&false) { &marks[..] } else { &[] };
            let present = Present {
                count: if number == 0 { 2 } else { 3 * (number / 2) },
                marks,
            };
            watch.step(&mut means, white, present, &mut values);
            scaling.step(&mut counted, white, present, &mut scaled);
            let share = if number < 2 { 0.49 } else { 1.0 - 0.49 * 0.51 };
            assert_eq!(means.present.len(), 3);
            let shares = [1.0, 1.0, share];
            assert!(means.present.iter().zip(shares).all(|(found, exact)| (found - exact).abs() < 1e-12), "{means:?}");
            let own = shifts[number].iter().map(|value| value * value).sum::<f64>() * 1.7 / 0.3;
            let exact = standing.of(own, 2.0 + share, 2.0 + share * share);
            assert!((values[1] / exact - 1.0).abs() < 1e-12 && (exact / own - 1.0).abs() > 1e-3, "{values:?} {exact}");
            assert!((scaled[1] / (own * 3.0 / counts[number]) - 1.0).abs() < 1e-12, "{scaled:?}");
            let power = standing.of_power(counted.power[0], 2.0 + share, (1.4, 0.1), 0.3);
            assert!((values[0] - power).abs() < 1e-12 && (scaled[0] - counted.power[0]).abs() < 1e-15);
        }
        // It is all there again, to the last bit.
        for _ in 0..200 {
            let present = Present { count: 3, marks: &[] };
            watch.step(&mut means, &[0.1, 0.0, 0.0], present, &mut values);
        }
        assert_eq!(means.present, [1.0; 3]);
        assert!(!means.lack() && !means.is_like(&counted));
        let own = means.shift.iter().map(|value| value * value).sum::<f64>() * ((2.0 - 0.3) / 0.3);
        assert!((values[1] - own).abs() < 1e-15);
    }
}
