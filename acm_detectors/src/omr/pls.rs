//! Partial least squares of the sensors on themselves, by NIPALS (Wold 1975, doi 10.1016/B978-0-12-103950-9.50017-4; notation of
//! Wegelin 2000, "A survey of partial least squares methods", University of Washington, technical report 371).
//!
//! Carried to the end, the weights would be principal directions. NIPALS stops once they hardly move, and the model that
//! condition monitoring has in use is the one it stops at; the stopping rule is therefore part of the model.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, V, loaded};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::room;
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::root::Root;
use super::subspace::{NOISE, Subspace};

/// Weights stand still once the squared length of their change is below.
const TOLERANCE: f64 = 1e-6;

/// Steps of a component at most.
const STEPS: usize = 500;

/// Estimated time for a product of two numbers, in nanoseconds.
const COST_NS: f64 = 0.2;

struct Work {
    /// What the components so far leave of the root.
    rest: Vec<f64>,
    rows: usize,
    weights: Vec<f64>,
    before: Vec<f64>,
    scores: Vec<f64>,
    loadings: Vec<f64>,
    /// Of each component, one after the other.
    all_loadings: Vec<f64>,
    /// What turns values into scores: of each component, one after the other.
    rotations: Vec<f64>,
}

pub(super) fn fit(root: Root, components: usize) -> Result<Subspace> {
    let (rows, columns) = (root.rows, root.columns);
    let mut work = Work {
        rest: root.values,
        rows,
        weights: room(columns, 1, 0.0, "weights")?,
        before: room(columns, 1, 0.0, "weights")?,
        scores: room(rows, 1, 0.0, "scores")?,
        loadings: room(columns, 1, 0.0, "loadings")?,
        all_loadings: reserved(components.min(columns).saturating_mul(columns), "components")?,
        rotations: reserved(components.min(columns).saturating_mul(columns), "components")?,
    };
    // A step takes four products with the rest; some tens of steps are usual.
    let cost = COST_NS * 200.0 * (components * rows * columns) as f64;
    let level = Level::new();
    parallel::run(
        [&mut work],
        cost,
        || Ok(()),
        |(), work, stop| {
            dispatch!(level, simd => work.run(simd, components, stop));
        },
    )?;
    let rank = work.all_loadings.len() / columns;
    let mut space = Subspace::empty(columns, rank)?;
    space.back.copy_from_slice(&work.all_loadings);
    for (number, rotation) in work.rotations.chunks_exact(columns).enumerate() {
        for (place, value) in rotation.iter().enumerate() {
            space.into[place * rank + number] = *value;
        }
    }
    Ok(space)
}

impl Work {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S, components: usize, stop: &Stop) {
        let columns = self.weights.len();
        let whole = dot(simd, &self.rest, &self.rest).sqrt();
        for number in 0..components {
            let left = dot(simd, &self.rest, &self.rest).sqrt();
            let column = (0..columns).find(|&column| {
                let squares = (0..self.rows).map(|row| self.rest[row * columns + column].powi(2)).sum::<f64>();
                squares.sqrt() > f64::EPSILON * whole
            });
            let Some(column) = column.filter(|_| left > NOISE * whole) else {
                return;
            };
            for row in 0..self.rows {
                self.scores[row] = self.rest[row * columns + column];
            }
            combine(simd, &self.rest, &self.scores, &mut self.weights);
            self.converge(simd, stop);
            if stop.requested() {
                return;
            }
            project(simd, &self.rest, &self.weights, &mut self.scores);
            combine(simd, &self.rest, &self.scores, &mut self.loadings);
            let squares = dot(simd, &self.scores, &self.scores);
            self.loadings.iter_mut().for_each(|value| *value /= squares);
            for (row, &score) in self.rest.chunks_exact_mut(columns).zip(&self.scores) {
                add(simd, -score, &self.loadings, row);
            }
            // Each component's weights are blind to the earlier ones, but their loadings are not to it.
            for earlier in 0..number {
                let loadings = &self.all_loadings[earlier * columns..(earlier + 1) * columns];
                self.before[earlier] = dot(simd, loadings, &self.weights);
            }
            for earlier in 0..number {
                let rotation = &self.rotations[earlier * columns..(earlier + 1) * columns];
                add(simd, -self.before[earlier], rotation, &mut self.weights);
            }
            self.all_loadings.extend_from_slice(&self.loadings);
            self.rotations.extend_from_slice(&self.weights);
        }
    }

    /// Turns the weights until they stand still. The sensors being their own targets, a step is two products with AᵀA.
    #[inline(always)]
    fn converge<S: Simd>(&mut self, simd: S, stop: &Stop) {
        normalise(simd, &mut self.weights);
        for _ in 1..STEPS {
            if stop.requested() {
                return;
            }
            self.before.copy_from_slice(&self.weights);
            for _ in 0..2 {
                project(simd, &self.rest, &self.weights, &mut self.scores);
                combine(simd, &self.rest, &self.scores, &mut self.weights);
                normalise(simd, &mut self.weights);
            }
            let mut moved = 0.0;
            for place in 0..self.weights.len() {
                let step = self.weights[place] - self.before[place];
                moved += step * step;
            }
            if moved < TOLERANCE {
                return;
            }
        }
    }
}

#[inline(always)]
fn dot<S: Simd>(simd: S, left: &[f64], right: &[f64]) -> f64 {
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for place in 0..left.len().min(right.len()) {
        sum += loaded(simd, &left[place]) * loaded(simd, &right[place]);
    }
    let lanes: [f64; LANES] = sum.into();
    let mut total = 0.0;
    for lane in lanes {
        total += lane;
    }
    for place in 0..left_rest.len().min(right_rest.len()) {
        total += left_rest[place] * right_rest[place];
    }
    total
}

/// `to` += `factor` * `from`.
#[inline(always)]
fn add<S: Simd>(simd: S, factor: f64, from: &[f64], to: &mut [f64]) {
    let factors: V<S> = f64x8::splat(simd, factor);
    let (from, from_rest) = from.as_chunks::<LANES>();
    let (to, to_rest) = to.as_chunks_mut::<LANES>();
    for place in 0..from.len().min(to.len()) {
        to[place] = (loaded(simd, &to[place]) + factors * loaded(simd, &from[place])).into();
    }
    for place in 0..from_rest.len().min(to_rest.len()) {
        to_rest[place] += factor * from_rest[place];
    }
}

/// The matrix times `vector`, which has a value for each of its columns.
#[inline(always)]
fn project<S: Simd>(simd: S, matrix: &[f64], vector: &[f64], out: &mut [f64]) {
    for row in 0..out.len() {
        out[row] = dot(simd, &matrix[row * vector.len()..(row + 1) * vector.len()], vector);
    }
}

/// The transposed matrix times `vector`, which has a value for each of its rows.
#[inline(always)]
fn combine<S: Simd>(simd: S, matrix: &[f64], vector: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for row in 0..vector.len() {
        let width = out.len();
        add(simd, vector[row], &matrix[row * width..(row + 1) * width], out);
    }
}

#[inline(always)]
fn normalise<S: Simd>(simd: S, vector: &mut [f64]) {
    let length = dot(simd, vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}
