//! Rare states that training has seen, a start-up or standstill: their rows are judged from where their own centre lies.

use acm_linalg::parallel::Watch;
use acm_linalg::samples::{read_all, room};
use acm_linalg::{Error, Reader, Result, Samples};
use ndarray::Array2;

use super::{FittedFused, Fused};
use crate::lagged::MOST;
use crate::screen::{Screened, State};
use crate::states::States;

const WHAT: &str = "rows of rare states";

impl Fused {
    /// The states whose rows are judged by themselves, and no longer `usable` rows: nothing is learned from them. None where the
    /// others are too few.
    pub(super) fn set_apart<'a>(&self, screened: &'a Screened, usable: &mut [bool]) -> Result<Vec<&'a State>> {
        if !self.whole {
            return Ok(Vec::new());
        }
        let (states, marks) = screened.apart(usable.len())?;
        let rest = usable.iter().zip(&marks).filter(|pair| *pair.0 && !*pair.1).count();
        if rest < self.least_rows() {
            return Ok(Vec::new());
        }
        usable.iter_mut().zip(marks).for_each(|(usable, apart)| *usable &= !apart);
        Ok(states)
    }
}

impl FittedFused {
    pub(super) fn learn_states(&mut self, states: &[&State]) -> Result<()> {
        let Some(whole) = self.whole.as_deref().filter(|_| !states.is_empty()) else {
            return Ok(());
        };
        let matrix = whole.whitening.matrix()?;
        self.states = States::new(states, &whole.lagged, |center, out| pull(&matrix, center, out))?;
        Ok(())
    }

    pub(super) fn states_in(&self, from: &Reader<'_>) -> Result<States> {
        let Some(whole) = self.whole.as_deref() else {
            return Ok(States::default());
        };
        let matrix = whole.whitening.matrix()?;
        States::read(from, whole.lagged.width(), |center, out| pull(&matrix, center, out))
    }

    /// The rows with the centre of their state taken from those of a rare one; `None` where there are none of these.
    pub(super) fn settled(&self, x: Samples<'_>) -> Result<Option<Array2<f64>>> {
        let Some(whole) = self.whole.as_deref().filter(|_| self.states.count() > 0) else {
            return Ok(None);
        };
        x.require_columns(self.columns())?;
        let (lagged, rows, columns) = (&whole.lagged, x.rows(), x.columns());
        let mut moved = None;
        let mut values = room(columns, 1, 0.0, WHAT)?;
        let mut point = room(lagged.width(), 1, 0.0, WHAT)?;
        let mut watch = Watch::start();
        for row in 0..rows {
            watch.after(columns * (2 + self.states.count()))?;
            x.read(row..row + 1, &mut values);
            for (place, (point, &column)) in point.iter_mut().zip(&lagged.kept).enumerate() {
                let value = values[column];
                *point = if value.is_finite() {
                    lagged.scaling.scaled(value, place).clamp(-MOST, MOST) - lagged.mean[place]
                } else {
                    f64::NAN
                };
            }
            let Some(center) = self.states.center_of(&point) else {
                continue;
            };
            if moved.is_none() {
                let mut all = room(rows, columns, 0.0, WHAT)?;
                read_all(x, &mut all)?;
                moved = Some(all);
            }
            if let Some(all) = &mut moved {
                let own = &mut all[row * columns..(row + 1) * columns];
                for ((&column, center), scale) in lagged.kept.iter().zip(center).zip(&lagged.scaling.scale) {
                    own[column] -= center * scale;
                }
            }
        }
        let table = moved.map(|all| Array2::from_shape_vec((rows, columns), all));
        table.transpose().map_err(|_| Error::Memory {
            what: WHAT,
            rows,
            columns,
        })
    }
}

/// W' W c of whitened rows W z.
fn pull(matrix: &[f64], center: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for row in matrix.chunks_exact(center.len()) {
        let along: f64 = row.iter().zip(center).map(|(value, center)| value * center).sum();
        out.iter_mut().zip(row).for_each(|(out, value)| *out += along * value);
    }
}
