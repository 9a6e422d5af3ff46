//! A fit from moments that were gathered in pieces, and merged.

use acm_linalg::covariance::Shrinkage;
use acm_linalg::memory::Gather;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::samples::room;
use acm_linalg::scaling::rounding;
use acm_linalg::{Error, Result, Scaling};

use super::{FittedMahalanobis, MahalanobisDetector, whitening};
use crate::constants::Constants;
use crate::lagged::{LEAST_ROWS, Lagged, NOTHING_CHANGES};
use crate::rounding::Rounding;
use crate::screen::LeftOut;
use crate::states::States;

const WHAT: &str = "a covariance";

impl MahalanobisDetector {
    /// Learns from moments of healthy rows: their means, standard deviations and covariance, each over the rows in which it is
    /// known. The same moments give the same bytes, and moments do not depend on how rows were cut and merged.
    ///
    /// No row is at hand: limits are the theoretical ones, for as many rows as the rarest pair of columns has, and no reading is
    /// told to be bad but those beyond the moments' reach.
    ///
    /// # Errors
    /// [`Error::Parameter`] with lags, of which moments know nothing; [`Error::Unfit`] for the share of Ledoit and Wolf, which
    /// needs the rows, and where no column changes; [`Error::TooFew`] unless each pair of columns has six rows, and without
    /// shrinkage more rows than columns; [`Error::Singular`] where columns determine one another and nothing is shrunk, or gaps
    /// make the covariances of pairs contradict each other; [`Error::Memory`].
    pub fn fit_moments(&self, moments: &RunningMoments, sums: &Sums) -> Result<FittedMahalanobis> {
        acm_linalg::error::require(
            self.lags == 0,
            "lags",
            "0 for a fit from moments, which hold no earlier rows",
            self.lags,
        )?;
        let share = match self.shrinkage {
            Shrinkage::Nothing => 0.0,
            Shrinkage::Share(share) => share,
            Shrinkage::LedoitWolf => {
                return Err(Error::Unfit {
                    name: "shrinkage",
                    requirement: "a number between 0 and 1, or \"none\", to fit from moments: Ledoit and Wolf's share needs the rows",
                });
            }
        };
        let d = moments.columns();
        let (mean, covariance) = (moments.mean(sums)?, moments.covariance(sums, 0)?);
        let deviation = |column: usize| covariance[column * d + column].sqrt();
        let changes = |&column: &usize| sums.known(column) > 0 && deviation(column) > rounding(mean[column]);
        let kept = (0..d).filter(changes).gathered("the columns that change")?;
        let width = kept.len();
        if width == 0 {
            return Err(NOTHING_CHANGES);
        }
        let pairs = kept.iter().flat_map(|&one| kept.iter().map(move |&other| sums.pairs(one, other)));
        let rows = usize::try_from(pairs.min().unwrap_or(0)).unwrap_or(usize::MAX);
        let least = if share > 0.0 { LEAST_ROWS } else { LEAST_ROWS.max(width + 1) };
        if rows < least {
            return Err(Error::TooFew {
                name: "moments",
                what: "row for each pair of columns",
                least,
                got: rows,
            });
        }
        let mut scaled = room(width, width, 0.0, WHAT)?;
        for (row, &one) in scaled.chunks_exact_mut(width).zip(&kept) {
            for (value, &other) in row.iter_mut().zip(&kept) {
                *value = covariance[one * d + other] / deviation(one) / deviation(other) * (1.0 - share);
            }
        }
        // The scaled columns have variance 1, which is the mean of the diagonal, too.
        scaled.iter_mut().step_by(width + 1).for_each(|value| *value = 1.0);
        symmetric(&mut scaled, width);
        let (whitening, precision) = whitening::dense(&scaled, width)?;
        let center = kept.iter().map(|&column| mean[column]).gathered(WHAT)?;
        let scaling = Scaling {
            fill: acm_linalg::memory::copied(&center, WHAT)?,
            center,
            scale: kept.iter().map(|&column| deviation(column)).gathered(WHAT)?,
            known: kept.iter().map(|&column| sums.known(column)).gathered(WHAT)?,
        };
        let lagged = Lagged {
            columns: d,
            kept,
            scaling,
            lags: 0,
            mean: room(width, 1, 0.0, WHAT)?,
        };
        Ok(FittedMahalanobis {
            parameters: *self,
            lagged,
            rows,
            covariance: scaled,
            shrinkage: share,
            whitening,
            precision,
            held_out: None,
            wandering: None,
            states: States::default(),
            rounding: Rounding::default(),
            rounded: Vec::new(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        })
    }
}

/// Quotients of a pair may differ in the last bit by the order of their divisors.
fn symmetric(matrix: &mut [f64], width: usize) {
    for row in 0..width {
        for column in 0..row {
            matrix[column * width + row] = matrix[row * width + column];
        }
    }
}
