//! What moves on by a row at a cost that hardly grows with the window.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row};

use super::energy::Energy;
use super::features::Features;
use super::kind::{Kind, Span, Windowed};
use super::ring::{Lanes, Ring};
use super::running::{Input, Running};
use super::sorted::Sorted;
use crate::rolling::{
    Closed, LARGE, MeanStd, Outermost, Pairs, Range, SMALL, Shape, Slope, Statistic, Sum, Variance, Wanted,
};

/// The newest row of a history, the last of the ring.
pub(super) struct Newest<'a> {
    pub(super) x: &'a Ring,
    /// `x` again where there is no other.
    pub(super) y: &'a Ring,
    /// Its absolute index.
    pub(super) row: usize,
}

/// What moves on by a row; allocates nothing and cannot fail.
pub(super) trait Steps: std::fmt::Debug + Send + Sync {
    /// The newest row's results into `out`.
    fn step(&mut self, newest: &Newest<'_>, out: &mut [Row]);
}

impl<K> std::fmt::Debug for Running<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running")
    }
}

impl std::fmt::Debug for Sorted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sorted")
    }
}

/// The values of `fill` by lane.
pub(super) fn by_lane(fill: &[f64]) -> Vec<Lanes> {
    let lanes = |part: &[f64]| std::array::from_fn(|lane| part.get(lane).copied().unwrap_or(0.0));
    fill.chunks(LANES).map(lanes).collect()
}

impl Windowed {
    /// Rows of a window, where there is a way to move on by a row.
    pub(super) fn rows_by_step(&self, timed: bool) -> Option<usize> {
        // Slopes are then over the times.
        let by_time = timed && matches!(self.kind, Kind::Slope | Kind::FeatureMatrix { .. });
        let filled_beyond = match &self.kind {
            Kind::FeatureMatrix { fill: Some(fill), .. } => fill.iter().any(|fill| fill.abs() >= LARGE),
            _ => false,
        };
        match self.span {
            Span::Rows(rows) if self.closed == Closed::Right && !by_time && !filled_beyond => Some(rows),
            _ => None,
        }
    }

    /// What moves on from `newest`; none where that takes too much memory.
    pub(super) fn steps(&self, newest: &Newest<'_>, rows: usize) -> Result<Option<Box<dyn Steps>>> {
        let shape = (rows, self.min_periods);
        let order = |wanted| {
            let sorted = Sorted::new(wanted, shape, Input::Own, newest)?;
            Ok(sorted.map(|sorted| Box::new(sorted) as Box<dyn Steps>))
        };
        let nothing = Wanted::default;
        match &self.kind {
            Kind::Sum => running(Sum::<false>, shape, Input::Own, newest),
            Kind::Mean => running(Sum::<true>, shape, Input::Own, newest),
            Kind::Var { ddof } => running(Variance::<false>::new(*ddof), shape, Input::Own, newest),
            Kind::Std { ddof } => running(Variance::<true>::new(*ddof), shape, Input::Own, newest),
            Kind::MeanStd { ddof } => running(MeanStd::new(*ddof), shape, Input::Own, newest),
            Kind::Min => running(Outermost::<false>, shape, Input::Own, newest),
            Kind::Max => running(Outermost::<true>, shape, Input::Own, newest),
            Kind::Range => running(Range, shape, Input::Own, newest),
            Kind::Skew => running(Shape::<false>, shape, Input::Own, newest),
            Kind::Kurt => running(Shape::<true>, shape, Input::Own, newest),
            Kind::Slope => running(Slope, shape, Input::Own, newest),
            Kind::Cov { ddof } => running(Pairs::<false>::new(*ddof), shape, Input::Beside, newest),
            Kind::Corr => running(Pairs::<true>::new(1), shape, Input::Beside, newest),
            Kind::LagCorr { max_lag, pairs } => {
                let lanes = pairs.iter().flat_map(|&(a, b)| (0..=*max_lag).map(move |lag| (a, b, lag)));
                running(Pairs::<true>::new(1), shape, Input::Lagged(lanes.collect()), newest)
            }
            Kind::Median => order(Wanted {
                median: true,
                ..nothing()
            }),
            Kind::Mad { scale } => order(Wanted {
                mad: Some(*scale),
                ..nothing()
            }),
            Kind::Quantile { q } => order(Wanted {
                quantiles: q.clone(),
                ..nothing()
            }),
            Kind::BandEnergy { bands } => {
                let energy = Energy::new(bands, shape, Input::Own, newest)?;
                Ok(energy.map(|energy| Box::new(energy) as Box<dyn Steps>))
            }
            Kind::FeatureMatrix { features, bands, fill } => {
                let all = Features::new((features, bands, fill.as_deref()), shape, newest)?;
                Ok(all.map(|all| Box::new(all) as Box<dyn Steps>))
            }
        }
    }

    /// Whether windows must be whole, or shorter than half, for steps to give the results.
    pub(super) fn has_energies(&self) -> bool {
        use crate::matrix::Feature;
        match &self.kind {
            Kind::BandEnergy { .. } => true,
            Kind::FeatureMatrix { features, .. } => features.contains(&Feature::Energy),
            _ => false,
        }
    }

    /// Values from which on, and below which, results are taken again from scaled values.
    pub(super) fn range(&self) -> (f64, f64) {
        match &self.kind {
            Kind::Min | Kind::Max | Kind::Range | Kind::Median | Kind::Mad { .. } | Kind::Quantile { .. } => {
                (f64::INFINITY, 0.0)
            }
            Kind::BandEnergy { .. } => (f64::INFINITY, 0.0),
            Kind::Corr | Kind::LagCorr { .. } => (LARGE, SMALL),
            _ => (LARGE, 0.0),
        }
    }
}

fn running<K: Statistic + Send + 'static>(
    statistic: K,
    shape: (usize, usize),
    input: Input,
    newest: &Newest<'_>,
) -> Result<Option<Box<dyn Steps>>> {
    let running = Running::new(statistic, shape, input, newest)?;
    Ok(running.map(|running| Box::new(running) as Box<dyn Steps>))
}
