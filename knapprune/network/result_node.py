"""A layer's result that has a type of its own in the hardware."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResultNode:
    """Where the type of a layer's result is said.

    Parameters
    ----------
    name
        hls4ml's layer whose ``Precision`` says it: an activation is a layer of its own there.
    given
        Whether no layer computes it: an input of the network.
    """

    name: str
    given: bool = False
