"""Entry point of ``python -m benchmarks``."""

from __future__ import annotations

import sys

from benchmarks.environment import clean_environment


def main() -> int:
    """Clean the environment, then run: BLAS reads its variables when NumPy is first imported."""
    removed = clean_environment()
    from benchmarks.run import main as run

    return run(sys.argv[1:], removed)


if __name__ == "__main__":
    raise SystemExit(main())
