"""What a generated project multiplies by: the integers that its weights become, and the products that they need.

Nothing here is shared with the prediction: the type is read from its text, the decimals from the weights' file, and
signed digits are written out one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_TYPE = re.compile(r"\bap_(?P<u>u?)(?P<family>fixed|int)<(?P<arguments>[^>]*)>")
#: Operations of HLS on constants that are no multiplication: shifts, and one addition or subtraction of two of them.
_DIGITS_WITHOUT_PRODUCT = 2

_ROUNDING: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "TRN": np.floor,
    "TRN_ZERO": np.trunc,
    "RND": lambda scaled: np.floor(scaled + 0.5),
    "RND_CONV": np.rint,
    "RND_MIN_INF": lambda scaled: np.ceil(scaled - 0.5),
    "RND_INF": lambda scaled: np.copysign(np.floor(np.abs(scaled) + 0.5), scaled),
    "RND_ZERO": lambda scaled: np.copysign(np.ceil(np.abs(scaled) - 0.5), scaled),
}


def integers(decimals: NDArray[np.float64], type_text: str) -> NDArray[np.int64]:
    """Bring the decimals of a weights' file into their type, as the C++ compiler does."""
    match = _TYPE.search(type_text)
    if match is None:
        raise ValueError(f"expected a fixed-point or integer type, got {type_text!r}")
    words = [word.strip().removeprefix("AP_") for word in match["arguments"].split(",")]
    width = int(words[0])
    fraction = width - int(words[1]) if match["family"] == "fixed" else 0
    rounding = next((word for word in words if word in _ROUNDING), "TRN")
    overflow = next((word for word in words if word.startswith(("WRAP", "SAT"))), "WRAP")
    whole = _ROUNDING[rounding](np.ldexp(decimals, fraction))
    low, high = (0, 2**width - 1) if match["u"] else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    if overflow == "WRAP":
        whole = np.mod(whole - low, 2.0**width) + low
    elif overflow == "SAT_ZERO":
        whole = np.where((whole < low) | (whole > high), 0.0, whole)
    else:
        whole = np.clip(whole, -high if overflow == "SAT_SYM" and low else low, high)
    return whole.astype(np.int64)


def constants_to_multiply(weights: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """List what each input is multiplied by."""
    cheap = {int(value): _digits(int(value)) <= _DIGITS_WITHOUT_PRODUCT for value in np.unique(weights)}
    return [
        np.array([value for value in np.unique(row).tolist() if not cheap[value]], dtype=np.int64) for row in weights
    ]


def bits(values: NDArray[np.int64], *, signed: bool = True) -> int:
    """Count the bits that hold all of some whole numbers."""
    least, most = int(values.min()), int(values.max())
    return max(most.bit_length() + (signed or least < 0), (~least).bit_length() + 1 if least < 0 else 0)


def _digits(value: int) -> int:
    """Write a whole number in signed digits, no two of them neighbours, and count those that are not 0."""
    count = 0
    while value:
        if value % 2:
            digit = 2 - value % 4  # 1 or -1, so that what is left divides by four
            value -= digit
            count += 1
        value //= 2
    return count
