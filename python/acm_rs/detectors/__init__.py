"""Detectors: fitted on healthy rows, they score how abnormal any row is."""

from acm_rs.detectors.ar1 import AR1Detector, ar1_residuals
from acm_rs.detectors.by_regime import RegimeDetector
from acm_rs.detectors.forest import IsolationForest
from acm_rs.detectors.fused import FusedDetector
from acm_rs.detectors.mahalanobis import MahalanobisDetector
from acm_rs.detectors.mixture import GaussianMixture
from acm_rs.detectors.omr import OMRDetector
from acm_rs.detectors.pca import PCADetector
from acm_rs.detectors.similarity import SimilarityDetector

__all__ = [
    "AR1Detector",
    "FusedDetector",
    "GaussianMixture",
    "IsolationForest",
    "MahalanobisDetector",
    "OMRDetector",
    "PCADetector",
    "RegimeDetector",
    "SimilarityDetector",
    "ar1_residuals",
]
