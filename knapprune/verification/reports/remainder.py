"""What the whole design has beside the layers that are counted: activations, tables, streams, and the logic between."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from knapprune.verification.reports.layers import Use, with_blocks

_COUNTS = ("dsp", "bram18", "uram", "lut", "ff")


def remainder(total: Use, layers: Mapping[str, Use]) -> Use:
    """Take the layers from the whole.

    Parameters
    ----------
    total
        Of the whole design.
    layers
        Of each counted layer that has a module.

    Returns
    -------
    dict
        What is left, by resource.
    """
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
    """Say what the remainder is made of.

    Parameters
    ----------
    rest
        Of the whole design.
    beside
        Layers that are not counted, and modules that are of no layer.
    streams
        What the streams between the layers use.
    absent
        Counted layers that have no module.
    names
        Resources to describe.

    Returns
    -------
    list of str
        A sentence, or nothing where nothing is left.
    """
    between = ", ".join(["between the layers", *(f"{name} itself" for name in absent)])
    found = []
    for name in names:
        if not rest.get(name):
            continue
        parts = {label: use[name] for label, use in beside.items() if use.get(name)}
        if stream := with_blocks(streams).get(name):
            parts["streams"] = stream
        if more := rest[name] - sum(parts.values()):
            parts[between] = more
        listed = ", ".join(f"{label} {number:g}" for label, number in parts.items())
        found.append(f"{rest[name]:g} {name} ({listed})")
    return [f"in no counted layer: {'; '.join(found)}"] if found else []
