"""Numbers as a table shows them."""

from __future__ import annotations

from collections.abc import Sequence


def seconds(number: float | None) -> str:
    """Return seconds with two significant digits, in the unit that suits them."""
    if number is None:
        return "-"
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if number >= 0.9995 * unit:
            return f"{_two_digits(number / unit)} {name}"
    return f"{_two_digits(number / 1e-6)} µs"


def ratio(number: float | None) -> str:
    """Return a ratio with two significant digits and a times sign."""
    return "-" if number is None else f"{_two_digits(number)}x"


def gap(number: float | None) -> str:
    """Return a relative gap; proved is 0."""
    if number is None:
        return "-"
    return "0" if number == 0 else f"{number:.1e}"


def size(number: int | None) -> str:
    """Return bytes as megabytes."""
    return "-" if number is None else f"{number / 1e6:,.1f} MB"


def count(number: int) -> str:
    """Return a power of ten as such, any other number with thousands separated."""
    exponent = len(str(number)) - 1
    return f"10^{exponent}" if exponent >= 4 and number == 10**exponent else f"{number:,}"


def table(header: Sequence[str], body: Sequence[Sequence[object]], *, thousands: bool = False) -> str:
    """Return a table in Markdown; short rows end in empty cells, and thousands of whole numbers may be separated."""
    lines = [list(header), ["---"] * len(header), *([_cell(value, thousands) for value in row] for row in body)]
    return "\n".join("| " + " | ".join(line + [""] * (len(header) - len(line))) + " |" for line in lines)


def _cell(value: object, thousands: bool) -> str:
    if thousands and isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "/").replace("\n", " ")


def _two_digits(number: float) -> str:
    if number >= 99.5:
        return f"{float(f'{number:.2g}'):,.0f}"
    return f"{number:.1f}" if number >= 9.95 or number >= 1 else f"{number:.2g}"
