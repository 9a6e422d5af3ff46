//! The fused detector: what the recent past does not explain, watched at several memories at once.
//!
//! Principal components of each row beside its earlier ones (dynamic PCA: Ku, Storer and Georgakis 1995,
//! doi 10.1016/0169-7439(95)00076-3) leave a residual of the present row that is nearly free of the plant's own inertia.
//! Its size and its lasting shift are followed by exponentially weighted means (Lowry, Woodall, Champ and Rigdon 1992,
//! doi 10.1080/00401706.1992.10485232), each on the scale that healthy rows, predicted from other healthy rows, gave it.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::fused::Fused;
//! use acm_linalg::pca::Components;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Sensor 1 follows the load of sensor 0.
//! let healthy = Array2::from_shape_fn((200, 2), |(row, sensor)| {
//!     let load = (37 * row % 101) as f64;
//!     if sensor == 0 { load } else { 2.0 * load + (row % 7) as f64 }
//! });
//! // One component, no lags; single rows and means of about twenty are watched.
//! let detector = Fused::new(Components::Count(1), 0, &[1.0, 0.1], 3, 0.01, 0.0)?;
//! let model = detector.fit(healthy.view().into())?;
//! // The second row's sensor 1 reads far too little for that load.
//! let rows = array![[50.0, 103.0], [50.0, 20.0]];
//! let mut score = [0.0; 2];
//! model.score(rows.view().into(), &mut score)?;
//! assert!(score[0] < 1.0 && 1.0 < score[1]);
//! # Ok(())
//! # }
//! ```

mod drawn;
mod fit;
mod folds;
mod gaps;
mod held_out;
mod joint;
mod memory;
mod parts;
mod remember;
mod residuals;
mod resolution;
mod score;
mod settled;
pub(crate) mod steps;
mod stored;
#[cfg(test)]
mod tests;
mod whole;

use acm_linalg::error::require;
use acm_linalg::memory::extend;
use acm_linalg::pca::Components;
use acm_linalg::samples::share_missing;
use acm_linalg::{Persist, Reader, Result, Samples, Writer};

use crate::constants::{self, Constants};
use crate::lagged::Lagged;
use crate::packed::Packed;
use crate::screen::LeftOut;
use crate::states::States;
use crate::wandering::Wandering;
use parts::{Kind, Norms};
use resolution::Telling;

pub use memory::FusedMemory;

/// Most memories that may be asked for.
const MOST_MEMORIES: usize = 16;

/// Parameters of the detector.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    components: Components,
    lags: usize,
    memories: Vec<f64>,
    folds: usize,
    false_alarm_rate: f64,
    trim: f64,
    whole: bool,
    rounding: bool,
    constants: bool,
}

constants::parameter!(Fused);

/// A fused detector that knows healthy data.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedFused {
    parameters: Fused,
    lagged: Lagged,
    /// Makes of a point the whitened residual of its present row.
    whitening: Packed,
    /// (d, d), row-major: the lower Cholesky factor of the residuals' covariance.
    factor: Vec<f64>,
    norms: Norms,
    /// The mean squared length of whitened residuals on healthy rows.
    usual: f64,
    /// Whether rows with gaps are brought to where they stand among complete ones in all parts; models of former versions scale
    /// shifts by their counts of sensors.
    marginal: bool,
    components: usize,
    upsets: usize,
    left_out: LeftOut,
    wandering: Option<Wandering>,
    /// Rare states and standstill, as the readings in all directions tell them.
    states: States,
    constants: Constants,
    /// The step of each sensor's training readings: 0 for none, -1 for states; nothing where they are not known.
    steps: Vec<f64>,
    /// Coarser steps, rising, and the models of rows that are rounded to them: of the same sensors, without members.
    member_steps: Vec<f64>,
    members: Vec<FittedFused>,
    telling: Telling,
    /// What watches the readings in all directions: no lags, no components, the memories of more than one row.
    whole: Option<Box<FittedFused>>,
}

impl Fused {
    /// A detector that keeps `components` of each row beside its `lags` earlier ones, and watches the residuals with the
    /// weights `memories` of the latest row; `folds` stretches of the training rows are each predicted from the others;
    /// `false_alarm_rate` is that of all parts together; training rows whose residuals are `trim` robust standard deviations
    /// above the median are left out, none for 0.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless the components are at least 1 or a share between 0 and 1, there are 1 to 16
    /// memories above 0 and at most 1, at least 2 folds, `0 < false_alarm_rate < 0.5`, and `trim` is finite and at least 0.
    pub fn new(
        components: Components,
        lags: usize,
        memories: &[f64],
        folds: usize,
        false_alarm_rate: f64,
        trim: f64,
    ) -> Result<Self> {
        components.require("n_components")?;
        let count = memories.len();
        require((1..=MOST_MEMORIES).contains(&count), "memories", "1 to 16 numbers", count)?;
        for &memory in memories {
            require(memory > 0.0 && memory <= 1.0, "memories", "above 0 and at most 1 each", memory)?;
        }
        require(folds >= 2, "folds", "at least 2", folds)?;
        let rate = false_alarm_rate;
        require(rate > 0.0 && rate < 0.5, "false_alarm_rate", "above 0 and below 0.5", rate)?;
        require(trim >= 0.0 && trim.is_finite(), "trim", "finite and at least 0", trim)?;
        Ok(Self {
            components,
            lags,
            memories: memories.to_vec(),
            folds,
            false_alarm_rate,
            trim,
            whole: false,
            rounding: true,
            constants: true,
        })
    }

    /// With the readings themselves watched too, in all directions.
    #[must_use]
    pub fn with_whole(mut self, whole: bool) -> Self {
        self.whole = whole;
        self
    }

    /// Whether the readings themselves are watched too.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.whole
    }

    /// With models of rows that are rounded coarser than those of the training, as by default, or without.
    #[must_use]
    pub fn with_rounding(mut self, rounding: bool) -> Self {
        self.rounding = rounding;
        self
    }

    /// Whether rows that are rounded coarser than those of the training are judged by models of their own.
    #[must_use]
    pub fn rounding(&self) -> bool {
        self.rounding
    }

    /// How many components are kept.
    #[must_use]
    pub fn components(&self) -> Components {
        self.components
    }

    /// Earlier rows beside each row.
    #[must_use]
    pub fn lags(&self) -> usize {
        self.lags
    }

    /// Weights of the latest row.
    #[must_use]
    pub fn memories(&self) -> &[f64] {
        &self.memories
    }

    /// Stretches that the training rows are cut into.
    #[must_use]
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// Share of healthy rows that may alarm.
    #[must_use]
    pub fn false_alarm_rate(&self) -> f64 {
        self.false_alarm_rate
    }

    /// Robust standard deviations beyond which training rows are left out; 0 keeps all.
    #[must_use]
    pub fn trim(&self) -> f64 {
        self.trim
    }
}

constants::told!(FittedFused);

impl FittedFused {
    /// The parameters it was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &Fused {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.lagged.columns
    }

    /// Components kept.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components
    }

    /// The parts' names: power or shift, and the memory.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn part_names(&self) -> Result<Vec<String>> {
        let what = "the parts of the score";
        let mut names = Vec::new();
        for (model, of) in self.models().zip(["", "whole "]) {
            let name = |kind| if kind == Kind::Power { "power" } else { "shift" };
            let parts = model.parameters.parts()?;
            let these = parts.iter().map(|part| format!("{of}{} {}", name(part.kind), part.memory));
            extend(&mut names, these, what)?;
        }
        Ok(names)
    }

    /// Mean of the cube root of each part on healthy rows.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn part_mean(&self) -> Result<Vec<f64>> {
        self.norms_of(|norms| &norms.mean)
    }

    /// Its standard deviation.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn part_sd(&self) -> Result<Vec<f64>> {
        self.norms_of(|norms| &norms.spread)
    }

    /// Limit of each part, in its standard deviations above its mean.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn limits(&self) -> Result<Vec<f64>> {
        self.norms_of(|norms| &norms.limit)
    }

    /// Mean squared length of the whitened residuals of healthy rows.
    #[must_use]
    pub fn mean_power(&self) -> f64 {
        self.usual
    }

    /// What the fit has not learned from, before it looked at its residuals.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Columns whose level wanders, so that no stretch of the training rows tells of the next; rising. Limits are then wide enough
    /// for either half of the rows by a model of the other one. None without `whole`.
    #[must_use]
    pub fn wandering(&self) -> &[usize] {
        self.wandering.as_ref().map_or(&[], |wandering| &wandering.columns)
    }

    /// The share of healthy rows that is expected in alarm: the rate asked for, or where they wander, what either half of the rows
    /// has at the limit that the other one sets.
    #[must_use]
    pub fn expected_false_alarms(&self) -> f64 {
        let rate = self.parameters.false_alarm_rate;
        self.wandering.as_ref().map_or(rate, |wandering| wandering.expected)
    }

    /// Training rows that were left out.
    #[must_use]
    pub fn trimmed(&self) -> usize {
        self.upsets
    }

    /// Which columns have a part in the model.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn used(&self) -> Result<Vec<bool>> {
        self.lagged.used()
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used()?, out)
    }

    /// What is subtracted from each column; NaN where it was left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn center(&self) -> Result<Vec<f64>> {
        self.lagged.spread(&self.lagged.scaling.center)
    }

    /// What each column is divided by; NaN where it was left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn scale(&self) -> Result<Vec<f64>> {
        self.lagged.spread(&self.lagged.scaling.scale)
    }
}

impl Persist for FittedFused {
    const KIND: &'static str = "FusedDetector";
    const VERSION: u64 = 5;

    fn version(&self) -> u64 {
        // Those of former versions go on as they are.
        if self.marginal { Self::VERSION } else { Self::VERSION - 1 }
    }

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        match self.parameters.components {
            Components::Count(count) => to.count("count", count as u64),
            Components::Share(share) => to.real("share", share),
        }
        to.reals("memories", &self.parameters.memories);
        to.count("folds", self.parameters.folds as u64);
        to.real("false_alarm_rate", self.parameters.false_alarm_rate);
        to.real("trim", self.parameters.trim);
        if self.parameters.whole {
            to.count("whole", 1);
        }
        if self.marginal {
            to.count("marginal", 1);
        }
        self.lagged.write(to);
        let (rows, width) = (self.whitening.rows(), self.whitening.width());
        match self.whitening.matrix() {
            Ok(matrix) => to.matrix("whitening", rows, width, &matrix),
            Err(error) => to.fail(error),
        }
        to.matrix("factor", rows, rows, &self.factor);
        to.reals("parts.mean", &self.norms.mean);
        to.reals("parts.sd", &self.norms.spread);
        to.reals("parts.limit", &self.norms.limit);
        to.real("mean_power", self.usual);
        to.count("components", self.components as u64);
        to.count("trimmed", self.upsets as u64);
        if let Some(wandering) = &self.wandering {
            wandering.write(to, &[]);
        }
        self.states.write(to);
        self.constants.write(self.parameters.constants, to);
        self.left_out.write(to);
        self.write_members(to);
        self.write_wholes(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let lagged = Lagged::read(from)?;
        let components = if from.has("count") {
            Components::Count(from.size("count")?)
        } else {
            Components::Share(from.real("share")?)
        };
        let memories = from.reals("memories", from.length("memories")?)?;
        let (folds, rate, trim) = (from.size("folds")?, from.real("false_alarm_rate")?, from.real("trim")?);
        let parameters = Fused::new(components, lagged.lags, &memories, folds, rate, trim);
        let parameters = parameters
            .map_err(|_| from.wrong("memories"))?
            .with_whole(from.has("whole") && from.count("whole")? > 0)
            .with_rounding(from.has("steps"))
            .with_constants(Constants::watched(from));
        let (sensors, width, count) = (lagged.kept.len(), lagged.width(), parameters.parts()?.len());
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let whitening = from.matrix("whitening", sensors, width)?;
        from.require(finite(&whitening), "whitening")?;
        let factor = from.matrix("factor", sensors, sensors)?;
        let pivots = (0..sensors).all(|place| factor[place * (sensors + 1)] > 0.0);
        from.require(finite(&factor) && pivots, "factor")?;
        let norms = Norms {
            mean: from.reals("parts.mean", count)?,
            spread: from.reals("parts.sd", count)?,
            limit: from.reals("parts.limit", count)?,
        };
        let positive = |values: &[f64]| values.iter().all(|&value| value > 0.0 && value.is_finite());
        from.require(finite(&norms.mean), "parts.mean")?;
        from.require(positive(&norms.spread), "parts.sd")?;
        from.require(positive(&norms.limit), "parts.limit")?;
        let usual = from.real("mean_power")?;
        from.require(usual >= 0.0 && usual.is_finite(), "mean_power")?;
        let left_out = LeftOut::read(from, lagged.columns)?;
        let constants = Constants::read(from, lagged.columns)?;
        let wandering = Wandering::read(from, lagged.columns, &[])?;
        let parameters_whole = parameters.whole;
        let mut model = Self {
            parameters,
            whitening: Packed::full(&whitening, sensors, width)?,
            lagged,
            factor,
            norms,
            usual,
            marginal: from.has("marginal") && from.count("marginal")? > 0,
            components: from.size("components")?,
            upsets: from.size("trimmed")?,
            constants,
            left_out,
            wandering,
            states: States::default(),
            steps: Vec::new(),
            member_steps: Vec::new(),
            members: Vec::new(),
            telling: Telling::default(),
            whole: None,
        };
        if model.parameters.rounding {
            model.read_members(from)?;
        }
        if parameters_whole {
            model.read_wholes(from)?;
            model.states = model.states_in(from)?;
        }
        Ok(model)
    }
}
