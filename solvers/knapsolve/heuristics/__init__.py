"""Solvers without a proof: feasible at once, with a bound."""
