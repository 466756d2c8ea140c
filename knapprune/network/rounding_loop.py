"""The loop that rounds: each number once, in the order of `knapprune.network.rounding`'s modes."""

from __future__ import annotations

import numpy as np

from knapsolve.kernels.jit import njit


@njit(cache=True, nogil=True)
def round_into(values, decimals, scale, rounding, overflow, low, high, signed, out):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0913
    """Round numbers to whole multiples of a type's last bit."""
    outside = 0
    for place in range(len(values)):
        value = np.float64(values[place])
        if decimals > 0.0:
            value = np.rint(value * decimals) / decimals
        scaled = value * scale
        if rounding == 0:  # TRN
            whole = np.floor(scaled)
        elif rounding == 1:  # TRN_ZERO
            whole = np.trunc(scaled)
        elif rounding == 2:  # RND
            whole = np.floor(scaled + 0.5)
        elif rounding == 3:  # RND_ZERO
            whole = np.copysign(np.ceil(np.abs(scaled) - 0.5), scaled)
        elif rounding == 4:  # RND_INF
            whole = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
        elif rounding == 5:  # RND_MIN_INF
            whole = np.ceil(scaled - 0.5)
        else:  # RND_CONV
            whole = np.rint(scaled)
        if not low <= whole <= high:
            outside += 1
            if overflow == 0:  # WRAP
                states = high - low + 1.0
                whole = whole - low - np.floor((whole - low) / states) * states + low
            elif overflow == 2:  # SAT_ZERO
                whole = 0.0
            else:  # SAT, SAT_SYM
                whole = low if whole < low else high
        if overflow == 3 and signed and whole == low:
            whole = -high
        out[place] = np.int64(whole)
    return outside
