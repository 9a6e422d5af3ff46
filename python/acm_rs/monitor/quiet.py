"""Fits inside a Monitor: what they leave out are rows of a table that nobody has seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings of rows, readings and sensors left out: the Monitor tells of the history's own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "left out of the fit", UserWarning)
        warnings.filterwarnings("ignore", "columns .* are left out", UserWarning)
        yield
