"""A saved model beside another of which it shares most arrays: only what differs is written."""

from __future__ import annotations

import json
from collections.abc import Iterator

__all__ = ["added_to", "beyond"]

_SIZE = 8
"""Bytes that say how long the header of a safetensors file is."""


def _arrays(data: bytes) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """The header with its length, and where each array stands behind it, in their order."""
    length = _SIZE + int.from_bytes(data[:_SIZE], "little")
    told = json.loads(data[_SIZE:length])
    told.pop("__metadata__", None)
    places = {name: (int(one["data_offsets"][0]), int(one["data_offsets"][1])) for name, one in told.items()}
    return data[:length], dict(sorted(places.items(), key=lambda item: item[1]))


def _held(data: bytes) -> dict[str, bytes]:
    head, places = _arrays(data)
    return {name: data[len(head) + first : len(head) + last] for name, (first, last) in places.items()}


def beyond(model: bytes, other: bytes) -> bytes:
    """What `other` has beyond `model`, from which `added_to` makes it again.

    Parameters
    ----------
    model, other : bytes
        Both in the safetensors format.
    """
    held = _held(model)
    head, _ = _arrays(other)
    kept = [(name, body) for name, body in _held(other).items() if held.get(name) != body]
    names = json.dumps([name for name, _ in kept]).encode()
    return len(names).to_bytes(_SIZE, "little") + names + head + b"".join(body for _, body in kept)


def added_to(model: bytes, difference: bytes) -> bytes:
    """What `beyond` was given as `other`.

    Raises
    ------
    ValueError, KeyError, TypeError
        It was not made beside this model.
    """
    length = _SIZE + int.from_bytes(difference[:_SIZE], "little")
    names = set(json.loads(difference[_SIZE:length]))
    head, places = _arrays(difference[length:])
    held = _held(model)
    rest = memoryview(difference)[length + len(head) :]

    def bodies() -> Iterator[bytes]:
        at = 0
        for name, (first, last) in places.items():
            if name in names:
                yield bytes(rest[at : at + last - first])
                at += last - first
            else:
                yield held[name]

    return head + b"".join(bodies())
