"""Many assets: a model, scores and features for each, on one processor or on a cluster of Dask.

It needs the extra ``[fleet]``: ``pip install "acm-rs[fleet]"``. With ``workers=1`` Polars alone is enough.
"""

from importlib.util import find_spec

if find_spec("polars") is None:
    raise ModuleNotFoundError('acm_rs.fleet needs Polars: pip install "acm-rs[fleet]"', name="polars")

from acm_rs.fleet.ledger import Outcome
from acm_rs.fleet.reporting import Report, report
from acm_rs.fleet.running import Summary, features, fit, score
from acm_rs.fleet.standing import AssetStatus, status
from acm_rs.fleet.work import CELLS

__all__ = ["CELLS", "AssetStatus", "Outcome", "Report", "Summary", "features", "fit", "report", "score", "status"]
