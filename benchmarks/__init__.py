"""Side-by-side timings of acm_rs and its peers: ``python -m benchmarks``."""
