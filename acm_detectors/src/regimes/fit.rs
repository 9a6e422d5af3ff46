//! Finding the regimes of training rows.

use acm_clustering::choose::Search;
use acm_clustering::kmeans::labels_for;
use acm_clustering::labels::{UNKNOWN, pairs};
use acm_linalg::memory::{Gather, copied, extend, push};
use acm_linalg::pca::{Components, principal};
use acm_linalg::samples::room;
use acm_linalg::scaling::{Manner, keep_known, median_mad, quantile, rounding};
use acm_linalg::{Error, Result, Samples, Scaling, dense, parallel};
use ndarray::{Array2, ArrayView2};

use super::{Count, Density, FittedRegimes, Method, Regimes};
use crate::constants::Constants;
use crate::screen::{LeftOut, Screened};

/// Rows that silhouettes are taken of, at most.
const SAMPLE: usize = 4000;

/// Starts of k-means.
const STARTS: usize = 10;

/// Coordinates that k-means sees, at most.
const MOST_AXES: usize = 20;

/// Share of a sensor's training values beyond which, on either side, they are drawn in.
const CLIPPED: f64 = 0.001;

/// Share of the rows of the smaller of two regimes that they must share to be one regime.
const SAME: f64 = 0.5;

/// Scale of the median absolute deviation that is the standard deviation of normal numbers.
const NORMAL: f64 = 1.4826;

/// A regime in which the rows are this much closer than in the others is one of standstill: its width is this share of theirs.
const STILL: f64 = 0.1;

/// Scaled centres stay below this.
const FARTHEST: f64 = 1e150;

/// Estimated time for a value, in nanoseconds.
pub(super) const COST_NS: f64 = 25.0;

impl Regimes {
    /// The regimes of the rows of `x` (n, d); with `before`, those it knows keep their numbers.
    ///
    /// Missing values take their column's median here. A sensor is left out where neither its interquartile range nor the range
    /// of its inner 98 % is above the rounding of its values. Training values are drawn in to their 0.1 % and 99.9 % quantiles;
    /// beyond 20 sensors k-means or HDBSCAN sees the 20 first principal components.
    ///
    /// Cost: that of k-means, and of the search for their number on 4,000 rows; holds the scaled rows. Any number of threads and
    /// any layout give the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer rows than regimes; [`Error::Unfit`] where no column changes; [`Error::Columns`] where
    /// `before` has seen another number of columns; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>, before: Option<&FittedRegimes>) -> Result<FittedRegimes> {
        x.require(1)?;
        if let Some(before) = before {
            x.require_columns(before.columns())?;
        }
        // Where the rows themselves say what is rare, none is set apart before; where their number is given, rubbish is.
        let rare = self.count == Count::Auto && self.method == Method::KMeans;
        let screened = match self.method {
            Method::KMeans if rare => Screened::of(x)?,
            Method::KMeans => Screened::of(x)?.with_states()?,
            Method::Hdbscan => Screened::of(x)?.with_all()?,
        };
        let all = x;
        let training = screened.training(all)?;
        let (main, states) = if rare { screened.main(all)? } else { (screened.training(all)?, Vec::new()) };
        let x = main.samples();
        let (rows, columns) = (x.rows(), x.columns());
        let (scaling, used, bounds) = scales(x)?;
        if !used.contains(&true) {
            return Err(Error::Unfit {
                name: "x",
                requirement: "a column that changes",
            });
        }
        let kept = (0..columns).filter(|&column| used[column]).gathered("the columns that change")?;
        let mut scaled = room(rows, kept.len(), 0.0, "the scaled rows")?;
        let mut row_of = room(columns, 1, 0.0, "a row")?;
        for (row, to) in scaled.chunks_exact_mut(kept.len()).enumerate() {
            x.read(row..row + 1, &mut row_of);
            for (to, &column) in to.iter_mut().zip(&kept) {
                let [low, high] = bounds[column];
                let value = scaling.filled(row_of[column], column).clamp(low, high);
                *to = (value - scaling.center[column]) / scaling.scale[column];
            }
        }
        let spread = match self.method {
            Method::KMeans => None,
            Method::Hdbscan => {
                let mut spread = copied(&scaled, "the scaled rows")?;
                self.spread(x, &kept, &scaling, &mut spread)?;
                Some(table(spread, rows, kept.len())?)
            }
        };
        let scaled = table(scaled, rows, kept.len())?;
        let (found, count, density) = self.parts(&scaled, spread)?;
        // The centres of all scaled sensors, and no regime without a row.
        let mut sums = room(count, columns, 0.0, "the centres")?;
        let mut rows_of = room(count, 1, 0_u64, "the regimes")?;
        for (row, label) in scaled.rows().into_iter().zip(&found) {
            let Ok(label) = usize::try_from(*label) else {
                continue;
            };
            rows_of[label] += 1;
            for (&value, &column) in row.iter().zip(&kept) {
                sums[label * columns + column] += value;
            }
        }
        let mut order = (0..count).filter(|&label| rows_of[label] > 0).gathered("the regimes")?;
        // The largest regime first, whatever the draw of the starts.
        order.sort_unstable_by_key(|&label| (std::cmp::Reverse(rows_of[label]), label));
        let mean = |&label: &usize| {
            let count = rows_of[label] as f64;
            sums[label * columns..(label + 1) * columns].iter().map(move |sum| sum / count)
        };
        let mut centers = order.iter().flat_map(mean).gathered("the centres")?;
        for state in &states {
            let center = (0..columns).map(|column| {
                let away = scaling.filled(state.center[column], column) - scaling.center[column];
                if used[column] {
                    (away / scaling.scale[column]).clamp(-FARTHEST, FARTHEST)
                } else {
                    0.0
                }
            });
            extend(&mut centers, center, "the centres")?;
        }
        let regimes = order.len() + states.len();
        let mut fitted = FittedRegimes {
            parameters: self.clone(),
            centers,
            scaling,
            used,
            numbers: (0..).take(regimes).gathered("the regimes")?,
            fresh: regimes as i64,
            rows: room(regimes, 1, 0, "the regimes")?,
            scales: room(regimes, 1, 1.0, "the regimes")?,
            limits: room(regimes, 1, f64::MAX, "the regimes")?,
            spreads: Vec::new(),
            labels: Vec::new(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
            density,
        };
        // The screen has set none apart: these are all of the rows that were parted.
        let noise = found.contains(&UNKNOWN).then_some(&*found);
        fitted.measure(training.samples(), noise)?;
        if let Some(before) = before {
            fitted.renumber(before, training.samples())?;
        }
        let mut labels = room(all.rows(), 1, 0, "the labels")?;
        fitted.predict(all, &mut labels)?;
        if fitted.density.is_some_and(|density| !density.given_up) {
            let mut numbers = room(count, 1, UNKNOWN, "the labels")?;
            order.iter().zip(&fitted.numbers).for_each(|(&label, &number)| numbers[label] = number);
            let own = found.iter().map(|&label| usize::try_from(label).map_or(UNKNOWN, |label| numbers[label]));
            let kept = (0..all.rows()).filter(|&row| screened.keeps(row));
            let mut elsewhere = 0;
            // What is beyond the limits is UNKNOWN whatever part it is connected with.
            for (row, own) in kept.zip(own) {
                if labels[row] != UNKNOWN {
                    elsewhere += u64::from(own != UNKNOWN && own != labels[row]);
                    labels[row] = own;
                }
            }
            fitted.density = fitted.density.map(|density| Density { elsewhere, ..density });
        }
        fitted.labels = labels;
        fitted.constants = Constants::beside(self.constants, training.samples(), &fitted.used)?;
        fitted.left_out = screened.left_out();
        Ok(fitted)
    }
}

impl Regimes {
    /// The parts of the scaled rows, how many there are, and what HDBSCAN made of `spread`, the same without equal readings.
    fn parts(&self, scaled: &Array2<f64>, spread: Option<Array2<f64>>) -> Result<(Vec<i64>, usize, Option<Density>)> {
        let points = |rows: ArrayView2<'_, f64>| if rows.ncols() > MOST_AXES { axes(rows).map(Some) } else { Ok(None) };
        let mut density = None;
        if let Some(spread) = spread {
            let along = points(spread.view())?;
            let (mut found, count) = self.dense(along.as_ref().unwrap_or(&spread).view())?;
            if count == 1 {
                self.set_apart(spread.view(), &mut found)?;
            }
            let noise = found.iter().filter(|label| **label == UNKNOWN).count();
            let given_up = 2 * noise > found.len();
            let told = Density {
                noise: noise as u64,
                elsewhere: 0,
                given_up,
            };
            if !given_up {
                return Ok((found, count, Some(told)));
            }
            density = Some(told);
        }
        let along = points(scaled.view())?;
        let (found, count) = self.parted(along.as_ref().unwrap_or(scaled).view())?;
        Ok((found, count, density))
    }

    /// The parts of the rows by k-means, and how many there are.
    fn parted(&self, points: ArrayView2<'_, f64>) -> Result<(Vec<i64>, usize)> {
        let count = match self.count {
            Count::Fixed(count) => count,
            Count::Auto if points.nrows() < 4 => 1,
            Count::Auto => {
                let search = Search {
                    least: 2,
                    most: self.most,
                    sample: SAMPLE.max(self.most + 1),
                    starts: STARTS,
                    gap_references: 0,
                    seed: self.seed,
                };
                search.run(points.into())?.by_silhouette()
            }
        };
        let found = labels_for(points.into(), None, count, STARTS, 300, self.seed)?.labels;
        Ok((found.into_iter().map(i64::from).gathered("the labels")?, count))
    }
}

impl FittedRegimes {
    /// Scales, limits and spreads from the training rows, but those that `labels` call UNKNOWN.
    fn measure(&mut self, x: Samples<'_>, labels: Option<&[i64]>) -> Result<()> {
        let (rows, regimes, columns) = (x.rows(), self.count(), self.columns());
        let mut nearest = room(rows, 2, 0.0, "distances")?;
        self.nearest(x, &mut nearest)?;
        let mut distances: Vec<Vec<f64>> = room(regimes, 1, Vec::new(), "distances")?;
        let mut members: Vec<Vec<usize>> = room(regimes, 1, Vec::new(), "distances")?;
        let known = |row: &usize| labels.is_none_or(|labels| labels[*row] != UNKNOWN);
        for (row, pair) in nearest.chunks_exact(2).enumerate().filter(|(row, _)| known(row)) {
            if let Some((regime, distance)) = found(pair) {
                push(&mut distances[regime], distance, "distances")?;
                push(&mut members[regime], row, "distances")?;
            }
        }
        let widths = distances.iter_mut().map(|distances| self.width(distances)).gathered("distances")?;
        // Rows of standstill tell nothing of how far running rows lie.
        let widest = widths.iter().map(|width| width.0).fold(0.0, f64::max);
        let moving = distances.iter().zip(&widths).filter(|pair| pair.1.0 >= STILL * widest);
        let mut pooled = moving.flat_map(|pair| pair.0).copied().gathered("distances")?;
        let all = self.width(&mut pooled);
        for (regime, (distances, width)) in distances.iter().zip(widths).enumerate() {
            self.rows[regime] = distances.len() as u64;
            let (scale, limit) = if distances.len() < self.parameters.min_rows {
                all
            } else if width.0 < STILL * all.0 {
                let scale = STILL * all.0;
                (scale, (width.0 * width.1 / scale).max(self.parameters.margin))
            } else {
                width
            };
            self.scales[regime] = scale;
            self.limits[regime] = limit;
        }
        let mut spreads = room(columns, regimes, 0.0, "spreads")?;
        parallel::run(
            spreads.chunks_mut(regimes).enumerate(),
            COST_NS * (rows * columns) as f64,
            || Ok((room(rows, 1, 0.0, "a column")?, room(rows, 1, 0.0, "a column")?)),
            |(values, part), (column, spreads), stop| {
                if stop.requested() {
                    return;
                }
                x.read_column(column, values);
                for (spread, members) in spreads.iter_mut().zip(&members) {
                    let few = members.len() < self.parameters.min_rows;
                    let part = &mut part[..if few { rows } else { members.len() }];
                    if few {
                        part.copy_from_slice(values);
                    } else {
                        part.iter_mut().zip(members).for_each(|(to, &row)| *to = values[row]);
                    }
                    let known = keep_known(part);
                    let (_, mad) = median_mad(&mut part[..known]);
                    *spread = if mad.is_finite() { (NORMAL * mad).min(f64::MAX) } else { 0.0 };
                }
            },
        )?;
        let turned = (0..regimes * columns).map(|place| spreads[place % columns * regimes + place / columns]);
        self.spreads = turned.gathered("spreads")?;
        Ok(())
    }

    /// Scale and limit from training distances.
    fn width(&self, distances: &mut [f64]) -> (f64, f64) {
        let median = quantile(distances, 0.5);
        let far = quantile(distances, self.parameters.quantile) * self.parameters.margin;
        // Rows that are all alike differ by rounding.
        let scale = if median > 1e-9 && median.is_finite() { median } else { 1e-9_f64.max(far) };
        let scale = if scale.is_finite() { scale } else { 1.0 };
        let limit = far / scale;
        (scale, if limit >= 1.0 && limit.is_finite() { limit } else { self.parameters.margin })
    }

    /// Takes the numbers of `before` for the regimes that share rows with its own.
    fn renumber(&mut self, before: &Self, x: Samples<'_>) -> Result<()> {
        let mut old = room(x.rows(), 1, 0, "the labels")?;
        let mut new = room(x.rows(), 1, 0, "the labels")?;
        before.predict(x, &mut old)?;
        self.predict(x, &mut new)?;
        let partners = pairs(&old, &new, SAME)?;
        // Those without a partner are numbered above what these rows know, which may be a number that none of them has.
        let known = old.iter().copied().fold(UNKNOWN, i64::max);
        let mut fresh = before.fresh;
        for number in &mut self.numbers {
            let partner = partners.get(number).copied().filter(|&partner| partner <= known);
            *number = partner.unwrap_or_else(|| {
                fresh += 1;
                fresh - 1
            });
        }
        self.fresh = fresh;
        Ok(())
    }
}

/// A regime and a distance, if the row has any.
pub(super) fn found(pair: &[f64]) -> Option<(usize, f64)> {
    match pair {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place, kept as a number"
        )]
        [regime, distance] if *regime >= 0.0 => Some((*regime as usize, *distance)),
        _ => None,
    }
}

fn table(values: Vec<f64>, rows: usize, columns: usize) -> Result<Array2<f64>> {
    Array2::from_shape_vec((rows, columns), values).map_err(|_| Error::Memory {
        what: "the scaled rows",
        rows,
        columns,
    })
}

/// Medians and scales, which columns change, and the bounds that training values are drawn in to.
fn scales(x: Samples<'_>) -> Result<(Scaling, Vec<bool>, Vec<[f64; 2]>)> {
    let mut scaling = Scaling::fit(x, Manner::Robust, f64::MIN_POSITIVE)?;
    let (rows, columns) = (x.rows(), x.columns());
    let mut ranges = room(columns, 1, [0.0; 4], "a range for each column")?;
    parallel::run(
        ranges.iter_mut().enumerate(),
        COST_NS * (rows * columns) as f64,
        || room(rows, 1, 0.0, "a column"),
        |values, (column, ranges), stop| {
            if stop.requested() {
                return;
            }
            x.read_column(column, values);
            let known = keep_known(values);
            let values = &mut values[..known];
            // Values themselves, nothing between them: one that is far off does not draw its neighbour's bound to itself.
            if known > 0 {
                let last = (known - 1) as f64;
                let inner = |q: f64| ((q * last).ceil() / last.max(1.0)).min(1.0);
                let low = quantile(values, inner(CLIPPED));
                let high = quantile(values, 1.0 - inner(CLIPPED));
                *ranges = [
                    quantile(values, 0.01),
                    quantile(values, 0.99),
                    low.min(high),
                    high.max(low),
                ];
            }
        },
    )?;
    let mut used = room(columns, 1, false, "a range for each column")?;
    for column in 0..columns {
        let [low, high, ..] = ranges[column];
        let floor = rounding(scaling.center[column]);
        if scaling.scale[column] <= floor {
            scaling.scale[column] = high - low;
        }
        let scale = scaling.scale[column];
        used[column] = scaling.known[column] > 0 && scale > floor && scale.is_finite();
        if !used[column] {
            scaling.scale[column] = 1.0;
        }
    }
    let bounds = ranges.iter().map(|range| [range[2], range[3]]).gathered("a range for each column")?;
    Ok((scaling, used, bounds))
}

/// The rows along their first principal axes.
fn axes(rows: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let columns = rows.ncols();
    let mut scaling = Scaling::fit(rows.into(), Manner::Standard, 1.0)?;
    scaling.scale.fill(1.0);
    let axes = if rows.nrows() < columns {
        principal(&Samples::from(rows), Components::Count(MOST_AXES))?.components
    } else {
        let products = dense::gram(rows.into(), &scaling)?;
        dense::symmetric_eigen(&products, columns, "x")?.1
    };
    let mut along = room(rows.nrows(), MOST_AXES, 0.0, "principal components")?;
    for (row, to) in rows.rows().into_iter().zip(along.chunks_exact_mut(MOST_AXES)) {
        for (to, axis) in to.iter_mut().zip(axes.chunks_exact(columns)) {
            let centered = row.iter().zip(&scaling.center).map(|(value, center)| value - center);
            *to = centered.zip(axis).map(|(value, along)| value * along).sum();
        }
    }
    table(along, rows.nrows(), MOST_AXES)
}

#[cfg(test)]
mod tests;
