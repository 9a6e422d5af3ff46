//! The training rows' own scores, from which limits are.

use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::score::Wanted;
use super::{FittedAr1, Fuse};
use crate::held_out::HeldOut;

impl FittedAr1 {
    /// Of the rows that have something to be expected from: two numbers a sensor tell the training rows no better than others.
    /// Rows of standstill, in which nothing varies, do not count.
    pub(super) fn training_scores(&self, x: Samples<'_>, still: &[bool]) -> Result<Option<HeldOut>> {
        let mut scores = room(x.rows(), 1, 0.0, "the training scores")?;
        self.score(x, &mut scores)?;
        let mut counts = room(x.rows(), 1, true, "marks of the training rows")?;
        counts[0] = false;
        counts.iter_mut().zip(still).for_each(|(counts, still)| *counts &= !still);
        if self.parameters.fuse == Fuse::Mean {
            self.of_all_sensors(x, &counts, &mut scores)?;
        }
        let known = scores.iter().skip(1).any(|score| !score.is_nan());
        if known { HeldOut::of(&mut scores, &counts).map(Some) } else { Ok(None) }
    }

    /// Brings the mean of a few sensors as near to that of all rows as the mean of all sensors would be: what varies from sensor to
    /// sensor within rows is less of a mean of more of them, what varies from row to row is not.
    fn of_all_sensors(&self, x: Samples<'_>, counts: &[bool], scores: &mut [f64]) -> Result<()> {
        let (rows, columns) = (x.rows(), x.columns());
        let sensors = self.used.iter().filter(|&&used| used).count() as f64;
        let mut missing = room(rows, 1, 0.0, "the training scores")?;
        self.missing(x, &mut missing)?;
        if missing.iter().all(|&missing| missing == 0.0) {
            return Ok(());
        }
        let mut shares = room(rows, columns, 0.0, "the training scores")?;
        self.follow(x, None, Wanted::Shares, &mut shares)?;
        let present = |row: usize| ((1.0 - missing[row]) * sensors).round();
        let telling = || (0..rows).filter(|&row| counts[row] && present(row) > 0.0);
        let (mut within, mut freedom, mut sum, mut share, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for row in telling() {
            let own = &shares[row * columns..][..columns];
            let squares = own.iter().map(|z| z * z).sum::<f64>();
            within += (squares - present(row) * scores[row] * scores[row]).max(0.0);
            freedom += present(row) - 1.0;
            sum += scores[row];
            share += 1.0 / present(row);
            count += 1.0;
        }
        if freedom < 1.0 {
            return Ok(());
        }
        let (within, mean, share) = (within / freedom, sum / count, share / count);
        let variance = telling().map(|row| (scores[row] - mean).powi(2)).sum::<f64>() / count;
        let between = (variance - within * share).max(0.0);
        let all = between + within / sensors;
        for row in 0..rows {
            let own = between + within / present(row);
            if present(row) > 0.0 && own > 0.0 {
                scores[row] = mean + (scores[row] - mean) * (all / own).sqrt();
            }
        }
        Ok(())
    }
}
