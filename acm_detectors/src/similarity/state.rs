//! How a fitted detector is written, and what a file must hold to be read.

use acm_linalg::{Persist, Reader, Result, Writer};

use super::absent::Absent;
use super::prototypes::Prototypes;
use super::watch::Norms;
use super::{FittedSimilarity, LEAST_TOP, Similarity};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::gaps::{Dense, invert};
use crate::held_out::{HeldOut, NAMES};
use crate::lagged::Lagged;
use crate::packed::Packed;
use crate::rounding::{self, Rounding};
use crate::screen::LeftOut;
use crate::wandering::{self, Wandering};

impl Persist for FittedSimilarity {
    const KIND: &'static str = "SimilarityDetector";
    const VERSION: u64 = 6;

    fn version(&self) -> u64 {
        // Those of former versions go on as they are.
        match &self.norms.absent {
            Some(_) => Self::VERSION,
            None if self.norms.is_former() => Self::VERSION - 2,
            None => Self::VERSION - 1,
        }
    }

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        self.factor.len() + self.remembered() * self.offset.len()
    }

    fn write(&self, to: &mut Writer) {
        to.count("most", self.parameters.memory as u64);
        to.count("neighbours", self.parameters.neighbours as u64);
        to.reals("smoothing", &self.parameters.smoothing);
        to.count("folds", self.parameters.folds as u64);
        to.real("false_alarm_rate", self.parameters.false_alarm_rate);
        self.lagged.write(to);
        to.count("rows", self.rows as u64);
        self.prototypes.write(to);
        to.reals("residual.mean", &self.offset);
        to.reals("residual.blur", &self.blur);
        to.matrix("residual.factor", self.offset.len(), self.offset.len(), &self.factor);
        to.reals("parts.mean", &self.norms.mean);
        if !self.norms.is_former() {
            to.reals("parts.spread", &self.norms.spread);
        }
        to.reals("parts.reach", &self.norms.reach);
        if let Some(absent) = &self.norms.absent {
            absent.write(to);
        }
        to.real("mean_power", self.usual);
        self.held_out.write(to, &NAMES);
        if let Some(wandering) = &self.wandering {
            wandering.write(to, &wandering::HALVES);
        }
        to.real("top", self.top);
        self.rounding.write(to, &rounding::NAMES);
        self.alone.write(to);
        self.constants.write(self.parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let lagged = Lagged::read(from)?;
        from.require(lagged.lags == 0, "lags")?;
        let smoothing = from.reals("smoothing", from.length("smoothing")?)?;
        let (memory, neighbours, folds) = (from.size("most")?, from.size("neighbours")?, from.size("folds")?);
        let parameters = Similarity::new(memory, neighbours, &smoothing, folds, from.real("false_alarm_rate")?);
        let parameters = parameters.map_err(|error| from.blamed("smoothing", error))?;
        let parameters = parameters.with_constants(Constants::watched(from));
        let sensors = lagged.kept.len();
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let offset = from.reals("residual.mean", sensors)?;
        from.require(finite(&offset), "residual.mean")?;
        let blur = from.reals("residual.blur", sensors)?;
        from.require(blur.iter().all(|&blur| blur >= 1.0 && blur.is_finite()), "residual.blur")?;
        let factor = from.matrix("residual.factor", sensors, sensors)?;
        let pivots = (0..sensors).all(|place| factor[place * (sensors + 1)] > 0.0);
        let upper = (0..sensors).all(|row| factor[row * sensors..][row + 1..sensors].iter().all(|&value| value == 0.0));
        from.require(finite(&factor) && pivots && upper, "residual.factor")?;
        let inverse = invert(&factor, sensors)?;
        from.require(finite(&inverse), "residual.factor")?;
        let count = parameters.parts()?.len();
        let norms = Norms {
            mean: from.reals("parts.mean", count)?,
            spread: if from.has("parts.spread") {
                from.reals("parts.spread", count)?
            } else {
                Vec::new()
            },
            reach: from.reals("parts.reach", count)?,
            absent: Absent::read(from, sensors, count)?,
        };
        from.require(finite(&norms.mean), "parts.mean")?;
        from.require(finite(&norms.spread) && norms.spread.iter().all(|&spread| spread > 0.0), "parts.spread")?;
        from.require(finite(&norms.reach) && norms.reach.iter().all(|&reach| reach > 0.0), "parts.reach")?;
        let usual = from.real("mean_power")?;
        from.require(usual > 0.0 && usual.is_finite(), "mean_power")?;
        let top = from.real("top")?;
        from.require(top >= LEAST_TOP && top.is_finite(), "top")?;
        let held_out = HeldOut::read(from, &NAMES)?.ok_or_else(|| from.wrong("held_out.count"))?;
        let rounding = Rounding::read(from, sensors, &rounding::NAMES)?;
        let mut read = Self {
            parameters,
            rows: from.size("rows")?,
            prototypes: Prototypes::read(from, sensors)?,
            whitening: Packed::lower(&inverse, sensors)?,
            precision: Dense::of_root(&inverse, sensors)?,
            offset,
            blur,
            factor,
            norms,
            usual,
            held_out,
            wandering: Wandering::read(from, lagged.columns, &wandering::HALVES)?,
            top,
            constants: Constants::read(from, lagged.columns)?,
            left_out: LeftOut::read(from, lagged.columns)?,
            alone: Alone::read(from, sensors, &rounding)?,
            rounding,
            rounded: Vec::new(),
            lagged,
        };
        read.rounded = read.rounded().map_err(|error| from.blamed("residual.factor", error))?;
        Ok(read)
    }
}
