//! Training rows of several states made complete: what is missing of a row becomes what its own state lets expect, with noise.
//!
//! One normal distribution for all rows would put it between the states, and widen each. The state of a row is drawn from what
//! its known values tell, and then the missing ones from that state's normal distribution about them, again after each fit, as by
//! stochastic expectation and maximisation (Celeux and Diebolt 1985, "The SEM algorithm").

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::room;
use acm_linalg::samples::by_rows;
use acm_linalg::{Error, Result, Samples, seed};
use fearless_simd::{Level, dispatch};
use ndarray::Array2;
use rand::RngExt;

use super::gaps::{GapScratch, lacks};
use super::gaussians::Gaussians;
use super::tiles::Frame;
use crate::gaps::Trouble;

const SEED: u64 = 18;

const WHAT: &str = "training rows made complete";

/// The rows of `x` with what is missing of the kept columns replaced; rows without any value of them stay as they are. `number`
/// is that of the fit: each draws anew.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub(super) fn completed(x: Samples<'_>, frame: &Frame, model: &Gaussians, number: u64) -> Result<Array2<f64>> {
    let (rows, columns, width, level) = (x.rows(), x.columns(), frame.width(), Level::new());
    let mut values = room(rows, columns, 0.0, WHAT)?;
    let trouble = Trouble::default();
    let scratch = || {
        Ok((
            GapScratch::new(model.components(), width)?,
            room(columns, 1, Row::default(), WHAT)?,
            room(width, 1, Row::default(), WHAT)?,
            room(width, 1, 0.0, WHAT)?,
        ))
    };
    let cost = (4 * columns + width * width) as f64;
    by_rows(rows, columns, &mut values, cost, scratch, |(gaps, all, tile, noise), rows, out, stop| {
        x.read(rows.clone(), out);
        for (first, out) in rows.step_by(LANES).zip(out.chunks_mut(LANES * columns)) {
            if stop.requested() {
                return;
            }
            if !dispatch!(level, simd => frame.pack_gaps(simd, &x, first, all, tile)) {
                continue;
            }
            for (lane, out) in out.chunks_exact_mut(columns).enumerate().filter(|(lane, _)| lacks(tile, *lane)) {
                let mut stream = seed::stream(SEED + number, (first + lane) as u64);
                let drawn = stream.random::<f64>();
                for value in noise.iter_mut() {
                    // Of variance 1, and near enough to a normal number.
                    *value = (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
                }
                if !trouble.none(model.draw(tile, lane, drawn, noise, gaps, |place, scaled| {
                    let column = frame.kept[place];
                    out[column] = scaled * frame.scaling.scale[column] + frame.scaling.center[column];
                })) {
                    return;
                }
            }
        }
    })?;
    trouble.told()?;
    Array2::from_shape_vec((rows, columns), values).map_err(|_| Error::Memory {
        what: WHAT,
        rows,
        columns,
    })
}
