"""How much memory a run took on top of what was there before it."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak() -> int | None:
    """Start anew with the peak; return the bytes in use now, or None where the system cannot tell."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return None
    return _field("VmRSS")


def extra_peak(before: int | None) -> int | None:
    """Return by how many bytes the peak since `reset_peak` passed what was in use then."""
    peak = None if before is None else _field("VmHWM")
    return None if peak is None or before is None else max(peak - before, 0)


def _field(name: str) -> int | None:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
