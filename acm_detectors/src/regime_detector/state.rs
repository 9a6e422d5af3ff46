//! The detectors as bytes: each as its own model would be saved, one after the other.

use acm_linalg::memory::{Gather, reserved};
use acm_linalg::{Error, Persist, Reader, Result, Writer};

use super::{FittedRegimeDetector, Inner, Kind, LimitedDetector, RegimeDetector};
use crate::ar1::FittedAr1;
use crate::constants::Constants;
use crate::mahalanobis::FittedMahalanobis;
use crate::pca::FittedPca;
use crate::screen::LeftOut;

impl Inner {
    fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Pca(detector) => detector.to_bytes(),
            Self::Mahalanobis(detector) => detector.to_bytes(),
            Self::Ar1(detector) => detector.to_bytes(),
        }
    }

    fn from_bytes(kind: Kind, bytes: &[u8]) -> Result<Self> {
        Ok(match kind {
            Kind::Pca => Self::Pca(FittedPca::from_bytes(bytes)?),
            Kind::Mahalanobis => Self::Mahalanobis(FittedMahalanobis::from_bytes(bytes)?),
            Kind::Ar1 => Self::Ar1(FittedAr1::from_bytes(bytes)?),
        })
    }

    /// Whether a row's score depends on no more rows than the kind of detector says.
    fn is_plain(&self) -> bool {
        match self {
            Self::Pca(detector) => detector.parameters().lags() == 0,
            Self::Mahalanobis(detector) => detector.parameters().lags() == 0,
            Self::Ar1(_) => true,
        }
    }
}

impl Persist for FittedRegimeDetector {
    const KIND: &'static str = "RegimeDetector";
    const VERSION: u64 = 3;

    fn sensors(&self) -> Option<usize> {
        Some(self.columns())
    }

    fn write(&self, to: &mut Writer) {
        let kind = Kind::ALL.iter().find(|(_, kind)| *kind == self.parameters.kind);
        to.text("detector", kind.map_or("", |(name, _)| name));
        to.real("false_alarm_rate", self.parameters.rate);
        to.count("min_rows", self.parameters.min_rows as u64);
        to.count("columns", self.columns() as u64);
        to.counted("regimes", self.regimes.iter().map(|label| label.unsigned_abs()));
        to.measured("limits", self.parts.iter().map(|part| part.limit));
        to.counted("rows", self.parts.iter().map(|part| part.rows as u64));
        match self.parts.iter().map(|part| part.detector.bytes()).gathered_ok("a saved model") {
            Ok(detectors) => {
                to.counted("detectors.bytes", detectors.iter().map(|bytes| bytes.len() as u64));
                let words = detectors.iter().flat_map(|bytes| bytes.chunks(8));
                to.counted(
                    "detectors",
                    words.map(|chunk| {
                        let mut word = [0; 8];
                        word[..chunk.len()].copy_from_slice(chunk);
                        u64::from_le_bytes(word)
                    }),
                );
            }
            Err(error) => to.fail(error),
        }
        self.constants.write(self.parameters.constants, to);
        self.left_out.write(to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let kind = from.text("detector")?;
        let kind = Kind::ALL.iter().find(|(name, _)| *name == kind);
        let &(_, kind) = kind.ok_or_else(|| from.wrong("detector"))?;
        let parameters = RegimeDetector::new(kind, from.real("false_alarm_rate")?, from.size("min_rows")?)
            .map_err(|_| from.wrong("false_alarm_rate"))?
            .with_constants(Constants::watched(from));
        let columns = from.size("columns")?;
        let regimes = from.counts("regimes", from.length("regimes")?)?;
        let labels = regimes.iter().all(|&label| label <= i64::MAX.unsigned_abs());
        from.require(labels && regimes.is_sorted_by(|a, b| a < b), "regimes")?;
        let count = regimes.len() + 1;
        let limits = from.reals("limits", count)?;
        from.require(limits.iter().all(|&limit| limit > 0.0 && limit.is_finite()), "limits")?;
        let rows = from.counts("rows", count)?;
        let sizes = from.counts("detectors.bytes", count)?;
        let words = from.counts("detectors", from.length("detectors")?)?;
        let mut rest = &words[..];
        let mut parts = reserved(count, "the regimes")?;
        for ((limit, rows), size) in limits.into_iter().zip(rows).zip(sizes) {
            let wrong = || from.wrong("detectors");
            let size = usize::try_from(size).map_err(|_| wrong())?;
            let (own, others) = rest.split_at_checked(size.div_ceil(8)).ok_or_else(wrong)?;
            let mut bytes = own.iter().flat_map(|word| word.to_le_bytes()).gathered("a saved model")?;
            from.require(bytes[size..].iter().all(|&byte| byte == 0), "detectors")?;
            bytes.truncate(size);
            let detector = Inner::from_bytes(kind, &bytes).map_err(|error| match error {
                Error::State { .. } => wrong(),
                other => other,
            })?;
            from.require(detector.columns() == columns && detector.is_plain(), "detectors")?;
            let rows = usize::try_from(rows).map_err(|_| from.wrong("rows"))?;
            parts.push(LimitedDetector { detector, limit, rows });
            rest = others;
        }
        from.require(rest.is_empty(), "detectors")?;
        Ok(Self {
            parameters,
            regimes: regimes.iter().map(|label| label.cast_signed()).gathered("the regimes")?,
            parts,
            constants: Constants::read(from, columns)?,
            left_out: LeftOut::read(from, columns)?,
        })
    }
}
