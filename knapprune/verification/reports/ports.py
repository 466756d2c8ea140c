"""The ports of a module, which say how many values go in and come out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# The module's own control, and the handshakes beside an argument.
_CONTROL = re.compile(r"^ap_(?!return)|_ap_(?:vld|ack)$")
# Protocols that bring a value as it is, not through a memory or a stream.
_PLAIN = ("ap_none", "ap_vld", "ap_ack", "ap_hs", "ap_ovld", "ap_stable", "ap_ctrl_hs", "ap_ctrl_none", "ap_ctrl_chain")


@dataclass(frozen=True)
class Port:
    """One port with data.

    Parameters
    ----------
    argument
        The argument it belongs to, or the function itself where it is the returned value.
    inward
        Whether data goes in.
    bits
        Its width.
    plain
        Whether it brings values as they are, not through a memory or a stream.
    """

    argument: str
    inward: bool
    bits: int
    plain: bool


def data_port(name: str, direction: str, bits: str, protocol: str, argument: str) -> Port | None:
    """Make a port of what a report says about it."""
    if _CONTROL.search(name) or not bits.isdigit():
        return None
    return Port(argument, direction == "in", int(bits), protocol in _PLAIN)


def by_argument(ports: Iterable[Port], names: Iterable[str]) -> dict[str, list[Port]]:
    """Sort ports by the arguments of a function, whose names theirs begin with."""
    # The longest name first: ``input_10_V`` is no port of ``input_1``.
    by_name: dict[str, list[Port]] = {name: [] for name in names}
    longest_first = sorted(by_name, key=len, reverse=True)
    for port in ports:
        owner = next((name for name in longest_first if re.match(rf"{re.escape(name)}(?:_|$)", port.argument)), None)
        if owner is not None:
            by_name[owner].append(port)
    return by_name


def values(ports: Iterable[Port], width: int | None) -> int | None:
    """Count the values that ports bring, side by side in one or each in its own."""
    count = 0
    for port in ports:
        if not port.plain or not width or (port.bits > width and port.bits % width):
            return None
        count += max(port.bits // width, 1)
    return count or None
