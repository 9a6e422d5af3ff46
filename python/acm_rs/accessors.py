"""The functions as methods of columns and frames: one registry for pandas and for Polars."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from acm_rs import columns, ewm, extremes, features, moments, order, pairs, rolling, spectra
from acm_rs.correlation import correlation, covariance

Function: TypeAlias = Callable[..., Any]

_SUBJECTS = (rolling, moments, extremes, order, pairs, spectra, ewm, columns, features)
_ROW_BY_ROW = ("rolling_", "ewm_", "zscore", "impute", "lag_matrix", "feature_matrix")


def _of_rows() -> dict[str, Function]:
    found = {}
    for subject in _SUBJECTS:
        for name in subject.__all__:
            function = getattr(subject, name)
            # Names of the migration plan take `data`, and have a name without their type.
            if name.startswith(_ROW_BY_ROW) and next(iter(inspect.signature(function).parameters)) == "x":
                found[name] = function
    return found


OF_ROWS: dict[str, Function] = _of_rows()
"""Functions that give each row its results."""

OF_FRAMES: dict[str, Function] = OF_ROWS | {
    function.__name__: function
    for function in (
        correlation,
        covariance,
        columns.column_moments,
        columns.column_median_mad,
        columns.column_quantiles,
    )
}
"""What a frame may be asked."""

OF_COLUMNS: dict[str, Function] = {name: OF_ROWS[name] for name in OF_ROWS if name != "rolling_lag_corr"}
"""Functions that need no second column but `y`."""


def signature_of(function: Function, without: Iterable[str]) -> inspect.Signature:
    """The function's signature as that of a method: `x` is what the method is of."""
    left_out = {"x", *without}
    own = [p for p in inspect.signature(function).parameters.values() if p.name not in left_out]
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([me, *own])


def _doc_of(function: Function, instead: Mapping[str, str]) -> str:
    """The function's docstring with other words for some parameters; none: the method has it not."""
    text = inspect.getdoc(function) or ""
    for name, words in instead.items():
        text = re.sub(rf"^{name} : .*\n(?:    .*\n|\n(?=    ))*", words, text, flags=re.MULTILINE)
    return text


def furnish(
    owner: type,
    functions: dict[str, Function],
    without: Iterable[str],
    call: Function,
    words: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Give a class a method for each function; `call` is handed the object, the function and its arguments by name.

    Parameters that are not what they are in the function have `words` of their own.
    """
    for name, function in functions.items():
        setattr(owner, name, _method(owner, function, tuple(without), call, words))


def _method(
    owner: type, function: Function, without: tuple[str, ...], call: Function, words: Mapping[str, str]
) -> Function:
    signature = signature_of(function, without)

    def method(*arguments: Any, **keywords: Any) -> Any:
        try:
            given = signature.bind(*arguments, **keywords).arguments
        except TypeError as error:
            raise TypeError(f"acm.{function.__name__}: {error}") from None
        return call(given.pop("self"), function, given)

    method.__name__ = function.__name__
    method.__qualname__ = f"{owner.__name__}.{function.__name__}"
    method.__module__ = owner.__module__
    method.__doc__ = _doc_of(function, {**dict.fromkeys(("x", *without), ""), **words})
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def applied(accessor: Any, function: Function, given: dict[str, Any]) -> Any:
    """The function of the frame or series that the accessor is of."""
    return function(accessor._x, **given)
