"""What historians write where there is no reading."""

from __future__ import annotations

import numpy as np

__all__ = ["CODES"]

_FILLERS = (
    99.0,
    99.9,
    99.99,
    999.0,
    999.25,
    999.9,
    999.99,
    9999.0,
    9999.9,
    9999.99,
    99999.0,
    999999.0,
    1e30,
    1e31,
    1e38,
)
_ENDS_OF_TYPES = (32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 4294967295.0, float(np.finfo(np.float32).max))
CODES = np.array([sign * value for value in (*_FILLERS, *_ENDS_OF_TYPES) for sign in (1, -1)])
"""What historians write where there is no reading; believed only where it is far outside."""
