"""Faults on purpose, and what the program makes of them: ``python -m benchmarks.faults``."""
