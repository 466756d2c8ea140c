"""What a row says of the machine and the software: enough to compare, nothing that names a host or a folder."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def describe() -> dict[str, str | int]:
    """Return processor, cores, system, and the versions of Python and NumPy."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
    }


def load() -> float | None:
    """Return the load average of the last minute: how much other work there was."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def processor() -> dict[str, str | int]:
    """Return the processor and its cores, for a row."""
    return {"machine": _cpu(), "cores": os.cpu_count() or 0}


def versions(*names: str) -> dict[str, dict[str, str]]:
    """Return the versions of packages, and of Yosys, for a row; "none" is what is not installed."""
    return {"versions": {name: _yosys() if name == "yosys" else _version(name) for name in names}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _yosys() -> str:
    if shutil.which("yosys") is None:
        return "none"
    said = subprocess.run(["yosys", "-V"], capture_output=True, text=True, check=False).stdout.split()
    return said[1] if len(said) > 1 else "unknown"


def distribution_version(distribution: str) -> str:
    """Return name and version of a distribution; our own with the commit, and whether its files were edited since."""
    named = f"{distribution} {version(distribution)}"
    commit = _git("rev-parse", "--short", "HEAD") if distribution == "knapprune" else ""
    return named + (
        f" ({commit}{', modified' if _git('diff', 'HEAD', '--stat', '--', 'solvers') else ''})" * bool(commit)
    )


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
