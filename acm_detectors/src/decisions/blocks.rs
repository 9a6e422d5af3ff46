//! How long neighbouring scores depend on each other, as the length of the blocks that a bootstrap draws.

use acm_linalg::Result;
use acm_linalg::memory::extend;
use acm_linalg::parallel;
use acm_linalg::samples::room;

/// Lags that must be small in a row before the correlation counts as gone.
const QUIET: usize = 5;

/// Lags to a round of computing.
const ROUND: usize = 16;

/// The block length at which a circular block bootstrap errs least for the mean of `ranks`, which are centred.
///
/// b = (2 G^2 / D n)^(1/3), G = sum of w(k/M) |k| R(k), D = 4/3 (sum of w(k/M) R(k))^2, k = -M..M
/// w(t) = 1 up to 1/2, falling to 0 at 1; M = twice the lag after which |R(k)| < 2 sqrt(log10(n) / n) R(0)
///
/// But at least n^(1/3), the order of the best length for weak dependence: it costs nothing where there is none, and serves
/// dependence that ranks do not show.
///
/// Of ranks, not scores: blocks then do not depend on the score's scale, and no spike hides the rest.
/// Cost: O(n) a lag, at most sqrt(n) + 6 lags. Any number of threads gives the same bytes.
/// Source: Politis and White 2004, doi 10.1081/ETC-120028836, corrected by Patton, Politis and White 2009,
/// doi 10.1080/07474930802459016.
pub(super) fn length(ranks: &[f64]) -> Result<usize> {
    let count = ranks.len() as f64;
    let most = whole(count.sqrt().ceil()) + QUIET;
    let most = most.min(ranks.len().saturating_sub(1));
    let band = 2.0 * (count.log10() / count).sqrt();
    let mut covariances: Vec<f64> = Vec::new();
    let mut gone = None;
    let wanted = |gone: Option<usize>| gone.map_or(most, |lag: usize| (2 * lag.max(1)).min(most));
    while covariances.len() <= wanted(gone) {
        let first = covariances.len();
        let mut found = room((most + 1 - first).min(ROUND), 1, 0.0, "autocovariances")?;
        parallel::run(
            found.iter_mut().enumerate(),
            ROUND as f64 * count,
            || Ok(()),
            |(), (place, found), stop| {
                if !stop.requested() {
                    *found = product(ranks, &ranks[first + place..]) / count;
                }
            },
        )?;
        extend(&mut covariances, found, "autocovariances")?;
        gone = quiet_after(&covariances, band * covariances[0]);
    }
    let last = wanted(gone.or_else(|| covariances.iter().rposition(|value| value.abs() >= band * covariances[0])));
    let (mut level, mut slope) = (covariances[0], 0.0);
    for lag in 1..=last {
        let weight = (2.0 * (1.0 - lag as f64 / last as f64)).clamp(0.0, 1.0);
        level += 2.0 * weight * covariances[lag];
        slope += 2.0 * weight * lag as f64 * covariances[lag];
    }
    let length = (2.0 * slope * slope / (4.0 / 3.0 * level * level) * count).cbrt();
    let longest = (3.0 * count.sqrt()).min(count / 3.0).ceil();
    // Not a number where all scores are the same.
    Ok(whole(length.ceil().min(longest)).max(whole(count.cbrt().ceil())))
}

/// The lag after which all of the next few are within the band.
fn quiet_after(covariances: &[f64], band: f64) -> Option<usize> {
    let lags = covariances.get(1..)?;
    lags.windows(QUIET).position(|few| few.iter().all(|value| value.abs() < band))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and not negative; NaN is 0"
)]
fn whole(value: f64) -> usize {
    value as usize
}

/// Sum of products, in eight sums side by side.
fn product(left: &[f64], right: &[f64]) -> f64 {
    let length = left.len().min(right.len());
    let (left, left_rest) = left[..length].as_chunks::<8>();
    let (right, right_rest) = right[..length].as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..8 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f64>() + rest
}
