//! Rows of which single sensors are rounded.

use acm_linalg::Result;
use acm_linalg::lanes::Row;
use acm_linalg::samples::room;

use super::FittedMahalanobis;
use crate::alone::{MOST_LESS, Noisy};
use crate::gaps::{Precision, dot};
use crate::look::Suspect;

const WHAT: &str = "steps of readings";

/// Where a row is judged by itself.
#[derive(Debug)]
pub(super) struct Lane {
    point: Vec<f64>,
    less: Vec<f64>,
    pulled: Vec<f64>,
    noisy: Noisy,
}

impl Lane {
    pub(super) fn new(width: usize) -> Result<Self> {
        Ok(Self {
            point: room(width, 1, 0.0, WHAT)?,
            less: room(width, 1, 0.0, WHAT)?,
            pulled: room(width, 1, 0.0, WHAT)?,
            noisy: Noisy::default(),
        })
    }
}

impl FittedMahalanobis {
    /// Judges the row of a lane again, which is suspected and has been judged as a whole, where sensors of it are rounded by themselves: its score, or what its
    /// columns contribute.
    #[inline(never)]
    pub(super) fn judge_alone(
        &self,
        number: usize,
        suspect: Suspect,
        raw: &[Row],
        points: &[Row],
        lane: &mut Lane,
        out: &mut [f64],
    ) -> Result<()> {
        let kept = &self.lagged.kept;
        let reading = |place: usize| raw[kept[place]].0[number];
        if !lane
            .noisy
            .find(&self.alone, &self.rounding, suspect, &self.lagged.scaling.scale, reading)?
        {
            return Ok(());
        }
        lane.point.iter_mut().zip(points).for_each(|(to, point)| *to = point.0[number]);
        // Of a row with gaps what is expected would change, too.
        if lane.point.iter().any(|value| value.is_nan()) {
            return Ok(());
        }
        let point = &lane.point;
        let less = lane.noisy.weigh(
            1.0,
            |sensors, out| self.precision.among(sensors, out),
            |sensors, out| self.precision.pull(sensors, point, out),
        )?;
        // Of a row as fine as the training's it is known without noise.
        if let [score] = out
            && suspect.judge == 0
            && less < MOST_LESS * *score
        {
            *score -= less;
            return Ok(());
        }
        // The distance is that of the point less its sensors' weights.
        lane.less.copy_from_slice(&lane.point);
        for (place, weight) in lane.noisy.weighed() {
            lane.less[place] -= weight;
        }
        self.precision.times(&lane.less, &mut lane.pulled);
        if let [score] = out {
            *score = dot(&lane.point, &lane.pulled);
        } else {
            for (place, &column) in kept.iter().enumerate() {
                out[column] = lane.point[place] * lane.pulled[place];
            }
        }
        Ok(())
    }
}
