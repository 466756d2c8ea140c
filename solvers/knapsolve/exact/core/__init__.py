"""The list dynamic programme over an expanding core, for one resource."""

from knapsolve.exact.core.solver import Core

__all__ = ["Core"]
