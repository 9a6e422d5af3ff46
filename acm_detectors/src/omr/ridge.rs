//! Ridge regression of each sensor on the others (Hoerl and Kennard 1970, doi 10.1080/00401706.1970.10488634), all from one
//! factorisation.
//!
//! With M = ZᵀZ + αI and P = M⁻¹, the coefficients of sensor j on the others o are (Z_oᵀZ_o + αI)⁻¹ Z_oᵀz_j = M_oo⁻¹ M_oj. The
//! rows o of M P = I read M_oo P_oj + M_oj P_jj = 0, so that is -P_oj / P_jj: the penalty on sensor j itself drops out.

use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result};

use super::root::{Root, inverse, triangle};

/// From here on nothing of the inverse is certain.
const CONDITION: f64 = 1e13;

/// (d, d) row-major: column j holds sensor j's coefficients on the others, and 0 on itself.
pub(super) fn coefficients(root: &Root, alpha: f64) -> Result<Vec<f64>> {
    let size = root.columns;
    let mut penalty = room(size, size, 0.0, "a ridge")?;
    penalty.iter_mut().step_by(size + 1).for_each(|value| *value = alpha.sqrt());
    let factor = triangle(&root.values, &penalty, size, None)?;
    let inverse = inverse(&factor, size, CONDITION)?.ok_or(Error::Singular {
        name: "alpha",
        requirement: "larger where sensors are linear combinations of others",
    })?;
    let product = |i: usize, j: usize| {
        let from = i.max(j);
        let [left, right] = [i, j].map(|row| &inverse[row * size + from..(row + 1) * size]);
        left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>()
    };
    let mut coefficients = penalty;
    let mut watch = Watch::start();
    for i in 0..size {
        watch.after(i * size / 2)?;
        coefficients[i * size + i] = product(i, i);
        for j in 0..i {
            coefficients[i * size + j] = product(i, j);
            coefficients[j * size + i] = coefficients[i * size + j];
        }
    }
    let mut own = room(size, 1, 0.0, "a ridge")?;
    for j in 0..size {
        own[j] = -coefficients[j * size + j];
    }
    for (i, line) in coefficients.chunks_exact_mut(size).enumerate() {
        line.iter_mut().zip(&own).for_each(|(value, own)| *value /= own);
        line[i] = 0.0;
    }
    Ok(coefficients)
}
