"""Many assets: a model, scores and features for each, on one processor or on a cluster of Dask.

It needs the extra ``[fleet]``: ``pip install "acm-rs[fleet]"``. With ``workers=1`` Polars alone is enough.
"""

from acm_rs.fleet.ledger import Outcome
from acm_rs.fleet.running import Summary, features, fit, score

__all__ = ["Outcome", "Summary", "features", "fit", "score"]
