//! Peaks of a power spectrum against the spectrum on either side of them.

use std::ops::RangeInclusive;

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use realfft::num_complex::Complex;

/// Bins from a peak to the first that Hann's taper keeps clear of it.
const CLEAR: usize = 3;

/// Bins of a side.
const SIDE: usize = 20;

/// Correlation of the powers of bins one and two apart under Hann's taper: (2/3)^2 and (1/6)^2.
const CORRELATION: [f64; 2] = [4.0 / 9.0, 1.0 / 36.0];

/// Powers below this share of the whole are rounding.
const ROUNDING: f64 = 1e-28;

/// Fewest cycles of a period within the data: a peak needs bins below it to stand out from.
pub(super) const CYCLES: usize = CLEAR + 1;

/// The tapered power spectrum of a series.
pub(super) struct Peaks {
    power: Vec<f64>,
    floor: f64,
    /// The last bin that is neither 0 nor half the sampling rate.
    last: usize,
}

impl Peaks {
    /// Room for series of `rows` rows.
    pub(super) fn new(rows: usize) -> Result<Self> {
        Ok(Self {
            power: reserve(rows / 2 + 1, 0.0, "a power spectrum")?,
            floor: 0.0,
            last: 0,
        })
    }

    /// Takes the spectrum of `rows` rows and tapers it: Hann's taper is three bins wide as a convolution.
    pub(super) fn measure(&mut self, spectrum: &[Complex<f64>], rows: usize) {
        self.last = (rows - 1) / 2;
        self.power.clear();
        self.power.push(0.0);
        let mut whole = 0.0;
        for bin in 1..=self.last {
            let above = match spectrum.get(bin + 1) {
                Some(&above) => above,
                // Of an odd number of rows the last bin's upper neighbour is its own mirror image.
                None => spectrum[bin].conj(),
            };
            let power = (spectrum[bin] * 0.5 - (spectrum[bin - 1] + above) * 0.25).norm_sqr();
            whole += power;
            self.power.push(power);
        }
        self.floor = ROUNDING * whole;
    }

    /// The last bin whose surroundings are known.
    pub(super) fn last(&self) -> usize {
        self.last
    }

    /// Amplitude of a bin, to compare with that of others.
    pub(super) fn amplitude(&self, bin: usize) -> f64 {
        self.power.get(bin).map_or(0.0, |power| power.sqrt())
    }

    /// The highest of the bins next to `frequency` (in bins).
    pub(super) fn highest_near(&self, frequency: f64) -> usize {
        let centre = nearest_bin(frequency).clamp(1, self.last.max(1));
        let mut best = centre;
        for bin in [centre - 1, centre + 1] {
            if bin <= self.last && self.amplitude(bin) > self.amplitude(best) {
                best = bin;
            }
        }
        best
    }

    /// Where between the bins a line stands whose highest bin is `bin`: exact for a lone line (two bins of Hann's taper; M.
    /// Grandke, "Interpolation algorithms for discrete Fourier transforms of weighted signals", IEEE Trans. Instrum. Meas. 32,
    /// 1983, doi:10.1109/TIM.1983.4315077).
    pub(super) fn between(&self, bin: usize) -> f64 {
        let (below, above) = (self.amplitude(bin.saturating_sub(1)), self.amplitude(bin + 1));
        let ratio = below.max(above) / self.amplitude(bin);
        let highest = ratio <= 1.0;
        if !highest {
            return bin as f64;
        }
        let offset = ((2.0 * ratio - 1.0) / (1.0 + ratio)).clamp(0.0, 0.5);
        bin as f64 + if above > below { offset } else { -offset }
    }

    /// Logarithm of the probability that noise puts so much power into `bin`, judged by either side alone; the larger of the
    /// two. Zero (certain) where the bin has no side below.
    ///
    /// Powers of noise are exponential, so that the ratio of one to the mean of m others has the tail `(1 + ratio / m)^-m`; m
    /// counts the side's bins by what their correlation leaves of them. Where the spectrum falls or rises, the higher side
    /// is an overestimate: no model of the noise's colour is needed.
    pub(super) fn log_probability(&self, bin: usize) -> f64 {
        if bin < CYCLES || bin > self.last || self.power[bin] <= self.floor {
            return 0.0;
        }
        let below = self.side(bin, (bin - CLEAR).saturating_sub(SIDE - 1).max(1)..=bin - CLEAR);
        if bin + CLEAR > self.last {
            return below;
        }
        below.max(self.side(bin, bin + CLEAR..=(bin + CLEAR + SIDE - 1).min(self.last)))
    }

    fn side(&self, bin: usize, bins: RangeInclusive<usize>) -> f64 {
        let side = &self.power[bins];
        let count = side.len() as f64;
        let mean = side.iter().sum::<f64>() / count;
        let doubled = 2.0 * ((count - 1.0) * CORRELATION[0] + (count - 2.0).max(0.0) * CORRELATION[1]);
        let independent = count * count / (count + doubled);
        -independent * (self.power[bin] / mean / independent).ln_1p()
    }
}

/// The bin nearest to a frequency in bins.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "frequencies are positive and below the number of rows"
)]
pub(super) fn nearest_bin(frequency: f64) -> usize {
    frequency.round() as usize
}

#[cfg(test)]
mod tests {
    use realfft::RealFftPlanner;

    use super::*;

    fn peaks(series: &[f64]) -> Peaks {
        let mut series = series.to_vec();
        let plan = RealFftPlanner::new().plan_fft_forward(series.len());
        let mut spectrum = plan.make_output_vec();
        plan.process(&mut series, &mut spectrum).unwrap();
        let mut peaks = Peaks::new(series.len()).unwrap();
        peaks.measure(&spectrum, series.len());
        peaks
    }

    #[test]
    fn the_taper_is_hanns() {
        for rows in [40, 41] {
            let series: Vec<f64> = (0..rows).map(|row| ((row * row) % 17) as f64).collect();
            let turn = std::f64::consts::TAU / rows as f64;
            let found = peaks(&series);
            assert_eq!(found.last(), 19 + rows % 2);
            for bin in 1..=found.last() {
                let (mut re, mut im) = (0.0, 0.0);
                for (row, value) in series.iter().enumerate() {
                    let value = value * (0.5 - 0.5 * (turn * row as f64).cos());
                    re += value * (turn * (row * bin) as f64).cos();
                    im += value * (turn * (row * bin) as f64).sin();
                }
                assert!((found.amplitude(bin) - f64::hypot(re, im)).abs() < 1e-9, "{rows} rows, bin {bin}");
            }
        }
    }

    #[test]
    fn a_lone_line_is_placed_between_the_bins() {
        for frequency in [20.0, 20.2, 20.5, 20.9] {
            let series: Vec<f64> = (0..500)
                .map(|row| (std::f64::consts::TAU * frequency * f64::from(row) / 500.0 + 1.0).sin())
                .collect();
            let found = peaks(&series);
            let bin = found.highest_near(20.4);
            assert!((found.between(bin) - frequency).abs() < 0.01, "{frequency}");
            assert!(found.log_probability(bin) < -50.0);
            assert_eq!(found.log_probability(CYCLES - 1), 0.0);
        }
    }
}
