//! The mixture as a saved state.

use acm_linalg::{Persist, Reader, Result, Writer};

use super::covariance::Covariance;
use super::fitted::FittedGaussianMixture;
use super::gaussians::Gaussians;
use super::tiles::Frame;
use super::{Components, GaussianMixture};
use crate::alone::Coarse;
use crate::constants::Constants;
use crate::held_out::{HeldOut, NAMES};
use crate::screen::LeftOut;
use crate::wandering::{self, Wandering};

impl Persist for FittedGaussianMixture {
    const KIND: &'static str = "GaussianMixture";
    const VERSION: u64 = 5;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        let parameters = &self.parameters;
        let components = match parameters.components() {
            Components::Fixed(count) => count as u64,
            Components::Bic => 0,
        };
        to.count("n_components", components);
        let covariance = match parameters.covariance() {
            Covariance::Diag => "diag",
            Covariance::Full => "full",
        };
        to.text("covariance", covariance);
        to.count("n_init", parameters.n_init() as u64);
        to.real("reg", parameters.reg());
        to.real("tol", parameters.tol());
        to.count("max_iter", parameters.max_iter() as u64);
        to.count("seed", parameters.seed());
        self.frame.write(to);
        self.model.write(to);
        to.real("lower_bound", self.lower_bound);
        to.count("steps", self.steps as u64);
        to.count("converged", u64::from(self.converged));
        to.reals("usual", &self.usual);
        if let Some(held_out) = &self.held_out {
            held_out.write(to, &NAMES);
        }
        if let Some(wandering) = &self.wandering {
            wandering.write(to, &wandering::HALVES);
        }
        self.coarse.write(to);
        self.constants.write(parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let components = match from.size("n_components")? {
            0 => Components::Bic,
            count => Components::Fixed(count),
        };
        let covariance = match from.text("covariance")? {
            "diag" => Covariance::Diag,
            "full" => Covariance::Full,
            _ => return Err(from.wrong("covariance")),
        };
        let (n_init, max_iter) = (from.size("n_init")?, from.size("max_iter")?);
        let (reg, tol) = (from.real("reg")?, from.real("tol")?);
        let parameters = GaussianMixture::new(components, covariance, n_init, reg, tol, max_iter, from.count("seed")?)
            .map_err(|_| from.wrong("n_components"))?
            .with_constants(Constants::watched(from));
        let frame = Frame::read(from)?;
        let model = Gaussians::read(from, covariance, frame.width())?;
        let alike = match components {
            Components::Fixed(count) => count == model.components(),
            Components::Bic => true,
        };
        from.require(alike, "n_components")?;
        let usual = from.reals("usual", 2)?;
        let [median, spread] = [usual[0], usual[1]];
        from.require(median.is_finite() && spread.is_finite() && spread > 0.0, "usual")?;
        let lower_bound = from.real("lower_bound")?;
        from.require(lower_bound.is_finite(), "lower_bound")?;
        let converged = from.count("converged")?;
        from.require(converged <= 1, "converged")?;
        let left_out = LeftOut::read(from, frame.scaling.columns())?;
        let constants = Constants::read(from, frame.scaling.columns())?;
        let wandering = Wandering::read(from, frame.scaling.columns(), &wandering::HALVES)?;
        let coarse = Coarse::read(from, frame.kept.iter().map(|&column| frame.scaling.scale[column]))?;
        Ok(Self {
            parameters,
            frame,
            model,
            lower_bound,
            steps: from.size("steps")?,
            converged: converged == 1,
            usual: [median, spread],
            held_out: HeldOut::read(from, &NAMES)?,
            wandering,
            coarse,
            constants,
            left_out,
        })
    }
}
