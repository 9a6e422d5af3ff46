"""Operating regimes: clusters of rows, their number, and labels as a sequence in time."""

from acm_rs.regimes.choose import ClusterChoice, choose_k
from acm_rs.regimes.hdbscan import HDBSCAN
from acm_rs.regimes.indices import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_samples,
    silhouette_score,
    validity_index,
)
from acm_rs.regimes.kmeans import KMeans
from acm_rs.regimes.labels import align_labels, minimum_dwell, smooth_labels, transients
from acm_rs.regimes.model import RegimeModel

__all__ = [
    "HDBSCAN",
    "ClusterChoice",
    "KMeans",
    "RegimeModel",
    "align_labels",
    "calinski_harabasz_score",
    "choose_k",
    "davies_bouldin_score",
    "minimum_dwell",
    "silhouette_samples",
    "silhouette_score",
    "smooth_labels",
    "transients",
    "validity_index",
]
