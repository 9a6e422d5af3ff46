//! A fit from moments that were gathered in pieces, and merged.

use acm_linalg::dense::symmetric_eigen;
use acm_linalg::memory::{Gather, copied};
use acm_linalg::parallel::Watch;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Scaling};

use super::blame::Blame;
use super::gaps::Usual;
use super::held_out::root_of;
use super::score::NORMAL;
use super::standard::UNUSED;
use super::{ENOUGH_ROWS, FLOOR, FittedOmr, LEAST_ROWS, Omr, Prediction};
use crate::alone::Coarse;
use crate::constants::Constants;
use crate::limits::spe_limit;
use crate::merged::{Merged, WHAT, require_law};
use crate::screen::LeftOut;

impl Omr {
    /// Learns how the sensors move together from moments of healthy rows: each covariance over the rows in which it is known. The
    /// same moments give the same bytes, and moments do not depend on how rows were cut and merged.
    ///
    /// No row is at hand: the scale of scores is half the interquartile range, as of a normal law, of the lengths of normal noise
    /// with the covariance that the prediction leaves (Jackson and Mudholkar 1979, doi 10.1080/00401706.1979.10489779), there is
    /// no limit, and no reading is told to be bad but those beyond the moments' reach.
    ///
    /// # Errors
    /// [`Error::TooFew`] where a pair of columns has fewer rows than max(20, min(50, watched columns)); [`Error::Unfit`] with fewer
    /// than two columns to watch; [`Error::Singular`] naming `alpha` where a ridge cannot tell columns apart, `moments` where
    /// gaps make the covariances of pairs contradict each other; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit_moments(&self, moments: &RunningMoments, sums: &Sums) -> Result<FittedOmr> {
        let merged = Merged::of(moments, sums)?;
        let (sensors, rows) = (merged.width(), merged.rows);
        if sensors < 2 {
            return Err(Error::Unfit {
                name: "moments",
                requirement: "at least two columns that vary",
            });
        }
        merged.require(ENOUGH_ROWS.min(sensors).max(LEAST_ROWS))?;
        let correlations = merged.correlations()?;
        require_law(&symmetric_eigen(&correlations, sensors, "moments")?.0)?;
        let mut products = copied(&correlations, WHAT)?;
        products.iter_mut().for_each(|value| *value *= rows as f64);
        let chosen = self.model.resolved(rows, sensors);
        let prediction = self.prediction(chosen, root_of(&products, sensors)?, rows)?;
        if matches!(&prediction, Prediction::Subspace(space) if space.rank == 0) {
            return Err(Error::Unfit {
                name: "moments",
                requirement: "columns with a component in common",
            });
        }
        let rest = rest(&correlations, &prediction, sensors)?;
        // Of a normal residual's square the variance is twice the square of its own.
        let own = rest.iter().step_by(sensors + 1);
        let spread = own.map(|value| (2.0 * value * value).max(FLOOR * FLOOR)).gathered(WHAT)?;
        let usual = Usual::of(&spread, &prediction)?;
        let (variances, _) = symmetric_eigen(&rest, sensors, "moments")?;
        let quantile = |above: f64| spe_limit(&variances, above).sqrt();
        let norm_scale = (NORMAL * 0.5 * (quantile(0.25) - quantile(0.75))).max(FLOOR);
        let columns = merged.columns;
        let mut scaling = Scaling {
            fill: room(columns, 1, 0.0, WHAT)?,
            center: room(columns, 1, 0.0, WHAT)?,
            scale: room(columns, 1, UNUSED, WHAT)?,
            known: room(columns, 1, 0, WHAT)?,
        };
        let own = merged.scaling()?;
        for (place, &column) in merged.kept.iter().enumerate() {
            scaling.fill[column] = own.fill[place];
            scaling.center[column] = own.center[place];
            scaling.scale[column] = own.scale[place];
            scaling.known[column] = own.known[place];
        }
        Ok(FittedOmr {
            parameters: self.clone(),
            chosen,
            scaling,
            watched: merged.kept,
            blame: Some(Blame::of(&prediction, usual.variances())?),
            usual,
            prediction,
            intercept: room(sensors, 1, 0.0, WHAT)?,
            norm_scale,
            spread,
            weights: room(columns, 1, 1.0, "a weight for each sensor")?,
            held_out: None,
            wandering: None,
            coarse: Coarse::default(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        })
    }
}

/// The covariance of what the prediction leaves: with B its coefficients, (I − B)ᵀ C (I − B).
fn rest(correlations: &[f64], prediction: &Prediction, sensors: usize) -> Result<Vec<f64>> {
    // Row i of I − B.
    let mut left = room(sensors, sensors, 0.0, WHAT)?;
    let mut unit = room(sensors, 1, 0.0, "a row")?;
    for (row, line) in left.chunks_exact_mut(sensors).enumerate() {
        unit[row] = 1.0;
        line.iter_mut().zip(prediction.of(&unit)?).for_each(|(to, value)| *to = -value);
        line[row] += 1.0;
        unit[row] = 0.0;
    }
    let mut watch = Watch::start();
    let mut times = |factor: &dyn Fn(usize, usize) -> f64, matrix: &[f64]| {
        let mut product = room(sensors, sensors, 0.0, WHAT)?;
        for (row, to) in product.chunks_exact_mut(sensors).enumerate() {
            watch.after(sensors * sensors / 4)?;
            for (place, line) in matrix.chunks_exact(sensors).enumerate() {
                let factor = factor(row, place);
                to.iter_mut().zip(line).for_each(|(to, value)| *to += factor * value);
            }
        }
        Result::Ok(product)
    };
    let common = times(&|row, place| correlations[row * sensors + place], &left)?;
    times(&|row, place| left[place * sensors + row], &common)
}
