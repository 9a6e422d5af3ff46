"""The engine. Private: what it offers is said, typed and explained in the Python modules beside it."""

from typing import Any

def __getattr__(name: str) -> Any: ...
