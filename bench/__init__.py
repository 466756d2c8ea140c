"""Benchmarks: one registry of specs, one runner, JSON rows out, tables and plots from the rows."""
