"""Fits inside a Monitor: what they leave out are rows of a table that nobody has seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings of rows and sensors left out, and of those that wander: the Monitor has its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
