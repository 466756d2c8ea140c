"""Signed digits, counted without the code under test."""

from functools import cache


@cache
def fewest_digits(number: int) -> int:
    """Return the fewest digits -1, 0 and 1 that are not 0, tried both ways at each odd number."""
    if number in (-1, 0, 1):
        return abs(number)
    if number % 2 == 0:
        return fewest_digits(number // 2)
    return 1 + min(fewest_digits((number - 1) // 2), fewest_digits((number + 1) // 2))
