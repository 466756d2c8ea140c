"""Exact multiple choice under any number of resources."""

from knapsolve.exact.choice.solver import Choice

__all__ = ["Choice"]
