//! A forest as bytes.

use acm_linalg::error::Result;
use acm_linalg::memory::{Gather, copied, extend, reserved};
use acm_linalg::{Persist, Reader, Writer};

use super::node::{Bud, Term};
use super::tree::{MOST_ROWS, Sapling, Trees};
use super::{FittedIsolationForest, IsolationForest, SampleSize};
use crate::constants::Constants;
use crate::held_out::{HeldOut, NAMES};

impl Persist for FittedIsolationForest {
    const KIND: &'static str = "IsolationForest";
    const VERSION: u64 = 4;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        4 * self.trees.nodes() * (1 + self.trees.width())
    }

    fn write(&self, to: &mut Writer) {
        let parameters = &self.parameters;
        let (manner, value) = match parameters.max_samples {
            SampleSize::Auto => ("auto", 0.0),
            SampleSize::Count(rows) => ("count", rows as f64),
            SampleSize::Share(share) => ("share", share),
        };
        to.count("n_estimators", parameters.n_estimators as u64);
        to.text("max_samples.manner", manner);
        to.real("max_samples.value", value);
        to.count("extension", parameters.extension as u64);
        to.count("seed", parameters.seed);
        to.count("columns", self.columns as u64);
        match self.used() {
            Ok(used) => to.counted("used", used.into_iter().map(u64::from)),
            Err(error) => to.fail(error),
        }
        to.count("samples", self.samples as u64);
        if let Some(held_out) = &self.held_out {
            held_out.write(to, &NAMES);
        }
        self.constants.write(parameters.constants, to);
        let trees = &self.trees;
        to.counted("tree.nodes", trees.iter().map(|tree| tree.nodes.len() as u64));
        let nodes = || trees.iter().flat_map(|tree| tree.nodes.iter().zip(tree.sizes).enumerate());
        let leaf = |at: usize, child: u32| child as usize == at;
        to.measured(
            "node.threshold",
            nodes().map(|(at, (node, _))| if leaf(at, node.child) { 0.0 } else { node.threshold }),
        );
        to.counted("node.feature", nodes().map(|(_, (node, _))| u64::from(node.feature)));
        to.counted(
            "node.child",
            nodes().map(|(at, (node, _))| if leaf(at, node.child) { 0 } else { u64::from(node.child) }),
        );
        to.counted("node.size", nodes().map(|(_, (_, &size))| u64::from(size)));
        if trees.width() > 0 {
            let terms = || trees.iter().flat_map(|tree| tree.terms);
            to.counted("tree.terms", trees.iter().map(|tree| tree.terms.len() as u64));
            to.counted("term.feature", terms().map(|term| u64::from(term.feature)));
            to.measured("term.weight", terms().map(|term| term.weight));
            to.measured("term.centre", terms().map(|term| term.centre));
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let value = from.real("max_samples.value")?;
        let max_samples = match from.text("max_samples.manner")? {
            "auto" => SampleSize::Auto,
            "count" => SampleSize::Count(count(value).ok_or_else(|| from.wrong("max_samples.value"))?),
            "share" => SampleSize::Share(value),
            _ => return Err(from.wrong("max_samples.manner")),
        };
        // Forests of single rows were grown once.
        let lone = max_samples == SampleSize::Count(1);
        let sound = if lone { SampleSize::Auto } else { max_samples };
        let mut parameters =
            IsolationForest::new(from.size("n_estimators")?, sound, from.size("extension")?, from.count("seed")?)
                .map_err(|_| from.wrong("n_estimators"))?;
        parameters.max_samples = max_samples;
        parameters.constants = Constants::watched(from);
        let (columns, samples) = (from.size("columns")?, from.size("samples")?);
        from.require(columns > 0 && u32::try_from(columns).is_ok(), "columns")?;
        from.require((1..=MOST_ROWS).contains(&samples), "samples")?;
        let width = parameters.width(columns);
        let saplings = saplings(from, parameters.n_estimators, width)?;
        for sapling in &saplings {
            sapling.check(columns, samples, width).map_err(|fault| from.wrong(fault))?;
        }
        Ok(Self {
            parameters,
            columns,
            used: used(from, columns, &saplings)?,
            samples,
            trees: Trees::plant(&saplings, width)?,
            held_out: HeldOut::read(from, &NAMES)?,
            constants: Constants::read(from, columns)?,
        })
    }
}

/// The sensors that changed at fit; in the first format those that a split looks at.
fn used(from: &Reader<'_>, columns: usize, saplings: &[Sapling]) -> Result<Vec<u32>> {
    if from.has("used") {
        let flags = from.counts("used", columns)?;
        from.require(flags.iter().all(|&flag| flag <= 1), "used")?;
        let changed = (0..).zip(flags).filter_map(|(column, flag)| (flag == 1).then_some(column));
        return changed.gathered("the columns that change");
    }
    let mut used = Vec::new();
    for sapling in saplings {
        // With terms the nodes have numbers of splits.
        let nodes = sapling.nodes.iter().filter(|node| node.child != 0 && sapling.terms.is_empty());
        let terms = sapling.terms.iter().map(|term| term.feature);
        extend(&mut used, nodes.map(|node| node.feature).chain(terms), "the columns that change")?;
    }
    used.sort_unstable();
    used.dedup();
    Ok(used)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number in range"
)]
fn count(value: f64) -> Option<usize> {
    (value.fract() == 0.0 && (1.0..=MOST_ROWS as f64).contains(&value)).then_some(value as usize)
}

fn saplings(from: &Reader<'_>, trees: usize, width: usize) -> Result<Vec<Sapling>> {
    let counts = from.counts("tree.nodes", trees)?;
    let total = from.length("node.size")?;
    let thresholds = from.reals("node.threshold", total)?;
    let features = small(from, "node.feature", total)?;
    let children = small(from, "node.child", total)?;
    let sizes = small(from, "node.size", total)?;
    let nodes = thresholds.into_iter().zip(features).zip(children).zip(sizes);
    let nodes = nodes.map(|(((threshold, feature), child), size)| Bud {
        threshold,
        feature,
        child,
        size,
    });
    let nodes = nodes.gathered("the trees")?;
    let mut saplings = reserved(trees, "the trees")?;
    for nodes in shares(from, "tree.nodes", &counts, &nodes)? {
        saplings.push(Sapling {
            nodes: copied(nodes, "the trees")?,
            terms: Vec::new(),
        });
    }
    if width > 0 {
        let counts = from.counts("tree.terms", trees)?;
        let total = from.length("term.weight")?;
        let sensors = small(from, "term.feature", total)?;
        let centres = from.reals("term.centre", total)?;
        let terms = from.reals("term.weight", total)?.into_iter().zip(sensors).zip(centres);
        let terms = terms.map(|((weight, feature), centre)| Term {
            feature,
            weight,
            centre,
        });
        let terms = terms.gathered("the trees")?;
        for (sapling, terms) in saplings.iter_mut().zip(shares(from, "tree.terms", &counts, &terms)?) {
            sapling.terms = copied(terms, "the trees")?;
        }
    }
    Ok(saplings)
}

/// Whole numbers of 32 bits.
fn small(from: &Reader<'_>, name: &'static str, count: usize) -> Result<Vec<u32>> {
    let values = from.counts(name, count)?;
    let small = values.into_iter().map(|value| u32::try_from(value).map_err(|_| from.wrong(name)));
    small.gathered_ok("the trees")
}

/// `values` cut into pieces of the given lengths, which must be all of them.
fn shares<'v, T>(from: &Reader<'_>, name: &'static str, lengths: &[u64], values: &'v [T]) -> Result<Vec<&'v [T]>> {
    let mut rest = values;
    let mut pieces = reserved(lengths.len(), "the trees")?;
    for &length in lengths {
        let length = usize::try_from(length).map_err(|_| from.wrong(name))?;
        let (piece, after) = rest.split_at_checked(length).ok_or_else(|| from.wrong(name))?;
        pieces.push(piece);
        rest = after;
    }
    from.require(rest.is_empty(), name)?;
    Ok(pieces)
}
