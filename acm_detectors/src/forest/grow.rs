//! Growing a tree: rows drawn without replacement, split where chance says until they stand alone.

use acm_linalg::error::Result;
use acm_linalg::memory::{extend, push};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::{Samples, room};
use acm_linalg::seed::{Stream, stream};
use rand::RngExt;

use super::node::{Bud, Term};
use super::tree::{Sapling, height};

/// Estimated time for a row to pass a node, in nanoseconds.
const COST_NS: f64 = 12.0;

/// The trees numbered `0..count`, each from `rows` rows of `samples` and from a stream of its own. Splits have `width`
/// terms, or look at one sensor as it is where `width` is 0.
pub(super) fn grow(samples: Samples<'_>, count: usize, rows: usize, width: usize, seed: u64) -> Result<Vec<Sapling>> {
    let mut trees = room(count, 1, Sapling::default(), "the trees")?;
    let failed = std::sync::Mutex::new(None);
    let passes = f64::from(height(rows)) * (count * rows) as f64;
    parallel::run(
        trees.iter_mut().enumerate(),
        COST_NS * passes * width.max(1) as f64,
        || Ground::new(samples, rows, width),
        |ground, (number, tree), stop| {
            let grown = ground.grow(stream(seed, number as u64), stop);
            match grown {
                Ok(grown) => *tree = grown,
                Err(error) => *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error),
            }
        },
    )?;
    match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(trees),
    }
}

/// Marks of the rows `chosen`, rising, that each tree has not been grown from, tree after tree.
pub(super) fn left_aside(
    samples: Samples<'_>,
    chosen: &[usize],
    count: usize,
    rows: usize,
    seed: u64,
) -> Result<Vec<bool>> {
    let mut marks = room(count, chosen.len(), false, "marks of the training rows")?;
    parallel::run(
        marks.chunks_exact_mut(chosen.len().max(1)).enumerate(),
        COST_NS * (count * (rows + samples.rows() / 64)) as f64,
        || Ground::new(samples, rows, 0),
        |ground, (number, marks), _| {
            ground.draw(&mut stream(seed, number as u64));
            for (mark, &row) in marks.iter_mut().zip(chosen) {
                let drawn = ground.drawn[row / 64] >> (row % 64) & 1 == 1;
                *mark = drawn != ground.inside();
            }
        },
    )?;
    Ok(marks)
}

/// Rows `first..last` of [`Ground::rows`], that came to the node `at`.
struct Pending {
    at: usize,
    first: usize,
    last: usize,
    depth: u32,
    /// The sensors that may still vary: the first so many of [`Ground::sensors`].
    live: usize,
}

/// Known values of a sensor among the rows of a node.
struct Extent {
    low: f64,
    high: f64,
    mean: f64,
}

/// What growing needs, reused from tree to tree.
struct Ground<'a> {
    samples: Samples<'a>,
    width: usize,
    /// The tree's rows; those of a node lie together.
    rows: Vec<u32>,
    spare: Vec<u32>,
    /// What the rows of the node are split by.
    places: Vec<f64>,
    values: Vec<f64>,
    /// A permutation; what one node finds constant is swapped behind what may vary below it.
    sensors: Vec<u32>,
    /// A bit for each row of the samples.
    drawn: Vec<u64>,
    pending: Vec<Pending>,
}

impl<'a> Ground<'a> {
    fn new(samples: Samples<'a>, rows: usize, width: usize) -> Result<Self> {
        let what = "a tree's rows";
        Ok(Self {
            samples,
            width,
            rows: room(rows, 1, 0, what)?,
            spare: room(rows, 1, 0, what)?,
            places: room(rows, 1, 0.0, what)?,
            values: room(if width == 0 { 0 } else { rows }, 1, 0.0, what)?,
            sensors: room(samples.columns(), 1, 0, "the sensors")?,
            drawn: room(samples.rows().div_ceil(64), 1, 0, "the rows drawn")?,
            pending: Vec::new(),
        })
    }

    fn grow(&mut self, mut chance: Stream, stop: &Stop) -> Result<Sapling> {
        let rows = self.rows.len();
        self.draw(&mut chance);
        for (number, sensor) in self.sensors.iter_mut().enumerate() {
            *sensor = number as u32;
        }
        let deepest = height(rows);
        let mut tree = Sapling::default();
        extend(&mut tree.nodes, [Bud::leaf(rows as u32)], "a tree")?;
        self.pending.clear();
        let root = Pending {
            at: 0,
            first: 0,
            last: rows,
            depth: 0,
            live: self.sensors.len(),
        };
        push(&mut self.pending, root, "a tree")?;
        while let Some(node) = self.pending.pop() {
            if node.depth == deepest || node.last - node.first < 2 || stop.requested() {
                continue;
            }
            if let Some((right, live)) = self.split(&node, &mut tree, &mut chance)? {
                let left = tree.nodes.len();
                tree.nodes[node.at].child = left as u32;
                let sizes = [right - node.first, node.last - right];
                extend(&mut tree.nodes, sizes.map(|size| Bud::leaf(size as u32)), "a tree")?;
                for (at, first, last) in [(left + 1, right, node.last), (left, node.first, right)] {
                    let depth = node.depth + 1;
                    let half = Pending {
                        at,
                        first,
                        last,
                        depth,
                        live,
                    };
                    push(&mut self.pending, half, "a tree")?;
                }
            }
        }
        Ok(tree)
    }

    /// Whether the rows drawn are those in the tree, and not those out of it.
    fn inside(&self) -> bool {
        self.rows.len() <= self.samples.rows() / 2
    }

    /// Draws the tree's rows, each at most once, in ascending order.
    fn draw(&mut self, chance: &mut Stream) {
        let (all, wanted) = (self.samples.rows() as u64, self.rows.len() as u64);
        self.drawn.fill(0);
        // The fewer of those in and those out, so that every other draw at least is a new row.
        let inside = self.inside();
        let mut left = if inside { wanted } else { all - wanted };
        while left > 0 {
            let row = chance.random_range(0..all);
            let (word, bit) = ((row / 64) as usize, 1 << (row % 64));
            left -= u64::from(self.drawn[word] & bit == 0);
            self.drawn[word] |= bit;
        }
        let mut rows = self.rows.iter_mut();
        for (word, &drawn) in self.drawn.iter().enumerate() {
            let mut bits = if inside { drawn } else { !drawn };
            while bits != 0 {
                let row = word as u64 * 64 + u64::from(bits.trailing_zeros());
                bits &= bits - 1;
                if row < all
                    && let Some(place) = rows.next()
                {
                    *place = row as u32;
                }
            }
        }
    }

    /// Splits a node: its rows from the returned number on go right, and so many sensors may vary below it. `None` where
    /// nothing varies.
    fn split(&mut self, node: &Pending, tree: &mut Sapling, chance: &mut Stream) -> Result<Option<(usize, usize)>> {
        let mut live = node.live;
        let found = if self.width == 0 {
            self.choose(node, 0, &mut live, chance)
                .map(|(sensor, extent)| (sensor, extent.low, extent.high))
        } else {
            self.slant(node, &mut live, tree, chance)?
        };
        let Some((feature, low, high)) = found else {
            return Ok(None);
        };
        let threshold = between(low, high, chance.random());
        let right = self.part(node, threshold);
        let bud = &mut tree.nodes[node.at];
        (bud.feature, bud.threshold) = (feature, threshold);
        Ok(Some((right, live)))
    }

    /// Draws a sensor that varies among the node's rows, from those after the first `chosen`, and reads it into `places`;
    /// missing values are NaN.
    fn choose(
        &mut self,
        node: &Pending,
        chosen: usize,
        live: &mut usize,
        chance: &mut Stream,
    ) -> Option<(u32, Extent)> {
        while *live > chosen {
            let drawn = chance.random_range(chosen as u64..*live as u64) as usize;
            let sensor = self.sensors[drawn];
            let extent = self.read(node, sensor as usize);
            // A span beyond all numbers could not be scaled by.
            if extent.low < extent.high && (self.width == 0 || (extent.high - extent.low).is_finite()) {
                self.sensors.swap(drawn, chosen);
                return Some((sensor, extent));
            }
            *live -= 1;
            self.sensors.swap(drawn, *live);
        }
        None
    }

    fn read(&mut self, node: &Pending, sensor: usize) -> Extent {
        let into = if self.width == 0 { &mut self.places } else { &mut self.values };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let rows = &self.rows[node.first..node.last];
        for (&row, to) in rows.iter().zip(&mut *into) {
            let value = self.samples.value(row as usize, sensor);
            let known = value.is_finite();
            low = if known && value < low { value } else { low };
            high = if known && value > high { value } else { high };
            *to = if known { value } else { f64::NAN };
        }
        let mut mean = 0.0;
        if self.width > 0 && low < high {
            let (mut sum, mut count) = (0.0, 0_u32);
            for value in &into[..rows.len()] {
                let known = !value.is_nan();
                sum += if known { value - low } else { 0.0 };
                count += u32::from(known);
            }
            mean = (low + sum / f64::from(count)).min(high);
        }
        Extent { low, high, mean }
    }

    /// Draws an oblique split and puts the rows' places along its direction into `places`.
    ///
    /// The direction is Gaussian in units of each sensor's span at the node, so no unit of measurement counts for more than
    /// another; the offset is to be drawn between the rows' places, so no side stays empty (Lesouple and others 2021,
    /// doi 10.1016/j.patrec.2021.05.022).
    fn slant(
        &mut self,
        node: &Pending,
        live: &mut usize,
        tree: &mut Sapling,
        chance: &mut Stream,
    ) -> Result<Option<(u32, f64, f64)>> {
        let count = node.last - node.first;
        self.places[..count].fill(0.0);
        let number = tree.terms.len() / self.width;
        for chosen in 0..self.width {
            let term = match self.choose(node, chosen, live, chance) {
                Some((feature, extent)) => Term {
                    feature,
                    weight: (gaussian(chance) / (extent.high - extent.low)).clamp(f64::MIN, f64::MAX),
                    centre: extent.mean,
                },
                None if chosen == 0 => return Ok(None),
                None => Term::NONE,
            };
            extend(&mut tree.terms, [term], "a tree")?;
            for (place, &value) in self.places[..count].iter_mut().zip(&self.values) {
                *place += term.part(value);
            }
        }
        let places = &self.places[..count];
        let low = places.iter().copied().fold(f64::INFINITY, f64::min);
        let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let apart = low < high && low.is_finite() && high.is_finite();
        if !apart {
            tree.terms.truncate(number * self.width);
        }
        Ok(apart.then_some((number as u32, low, high)))
    }

    /// Moves the rows at or above the threshold behind the others, and those with missing values to the larger side; where
    /// the right side begins.
    fn part(&mut self, node: &Pending, threshold: f64) -> usize {
        let rows = &mut self.rows[node.first..node.last];
        let places = &self.places[..rows.len()];
        let (mut below, mut above) = (0_usize, 0_usize);
        for &place in places {
            below += usize::from(place < threshold);
            above += usize::from(place >= threshold);
        }
        let strays = above > below;
        let (mut left, mut right) = (0, 0);
        for at in 0..places.len() {
            let (row, place) = (rows[at], places[at]);
            let up = place >= threshold || (place.is_nan() && strays);
            self.spare[right] = row;
            rows[left] = row;
            right += usize::from(up);
            left += usize::from(!up);
        }
        rows[left..].copy_from_slice(&self.spare[..right]);
        node.first + left
    }
}

/// The share `part` of the way from `low` to `high`, above `low` so that both sides get rows.
fn between(low: f64, high: f64, part: f64) -> f64 {
    let span = high - low;
    let value = if span.is_finite() {
        low + part * span
    } else {
        low * (1.0 - part) + high * part
    };
    value.max(low.next_up()).min(high)
}

/// A standard normal number by the polar method (Marsaglia and Bray 1964, doi 10.1137/1006063).
fn gaussian(chance: &mut Stream) -> f64 {
    loop {
        let x = 2.0 * chance.random::<f64>() - 1.0;
        let y = 2.0 * chance.random::<f64>() - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 && x != 0.0 {
            return x * (-2.0 * square.ln() / square).sqrt();
        }
    }
}
