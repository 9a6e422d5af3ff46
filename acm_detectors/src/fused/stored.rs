//! Models within a model, as files hold them.

use acm_linalg::memory::{Gather, copied, extend, reserved};
use acm_linalg::{Reader, Result, Scaling, Writer};

use super::parts::Norms;
use super::resolution::Telling;
use super::steps::{FEW, WHAT};
use super::{FittedFused, Fused};
use crate::constants::Constants;
use crate::packed::Packed;
use crate::screen::LeftOut;
use crate::states::States;

/// Which models.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// Those of rounded rows.
    Members = 0,
    /// Those that watch the readings in all directions: the model's own, then the members'.
    Wholes = 1,
}

/// The arrays of a file that hold models one after the other: their names for members and wholes, and what of a model.
type Stored = ([&'static str; 2], fn(&FittedFused) -> Result<Vec<f64>>);

const STORED: [Stored; 13] = [
    (["member.fill", "whole.fill"], |member| copied(&member.lagged.scaling.fill, WHAT)),
    (["member.center", "whole.center"], |member| copied(&member.lagged.scaling.center, WHAT)),
    (["member.scale", "whole.scale"], |member| copied(&member.lagged.scaling.scale, WHAT)),
    (["member.known", "whole.known"], |member| {
        member.lagged.scaling.known.iter().map(|&known| known as f64).gathered(WHAT)
    }),
    (["member.mean", "whole.mean"], |member| copied(&member.lagged.mean, WHAT)),
    (["member.whitening", "whole.whitening"], |member| member.whitening.matrix()),
    (["member.factor", "whole.factor"], |member| copied(&member.factor, WHAT)),
    (["member.parts.mean", "whole.parts.mean"], |member| copied(&member.norms.mean, WHAT)),
    (["member.parts.sd", "whole.parts.sd"], |member| copied(&member.norms.spread, WHAT)),
    (["member.parts.limit", "whole.parts.limit"], |member| copied(&member.norms.limit, WHAT)),
    (["member.mean_power", "whole.mean_power"], |member| copied(&[member.usual], WHAT)),
    (["member.components", "whole.components"], |member| copied(&[member.components as f64], WHAT)),
    (["member.trimmed", "whole.trimmed"], |member| copied(&[member.upsets as f64], WHAT)),
];

fn write_all<'a>(to: &mut Writer, which: Which, models: impl Iterator<Item = &'a FittedFused> + Clone) {
    for (names, values_of) in STORED {
        let mut all = Vec::new();
        for model in models.clone() {
            if let Err(error) = values_of(model).and_then(|values| extend(&mut all, values, WHAT)) {
                return to.fail(error);
            }
        }
        to.reals(names[which as usize], &all);
    }
}

/// `count` models with these parameters, of the sensors of `of`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts; what is no count saturates"
)]
fn read_all(
    from: &Reader<'_>,
    which: Which,
    of: &FittedFused,
    parameters: &Fused,
    count: usize,
) -> Result<Vec<FittedFused>> {
    let (sensors, parts) = (of.lagged.kept.len(), parameters.parts()?.len());
    let width = sensors * (parameters.lags + 1);
    let positive = |values: &[f64]| values.iter().all(|&value| value > 0.0 && value.is_finite());
    let sizes = [
        sensors,
        sensors,
        sensors,
        sensors,
        width,
        sensors * width,
        sensors * sensors,
        parts,
        parts,
        parts,
        1,
        1,
        1,
    ];
    let name_of = |place: usize| STORED[place].0[which as usize];
    let mut stored = reserved(STORED.len(), WHAT)?;
    for (place, size) in sizes.into_iter().enumerate() {
        let name = name_of(place);
        let values = from.reals(name, count.checked_mul(size).ok_or_else(|| from.wrong(name))?)?;
        // Counts of known values, the usual power and counts.
        let least = if place == 3 || place >= 10 { Some(0.0) } else { None };
        let valid = |&value: &f64| value.is_finite() && least.is_none_or(|least| value >= least);
        from.require(values.iter().all(valid), name)?;
        stored.push(values);
    }
    let mut models = reserved(count, WHAT)?;
    for number in 0..count {
        let of_model = |place: usize| copied(&stored[place][number * sizes[place]..(number + 1) * sizes[place]], WHAT);
        let whole = |place: usize| stored[place][number] as usize;
        let (scale, factor) = (of_model(2)?, of_model(6)?);
        from.require(positive(&scale), name_of(2))?;
        from.require((0..sensors).all(|place| factor[place * (sensors + 1)] > 0.0), name_of(6))?;
        let norms = Norms {
            mean: of_model(7)?,
            spread: of_model(8)?,
            limit: of_model(9)?,
        };
        from.require(positive(&norms.spread), name_of(8))?;
        from.require(positive(&norms.limit), name_of(9))?;
        let mut lagged = of.lagged.about(of_model(4)?)?;
        lagged.lags = parameters.lags;
        lagged.scaling = Scaling {
            fill: of_model(0)?,
            center: of_model(1)?,
            scale,
            known: of_model(3)?.iter().map(|&known| known as u64).gathered(WHAT)?,
        };
        models.push(FittedFused {
            parameters: parameters.clone(),
            lagged,
            whitening: Packed::full(&of_model(5)?, sensors, width)?,
            factor,
            norms,
            usual: stored[10][number],
            marginal: of.marginal,
            components: whole(11),
            upsets: whole(12),
            left_out: LeftOut::default(),
            wandering: None,
            states: States::default(),
            constants: Constants::default(),
            steps: Vec::new(),
            member_steps: Vec::new(),
            members: Vec::new(),
            telling: Telling::default(),
            whole: None,
        });
    }
    Ok(models)
}

impl FittedFused {
    pub(super) fn write_members(&self, to: &mut Writer) {
        if !self.parameters.rounding {
            return;
        }
        to.reals("steps", &self.steps);
        to.reals("member.steps", &self.member_steps);
        to.measured("member.alone", self.telling.deciding());
        write_all(to, Which::Members, self.members.iter());
    }

    pub(super) fn read_members(&mut self, from: &Reader<'_>) -> Result<()> {
        let sensors = self.lagged.kept.len();
        self.steps = from.reals("steps", sensors)?;
        from.require(self.steps.iter().all(|&step| step >= FEW && step.is_finite()), "steps")?;
        let count = from.length("member.steps")?;
        self.member_steps = from.reals("member.steps", count)?;
        let rising = self.member_steps.windows(2).all(|pair| pair[0] < pair[1]);
        let positive = self.member_steps.iter().all(|&step| step > 0.0 && step.is_finite());
        from.require(rising && positive, "member.steps")?;
        self.members = read_all(from, Which::Members, self, &self.parameters, count)?;
        self.telling = Telling::new(&self.steps, &self.member_steps)?;
        let steps = self.telling.steps().len();
        let cells = steps.checked_mul(sensors).ok_or_else(|| from.wrong("member.alone"))?;
        for (cell, alone) in from.reals("member.alone", cells)?.into_iter().enumerate() {
            from.require(alone == 0.0 || alone == 1.0, "member.alone")?;
            if alone == 1.0 {
                self.telling.decide(cell / steps, cell % steps);
            }
        }
        Ok(())
    }

    /// Those of the model and its members.
    pub(super) fn write_wholes(&self, to: &mut Writer) {
        if self.whole.is_some() {
            let wholes = std::iter::once(self).chain(&self.members).filter_map(|model| model.whole.as_deref());
            write_all(to, Which::Wholes, wholes);
        }
    }

    pub(super) fn read_wholes(&mut self, from: &Reader<'_>) -> Result<()> {
        if !from.has("whole.mean_power") {
            return Ok(());
        }
        let parameters = self.parameters.of_whole()?;
        from.require(!parameters.memories.is_empty(), "whole.mean_power")?;
        let models = read_all(from, Which::Wholes, self, &parameters, self.members.len() + 1)?;
        let mut models = models.into_iter().map(Box::new);
        self.whole = models.next();
        for (member, whole) in self.members.iter_mut().zip(models) {
            member.whole = Some(whole);
        }
        Ok(())
    }
}
