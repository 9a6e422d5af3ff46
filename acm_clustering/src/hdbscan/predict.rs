//! Where other rows would lie in the hierarchy, which stays as it is.
//!
//! A row is taken for one of the fit: its core distance is that to its `min_samples`-th nearest row, itself the first. It stays
//! with a row of the fit as long as it reaches that, but no longer than that row is of a cluster: it joins the one with which it
//! stays longest; of equal ones the nearest, of equally near ones the first. A row that was noise with a few others, however
//! close, is noise when it is asked again.
//!
//! Source: McInnes, Healy and Astels (2017), "hdbscan: hierarchical density based clustering", doi 10.21105/joss.00205.

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::room;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::by_rows;
use acm_linalg::{Error, Result, Samples};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::core::Nearest;
use super::fitted::FittedHdbscan;
use super::select::{firmness, outlierness, peaks};
use super::tree::{Search, Stack, Tree, least};

/// What lacks where memory does.
const WHAT: &str = "the places of the rows";

/// Estimated time of a search for a row and column, in nanoseconds.
const COST_NS: f64 = 200.0;

/// Where a row joins the hierarchy: the last cluster of the condensed tree that it belongs to, and the density at which it
/// leaves that.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    last: u32,
    density: f64,
}

/// Eight rows and the row of the fit that each stays with longest.
struct Reach<'a> {
    tree: &'a Tree,
    theirs: &'a [Row],
    least_theirs: &'a [f64],
    cores: Row,
    /// Squared length at which it joins, squared distance, and whose.
    square: Row,
    distance: Row,
    whose: Row,
}

impl<S: Simd> Search<S> for Reach<'_> {
    #[inline(always)]
    fn worth(&self, simd: S, _: &Tree, node: u32, least: V<S>) -> bool {
        let reach = least.max(self.cores.load(simd)).max(f64x8::splat(simd, self.least_theirs[node as usize]));
        let square = self.square.load(simd);
        let even = reach.simd_eq(square) & least.simd_le(self.distance.load(simd));
        (reach.simd_lt(square) | even).any_true()
    }

    #[inline(always)]
    fn meet(&mut self, simd: S, group: usize, rows: usize, found: &[V<S>; LANES]) {
        let (cores, mut square) = (self.cores.load(simd), self.square.load(simd));
        if !least(found, rows).max(cores).simd_le(square).any_true() {
            return;
        }
        let mut distance = self.distance.load(simd);
        let mut whose = self.whose.load(simd);
        let numbers = &self.tree.order[group * LANES..][..rows];
        for row in 0..rows {
            let apart = found[row];
            let reach = apart.max(cores).max(f64x8::splat(simd, self.theirs[group].0[row]));
            let number: V<S> = f64x8::splat(simd, numbers[row] as f64);
            let first = apart.simd_eq(distance) & number.simd_lt(whose);
            let nearer = apart.simd_lt(distance) | first;
            let better = reach.simd_lt(square) | (reach.simd_eq(square) & nearer);
            square = better.select(reach, square);
            distance = better.select(apart, distance);
            whose = better.select(number, whose);
        }
        self.square.store(square);
        self.distance.store(distance);
        self.whose.store(whose);
    }
}

impl FittedHdbscan {
    /// The cluster of each row, -1 for noise, and how firmly it belongs there.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] unless there is a place for each row; [`Error::Gap`]; [`Error::Memory`];
    /// [`Error::Interrupted`]. So for all below.
    pub fn approximate_predict(&self, x: Samples<'_>, labels: &mut [i64], probabilities: &mut [f64]) -> Result<()> {
        for (name, got) in [("labels", labels.len()), ("probabilities", probabilities.len())] {
            let expected = x.rows();
            if got != expected {
                return Err(Error::Length { name, expected, got });
            }
        }
        let places = self.places(x)?;
        for ((place, label), probability) in places.iter().zip(labels).zip(probabilities) {
            (*label, *probability) = self.selected.label(place.last as usize, place.density);
        }
        Ok(())
    }

    /// How much less dense each row's place is than the densest of the cluster around it, between 0 and 1.
    ///
    /// # Errors
    /// As [`Self::approximate_predict`].
    pub fn score(&self, x: Samples<'_>, scores: &mut [f64]) -> Result<()> {
        let peaks = peaks(&self.condensed)?;
        let places = self.places(x)?;
        for (place, score) in places.iter().zip(scores) {
            *score = outlierness(place.density, peaks[place.last as usize]);
        }
        Ok(())
    }

    /// (n, k): how far up each row is still connected with each cluster: the density at which they part, over that of the
    /// cluster's end. That of its own cluster is its probability.
    ///
    /// # Errors
    /// As [`Self::approximate_predict`].
    pub fn membership(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let (places, clusters) = (self.places(x)?, self.clusters());
        let mut watch = Watch::start();
        for (place, out) in places.iter().zip(out.chunks_exact_mut(clusters.max(1))) {
            watch.after(16 * clusters)?;
            for (label, out) in out.iter_mut().enumerate() {
                let cluster = self.selected.clusters[label];
                let parts = self.parted(place.last, cluster);
                *out = firmness(place.density.min(parts), self.selected.ends[label]);
            }
        }
        Ok(())
    }

    /// The density at which what is in `last` parts from `cluster`; infinite within it.
    fn parted(&self, last: u32, cluster: u32) -> f64 {
        let clusters = &self.condensed.clusters;
        let (mut one, mut other, mut density) = (last, cluster, f64::INFINITY);
        // Parents have lower numbers.
        while one != other {
            if one > other {
                one = clusters[one as usize].parent;
            } else {
                density = clusters[other as usize].birth;
                other = clusters[other as usize].parent;
            }
        }
        density
    }

    fn places(&self, x: Samples<'_>) -> Result<Vec<Place>> {
        x.require_columns(self.columns())?;
        super::tree::require_complete(x)?;
        let (nowhere, columns) = (Place { last: 0, density: 0.0 }, self.columns());
        let mut places = room(x.rows(), 1, nowhere, WHAT)?;
        if self.is_too_few() {
            return Ok(places);
        }
        let others = self.parameters().neighbours() - 1;
        let cost = COST_NS * (columns + others) as f64;
        let scratch = || {
            let nearest = if others == 0 { None } else { Some(Nearest::new(others)?) };
            Ok((room(columns, 1, Row::splat(0.0), WHAT)?, self.tree.stack()?, nearest))
        };
        let level = Level::new();
        by_rows(x.rows(), 1, &mut places, cost, scratch, |(tile, stack, nearest), rows, places, stop| {
            for (first, places) in rows.step_by(LANES).zip(places.chunks_mut(LANES)) {
                if stop.requested() {
                    return;
                }
                x.pack(first, tile);
                for row in tile.iter_mut() {
                    row.0.iter_mut().for_each(|value| *value = self.tree.scaled(*value));
                }
                let nearest = nearest.as_mut();
                let reach = dispatch!(level, simd => self.reach(simd, tile, stack, nearest, places.len()));
                for (lane, place) in places.iter_mut().enumerate() {
                    *place = self.place(reach.square.0[lane], reach.whose.0[lane]);
                }
            }
        })?;
        Ok(places)
    }

    #[inline(always)]
    fn reach<S: Simd>(
        &self,
        simd: S,
        tile: &[Row],
        stack: &mut Stack,
        nearest: Option<&mut Nearest>,
        rows: usize,
    ) -> Reach<'_> {
        let mut cores = Row::splat(0.0);
        if let Some(nearest) = nearest {
            nearest.clear(rows);
            self.tree.walk(simd, tile, stack, nearest);
            cores = nearest.last();
        }
        let mut limits = Row::splat(f64::INFINITY);
        limits.0[rows..].fill(f64::NEG_INFINITY);
        let mut reach = Reach {
            tree: &self.tree,
            theirs: &self.reaches,
            least_theirs: &self.least_reaches,
            cores,
            square: limits,
            distance: limits,
            whose: Row::splat(f64::INFINITY),
        };
        self.tree.walk(simd, tile, stack, &mut reach);
        reach
    }

    /// Of a row that joins the row `whose` at a squared length.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number of a row"
    )]
    fn place(&self, square: f64, whose: f64) -> Place {
        // Squares that overflow: as far as can be told it joins at the very end.
        let (mut last, leaves) = if whose.is_finite() {
            (self.condensed.last[whose as usize], self.condensed.leaves[whose as usize])
        } else {
            (0, f64::INFINITY)
        };
        // To the last digit where it stays to the end.
        let density = if square == self.tree.reach(leaves) {
            leaves
        } else {
            1.0 / (square.sqrt() / self.tree.factor)
        };
        // What a cluster is born at, it parts from the others at.
        while last > 0 && self.condensed.clusters[last as usize].birth >= density {
            last = self.condensed.clusters[last as usize].parent;
        }
        Place { last, density }
    }
}
