//! One score of many: each brought to a common scale by its training scores, by operating regime if there are any.

use std::ops::Range;

use acm_linalg::error::require;
use acm_linalg::memory::{Gather, extend, reserved};
use acm_linalg::parallel;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::keep_known;
use acm_linalg::{Error, Persist, Reader, Result, Samples, Writer};

use super::maps::{Form, Map, Mapping};
use super::order;

/// Estimated time to bring a score to its scale, in nanoseconds.
const COST_NS: f64 = 25.0;

/// Weighed scores are at least minus this, the product of the greatest weight and the greatest map.
const FAR: f64 = 1e250;

/// How the scores of a row become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// The largest.
    Max,
    /// The mean, by weight.
    Mean,
    /// The sum.
    Sum,
    /// The 95th percentile, linear between two scores.
    P95,
}

/// Parameters of a fusion.
///
/// # Examples
///
/// ```
/// use acm_detectors::decisions::{Combine, Mapping, ScoreFusion};
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // Two scores, the second a hundred times as large.
/// let training = array![[0.0, 0.0], [1.0, 100.0], [2.0, 200.0], [3.0, 300.0], [4.0, 400.0]];
/// let fusion = ScoreFusion::new(Mapping::Robust, Combine::Max, None, 2)?.fit(training.view().into(), None)?;
/// let mut fused = [0.0; 2];
/// fusion.score(array![[2.0, 200.0], [5.0, 200.0]].view().into(), None, &mut fused)?;
/// assert_eq!(fused[0], 0.0);
/// assert!((fused[1] - 3.0 / 1.4826).abs() < 1e-4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreFusion {
    mapping: Mapping,
    combine: Combine,
    weights: Option<Vec<f64>>,
    min_rows: usize,
}

/// A fusion that knows the training scores.
///
/// z\[j\] = weight\[j\] map\[j\](s\[j\]); fused = max, mean (over the sum of weights), sum or 95th percentile of z
///
/// For the maximum and the percentile z\[j\] = map\[j\](s\[j\]) / weight\[j\] where the map is below 0, so that on either side a
/// greater weight makes a score count more, and scores of weight 0 are left out.
///
/// Rows of a regime (a label of 0 or more) with at least `min_rows` training rows have maps of their own; all others use those
/// of all training rows. A missing score (NaN) counts as its training median, an infinite one as the greatest or the least of
/// the scale; training scores that are not finite are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedScoreFusion {
    parameters: ScoreFusion,
    columns: usize,
    /// Regimes with maps of their own, ascending.
    regimes: Vec<i64>,
    /// Maps of each column: of all rows, then of each regime.
    maps: Vec<Map>,
}

impl ScoreFusion {
    /// Scale, combination, a weight for each score (all 1 where `None`) and the rows a regime needs for maps of its own.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the weights lie between 0 and 1e100 with one above 0, and `min_rows` is at least 2.
    pub fn new(mapping: Mapping, combine: Combine, weights: Option<Vec<f64>>, min_rows: usize) -> Result<Self> {
        if let Some(weights) = &weights {
            let sound =
                |&weight: &f64| require((0.0..=1e100).contains(&weight), "weights", "between 0 and 1e100", weight);
            weights.iter().try_for_each(sound)?;
            require(weights.iter().any(|&weight| weight > 0.0), "weights", "above 0 for at least one score", 0.0)?;
        }
        require(min_rows >= 2, "min_rows", "at least 2", min_rows)?;
        Ok(Self {
            mapping,
            combine,
            weights,
            min_rows,
        })
    }

    /// The common scale.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        self.mapping
    }

    /// How scores become one.
    #[must_use]
    pub fn combine(&self) -> Combine {
        self.combine
    }

    /// A weight for each score; all 1 where `None`.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Rows a regime needs for maps of its own.
    #[must_use]
    pub fn min_rows(&self) -> usize {
        self.min_rows
    }

    /// Learns the scale of each column of training scores, and of each regime of `labels` (a label a row; negative: none).
    ///
    /// Cost: O(n log n) a score. Any number of threads gives the same bytes.
    ///
    /// # Errors
    /// [`Error::TooFew`]; [`Error::Length`] for weights or labels of another number; [`Error::Unfit`] where a score has no
    /// known value; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, scores: Samples<'_>, labels: Option<&[i64]>) -> Result<FittedScoreFusion> {
        scores.require(1)?;
        let (rows, columns) = (scores.rows(), scores.columns());
        if let Some(weights) = &self.weights {
            require_length("weights", columns, weights.len())?;
        }
        let by_label = match labels {
            Some(labels) => by_label(rows, labels)?,
            None => Vec::new(),
        };
        let regimes = self.regimes(&by_label)?;
        let sets = regimes.len() + 1;
        let mut found = room(columns * sets, 1, Ok(None), "a map for each score and regime")?;
        parallel::run(
            found.chunks_mut(sets).enumerate(),
            60.0 * (rows * columns) as f64,
            || Ok((room(rows, 1, 0.0, "a score")?, room(rows, 1, 0.0, "a regime's scores")?)),
            |(column, values), (number, found), stop| {
                scores.read_column(number, column);
                let Some((pooled, own)) = found.split_first_mut() else {
                    return;
                };
                values.copy_from_slice(column);
                *pooled = self.map(values, 1);
                for (found, (_, members)) in own.iter_mut().zip(&regimes) {
                    if stop.requested() {
                        return;
                    }
                    let values = &mut values[..members.len()];
                    values
                        .iter_mut()
                        .zip(&by_label[members.clone()])
                        .for_each(|(to, pair)| *to = column[pair.1]);
                    *found = self.map(values, self.min_rows);
                }
            },
        )?;
        let found = found.into_iter().gathered_ok("the maps")?;
        let mut maps: Vec<Map> = reserved(found.len(), "the maps")?;
        for set in 0..sets {
            for own in found.chunks_exact(sets) {
                let map = own[set].as_ref().or(own[0].as_ref());
                maps.push(map.cloned().ok_or(Error::Unfit {
                    name: "x",
                    requirement: "a known value in each column of scores",
                })?);
            }
        }
        Ok(FittedScoreFusion {
            parameters: self.clone(),
            columns,
            regimes: regimes.into_iter().map(|(label, _)| label).gathered("the regimes")?,
            maps,
        })
    }

    /// From a column's scores, unless fewer than `least` are known; changes them.
    fn map(&self, scores: &mut [f64], least: usize) -> Result<Option<Map>> {
        let count = keep_known(scores);
        if count < least {
            return Ok(None);
        }
        Map::fit(&mut scores[..count], self.mapping).map(Some)
    }

    /// The labels with rows enough, ascending, and where their rows are.
    fn regimes(&self, by_label: &[(i64, usize)]) -> Result<Vec<(i64, Range<usize>)>> {
        let mut regimes = Vec::new();
        let mut first = 0;
        for same in by_label.chunk_by(|a, b| a.0 == b.0) {
            let members = first..first + same.len();
            first = members.end;
            extend(&mut regimes, same.first().map(|&(label, _)| (label, members)), "the regimes")?;
        }
        regimes.retain(|(label, members)| *label >= 0 && members.len() >= self.min_rows);
        Ok(regimes)
    }
}

/// The rows with their labels, by label.
fn by_label(rows: usize, labels: &[i64]) -> Result<Vec<(i64, usize)>> {
    require_length("labels", rows, labels.len())?;
    let mut pairs = room(rows, 1, (0, 0), "the labels")?;
    let labels = labels.iter().copied().enumerate();
    pairs.iter_mut().zip(labels).for_each(|(pair, (row, label))| *pair = (label, row));
    order::sorted(pairs, Ord::cmp)
}

fn require_length(name: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        Ok(())
    } else {
        Err(Error::Length { name, expected, got })
    }
}

impl FittedScoreFusion {
    /// The parameters it was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &ScoreFusion {
        &self.parameters
    }

    /// Scores to a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Regimes that have scales of their own, ascending.
    #[must_use]
    pub fn regimes(&self) -> &[i64] {
        &self.regimes
    }

    /// The fused score of each row; higher = more abnormal. Labels are the rows' regimes, those that were not learned and
    /// negative ones meaning none.
    ///
    /// Cost: O(n m). Threads: rows.
    ///
    /// # Errors
    /// [`Error::Columns`]; [`Error::Length`] for labels or an `out` of another number than rows; [`Error::Memory`];
    /// [`Error::Interrupted`].
    pub fn score(&self, scores: Samples<'_>, labels: Option<&[i64]>, out: &mut [f64]) -> Result<()> {
        self.rowwise(scores, labels, 1, out, |fusion, row, order, out| out[0] = fusion.fused(row, order))
    }

    /// What each score has in the fused one: they sum to it. `out` holds rows x columns.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn contributions(&self, scores: Samples<'_>, labels: Option<&[i64]>, out: &mut [f64]) -> Result<()> {
        self.rowwise(scores, labels, self.columns, out, |fusion, row, order, out| {
            fusion.fused(row, order);
            fusion.share(row, order, out);
        })
    }

    /// The scores on the common scale, weights left out. `out` holds rows x columns.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn scaled(&self, scores: Samples<'_>, labels: Option<&[i64]>, out: &mut [f64]) -> Result<()> {
        let weightless = Self {
            parameters: ScoreFusion {
                weights: None,
                ..self.parameters.clone()
            },
            ..self.clone()
        };
        weightless.rowwise(scores, labels, self.columns, out, |_, row, _, out| out.copy_from_slice(row))
    }

    /// Hands the scaled and weighted scores of each row to `work`, with room for their order.
    fn rowwise(
        &self,
        scores: Samples<'_>,
        labels: Option<&[i64]>,
        width: usize,
        out: &mut [f64],
        work: impl Fn(&Self, &[f64], &mut [usize], &mut [f64]) + Sync,
    ) -> Result<()> {
        scores.require_columns(self.columns)?;
        let rows = scores.rows();
        if let Some(labels) = labels {
            require_length("labels", rows, labels.len())?;
        }
        require_length("out", rows * width, out.len())?;
        let columns = self.columns;
        by_rows(
            rows,
            width,
            out,
            COST_NS * columns as f64,
            || Ok((room(columns, 1, 0.0, "a row of scores")?, room(columns, 1, 0_usize, "their order")?)),
            |(row, order), rows, out, stop| {
                for (number, out) in rows.zip(out.chunks_exact_mut(width)) {
                    if number.is_multiple_of(1024) && stop.requested() {
                        return;
                    }
                    scores.read(number..number + 1, row);
                    let maps = self.maps_of(labels.map(|labels| labels[number]));
                    for (column, value) in row.iter_mut().enumerate() {
                        *value = self.weighed(column, maps[column].of(*value));
                    }
                    work(self, row, order, out);
                }
            },
        )
    }

    fn maps_of(&self, label: Option<i64>) -> &[Map] {
        let regime = label.and_then(|label| self.regimes.binary_search(&label).ok());
        let first = regime.map_or(0, |regime| (regime + 1) * self.columns);
        &self.maps[first..first + self.columns]
    }

    fn weight(&self, column: usize) -> f64 {
        self.parameters.weights.as_ref().map_or(1.0, |weights| weights[column])
    }

    fn weighed(&self, column: usize, z: f64) -> f64 {
        let weight = self.weight(column);
        match self.parameters.combine {
            Combine::Max | Combine::P95 if z < 0.0 => (z / weight).max(-FAR),
            _ => weight * z,
        }
    }

    /// Scores with a weight above 0.
    fn counted(&self) -> usize {
        (0..self.columns).filter(|&column| self.weight(column) > 0.0).count()
    }

    fn total_weight(&self) -> f64 {
        (0..self.columns).map(|column| self.weight(column)).sum()
    }

    /// One score of the row's; leaves in `order` the columns by their score, lowest first, where that matters.
    fn fused(&self, row: &[f64], order: &mut [usize]) -> f64 {
        match self.parameters.combine {
            Combine::Sum => row.iter().sum(),
            Combine::Mean => row.iter().sum::<f64>() / self.total_weight(),
            Combine::Max | Combine::P95 => {
                let counted = (0..self.columns).filter(|&column| self.weight(column) > 0.0);
                order.iter_mut().zip(counted).for_each(|(place, column)| *place = column);
                let order = &mut order[..self.counted()];
                order.sort_unstable_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a)));
                let (below, above, part) = self.between();
                let low = row[order[below]];
                low + (row[order[above]] - low) * part
            }
        }
    }

    /// The two places among the ordered scores that make the fused one, and how far it lies from the first to the second.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the last place"
    )]
    fn between(&self) -> (usize, usize, f64) {
        let last = self.counted().saturating_sub(1);
        if self.parameters.combine == Combine::Max {
            return (last, last, 0.0);
        }
        let place = 0.95 * last as f64;
        let below = (place as usize).min(last);
        (below, (below + 1).min(last), place - below as f64)
    }

    fn share(&self, row: &[f64], order: &[usize], out: &mut [f64]) {
        match self.parameters.combine {
            Combine::Sum => out.copy_from_slice(row),
            Combine::Mean => {
                let total = self.total_weight();
                row.iter().zip(out).for_each(|(score, share)| *share = score / total);
            }
            Combine::Max | Combine::P95 => {
                out.fill(0.0);
                let (below, above, part) = self.between();
                out[order[below]] += row[order[below]] * (1.0 - part);
                out[order[above]] += row[order[above]] * part;
            }
        }
    }
}

impl Mapping {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 3] = [
        ("robust", Self::Robust),
        ("tail", Self::Tail),
        ("cube_root", Self::CubeRoot),
    ];
}

impl Combine {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 4] = [
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("sum", Self::Sum),
        ("p95", Self::P95),
    ];
}

fn name_of<T: PartialEq>(option: &T, all: &[(&'static str, T)]) -> &'static str {
    all.iter().find(|(_, known)| known == option).map_or("", |(name, _)| name)
}

fn named<T: Copy>(name: &str, all: &[(&'static str, T)]) -> Option<T> {
    all.iter().find(|(known, _)| *known == name).map(|(_, option)| *option)
}

impl Persist for FittedScoreFusion {
    const KIND: &'static str = "ScoreFusion";
    const VERSION: u64 = 2;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        to.text("mapping", name_of(&self.parameters.mapping, &Mapping::ALL));
        to.text("combine", name_of(&self.parameters.combine, &Combine::ALL));
        if let Some(weights) = &self.parameters.weights {
            to.reals("weights", weights);
        }
        to.count("min_rows", self.parameters.min_rows as u64);
        to.count("columns", self.columns as u64);
        to.counted("regimes", self.regimes.iter().map(|label| label.unsigned_abs()));
        let numbers = self.maps.iter().flat_map(|map| match &map.form {
            Form::Line { center, scale } | Form::Cube { center, scale } => [map.fill, *center, *scale],
            Form::Knots { slope, .. } => [map.fill, *slope, 0.0],
        });
        match numbers.gathered("a saved model") {
            Ok(numbers) => to.matrix("maps", self.maps.len(), 3, &numbers),
            Err(error) => to.fail(error),
        }
        let knots = || {
            self.maps.iter().filter_map(|map| match &map.form {
                Form::Knots { scores, marks, .. } => Some((scores, marks)),
                _ => None,
            })
        };
        to.counted("knots.lengths", knots().map(|(scores, _)| scores.len() as u64));
        to.measured("knots.scores", knots().flat_map(|(scores, _)| scores).copied());
        to.measured("knots.marks", knots().flat_map(|(_, marks)| marks).copied());
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let mapping = named(from.text("mapping")?, &Mapping::ALL).ok_or_else(|| from.wrong("mapping"))?;
        let combine = named(from.text("combine")?, &Combine::ALL).ok_or_else(|| from.wrong("combine"))?;
        let columns = from.size("columns")?;
        from.require(columns >= 1, "columns")?;
        let weights = match from.has("weights") {
            true => Some(from.reals("weights", columns)?),
            false => None,
        };
        let parameters = ScoreFusion::new(mapping, combine, weights, from.size("min_rows")?);
        let parameters = parameters.map_err(|_| from.wrong("weights or min_rows"))?;
        let regimes = from.counts("regimes", from.length("regimes")?)?;
        let regimes = regimes.into_iter().map(|label| i64::try_from(label).map_err(|_| from.wrong("regimes")));
        let regimes = regimes.gathered_ok("the regimes")?;
        from.require(regimes.is_sorted_by(|a, b| a < b), "regimes")?;
        let count = columns.checked_mul(regimes.len() + 1).ok_or_else(|| from.wrong("columns"))?;
        let numbers = from.matrix("maps", count, 3)?;
        from.require(numbers.iter().all(|value| value.is_finite()), "maps")?;
        let mut knots = SavedKnots::read(from, if mapping == Mapping::Tail { count } else { 0 })?;
        let mut maps = reserved(count, "the maps")?;
        for numbers in numbers.as_chunks::<3>().0 {
            let &[fill, first, second] = numbers;
            let (sound, form) = match mapping {
                Mapping::Robust => (
                    second > 0.0,
                    Form::Line {
                        center: first,
                        scale: second,
                    },
                ),
                Mapping::CubeRoot => (
                    second > 0.0,
                    Form::Cube {
                        center: first,
                        scale: second,
                    },
                ),
                Mapping::Tail => (first >= 0.0, knots.next(from, first)?),
            };
            from.require(sound, "maps")?;
            maps.push(Map { fill, form });
        }
        Ok(Self {
            parameters,
            columns,
            regimes,
            maps,
        })
    }
}

/// The knots of all maps, one map's after the other.
struct SavedKnots {
    lengths: std::vec::IntoIter<u64>,
    scores: std::vec::IntoIter<f64>,
    marks: std::vec::IntoIter<f64>,
}

impl SavedKnots {
    fn read(from: &Reader<'_>, maps: usize) -> Result<Self> {
        let lengths = from.counts("knots.lengths", maps)?;
        let total = from.length("knots.scores")?;
        let sum = lengths.iter().try_fold(0_u64, |sum, &length| sum.checked_add(length));
        from.require(sum == Some(total as u64) && !lengths.contains(&0), "knots.lengths")?;
        Ok(Self {
            lengths: lengths.into_iter(),
            scores: from.reals("knots.scores", total)?.into_iter(),
            marks: from.reals("knots.marks", total)?.into_iter(),
        })
    }

    fn next(&mut self, from: &Reader<'_>, slope: f64) -> Result<Form> {
        let length = self.lengths.next().and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or_else(|| from.wrong("knots.lengths"))?;
        let scores = self.scores.by_ref().take(length).gathered("the maps")?;
        let marks = self.marks.by_ref().take(length).gathered("the maps")?;
        let ascending = |values: &[f64]| {
            values.iter().all(|value| value.is_finite()) && values.is_sorted_by(|below, above| below < above)
        };
        from.require(ascending(&scores), "knots.scores")?;
        from.require(ascending(&marks), "knots.marks")?;
        Ok(Form::Knots { scores, marks, slope })
    }
}
