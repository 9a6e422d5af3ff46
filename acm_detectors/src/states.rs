//! Rare states of a machine beside its main one: a row is judged from the centre of the one it most likely belongs to.
//!
//! All states share the covariance of the main one, so a row belongs to state s rather than to the main one (at 0) where
//! zᵀΛc > cᵀΛc / 2 (the linear discriminant: Fisher 1936, doi 10.1111/j.1469-1809.1936.tb02137.x).

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::push;
use acm_linalg::samples::room;
use acm_linalg::{Reader, Result, Writer};

use crate::lagged::Lagged;
use crate::screen::State;

const WHAT: &str = "the rare states";

/// Scaled coordinates stay below this.
const MOST: f64 = 1e6;

/// Centres of states about that of the main one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct States {
    /// (s, w).
    centers: Vec<f64>,
    /// (s, w): Λ c.
    directions: Vec<f64>,
    /// cᵀΛc / 2.
    halves: Vec<f64>,
}

impl States {
    /// Of states of the samples, about the points' mean; `pull` makes Λ c of a c. Where a state has no reading of a sensor, the
    /// main one's mean stands for it.
    pub(crate) fn new(states: &[&State], lagged: &Lagged, pull: impl Fn(&[f64], &mut [f64])) -> Result<Self> {
        let mut centers = Vec::new();
        for state in states {
            for (place, &column) in lagged.kept.iter().enumerate() {
                let value = state.center[column];
                let at = lagged.scaling.scaled(value, place).clamp(-MOST, MOST) - lagged.mean[place];
                push(&mut centers, if value.is_finite() { at } else { 0.0 }, WHAT)?;
            }
        }
        Self::about(centers, lagged.width(), pull)
    }

    fn about(centers: Vec<f64>, width: usize, pull: impl Fn(&[f64], &mut [f64])) -> Result<Self> {
        let mut directions = room(centers.len(), 1, 0.0, WHAT)?;
        let mut halves = Vec::new();
        for (center, direction) in centers.chunks_exact(width).zip(directions.chunks_exact_mut(width)) {
            pull(center, direction);
            let square: f64 = center.iter().zip(&*direction).map(|(c, d)| c * d).sum();
            push(&mut halves, square / 2.0, WHAT)?;
        }
        Ok(Self {
            centers,
            directions,
            halves,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.halves.len()
    }

    /// Takes each of eight points relative to its own state; missing coordinates, NaN, say nothing of it.
    #[inline]
    pub(crate) fn settle(&self, points: &mut [Row]) {
        if self.halves.is_empty() {
            return;
        }
        let width = self.centers.len() / self.halves.len();
        for lane in 0..LANES {
            let (mut best, mut own) = (0.0, None);
            for (number, half) in self.halves.iter().enumerate() {
                let direction = &self.directions[number * width..(number + 1) * width];
                let mut sum = 0.0;
                for (point, direction) in points.iter().zip(direction) {
                    let value = point.0[lane];
                    sum += if value.is_nan() { 0.0 } else { value * direction };
                }
                if sum - half > best {
                    (best, own) = (sum - half, Some(number));
                }
            }
            if let Some(number) = own {
                let center = &self.centers[number * width..(number + 1) * width];
                points.iter_mut().zip(center).for_each(|(point, center)| point.0[lane] -= center);
            }
        }
    }

    /// The centre of the state that a point belongs to; `None` for the main one. Missing coordinates, NaN, say nothing of it.
    pub(crate) fn center_of(&self, point: &[f64]) -> Option<&[f64]> {
        let width = point.len();
        let (mut best, mut own) = (0.0, None);
        for (number, half) in self.halves.iter().enumerate() {
            let direction = &self.directions[number * width..(number + 1) * width];
            let known = point.iter().zip(direction).filter(|pair| !pair.0.is_nan());
            let sum: f64 = known.map(|(value, direction)| value * direction).sum();
            if sum - half > best {
                (best, own) = (sum - half, Some(number));
            }
        }
        own.map(|number| &self.centers[number * width..(number + 1) * width])
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if !self.centers.is_empty() {
            to.count("states.count", self.count() as u64);
            to.matrix("states", self.count(), self.centers.len() / self.count(), &self.centers);
        }
    }

    /// Of a model of so many coordinates.
    pub(crate) fn read(from: &Reader<'_>, width: usize, pull: impl Fn(&[f64], &mut [f64])) -> Result<Self> {
        if !from.has("states") {
            return Ok(Self::default());
        }
        let count = from.size("states.count")?;
        let centers = from.matrix("states", count, width)?;
        from.require(centers.iter().all(|value| value.abs() <= 2.0 * MOST), "states")?;
        Self::about(centers, width, pull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_from_the_state_that_the_discriminant_says() {
        // Λ = diag(1, 4); the border between 0 and (3, 1) is 3 x + 4 y = (9 + 4) / 2.
        let pull = |c: &[f64], out: &mut [f64]| out.copy_from_slice(&[c[0], 4.0 * c[1]]);
        let states = States::about(vec![3.0, 1.0, 0.0, -5.0], 2, pull).unwrap();
        let rows = [
            [0.0, 0.0],
            [2.1, 0.1],
            [2.0, 0.0],
            [3.0, 1.0],
            [0.0, -2.4],
            [0.0, -2.6],
            [9.0, f64::NAN],
            [f64::NAN, f64::NAN],
        ];
        let mut points = [0, 1].map(|place| Row(rows.map(|row| row[place])));
        states.settle(&mut points);
        let settled: Vec<_> = (0..8).map(|lane| [points[0].0[lane], points[1].0[lane]]).collect();
        for (lane, (row, center)) in rows
            .iter()
            .zip([
                [0.0, 0.0],
                [3.0, 1.0],
                [0.0, 0.0],
                [3.0, 1.0],
                [0.0, 0.0],
                [0.0, -5.0],
                [3.0, 1.0],
                [0.0, 0.0],
            ])
            .enumerate()
        {
            assert_eq!(states.center_of(row).unwrap_or(&[0.0, 0.0]), center);
            let expected = [row[0] - center[0], row[1] - center[1]];
            assert!(expected.iter().zip(settled[lane]).all(|(one, other)| one.to_bits() == other.to_bits()), "{lane}");
        }
    }
}
