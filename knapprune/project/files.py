"""Where a generated project says what: its top function, the settings of its run, and the sizes behind macros.

hls4ml has moved these over time: until 0.6 the settings stood in ``build_prj.tcl``, until 1.1 structs name sizes by
macros of ``defines.h`` (``n_in = N_LAYER_2``), and accelerators have a second source around the top function.
"""

from __future__ import annotations

import re
from pathlib import Path

_MACRO = re.compile(r"^#define (\w+) (\d+)\s*$", re.MULTILINE)
_NAME = re.compile(r"\b[A-Z]\w*\b")
_SETTING = re.compile(r'^set (\w+) "?([^"\n]*)"?$', re.MULTILINE)
_SCRIPT = {
    "project_name": re.compile(r"^set_top (\w+)$", re.MULTILINE),
    "part": re.compile(r"^set_part \{?([\w-]+)\}?$", re.MULTILINE),
    "clock_period": re.compile(r"^create_clock -period ([\d.]+)", re.MULTILINE),
}
# hls4ml's marker, with and without a space in front.
_LAYERS = "hls-fpga-machine-learning insert layers"


class GeneratedProjectError(ValueError):
    """A generated project that cannot be read, or that contradicts itself."""


def top_source(firmware: Path) -> Path:
    """Find the source of the top function."""
    sources = sorted(firmware.glob("*.cpp"))
    if len(sources) > 1:
        sources = [path for path in sources if _LAYERS in path.read_text(encoding="utf-8")] or sources
    if len(sources) != 1:
        raise GeneratedProjectError(f"folder: expected one top function in {firmware}, got {len(sources)} .cpp files")
    return sources[0]


def read_settings(folder: Path) -> dict[str, str]:
    """Read what the vendor's tool is told."""
    own, script = folder / "project.tcl", folder / "build_prj.tcl"
    if own.is_file():
        return dict(_SETTING.findall(read(own)))
    if not script.is_file():
        raise GeneratedProjectError(f"folder: expected a Vivado or Vitis project of hls4ml, {own} is missing")
    text = read(script)
    settings = {name: match[1] for name, pattern in _SCRIPT.items() if (match := pattern.search(text))}
    return {"backend": "vivado", **settings}


def without_macros(text: str, defines: str) -> str:
    r"""Put numbers in place of the macros that stand for sizes.

    Examples
    --------
    >>> without_macros("static const unsigned n_out = N_OUT_2 * 4;", "#define N_OUT_2 5\n")
    'static const unsigned n_out = 5 * 4;'
    """
    numbers = dict(_MACRO.findall(defines))
    return _NAME.sub(lambda name: numbers.get(name[0], name[0]), text) if numbers else text


def read(path: Path) -> str:
    """Read a file of a project."""
    if not path.is_file():
        raise GeneratedProjectError(f"folder: expected a Vivado or Vitis project of hls4ml, {path} is missing")
    return path.read_text(encoding="utf-8")
