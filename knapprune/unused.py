"""Options that do nothing in the call at hand: refused, since whoever gives one expects something of it."""

from __future__ import annotations


def unused(argument: str, why: str, instead: str) -> ValueError:
    """Return the error for an option that nothing would read."""
    return ValueError(f"{argument}: does nothing here, since {why}; expected {instead}")
