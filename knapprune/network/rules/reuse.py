"""Reuse factors that hls4ml accepts, and the one it takes instead of the one asked for.

hls4ml tests every number up to ``n_in * n_out`` (``backends/fpga/fpga_backend.py``, ``_validate_reuse_factor``). Its
three conditions come down to divisors: up to ``n_in`` a reuse factor must divide ``n_in``; above, it must be ``n_in``
times a divisor of ``n_out``. That is what is computed here, in the square root of the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import isqrt


def valid_reuse_factors(n_in: int, n_out: int, include_largest: bool = True) -> list[int]:
    """Reuse factors that hls4ml leaves as they are under a resource strategy."""
    if n_in < 1 or n_out < 1:
        raise ValueError(f"n_in, n_out: got {n_in}, {n_out}, expected sizes of at least 1")
    valid = sorted({*divisors(n_in), *(n_in * divisor for divisor in divisors(n_out))})
    return valid if include_largest else valid[:-1]


def closest(valid: Sequence[int], chosen: int) -> int:
    """Take the valid number nearest to the chosen one; the smaller one of two equally near."""
    position = bisect_left(valid, chosen)
    if position == 0:
        return valid[0]
    if position == len(valid):
        return valid[-1]
    before, after = valid[position - 1], valid[position]
    return after if after - chosen < chosen - before else before


def divisors(number: int) -> list[int]:
    """Divide a number by everything that divides it."""
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    large = [number // divisor for divisor in reversed(small) if divisor * divisor != number]
    return small + large
