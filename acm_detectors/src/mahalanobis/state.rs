//! How a fitted detector is written, and what a file must hold to be read.

use acm_linalg::covariance::Shrinkage;
use acm_linalg::{Error, Persist, Reader, Result, Writer};

use super::whitening::{self, Thin, Whitening};
use super::{FittedMahalanobis, MahalanobisDetector};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::held_out::{HeldOut, NAMES};
use crate::lagged::Lagged;
use crate::rounding::{self, Rounding};
use crate::screen::LeftOut;
use crate::states::States;
use crate::wandering::{self, Wandering};

impl Persist for FittedMahalanobis {
    const KIND: &'static str = "MahalanobisDetector";
    const VERSION: u64 = 6;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        self.covariance.len()
    }

    fn write(&self, to: &mut Writer) {
        match self.parameters.shrinkage {
            Shrinkage::LedoitWolf => to.text("manner", "ledoit_wolf"),
            Shrinkage::Nothing => to.text("manner", "none"),
            Shrinkage::Share(share) => {
                to.text("manner", "share");
                to.real("share", share);
            }
        }
        self.lagged.write(to);
        to.count("rows", self.rows as u64);
        to.matrix("covariance", self.lagged.width(), self.lagged.width(), &self.covariance);
        to.real("shrinkage", self.shrinkage);
        if let Whitening::Thin(thin) = &self.whitening {
            thin.write(to);
        }
        if let Some(held_out) = &self.held_out {
            held_out.write(to, &NAMES);
        }
        if let Some(wandering) = &self.wandering {
            wandering.write(to, &wandering::HALVES);
        }
        self.states.write(to);
        self.rounding.write(to, &rounding::NAMES);
        self.alone.write(to);
        self.constants.write(self.parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let lagged = Lagged::read(from)?;
        let shrinkage = match from.text("manner")? {
            "ledoit_wolf" => Shrinkage::LedoitWolf,
            "none" => Shrinkage::Nothing,
            "share" => Shrinkage::Share(from.real("share")?),
            _ => return Err(from.wrong("manner")),
        };
        let parameters = MahalanobisDetector::new(shrinkage, lagged.lags)
            .map_err(|_| from.wrong("share"))?
            .with_constants(Constants::watched(from));
        let (width, kept) = (lagged.width(), lagged.kept.len());
        let covariance = from.matrix("covariance", width, width)?;
        from.require(covariance.iter().all(|value| value.is_finite()), "covariance")?;
        let rows = from.size("rows")?;
        from.require(rows >= 2, "rows")?;
        let share = from.real("shrinkage")?;
        from.require((0.0..=1.0).contains(&share), "shrinkage")?;
        let (whitening, precision) = if let Some(thin) = Thin::read(from, width)? {
            let precision = thin.precision()?;
            (Whitening::Thin(thin), precision)
        } else {
            whitening::dense(&covariance, width).map_err(|error| match error {
                Error::Singular { .. } => from.wrong("covariance"),
                other => other,
            })?
        };
        let wandering = Wandering::read(from, lagged.columns, &wandering::HALVES)?;
        let left_out = LeftOut::read(from, lagged.columns)?;
        let constants = Constants::read(from, lagged.columns)?;
        let rounding = Rounding::read(from, kept, &rounding::NAMES)?;
        let mut read = Self {
            parameters,
            whitening,
            states: States::read(from, width, |row, out| precision.times(row, out))?,
            precision,
            lagged,
            rows,
            covariance,
            shrinkage: share,
            held_out: HeldOut::read(from, &NAMES)?,
            wandering,
            alone: Alone::read(from, kept, &rounding)?,
            rounding,
            rounded: Vec::new(),
            constants,
            left_out,
        };
        read.rounded = read.rounded().map_err(|error| match error {
            Error::Singular { .. } => from.wrong("member.steps"),
            other => other,
        })?;
        Ok(read)
    }
}
