//! What is asked of a history that grows, and how the whole of it would be asked.

use acm_linalg::error::require;
use acm_linalg::lanes::Element;
use acm_linalg::{Error, Result};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::ewm::{Fading, Weighted};
use crate::matrix::{Feature, Gaps, feature_matrix};
use crate::rolling::{self, Closed, TimeMean, Times, Window, Windows};
use crate::spectral::{Bands, rolling_band_energy};

/// Most columns, and most results of a row: nobody means more, and no memory is asked for before.
const MOST: usize = 1 << 24;

/// A rolling statistic and its own parameters, by the name of its function.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names of functions and of their arguments")]
pub enum Kind {
    Sum,
    Mean,
    Var {
        ddof: usize,
    },
    Std {
        ddof: usize,
    },
    MeanStd {
        ddof: usize,
    },
    Min,
    Max,
    Range,
    Skew,
    Kurt,
    Median,
    Mad {
        scale: f64,
    },
    Quantile {
        q: Vec<f64>,
    },
    Slope,
    Cov {
        ddof: usize,
    },
    Corr,
    LagCorr {
        max_lag: usize,
        pairs: Vec<(usize, usize)>,
    },
    BandEnergy {
        bands: Bands,
    },
    FeatureMatrix {
        features: Vec<Feature>,
        bands: Bands,
        fill: Option<Vec<f64>>,
    },
}

/// How far back a window reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So many rows.
    Rows(usize),
    /// So many nanoseconds.
    Lasting(i64),
}

/// A statistic of trailing windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Windowed {
    /// The statistic.
    pub kind: Kind,
    /// How far its windows reach back.
    pub span: Span,
    /// Non-missing values that a result needs.
    pub min_periods: usize,
    /// Which of a window's ends belong to it.
    pub closed: Closed,
}

/// What is asked of each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A statistic of the window that ends there.
    Windowed(Windowed),
    /// Exponential weights.
    Weighted(Weighted),
    /// The time-weighted mean.
    TimeMean(TimeMean),
}

/// What to compute of a history that comes in pieces, and of how many columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rolling {
    asked: Asked,
    columns: usize,
}

/// Rows that come next.
pub(super) struct Next<'a, T> {
    pub(super) x: ArrayView2<'a, T>,
    pub(super) y: Option<ArrayView2<'a, T>>,
    pub(super) times: Option<&'a [i64]>,
    pub(super) first_row: usize,
}

impl Rolling {
    /// Of `columns` columns.
    ///
    /// # Errors
    /// As the function of the kind's name, and [`Error::Parameter`] where there is no column or `fill` is not finite.
    pub fn new(asked: Asked, columns: usize) -> Result<Self> {
        require((1..=MOST).contains(&columns), "d", "at least 1 and at most 16777216", columns)?;
        let rolling = Self { asked, columns };
        if let Asked::Windowed(windowed) = &rolling.asked {
            windowed.check(columns)?;
            let width = rolling.width();
            let nothing = Array2::<f64>::zeros((0, columns));
            let next = Next {
                x: nothing.view(),
                y: rolling.is_pair().then(|| nothing.view()),
                times: matches!(windowed.span, Span::Lasting(_)).then_some(&[][..]),
                first_row: 0,
            };
            windowed.run(&next, Array2::zeros((0, width)).view_mut())?;
        }
        Ok(rolling)
    }

    /// What is asked.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Columns of the history.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Whether there is a second input.
    #[must_use]
    pub fn is_pair(&self) -> bool {
        matches!(&self.asked, Asked::Windowed(asked) if matches!(asked.kind, Kind::Cov { .. } | Kind::Corr))
    }

    /// Whether every row must have a time.
    #[must_use]
    pub fn needs_times(&self) -> bool {
        match &self.asked {
            Asked::Windowed(windowed) => matches!(windowed.span, Span::Lasting(_)),
            Asked::Weighted(weighted) => matches!(weighted.fading(), Fading::Lasting(_)),
            Asked::TimeMean(_) => true,
        }
    }

    /// Whether rows may have times.
    #[must_use]
    pub fn takes_times(&self) -> bool {
        matches!(self.asked, Asked::Windowed(_)) || self.needs_times()
    }

    /// Results of a row, in all.
    #[must_use]
    pub fn width(&self) -> usize {
        match &self.asked {
            Asked::Weighted(_) | Asked::TimeMean(_) => self.columns,
            Asked::Windowed(windowed) => windowed.blocks(self.columns).iter().map(|(lanes, each)| lanes * each).sum(),
        }
    }

    /// Results of a row that stand side by side: how many series they are of, and how many of each.
    pub(super) fn blocks(&self) -> Vec<(usize, usize)> {
        match &self.asked {
            Asked::Weighted(_) | Asked::TimeMean(_) => vec![(self.columns, 1)],
            Asked::Windowed(windowed) => windowed.blocks(self.columns),
        }
    }
}

impl Windowed {
    fn check(&self, columns: usize) -> Result<()> {
        if let Span::Rows(rows) = self.span {
            Window::new(rows, self.min_periods)?;
        }
        match &self.kind {
            Kind::LagCorr { max_lag, pairs } => {
                let lags = max_lag.checked_add(1).and_then(|lags| lags.checked_mul(pairs.len()));
                lags.filter(|lags| *lags <= MOST).map(drop).ok_or(Error::Memory {
                    what: "the pairs and lags",
                    rows: pairs.len(),
                    columns: *max_lag,
                })
            }
            Kind::FeatureMatrix { fill: Some(fill), .. } => {
                if fill.len() != columns {
                    return Err(Error::Length {
                        name: "fill",
                        expected: columns,
                        got: fill.len(),
                    });
                }
                let odd = fill.iter().find(|value| !value.is_finite());
                odd.map_or(Ok(()), |&value| {
                    require(false, "fill", "finite numbers: no median of rows to come is known", value)
                })
            }
            _ => Ok(()),
        }
    }

    fn blocks(&self, columns: usize) -> Vec<(usize, usize)> {
        match &self.kind {
            Kind::MeanStd { .. } => vec![(columns, 2)],
            Kind::Quantile { q } => vec![(columns, q.len())],
            Kind::LagCorr { max_lag, pairs } => vec![(pairs.len() * (max_lag + 1), 1)],
            Kind::BandEnergy { bands } => vec![(columns, bands.len())],
            Kind::FeatureMatrix { features, bands, .. } => {
                let each = |feature: &Feature| if *feature == Feature::Energy { bands.len() } else { 1 };
                features.iter().map(|feature| (columns, each(feature))).collect()
            }
            _ => vec![(columns, 1)],
        }
    }

    /// Rows that a window of rows may see before its own, and that its results may depend on otherwise.
    pub(super) fn rows_before(&self) -> Option<usize> {
        let Span::Rows(rows) = self.span else { return None };
        Some(rows.saturating_add(1).saturating_add(self.lag()))
    }

    /// Rows before those of a window that it may look at.
    pub(super) fn lag(&self) -> usize {
        if let Kind::LagCorr { max_lag, .. } = self.kind { max_lag } else { 0 }
    }

    /// All rows of a piece at once, as the function of the kind's name does it.
    pub(super) fn run<T: Element>(&self, next: &Next<'_, T>, out: ArrayViewMut2<'_, T>) -> Result<()> {
        let times = next.times.map(Times::new).transpose()?;
        let windows = match (self.span, times) {
            (Span::Rows(rows), Some(times)) => Windows::from(Window::new(rows, self.min_periods)?).at(times),
            (Span::Rows(rows), None) => Window::new(rows, self.min_periods)?.into(),
            (Span::Lasting(nanoseconds), times) => {
                Windows::lasting(nanoseconds, self.min_periods, times.ok_or(super::NO_TIMES)?)?
            }
        };
        let windows = windows.closed(self.closed).starting_at(next.first_row);
        let x = next.x;
        let y = next.y.unwrap_or(x);
        match &self.kind {
            Kind::Sum => rolling::rolling_sum(x, windows, out),
            Kind::Mean => rolling::rolling_mean(x, windows, out),
            Kind::Var { ddof } => rolling::rolling_var(x, windows, *ddof, out),
            Kind::Std { ddof } => rolling::rolling_std(x, windows, *ddof, out),
            Kind::MeanStd { ddof } => rolling::rolling_mean_std(x, windows, *ddof, out),
            Kind::Min => rolling::rolling_min(x, windows, out),
            Kind::Max => rolling::rolling_max(x, windows, out),
            Kind::Range => rolling::rolling_range(x, windows, out),
            Kind::Skew => rolling::rolling_skew(x, windows, out),
            Kind::Kurt => rolling::rolling_kurt(x, windows, out),
            Kind::Median => rolling::rolling_median(x, windows, out),
            Kind::Mad { scale } => rolling::rolling_mad(x, windows, *scale, out),
            Kind::Quantile { q } => rolling::rolling_quantile(x, windows, q, out),
            Kind::Slope => rolling::rolling_slope(x, windows, out),
            Kind::Cov { ddof } => rolling::rolling_cov(x, y, windows, *ddof, out),
            Kind::Corr => rolling::rolling_corr(x, y, windows, out),
            Kind::LagCorr { max_lag, pairs } => rolling::rolling_lag_corr(x, windows, *max_lag, pairs, out),
            Kind::BandEnergy { bands } => rolling_band_energy(x, windows, bands, out),
            Kind::FeatureMatrix { features, bands, fill } => {
                let gaps = fill.as_deref().map_or(Gaps::Kept, Gaps::Filled);
                feature_matrix(x, windows, features, bands, gaps, out)
            }
        }
    }
}
