"""Fixed-point types as hls4ml writes them, and the widths it infers where a configuration says ``auto``.

The rules are those of hls4ml 1.3, ``model/optimizer/passes/infer_precision.py``; only widths, integer bits and signs
matter for hardware, so rounding and saturation are dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, log2

#: The widest type that Vitis and Vivado HLS have where nobody raises AP_INT_MAX_W.
WIDEST = 1024
#: The modes that hls4ml knows; "AP_" or "AC_" may stand before them.
ROUNDING = ("TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV")
OVERFLOW = ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")
_PATTERN = re.compile(r"^(?:ap_|ac_)?(u?)(fixed|int)<\s*([^>]*)>$")


@dataclass(frozen=True)
class FixedPoint:
    """A fixed-point or integer type.

    Parameters
    ----------
    width
        All bits.
    integer
        Bits before the binary point, the sign among them.
    signed
        Whether there is a sign bit.
    """

    width: int
    integer: int
    signed: bool = True

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}fixed<{self.width},{self.integer}>"

    @property
    def fraction(self) -> int:
        """Bits behind the binary point; negative for a type that counts in steps."""
        return self.width - self.integer

    @property
    def low(self) -> int:
        """The least value, in multiples of what the last bit stands for."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest value, in multiples of what the last bit stands for."""
        return (1 << (self.width - self.signed)) - 1


def parse_precision(text: object) -> FixedPoint:
    """Read a precision such as ``fixed<16,6>``, ``ap_ufixed<8,0,RND>``, ``int<4>`` or ``ac_fixed<16,6,true>``."""
    match = _PATTERN.match(str(text).strip())
    if match is None:
        raise ValueError(
            f"precision: got {str(text)!r}, expected a fixed-point or integer type such as 'fixed<16,6>' or 'int<8>'"
        )
    unsigned, family, arguments = match.groups()
    fields = [field.strip() for field in arguments.split(",")]
    try:
        width = int(fields[0])
        integer = int(fields[1]) if family == "fixed" else width
    except (ValueError, IndexError):
        raise ValueError(f"precision: got {str(text)!r}, expected its bits as whole numbers") from None
    if not 1 <= width <= WIDEST or abs(integer) > WIDEST:
        raise ValueError(f"precision: got {str(text)!r}, expected a width of 1 to {WIDEST} bits")
    modes = fields[2 if family == "fixed" else 1 :]
    # The ac_ types carry their sign as an argument, after the widths.
    sign = modes[:1] if str(text).strip().startswith("ac_") else []
    _check_modes(text, modes[len(sign) :], sign, family)
    return FixedPoint(width, integer, signed=not unsigned and (not sign or sign[0] == "true"))


def bare_mode(text: str) -> str:
    """Return a mode without what the vendors put before it."""
    return text.strip().upper().removeprefix("AP_").removeprefix("AC_")


def _check_modes(text: object, modes: list[str], sign: list[str], family: str) -> None:
    """Refuse modes of rounding and overflow that no type has: hls4ml would pass on some, and drop others."""
    problem = f"precision: got {str(text)!r}, expected "
    if sign and sign[0] not in ("true", "false"):
        raise ValueError(f"{problem}true or false for the sign")
    if modes and family == "int":
        raise ValueError(f"{problem}no modes of rounding and overflow for whole numbers")
    for given, known in zip(modes, (ROUNDING, OVERFLOW), strict=False):
        if bare_mode(given) not in known:
            raise ValueError(f"{problem}modes among {list(known)} in place of {given!r}")
    if len(modes) > 3 or not all(bits.isdigit() for bits in modes[2:]):
        raise ValueError(f"{problem}at most rounding, overflow and a number of saturation bits behind the widths")


def of_product_sum(data: FixedPoint, weight: FixedPoint, bias: FixedPoint, products: int) -> FixedPoint:
    """Infer the type of a Dense or Conv result: wide enough that nothing can overflow."""
    growth = ceil(log2(products))
    integer = weight.integer + data.integer + growth
    fraction = weight.width + data.width + growth - integer
    return _sum_of(FixedPoint(integer + fraction, integer, weight.signed or data.signed), bias)


def of_scaling(data: FixedPoint, scale: FixedPoint, bias: FixedPoint) -> FixedPoint:
    """Infer the type of a batch normalisation that stays a layer of its own."""
    return _sum_of(of_multiply(data, scale), bias)


def of_add(first: FixedPoint, second: FixedPoint, subtract: bool = False) -> FixedPoint:
    """Infer the type of a sum, difference or average of two tensors."""
    total = _sum_of(first, second)
    return FixedPoint(total.width, total.integer, total.signed or subtract)


def of_multiply(first: FixedPoint, second: FixedPoint) -> FixedPoint:
    """Infer the type of a product of two tensors."""
    return FixedPoint(first.width + second.width, first.integer + second.integer, first.signed or second.signed)


def of_choice(first: FixedPoint, second: FixedPoint) -> FixedPoint:
    """Infer the type that holds either of two: concatenation, maximum, minimum."""
    if first == second:
        return first
    signed = first.signed or second.signed
    integer = max(value.integer + (signed and not value.signed) for value in (first, second))
    return FixedPoint(integer + max(first.fraction, second.fraction), integer, signed)


def at_most(inferred: FixedPoint, maximum: FixedPoint | None) -> FixedPoint:
    """Cap an inferred type by the configuration's maximum precision."""
    if maximum is None:
        return inferred
    return FixedPoint(min(inferred.width, maximum.width), min(inferred.integer, maximum.integer), inferred.signed)


def _sum_of(first: FixedPoint, second: FixedPoint) -> FixedPoint:
    """One more integer bit than the larger, after an unsigned operand has got a sign bit."""
    integer = 1 + max(
        first.integer + (second.signed and not first.signed), second.integer + (first.signed and not second.signed)
    )
    return FixedPoint(integer + max(first.fraction, second.fraction), integer, signed=first.signed or second.signed)
