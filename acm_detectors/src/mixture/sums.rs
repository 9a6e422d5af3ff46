//! What a step of maximisation needs to know of the rows.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::Gather;
use acm_linalg::samples::room;

use super::covariance::Covariance;
use super::full;

/// Sums over rows, weighted by the responsibilities of each component.
#[derive(Clone)]
pub(super) struct WeightedSums {
    /// Of the log densities.
    pub(super) log: Row,
    /// Of the responsibilities.
    pub(super) counts: Vec<Row>,
    /// Of the differences from the anchors, a list for each component.
    pub(super) rests: Vec<Row>,
    /// Of their squares; of diagonal covariances only.
    pub(super) squares: Vec<Row>,
    /// Of the products of all pairs of them, a matrix for each component; of full covariances only.
    pub(super) products: Vec<Row>,
}

impl WeightedSums {
    pub(super) fn new(covariance: Covariance, components: usize, width: usize) -> Result<Self> {
        let what = "the sums over the rows";
        let (squares, products) = match covariance {
            Covariance::Diag => (width, 0),
            Covariance::Full => (0, full::products(width)),
        };
        Ok(Self {
            log: Row::default(),
            counts: room(components, 1, Row::default(), what)?,
            rests: room(components, width, Row::default(), what)?,
            squares: room(components, squares, Row::default(), what)?,
            products: room(components, products, Row::default(), what)?,
        })
    }

    pub(super) fn clear(&mut self) {
        self.log = Row::default();
        for rows in [&mut self.counts, &mut self.rests, &mut self.squares, &mut self.products] {
            rows.fill(Row::default());
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        add_row(&mut self.log, &other.log);
        let rows = self
            .counts
            .iter_mut()
            .chain(&mut self.rests)
            .chain(&mut self.squares)
            .chain(&mut self.products);
        let others = other.counts.iter().chain(&other.rests).chain(&other.squares).chain(&other.products);
        rows.zip(others).for_each(|(all, part)| add_row(all, part));
    }

    /// The sum of the log densities.
    pub(super) fn log(&self) -> f64 {
        full::total(self.log.0)
    }

    pub(super) fn components(&self) -> usize {
        self.counts.len()
    }

    /// Rows of each component: never quite 0, so that one without a row divides by something.
    pub(super) fn counts(&self) -> Result<Vec<f64>> {
        let counts = self.counts.iter().map(|count| full::total(count.0) + 10.0 * f64::EPSILON);
        counts.gathered("the components")
    }

    /// The means of the rows of each component.
    pub(super) fn means(&self, anchors: &[f64]) -> Result<Vec<f64>> {
        let shifts = self.shifts(&self.counts()?)?;
        let means = anchors.iter().zip(shifts).map(|(anchor, shift)| anchor + shift);
        means.gathered("the components")
    }

    /// The means less the anchors.
    pub(super) fn shifts(&self, counts: &[f64]) -> Result<Vec<f64>> {
        let width = self.rests.len() / counts.len();
        let rests = self.rests.chunks_exact(width).zip(counts);
        let shifts = rests.flat_map(|(rests, count)| rests.iter().map(move |rest| full::total(rest.0) / count));
        shifts.gathered("the components")
    }

    /// The sums of products, symmetric to the bit.
    pub(super) fn matrices(&self, components: usize, width: usize) -> Result<Vec<f64>> {
        let area = full::products(width);
        let mut matrices = room(components * width, width, 0.0, "covariances")?;
        for component in 0..components {
            let from = &self.products[component * area..][..area];
            let to = &mut matrices[component * width * width..][..width * width];
            for row in 0..width {
                for column in 0..=row {
                    let product = full::product(from, row, column);
                    to[row * width + column] = product;
                    to[column * width + row] = product;
                }
            }
        }
        Ok(matrices)
    }
}

fn add_row(into: &mut Row, from: &Row) {
    for lane in 0..LANES {
        into.0[lane] += from.0[lane];
    }
}
