//! Decisions on scores.

mod calibration;
mod charted;
mod cumulative_sums;
mod fusion;
mod hysteresis;
mod mean_shift;
mod moving_average;

pub(crate) use calibration::*;
pub(crate) use cumulative_sums::*;
pub(crate) use fusion::*;
pub(crate) use hysteresis::*;
pub(crate) use mean_shift::*;
pub(crate) use moving_average::*;
