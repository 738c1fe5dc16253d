"""Measures Flyball on the machine at hand: `python -m tests.bench`. Figures go to BENCHMARKS.md."""
