"""Units of memory: what is counted are halves of a block RAM, and what many budgets say are whole blocks.

A block of 36 Kb holds two memories of 18 Kb (``BRAM_18K`` in reports of C synthesis), and a layer may leave one of the
two to another. So whole blocks are known of a sum alone: half as many as halves, rounded up.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

HALVES, BLOCKS = "bram18", "bram"
_IN_A_BLOCK = 2


def counted_as(resource: str, counted: Container[str]) -> str:
    """Say which resource is counted where this one is asked for."""
    return HALVES if resource == BLOCKS and BLOCKS not in counted else resource


def size_of(resource: str, counted: str) -> int:
    """Say how much of what is counted one unit of a resource is.

    Examples
    --------
    >>> size_of("bram", "bram18"), size_of("bram18", "bram18"), size_of("dsp", "dsp")
    (2, 1, 1)
    """
    return _IN_A_BLOCK if (resource, counted) == (BLOCKS, HALVES) else 1


def with_blocks(counts: Mapping[str, int]) -> dict[str, int]:
    """Add whole blocks to counts of one thing: of a layer alone, or of all layers together.

    Examples
    --------
    >>> with_blocks({"dsp": 8, "bram18": 5, "latency": 9})
    {'dsp': 8, 'bram18': 5, 'bram': 3, 'latency': 9}
    """
    completed: dict[str, int] = {}
    for name, count in counts.items():
        completed[name] = count
        if name == HALVES and BLOCKS not in counts:
            completed[BLOCKS] = -(-count // _IN_A_BLOCK)
    return completed


def blocks_line(*totals: Mapping[str, int]) -> list[str]:
    """Say in a line below a table of halves how many whole blocks they are.

    Examples
    --------
    >>> blocks_line(with_blocks({"bram18": 5}), with_blocks({"bram18": 2}))
    ['in blocks of 36 Kb: bram 3 -> 1']
    """
    if not all(name in total for name in (HALVES, BLOCKS) for total in totals) or not any(t[HALVES] for t in totals):
        return []
    return [f"in blocks of 36 Kb: {BLOCKS} {' -> '.join(str(total[BLOCKS]) for total in totals)}"]


def in_one_unit(names: Iterable[str], budget: Container[str]) -> list[str]:
    """Leave out the unit of memory that is not the budget's, for pictures that show each resource once.

    Examples
    --------
    >>> in_one_unit(("dsp", "bram18", "bram"), {"dsp": 9}), in_one_unit(("bram18", "bram"), {"bram": 4})
    (['dsp', 'bram18'], ['bram'])
    """
    known = list(names)
    dropped = HALVES if BLOCKS in budget and HALVES not in budget else BLOCKS
    return [name for name in known if name != dropped or not {HALVES, BLOCKS} <= set(known)]


def in_words(resource: str) -> str:
    """Write a resource's name as pictures have it."""
    return resource.upper() + (" halves" if resource == HALVES else "")
