//! The feature matrix of windows that move on by a row.

use acm_linalg::Result;
use acm_linalg::columns::allocate;
use acm_linalg::lanes::Row;
use fearless_simd::{Level, Simd, dispatch};

use super::energy::Energy;
use super::running::{Input, Running};
use super::sorted::Sorted;
use super::steps::{Newest, Steps, by_lane};
use crate::matrix::{Assembly, Feature, Found, MOMENT_RESULTS, ORDER_RESULTS};
use crate::rolling::AllMoments;
use crate::spectral::Bands;

/// Every feature of the windows that end at the newest row.
pub(super) struct Features {
    assembly: Assembly,
    width: usize,
    bands: usize,
    own: Input,
    groups: usize,
    order: Option<Sorted>,
    moments: Option<Running<AllMoments>>,
    energy: Option<Energy>,
    order_results: Vec<Row>,
    moment_results: Vec<Row>,
    energy_results: Vec<Row>,
}

impl std::fmt::Debug for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Features")
    }
}

impl Features {
    /// Before the row that follows those of `newest`; none where its memory would be too large.
    pub(super) fn new(
        (features, bands, fill): (&[Feature], &Bands, Option<&[f64]>),
        shape: (usize, usize),
        newest: &Newest<'_>,
    ) -> Result<Option<Self>> {
        let input = || fill.map_or(Input::Own, |fill| Input::Filled(by_lane(fill)));
        let assembly = Assembly::new(features, bands.len(), (false, fill.is_some()));
        let own = input();
        let groups = own.groups(newest.x.columns());
        let mut made = Self {
            width: assembly.blocks().sum(),
            bands: bands.len(),
            own,
            groups,
            order: None,
            moments: None,
            energy: None,
            order_results: allocate(groups * ORDER_RESULTS, "results of a row")?,
            moment_results: allocate(groups * MOMENT_RESULTS, "results of a row")?,
            energy_results: allocate(groups * bands.len(), "results of a row")?,
            assembly,
        };
        if let Some(wanted) = made.assembly.order() {
            made.order = Sorted::new(wanted, shape, input(), newest)?;
            if made.order.is_none() {
                return Ok(None);
            }
        }
        if made.assembly.moments() {
            made.moments = Running::new(AllMoments, shape, input(), newest)?;
            if made.moments.is_none() {
                return Ok(None);
            }
        }
        if made.assembly.energies() {
            made.energy = Energy::new(bands, shape, input(), newest)?;
            if made.energy.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(made))
    }

    #[inline(always)]
    fn assemble<S: Simd>(&self, simd: S, newest: &Newest<'_>, out: &mut [Row]) {
        let last = newest.x.rows() - 1;
        for (group, out) in out.chunks_exact_mut(self.width).enumerate().take(self.groups) {
            let found = Found {
                order: &self.order_results[group * ORDER_RESULTS..(group + 1) * ORDER_RESULTS],
                moments: &self.moment_results[group * MOMENT_RESULTS..(group + 1) * MOMENT_RESULTS],
                slope: &[],
                energy: &self.energy_results[group * self.bands..(group + 1) * self.bands],
            };
            let mut x = Row::default();
            x.store(self.own.load(simd, newest, last, group).x);
            self.assembly.assemble(simd, &found, &[x], out);
        }
    }
}

impl Steps for Features {
    fn step(&mut self, newest: &Newest<'_>, out: &mut [Row]) {
        if let Some(order) = &mut self.order {
            order.step(newest, &mut self.order_results, ORDER_RESULTS);
        }
        if let Some(moments) = &mut self.moments {
            moments.step(newest, &mut self.moment_results, MOMENT_RESULTS);
        }
        if let Some(energy) = &mut self.energy {
            energy.step(newest, &mut self.energy_results, self.bands);
        }
        dispatch!(Level::new(), simd => self.assemble(simd, newest, out));
    }
}
