//! A forest as bytes.

use acm_linalg::error::Result;
use acm_linalg::{Persist, Reader, Writer};

use super::tree::{Bud, MOST_ROWS, Sapling, Term, Trees};
use super::{FittedIsolationForest, IsolationForest, SampleSize};

impl Persist for FittedIsolationForest {
    const KIND: &'static str = "IsolationForest";
    const VERSION: u64 = 2;

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
        to.counts("used", &self.used().into_iter().map(u64::from).collect::<Vec<_>>());
        to.count("samples", self.samples as u64);
        let trees = &self.trees;
        let counts: Vec<u64> = trees.iter().map(|tree| tree.nodes.len() as u64).collect();
        to.counts("tree.nodes", &counts);
        let (mut thresholds, mut features, mut children, mut sizes) = (vec![], vec![], vec![], vec![]);
        let (mut splits, mut sensors, mut weights, mut centres) = (vec![], vec![], vec![], vec![]);
        for tree in trees.iter() {
            for (at, (node, &size)) in tree.nodes.iter().zip(tree.sizes).enumerate() {
                let leaf = node.child as usize == at;
                thresholds.push(if leaf { 0.0 } else { node.threshold });
                features.push(u64::from(node.feature));
                children.push(if leaf { 0 } else { u64::from(node.child) });
                sizes.push(u64::from(size));
            }
            splits.push(tree.terms.len() as u64);
            for term in tree.terms {
                sensors.push(u64::from(term.feature));
                weights.push(term.weight);
                centres.push(term.centre);
            }
        }
        to.reals("node.threshold", &thresholds);
        to.counts("node.feature", &features);
        to.counts("node.child", &children);
        to.counts("node.size", &sizes);
        if trees.width() > 0 {
            to.counts("tree.terms", &splits);
            to.counts("term.feature", &sensors);
            to.reals("term.weight", &weights);
            to.reals("term.centre", &centres);
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
        })
    }
}

/// The sensors that changed at fit; in the first format those that a split looks at.
fn used(from: &Reader<'_>, columns: usize, saplings: &[Sapling]) -> Result<Vec<u32>> {
    if from.has("used") {
        let flags = from.counts("used", columns)?;
        from.require(flags.iter().all(|&flag| flag <= 1), "used")?;
        return Ok((0..).zip(flags).filter_map(|(column, flag)| (flag == 1).then_some(column)).collect());
    }
    let mut used = Vec::new();
    for sapling in saplings {
        // With terms the nodes have numbers of splits.
        let nodes = sapling.nodes.iter().filter(|node| node.child != 0 && sapling.terms.is_empty());
        let terms = sapling.terms.iter().map(|term| term.feature);
        used.extend(nodes.map(|node| node.feature).chain(terms));
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
    let nodes: Vec<Bud> = nodes
        .map(|(((threshold, feature), child), size)| Bud {
            threshold,
            feature,
            child,
            size,
        })
        .collect();
    let mut saplings: Vec<_> = shares(from, "tree.nodes", &counts, &nodes)?
        .into_iter()
        .map(|nodes| Sapling {
            nodes: nodes.to_vec(),
            terms: Vec::new(),
        })
        .collect();
    if width > 0 {
        let counts = from.counts("tree.terms", trees)?;
        let total = from.length("term.weight")?;
        let sensors = small(from, "term.feature", total)?;
        let centres = from.reals("term.centre", total)?;
        let terms = from.reals("term.weight", total)?.into_iter().zip(sensors).zip(centres);
        let terms: Vec<Term> = terms
            .map(|((weight, feature), centre)| Term {
                feature,
                weight,
                centre,
            })
            .collect();
        for (sapling, terms) in saplings.iter_mut().zip(shares(from, "tree.terms", &counts, &terms)?) {
            sapling.terms = terms.to_vec();
        }
    }
    Ok(saplings)
}

/// Whole numbers of 32 bits.
fn small(from: &Reader<'_>, name: &'static str, count: usize) -> Result<Vec<u32>> {
    let values = from.counts(name, count)?;
    values
        .into_iter()
        .map(|value| u32::try_from(value).map_err(|_| from.wrong(name)))
        .collect()
}

/// `values` cut into pieces of the given lengths, which must be all of them.
fn shares<'v, T>(from: &Reader<'_>, name: &'static str, lengths: &[u64], values: &'v [T]) -> Result<Vec<&'v [T]>> {
    let mut rest = values;
    let mut pieces = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let length = usize::try_from(length).map_err(|_| from.wrong(name))?;
        let (piece, after) = rest.split_at_checked(length).ok_or_else(|| from.wrong(name))?;
        pieces.push(piece);
        rest = after;
    }
    from.require(rest.is_empty(), name)?;
    Ok(pieces)
}
