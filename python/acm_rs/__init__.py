"""Compute engine for condition monitoring: features of sensor histories, anomaly scores, regimes and alarms.

Arrays and data frames in, the same out: rows = time (oldest first), columns = sensors. float64 and float32 arrays of
any memory layout are read where they lie, and so are frames of pandas, Polars and PyArrow. NaN and infinity are
missing.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from acm_rs import columns as _columns
from acm_rs import correlation as _correlation
from acm_rs import decisions as _decisions
from acm_rs import detectors as _detectors
from acm_rs import ewm as _ewm
from acm_rs import extremes as _extremes
from acm_rs import fading as _fading
from acm_rs import features as _features
from acm_rs import hooks as _hooks
from acm_rs import linalg as _linalg
from acm_rs import moments as _moments
from acm_rs import order as _order
from acm_rs import pairs as _pairs
from acm_rs import quality as _quality
from acm_rs import regimes as _regimes
from acm_rs import rolling as _rolling
from acm_rs import row_by_row as _row_by_row
from acm_rs import running as _running
from acm_rs import spectra as _spectra
from acm_rs import streams as _streams
from acm_rs import threads as _threads
from acm_rs._native import InternalError, __version__
from acm_rs.columns import *
from acm_rs.correlation import *
from acm_rs.decisions import *
from acm_rs.detectors import *
from acm_rs.ewm import *
from acm_rs.extremes import *
from acm_rs.fading import *
from acm_rs.features import *
from acm_rs.hooks import *
from acm_rs.linalg import *
from acm_rs.moments import *
from acm_rs.order import *
from acm_rs.pairs import *
from acm_rs.quality import *
from acm_rs.regimes import *
from acm_rs.rolling import *
from acm_rs.row_by_row import *
from acm_rs.running import *
from acm_rs.spectra import *
from acm_rs.streams import *
from acm_rs.threads import *

if _TYPE_CHECKING:
    from acm_rs.files.front import read_table
    from acm_rs.monitor import Monitor, Result, backtest, compare

# The whole job is read where it is first asked for: who wants a rolling mean should not wait for it.
_LATER = dict.fromkeys(("Monitor", "Result", "backtest", "compare"), "acm_rs.monitor")
_LATER |= {"read_table": "acm_rs.files.front"}

# A name is public where its subject says so.
__all__ = ["InternalError", "Monitor", "Result", "__version__", "backtest", "compare", "read_table"]
__all__ += _columns.__all__
__all__ += _correlation.__all__
__all__ += _decisions.__all__
__all__ += _detectors.__all__
__all__ += _ewm.__all__
__all__ += _extremes.__all__
__all__ += _fading.__all__
__all__ += _features.__all__
__all__ += _hooks.__all__
__all__ += _linalg.__all__
__all__ += _moments.__all__
__all__ += _order.__all__
__all__ += _pairs.__all__
__all__ += _quality.__all__
__all__ += _regimes.__all__
__all__ += _rolling.__all__
__all__ += _row_by_row.__all__
__all__ += _running.__all__
__all__ += _spectra.__all__
__all__ += _streams.__all__
__all__ += _threads.__all__


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_LATER[name]), name)
    return found
