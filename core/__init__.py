"""The part of ACM's ``core`` package that this project provides: :mod:`core.fast_features`."""
