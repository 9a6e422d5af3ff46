//! The model as a saved state.

use acm_linalg::memory::reserved;
use acm_linalg::{Persist, Reader, Result, Scaling, Writer};

use super::blame::Blame;
use super::gaps::Usual;
use super::subspace::Subspace;
use super::{FittedOmr, Model, Omr, Prediction};
use crate::alone::Coarse;
use crate::constants::Constants;
use crate::held_out::{HeldOut, NAMES};
use crate::screen::LeftOut;
use crate::wandering::{self, Wandering};

/// The first version whose contributions are told by what each sensor explains.
const BLAMES: u64 = 6;

impl Persist for FittedOmr {
    const KIND: &'static str = "OMRDetector";
    const VERSION: u64 = 6;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        let sensors = self.watched.len();
        to.text("model", self.parameters.model.name());
        to.count("n_components", self.parameters.components as u64);
        to.real("alpha", self.parameters.alpha);
        to.real("clip", self.parameters.clip);
        to.text("chosen", self.chosen.name());
        self.scaling.write(to);
        to.counted("watched", self.watched.iter().map(|&column| column as u64));
        match &self.prediction {
            Prediction::Whole(matrix) => to.matrix("coefficients", sensors, sensors, matrix),
            Prediction::Subspace(space) => {
                to.count("rank", space.rank as u64);
                to.matrix("into", sensors, space.rank, &space.into);
                to.matrix("back", space.rank, sensors, &space.back);
            }
        }
        to.reals("intercept", &self.intercept);
        to.real("norm_scale", self.norm_scale);
        to.reals("spread", &self.spread);
        to.reals("weights", &self.weights);
        if let Some(held_out) = &self.held_out {
            held_out.write(to, &NAMES);
        }
        if let Some(wandering) = &self.wandering {
            wandering.write(to, &wandering::HALVES);
        }
        self.coarse.write(to);
        self.constants.write(self.parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let model = |name| Model::named(from.text(name)?).ok_or_else(|| from.wrong(name));
        let parameters = Omr::new(model("model")?, from.size("n_components")?, from.real("alpha")?, from.real("clip")?)
            .map_err(|_| from.wrong("n_components"))?
            .with_constants(Constants::watched(from));
        let chosen = model("chosen")?;
        from.require(chosen != Model::Auto, "chosen")?;
        let scaling = Scaling::read(from)?;
        let columns = scaling.columns();
        let sensors = from.length("watched")?;
        let mut watched = reserved(sensors, "the columns that change")?;
        for column in from.counts("watched", sensors)? {
            let column = usize::try_from(column).map_err(|_| from.wrong("watched"))?;
            from.require(column < columns && watched.last().is_none_or(|&last| last < column), "watched")?;
            watched.push(column);
        }
        from.require(sensors > 0, "watched")?;
        let finite = |values: Vec<f64>, name| {
            from.require(values.iter().all(|value| value.is_finite()), name)?;
            Ok(values)
        };
        let prediction = if chosen == Model::Ridge {
            let matrix = from.matrix("coefficients", sensors, sensors)?;
            Prediction::Whole(finite(matrix, "coefficients")?)
        } else {
            let rank = from.size("rank")?;
            from.require(rank > 0 && rank <= sensors, "rank")?;
            Prediction::Subspace(Subspace {
                rank,
                into: finite(from.matrix("into", sensors, rank)?, "into")?,
                back: finite(from.matrix("back", rank, sensors)?, "back")?,
            })
        };
        let norm_scale = from.real("norm_scale")?;
        from.require(norm_scale > 0.0 && norm_scale.is_finite(), "norm_scale")?;
        let spread = finite(from.reals("spread", sensors)?, "spread")?;
        from.require(spread.iter().all(|&value| value > 0.0), "spread")?;
        let weights = finite(from.reals("weights", columns)?, "weights")?;
        from.require(weights.iter().all(|&value| value >= 0.0), "weights")?;
        let coarse = Coarse::read(from, watched.iter().map(|&column| scaling.scale[column]))?;
        let usual = Usual::of(&spread, &prediction)?;
        let blame = if from.version() < BLAMES {
            None
        } else {
            Some(Blame::of(&prediction, usual.variances())?)
        };
        Ok(Self {
            parameters,
            chosen,
            watched,
            usual,
            blame,
            prediction,
            intercept: finite(from.reals("intercept", sensors)?, "intercept")?,
            norm_scale,
            spread,
            weights,
            held_out: HeldOut::read(from, &NAMES)?,
            wandering: Wandering::read(from, columns, &wandering::HALVES)?,
            coarse,
            constants: Constants::read(from, columns)?,
            left_out: LeftOut::read(from, columns)?,
            scaling,
        })
    }
}
