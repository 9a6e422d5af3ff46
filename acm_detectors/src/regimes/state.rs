//! Regimes as bytes.

use acm_linalg::memory::Gather;
use acm_linalg::{Persist, Reader, Result, Scaling, Writer};

use super::{Count, Density, FittedRegimes, Method, Regimes};
use crate::constants::Constants;
use crate::screen::LeftOut;

/// Numbers of regimes stay below this.
const MOST: u64 = 1 << 53;

impl Persist for FittedRegimes {
    const KIND: &'static str = "RegimeModel";
    const VERSION: u64 = 4;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        let parameters = &self.parameters;
        to.count(
            "n_regimes",
            match parameters.count {
                Count::Fixed(count) => count as u64,
                Count::Auto => 0,
            },
        );
        to.count("hdbscan", u64::from(parameters.method == Method::Hdbscan));
        to.count("k_max", parameters.most as u64);
        to.count("min_rows", parameters.min_rows as u64);
        to.real("unknown_quantile", parameters.quantile);
        to.real("margin", parameters.margin);
        to.count("smoothing", parameters.smoothing as u64);
        to.count("seed", parameters.seed);
        self.scaling.write(to);
        to.counted("used", self.used.iter().map(|&used| u64::from(used)));
        to.matrix("centers", self.count(), self.columns(), &self.centers);
        to.counted("numbers", self.numbers.iter().map(|number| number.unsigned_abs()));
        to.count("fresh", self.fresh.unsigned_abs());
        to.counts("rows", &self.rows);
        to.reals("scales", &self.scales);
        to.reals("limits", &self.limits);
        to.matrix("spreads", self.count(), self.columns(), &self.spreads);
        self.constants.write(parameters.constants, to);
        self.left_out.write(to);
        if let Some(density) = self.density {
            to.counts("density", &[density.noise, density.elsewhere, u64::from(density.given_up)]);
        }
        // One more, so that UNKNOWN is no less than 0.
        to.counted("labels", self.labels.iter().map(|label| label.saturating_add(1).unsigned_abs()));
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let count = match from.size("n_regimes")? {
            0 => Count::Auto,
            count => Count::Fixed(count),
        };
        let parameters = Regimes::new(
            count,
            from.size("k_max")?,
            from.size("min_rows")?,
            from.real("unknown_quantile")?,
            from.real("margin")?,
            from.size("smoothing")?,
            from.count("seed")?,
        );
        let parameters = parameters.map_err(|_| from.wrong("n_regimes"))?;
        // Before version 4 there was one way to find regimes.
        let hdbscan = if from.has("hdbscan") { from.count("hdbscan")? } else { 0 };
        from.require(hdbscan < 2, "hdbscan")?;
        let method = if hdbscan == 1 { Method::Hdbscan } else { Method::KMeans };
        let parameters = parameters.with_method(method).map_err(|_| from.wrong("hdbscan"))?;
        let parameters = parameters.with_constants(Constants::watched(from));
        let scaling = Scaling::read(from)?;
        let (columns, regimes) = (scaling.columns(), from.length("numbers")?);
        let used = from.counts("used", columns)?;
        from.require(used.iter().all(|&used| used < 2) && used.contains(&1), "used")?;
        from.require((1..=1000).contains(&regimes), "numbers")?;
        let fresh = from.count("fresh")?;
        from.require(fresh < MOST, "fresh")?;
        let numbers = from.counts("numbers", regimes)?;
        from.require(numbers.iter().all(|&number| number < fresh), "numbers")?;
        let labels = from.counts("labels", from.length("labels")?)?;
        from.require(labels.iter().all(|&label| label == 0 || numbers.contains(&(label - 1))), "labels")?;
        let density = if from.has("density") { Some(density(from)?) } else { None };
        let signed = |values: &[u64]| values.iter().map(|&value| value.cast_signed()).gathered("the regimes");
        let read = Self {
            parameters,
            used: used.iter().map(|&used| used == 1).gathered("the regimes")?,
            centers: from.matrix("centers", regimes, columns)?,
            numbers: signed(&numbers)?,
            fresh: fresh.cast_signed(),
            rows: from.counts("rows", regimes)?,
            scales: from.reals("scales", regimes)?,
            limits: from.reals("limits", regimes)?,
            spreads: from.matrix("spreads", regimes, columns)?,
            labels: labels.iter().map(|&label| label.cast_signed() - 1).gathered("the regimes")?,
            constants: Constants::read(from, columns)?,
            left_out: LeftOut::read(from, columns)?,
            scaling,
            density,
        };
        from.require(read.centers.iter().all(|value| value.abs() <= 1e150), "centers")?;
        from.require(read.scales.iter().all(|&value| value > 0.0 && value.is_finite()), "scales")?;
        from.require(read.limits.iter().all(|&value| value >= 1.0 && value.is_finite()), "limits")?;
        from.require(read.spreads.iter().all(|&value| value >= 0.0 && value.is_finite()), "spreads")?;
        Ok(read)
    }
}

fn density(from: &Reader<'_>) -> Result<Density> {
    let counts = from.counts("density", 3)?;
    from.require(counts[2] < 2 && counts.iter().all(|&count| count < MOST), "density")?;
    Ok(Density {
        noise: counts[0],
        elsewhere: counts[1],
        given_up: counts[2] == 1,
    })
}
