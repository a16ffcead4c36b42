"""The benchmark suite: `make bench`, `python -m benchmarks --help`; summary: docs/benchmarks.md."""
