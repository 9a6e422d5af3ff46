//! The monitor as bytes.

use acm_linalg::scaling::Manner;
use acm_linalg::{Persist, Reader, Result, Writer};

use super::gaps::Subspace;
use super::held_out::HeldOutStatistics;
use super::kernel::Directions;
use super::{Components, FittedPca, Limits, PcaDetector};
use crate::alone::Alone;
use crate::constants::Constants;
use crate::lagged::Lagged;
use crate::rounding::{NAMES, Rounding};
use crate::screen::LeftOut;
use crate::states::States;

impl Persist for FittedPca {
    const KIND: &'static str = "PCADetector";
    const VERSION: u64 = 6;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        let parameters = &self.parameters;
        match parameters.components {
            Components::Count(count) => to.count("n_components", count as u64),
            Components::Share(share) => to.real("share", share),
        }
        to.text("manner", if parameters.scaling == Manner::Robust { "robust" } else { "standard" });
        to.real("alpha", parameters.alpha);
        to.text(
            "limits",
            match parameters.limits {
                Limits::HeldOut => "held_out",
                Limits::Theoretical => "theoretical",
                Limits::Empirical => "empirical",
            },
        );
        self.lagged.write(to);
        to.matrix("components", self.directions.count(), self.lagged.width(), &self.components);
        to.reals("variances", &self.variances);
        to.reals("training.spe", &self.spe);
        to.reals("training.t2", &self.t2);
        if self.spe.is_empty() {
            // Of moments: the rows themselves were elsewhere.
            to.count("rows", self.rows as u64);
        }
        if let Some(held_out) = &self.held_out {
            held_out.write(to);
        }
        to.real("spe_limit", self.spe_limit);
        to.real("t2_limit", self.t2_limit);
        to.count("components.count", self.directions.count() as u64);
        self.states.write(to);
        self.rounding.write(to, &NAMES);
        self.alone.write(to);
        self.constants.write(parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let lagged = Lagged::read(from)?;
        let components = if from.has("share") {
            Components::Share(from.real("share")?)
        } else {
            Components::Count(from.size("n_components")?)
        };
        let scaling = match from.text("manner")? {
            "robust" => Manner::Robust,
            "standard" => Manner::Standard,
            _ => return Err(from.wrong("manner")),
        };
        let limits = match from.text("limits")? {
            "held_out" => Limits::HeldOut,
            "theoretical" => Limits::Theoretical,
            "empirical" => Limits::Empirical,
            _ => return Err(from.wrong("limits")),
        };
        let parameters = PcaDetector::new(components, lagged.lags, scaling, from.real("alpha")?, limits)
            .map_err(|_| from.wrong("n_components"))?
            .with_constants(Constants::watched(from));
        let width = lagged.width();
        let kept = from.size("components.count")?;
        let variances = from.reals("variances", from.length("variances")?)?;
        from.require(kept >= 1 && kept <= variances.len() && kept <= width, "components.count")?;
        from.require(variances.iter().all(|value| value.is_finite() && *value >= 0.0), "variances")?;
        from.require(variances[..kept].iter().all(|value| (1.0 / value).is_finite()), "variances")?;
        let components = from.matrix("components", kept, width)?;
        from.require(components.iter().all(|value| value.is_finite()), "components")?;
        let scored = from.length("training.spe")?;
        let rows = if scored == 0 && from.has("rows") { from.size("rows")? } else { scored };
        from.require(rows > kept, "training.spe")?;
        let rising = |name| {
            let values = from.reals(name, scored)?;
            let sound = values.iter().all(|value| value.is_finite()) && values.is_sorted();
            from.require(sound, name).map(|()| values)
        };
        let (spe, t2) = (rising("training.spe")?, rising("training.t2")?);
        let limit = |name| {
            let value = from.real(name)?;
            from.require(value.is_finite() && value > 0.0, name).map(|()| value)
        };
        let (directions, columns) = (Directions::new(&components, &variances, width)?, lagged.columns);
        let left_out = LeftOut::read(from, columns)?;
        let mut fitted = Self {
            parameters,
            lagged,
            rows,
            components,
            variances,
            spe,
            t2,
            held_out: HeldOutStatistics::read(from, columns)?,
            spe_limit: limit("spe_limit")?,
            t2_limit: limit("t2_limit")?,
            directions,
            states: States::default(),
            rounding: Rounding::default(),
            rounded: Vec::new(),
            alone: Alone::default(),
            constants: Constants::read(from, columns)?,
            left_out,
        };
        fitted.rounding = Rounding::read(from, fitted.lagged.kept.len(), &NAMES)?;
        fitted.rounded = fitted.rounded()?;
        fitted.alone = Alone::read(from, fitted.lagged.kept.len(), &fitted.rounding)?;
        fitted.states = States::read(from, width, |row, out| Subspace::of(&fitted).times(row, out))?;
        Ok(fitted)
    }
}
