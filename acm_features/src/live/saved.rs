//! A history's statistic and its last rows as bytes.

use std::sync::Arc;

use acm_linalg::memory::Gather;
use acm_linalg::{Memory, Persist, Reader, Result, Writer};

use super::history::History;
use super::kind::{Asked, Kind, Rolling, Span, Windowed};
use super::ring::Ring;
use super::standing::Standing;
use super::{RollingMemory, Shared};
use crate::ewm::{Fading, KEPT, Walk, Weighing, Weighted};
use crate::matrix::Feature;
use crate::rolling::{Closed, TimeMean, Times};
use crate::spectral::Bands;

const CLOSED: [(&str, Closed); 4] = [
    ("right", Closed::Right),
    ("left", Closed::Left),
    ("both", Closed::Both),
    ("neither", Closed::Neither),
];

const FADINGS: [&str; 4] = ["alpha", "span", "halflife", "lasting"];

impl Kind {
    /// The name of its function, without `rolling_`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Var { .. } => "var",
            Self::Std { .. } => "std",
            Self::MeanStd { .. } => "mean_std",
            Self::Min => "min",
            Self::Max => "max",
            Self::Range => "range",
            Self::Skew => "skew",
            Self::Kurt => "kurt",
            Self::Median => "median",
            Self::Mad { .. } => "mad",
            Self::Quantile { .. } => "quantile",
            Self::Slope => "slope",
            Self::Cov { .. } => "cov",
            Self::Corr => "corr",
            Self::LagCorr { .. } => "lag_corr",
            Self::BandEnergy { .. } => "band_energy",
            Self::FeatureMatrix { .. } => "feature_matrix",
        }
    }

    fn write(&self, to: &mut Writer) {
        match self {
            Self::Var { ddof } | Self::Std { ddof } | Self::MeanStd { ddof } | Self::Cov { ddof } => {
                to.count("ddof", *ddof as u64);
            }
            Self::Mad { scale } => to.real("scale", *scale),
            Self::Quantile { q } => to.reals("q", q),
            Self::LagCorr { max_lag, pairs } => {
                to.count("max_lag", *max_lag as u64);
                to.counted("pairs", pairs.iter().flat_map(|&(a, b)| [a as u64, b as u64]));
            }
            Self::BandEnergy { bands } => write_bands(bands, to),
            Self::FeatureMatrix { features, bands, fill } => {
                let number = |feature: &Feature| Feature::ALL.iter().position(|known| known == feature);
                to.counted("features", features.iter().filter_map(number).map(|number| number as u64));
                write_bands(bands, to);
                if let Some(fill) = fill {
                    to.reals("fill", fill);
                }
            }
            _ => {}
        }
    }

    fn read(name: &str, columns: usize, from: &Reader<'_>) -> Result<Self> {
        let ddof = || from.size("ddof");
        Ok(match name {
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "var" => Self::Var { ddof: ddof()? },
            "std" => Self::Std { ddof: ddof()? },
            "mean_std" => Self::MeanStd { ddof: ddof()? },
            "min" => Self::Min,
            "max" => Self::Max,
            "range" => Self::Range,
            "skew" => Self::Skew,
            "kurt" => Self::Kurt,
            "median" => Self::Median,
            "mad" => Self::Mad {
                scale: from.real("scale")?,
            },
            "quantile" => Self::Quantile {
                q: from.reals("q", from.length("q")?)?,
            },
            "slope" => Self::Slope,
            "cov" => Self::Cov { ddof: ddof()? },
            "corr" => Self::Corr,
            "lag_corr" => Self::LagCorr {
                max_lag: from.size("max_lag")?,
                pairs: read_pairs(from)?,
            },
            "band_energy" => Self::BandEnergy {
                bands: read_bands(from)?,
            },
            "feature_matrix" => Self::FeatureMatrix {
                features: read_features(from)?,
                bands: read_bands(from)?,
                fill: if from.has("fill") { Some(from.reals("fill", columns)?) } else { None },
            },
            _ => return Err(from.wrong("kind")),
        })
    }
}

fn write_bands(bands: &Bands, to: &mut Writer) {
    to.measured("bands", bands.edges().iter().flat_map(|&(low, high)| [low, high]));
    to.real("fs", bands.fs());
}

fn read_bands(from: &Reader<'_>) -> Result<Bands> {
    let edges = from.reals("bands", from.length("bands")?)?;
    from.require(edges.len().is_multiple_of(2), "bands")?;
    let edges = edges.as_chunks::<2>().0.iter().map(|&[low, high]| (low, high));
    let edges = edges.gathered("the bands")?;
    Bands::new(edges, from.real("fs")?).map_err(|error| from.blamed("bands", error))
}

fn read_pairs(from: &Reader<'_>) -> Result<Vec<(usize, usize)>> {
    let listed = from.counts("pairs", from.length("pairs")?)?;
    from.require(listed.len().is_multiple_of(2), "pairs")?;
    let mut pairs = acm_linalg::memory::reserved(listed.len() / 2, "the pairs")?;
    for &[a, b] in listed.as_chunks::<2>().0 {
        let column = |number: u64| usize::try_from(number).map_err(|_| from.wrong("pairs"));
        pairs.push((column(a)?, column(b)?));
    }
    Ok(pairs)
}

fn read_features(from: &Reader<'_>) -> Result<Vec<Feature>> {
    let count = from.length("features")?;
    from.require((1..=Feature::ALL.len()).contains(&count), "features")?;
    let mut features = Vec::with_capacity(count);
    for number in from.counts("features", count)? {
        let known = usize::try_from(number).ok().and_then(|number| Feature::ALL.get(number));
        let feature = *known.ok_or_else(|| from.wrong("features"))?;
        from.require(!features.contains(&feature), "features")?;
        features.push(feature);
    }
    Ok(features)
}

fn write_weighted(weighted: &Weighted, to: &mut Writer) {
    let (number, value) = match weighted.fading() {
        Fading::Alpha(alpha) => (0, alpha),
        Fading::Span(span) => (1, span),
        Fading::HalfLife(rows) => (2, rows),
        Fading::Lasting(nanoseconds) => (3, f64::from_bits(nanoseconds.cast_unsigned())),
    };
    to.text("fading", FADINGS[number]);
    to.count("fading.value", value.to_bits());
    let Weighing {
        adjust,
        ignore_na,
        min_periods,
    } = weighted.weighing();
    to.count("adjust", adjust.into());
    to.count("ignore_na", ignore_na.into());
    to.count("min_periods", min_periods as u64);
    if let Some(bias) = weighted.is_deviation() {
        to.count("bias", bias.into());
    }
}

fn write_time_mean(mean: TimeMean, to: &mut Writer) {
    to.count("window.lasting", mean.window().unsigned_abs());
    if let Some(hold) = mean.hold() {
        to.count("hold", hold.unsigned_abs());
    }
    to.count("min_periods", mean.min_periods() as u64);
}

fn read_time_mean(from: &Reader<'_>) -> Result<TimeMean> {
    let lasting = |name| i64::try_from(from.count(name)?).map_err(|_| from.wrong(name));
    let hold = from.has("hold").then(|| lasting("hold")).transpose()?;
    let mean = TimeMean::new(lasting("window.lasting")?, hold, from.size("min_periods")?);
    mean.map_err(|error| from.blamed("window.lasting", error))
}

fn read_weighted(deviation: bool, from: &Reader<'_>) -> Result<Weighted> {
    let bits = from.count("fading.value")?;
    let value = f64::from_bits(bits);
    let fading = match from.text("fading")? {
        "alpha" => Fading::Alpha(value),
        "span" => Fading::Span(value),
        "halflife" => Fading::HalfLife(value),
        "lasting" => Fading::Lasting(bits.cast_signed()),
        _ => return Err(from.wrong("fading")),
    };
    let weighing = Weighing {
        adjust: from.count("adjust")? == 1,
        ignore_na: from.count("ignore_na")? == 1,
        min_periods: from.size("min_periods")?,
    };
    let weighted = if deviation {
        Weighted::deviation(fading, weighing, from.count("bias")? == 1)
    } else {
        Weighted::mean(fading, weighing)
    };
    weighted.map_err(|error| from.blamed("fading.value", error))
}

impl Persist for Rolling {
    const KIND: &'static str = "RollingState";
    const VERSION: u64 = 2;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn size(&self) -> usize {
        match self.asked() {
            Asked::Windowed(windowed) => windowed.rows_before().unwrap_or(0).saturating_mul(self.columns()),
            Asked::Weighted(_) => KEPT * self.columns(),
            Asked::TimeMean(_) => 0,
        }
    }

    fn write(&self, to: &mut Writer) {
        to.count("columns", self.columns() as u64);
        match self.asked() {
            Asked::Weighted(weighted) => {
                to.text("kind", if weighted.is_deviation().is_some() { "ewm_std" } else { "ewm_mean" });
                write_weighted(weighted, to);
            }
            Asked::TimeMean(mean) => {
                to.text("kind", "time_mean");
                write_time_mean(*mean, to);
            }
            Asked::Windowed(windowed) => {
                to.text("kind", windowed.kind.name());
                windowed.kind.write(to);
                match windowed.span {
                    Span::Rows(rows) => to.count("window", rows as u64),
                    Span::Lasting(nanoseconds) => to.count("window.lasting", nanoseconds.unsigned_abs()),
                }
                to.count("min_periods", windowed.min_periods as u64);
                let closed = CLOSED.iter().find(|(_, closed)| *closed == windowed.closed);
                to.text("closed", closed.map_or("right", |(name, _)| name));
            }
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let columns = from.size("columns")?;
        let asked = match from.text("kind")? {
            "ewm_mean" => Asked::Weighted(read_weighted(false, from)?),
            "ewm_std" => Asked::Weighted(read_weighted(true, from)?),
            "time_mean" => Asked::TimeMean(read_time_mean(from)?),
            name => {
                let closed = from.text("closed")?;
                let span = if from.has("window") {
                    Span::Rows(from.size("window")?)
                } else {
                    let lasting = i64::try_from(from.count("window.lasting")?);
                    Span::Lasting(lasting.map_err(|_| from.wrong("window.lasting"))?)
                };
                Asked::Windowed(Windowed {
                    kind: Kind::read(name, columns, from)?,
                    span,
                    min_periods: from.size("min_periods")?,
                    closed: CLOSED
                        .iter()
                        .find(|(known, _)| *known == closed)
                        .map(|(_, closed)| *closed)
                        .ok_or_else(|| from.wrong("closed"))?,
                })
            }
        };
        Self::new(asked, columns).map_err(|error| from.blamed("kind", error))
    }
}

impl Memory for RollingMemory {
    fn write(&self, to: &mut Writer) {
        let held = match self.0.lock() {
            Ok(held) => held,
            Err(error) => return to.fail(error),
        };
        let Some(history) = &*held else { return };
        to.count("live.rows", history.seen as u64);
        to.count("live.narrow", history.narrow.into());
        if let Some(times) = history.times() {
            to.counted("live.times", times.iter().map(|time| time.cast_unsigned()));
        }
        if let Some(weights) = &history.weights {
            to.measured("live.weights", weights.numbers());
            return;
        }
        if let Some(standing) = &history.standing {
            to.counted("live.counts", standing.counts());
            to.counted("live.when", standing.readings().map(|reading| reading.time.cast_unsigned()));
            to.measured("live.readings", standing.readings().map(|reading| reading.value));
            return;
        }
        to.measured("live.x", history.x.numbers());
        if let Some(y) = &history.y {
            to.measured("live.y", y.numbers());
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.rows") {
            return Ok(Self::default());
        }
        let rolling = Rolling::read(from)?;
        let columns = rolling.columns();
        let seen = from.size("live.rows")?;
        // So that counting on does not overflow.
        from.require((1..1 << 62).contains(&seen), "live.rows")?;
        // Before anything is made as large as the file says that it is.
        let (name, rows) = match rolling.asked() {
            Asked::Weighted(_) => ("live.weights", KEPT),
            Asked::TimeMean(_) => ("live.counts", 1),
            Asked::Windowed(windowed) => {
                let rows = from.length("live.x")? / columns;
                let enough = match windowed.rows_before() {
                    Some(before) => rows == before.min(seen),
                    None => (1..=seen).contains(&rows),
                };
                from.require(enough, "live.x")?;
                ("live.x", rows)
            }
        };
        let values = from.length(name)?;
        from.require(rows.checked_mul(columns) == Some(values), name)?;
        let narrow = from.count("live.narrow")?;
        from.require(narrow <= 1, "live.narrow")?;
        let mut history = History::new(&rolling)?;
        (history.seen, history.narrow) = (seen, narrow == 1);
        if from.has("live.times") {
            let times = from.counts("live.times", from.length("live.times")?)?;
            let times = times.into_iter().map(u64::cast_signed).gathered("times")?;
            from.require(!times.is_empty() && Times::new(&times).is_ok(), "live.times")?;
            history.times = Some(times);
        }
        from.require(history.times.is_some() || !rolling.needs_times(), "live.times")?;
        from.require(history.times.is_none() || rolling.takes_times(), "live.times")?;
        match rolling.asked() {
            Asked::Weighted(_) => {
                let numbers = from.reals("live.weights", values)?;
                history.weights = Some(Walk::from_numbers(columns, &numbers)?);
                let one = history.times.as_ref().is_none_or(|times| times.len() == 1);
                from.require(one, "live.times")?;
            }
            Asked::TimeMean(_) => {
                let one = history.times.as_deref().filter(|times| times.len() == 1);
                let now = *one.and_then(<[i64]>::first).ok_or_else(|| from.wrong("live.times"))?;
                let counts = from.counts("live.counts", values)?;
                let count = from.length("live.readings")?;
                let (when, readings) = (from.counts("live.when", count)?, from.reals("live.readings", count)?);
                let standing = Standing::from_readings(&counts, &when, &readings, now)?;
                history.standing = Some(standing.ok_or_else(|| from.wrong("live.readings"))?);
            }
            Asked::Windowed(_) => {
                let timed = history.times.as_ref().is_none_or(|times| times.len() == rows);
                from.require(timed, "live.times")?;
                let ring = |name| Ring::from_numbers(columns, rows, &from.reals(name, values)?);
                history.x = ring("live.x")?;
                if rolling.is_pair() {
                    history.y = Some(ring("live.y")?);
                }
            }
        }
        history.look_for_odd(&rolling);
        Ok(Self(Shared::of(Some(history))))
    }

    fn copy(&self) -> Result<Self> {
        Ok(Self(Arc::clone(&self.0)))
    }
}
