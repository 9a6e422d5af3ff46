"""Names of the columns that `feature_matrix` computes."""

import reprlib
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

ALL_FEATURES = ("median", "mad", "mean", "std", "slope", "skew", "kurt", "energy", "robust_z")
"""Every feature, in the order of the feature matrix."""

_SUFFIXES = {
    "median": "med",
    "mad": "mad",
    "mean": "mean",
    "std": "std",
    "slope": "slope",
    "skew": "skew",
    "kurt": "kurt",
    "energy": "energy",
    "robust_z": "rz",
}


_MOST = 2**20


def feature_names(
    columns: Iterable[str],
    features: Sequence[str] | None = None,
    bands: Sequence[tuple[float, float]] | None = None,
) -> list[str]:
    """Names of the columns of `feature_matrix`, in their order.

    Parameters
    ----------
    columns : iterable of str
        Names of the sensors, in the order of the array's columns.
    features : sequence of str, optional
        As given to `feature_matrix`; by default `ALL_FEATURES`.
    bands : sequence of (low, high), optional
        As given to `feature_matrix`; three by default.

    Returns
    -------
    list of str
        ``{column}_med``, ``_mad``, ``_mean``, ``_std``, ``_slope``, ``_skew``, ``_kurt``, ``_energy_0`` and so on,
        ``_rz``.

    Raises
    ------
    TypeError
        `columns` or `features` is no sequence of names.
    ValueError
        A name in `features` is unknown or given twice.

    Examples
    --------
    >>> import acm_rs
    >>> acm_rs.feature_names(["p", "t"], ["median", "energy"], bands=[(0.0, 0.1), (0.1, 0.5)])
    ['p_med', 't_med', 'p_energy_0', 'p_energy_1', 't_energy_0', 't_energy_1']
    """
    columns = _names(columns, "columns")
    features = list(ALL_FEATURES) if features is None else _names(features, "features")
    for feature in features:
        if not isinstance(feature, str) or feature not in _SUFFIXES:
            raise ValueError(f"`features` must be names among {', '.join(ALL_FEATURES)}, got {reprlib.repr(feature)}")
    if len(set(features)) < len(features):
        raise ValueError(f"`features` must name each feature once, got {', '.join(features)}")
    energies = 3 if bands is None else _count(bands)
    names: list[str] = []
    for feature in features:
        suffix = _SUFFIXES[feature]
        if feature == "energy":
            names += [f"{column}_{suffix}_{band}" for column in columns for band in range(energies)]
        else:
            names += [f"{column}_{suffix}" for column in columns]
    return names


def _names(names: Iterable[str], argument: str) -> list[str]:
    """The names one after the other, but no endless number of them."""
    if isinstance(names, str | bytes | bytearray) or not isinstance(names, Iterable):
        raise TypeError(f"`{argument}` must be a sequence of names, got {type(names).__name__}")
    try:
        found = list(islice(names, _MOST + 1))
    except TypeError as error:
        # Arrays without dimensions only look iterable.
        raise TypeError(f"`{argument}` must be a sequence of names: {error}") from error
    if len(found) > _MOST:
        raise ValueError(f"`{argument}` must be at most {_MOST} names, got more")
    return found


def _count(bands: Sequence[tuple[float, float]]) -> int:
    """How many there are by their own account, as long as that can be."""
    must = f"a sequence of at most {_MOST} (low, high) pairs"
    if isinstance(bands, str | bytes | bytearray) or not isinstance(bands, Sequence | np.ndarray):
        raise TypeError(f"`bands` must be {must}, got {type(bands).__name__}")
    try:
        energies = len(bands)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"`bands` must be {must}: {error}") from error
    if energies > _MOST:
        raise ValueError(f"`bands` must be {must}, got {energies}")
    return energies
