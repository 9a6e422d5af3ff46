//! Which sensor it is: how much of a row's residual each sensor would explain if it alone were off.

use acm_linalg::Result;
use acm_linalg::memory::room;

use super::subspace::Subspace;
use super::{FLOOR, Prediction};

const WHAT: &str = "what one sensor does to all residuals";

/// Reconstruction-based contributions (Alcala and Qin 2009, doi 10.1016/j.automatica.2009.02.027).
///
/// A sensor j that is off by f changes the residuals by f times row j of I − B. With W the residuals' precisions, what it
/// explains of the weighted square of a residual e is ((I − B) W e)_j² over the j-th diagonal element of (I − B) W (I − B)ᵀ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blame {
    /// Multiplies by Bᵀ where the prediction does by B.
    pub(super) turned: Prediction,
    /// W.
    pub(super) precision: Vec<f64>,
    /// One over that diagonal; 0 for sensors that the others and itself predict whatever they read.
    pub(super) share: Vec<f64>,
}

impl Blame {
    /// Of residuals with these variances.
    pub(super) fn of(prediction: &Prediction, variances: &[f64]) -> Result<Self> {
        let sensors = variances.len();
        let mut precision = room(sensors, 1, 0.0, WHAT)?;
        precision.iter_mut().zip(variances).for_each(|(to, variance)| *to = 1.0 / variance);
        let mut share = room(sensors, 1, 0.0, WHAT)?;
        let mut unit = room(sensors, 1, 0.0, WHAT)?;
        for (sensor, share) in share.iter_mut().enumerate() {
            unit[sensor] = 1.0;
            let row = prediction.of(&unit)?;
            let moved: f64 = unit
                .iter()
                .zip(&row)
                .zip(&precision)
                .map(|((own, predicted), precision)| precision * (own - predicted).powi(2))
                .sum();
            unit[sensor] = 0.0;
            *share = if moved > FLOOR * FLOOR * precision[sensor] { 1.0 / moved } else { 0.0 };
        }
        Ok(Self {
            turned: prediction.turned(sensors)?,
            precision,
            share,
        })
    }
}

impl Prediction {
    /// The transposed coefficients.
    fn turned(&self, sensors: usize) -> Result<Self> {
        Ok(match self {
            Self::Whole(matrix) => Self::Whole(transposed(matrix, sensors)?),
            Self::Subspace(space) => Self::Subspace(Subspace {
                rank: space.rank,
                into: transposed(&space.back, sensors)?,
                back: transposed(&space.into, space.rank)?,
            }),
        })
    }
}

/// A matrix with `columns` columns, row after row, turned.
fn transposed(matrix: &[f64], columns: usize) -> Result<Vec<f64>> {
    let rows = matrix.len() / columns;
    let mut turned = room(columns, rows, 0.0, WHAT)?;
    for (row, line) in matrix.chunks_exact(columns).enumerate() {
        line.iter().enumerate().for_each(|(column, value)| turned[column * rows + row] = *value);
    }
    Ok(turned)
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use rand::RngExt;

    use super::*;
    use crate::omr::{Model, Omr};

    #[test]
    fn what_a_sensor_explains_is_by_the_coefficients() {
        let mut draw = stream(41, 0);
        let ways = Array2::from_shape_fn((3, 6), |_| draw.random::<f64>() - 0.5);
        let x = Array2::from_shape_fn((300, 3), |_| draw.random::<f64>()).dot(&ways)
            + Array2::from_shape_fn((300, 6), |_| 0.2 * draw.random::<f64>());
        let variances: Vec<f64> = (0..6).map(|sensor| 0.1 + 0.3 * f64::from(sensor)).collect();
        for model in [Model::Ridge, Model::Pls, Model::Pca] {
            let fitted = Omr::new(model, 2, 1.0, 10.0).unwrap().fit(x.view().into()).unwrap();
            let b = Array2::from_shape_vec((6, 6), fitted.coefficients().unwrap()).unwrap();
            let blame = Blame::of(&fitted.prediction, &variances).unwrap();
            for sensor in 0..6 {
                let mut unit = [0.0; 6];
                unit[sensor] = 1.0;
                let turned = blame.turned.of(&unit).unwrap();
                let off: f64 = (0..6).map(|other| (unit[other] - b[[sensor, other]]).powi(2) / variances[other]).sum();
                assert!((blame.share[sensor] * off - 1.0).abs() < 1e-10, "{model:?}");
                assert!((blame.precision[sensor] * variances[sensor] - 1.0).abs() < 1e-15);
                for other in 0..6 {
                    assert!((turned[other] - b[[other, sensor]]).abs() < 1e-12, "{model:?}");
                }
            }
        }
    }
}
