"""What the whole design has beside the layers that are counted: activations, tables, streams, and the logic between."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from knapprune.verification.reports.layers import Use, with_blocks

_COUNTS = ("dsp", "bram18", "uram", "lut", "ff")


def remainder(total: Use, layers: Mapping[str, Use]) -> Use:
    """Take the layers from the whole."""
    return with_blocks(
        {name: total[name] - sum(use.get(name, 0) for use in layers.values()) for name in _COUNTS if name in total}
    )


def describe(
    rest: Use,
    beside: Mapping[str, Use],
    streams: Mapping[str, int],
    absent: Collection[str],
    names: Collection[str],
) -> list[str]:
    """Say what the remainder is made of."""
    between = ", ".join(["between the layers", *(f"{name} itself" for name in absent)])
    amounts = []
    for name in names:
        if not rest.get(name):
            continue
        parts = {label: use[name] for label, use in beside.items() if use.get(name)}
        if stream := with_blocks(streams).get(name):
            parts["streams"] = stream
        if more := rest[name] - sum(parts.values()):
            parts[between] = more
        listed = ", ".join(f"{label} {number:g}" for label, number in parts.items())
        amounts.append(f"{rest[name]:g} {name} ({listed})")
    return [f"in no counted layer: {'; '.join(amounts)}"] if amounts else []
