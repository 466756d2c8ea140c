"""Where Vivado HLS, Vitis HLS and Vivado leave their reports in an hls4ml project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ENDINGS = ("_csynth.xml", "_csynth.rpt")
# The second alone until hls4ml 0.6.
_SCRIPTS = ("project.tcl", "build_prj.tcl")

#: What to say where there is nothing to read.
HOW_TO_MAKE_THEM = (
    "expected the C synthesis reports of an hls4ml project, <project>_prj/solution1/syn/report/*_csynth.xml (or .rpt) "
    "in it, and, if it was run, vivado_synth.rpt; make them with `vitis_hls -f build_prj.tcl` in the project's folder, "
    "or with build(csim=False, synth=True, vsynth=True) of hls4ml's model"
)


class ReportError(ValueError):
    """Reports that are missing, cannot be read, or are those of another model; the message says which and why."""


@dataclass(frozen=True)
class ReportFiles:
    """The files of one run.

    Parameters
    ----------
    modules
        By module name: its XML and its text report, either of which may be missing.
    utilisation
        Vivado's utilisation of the whole design after synthesis, if it is there.
    project
        The hls4ml project they were made in, if they still stand in it.
    """

    modules: dict[str, tuple[Path | None, Path | None]]
    utilisation: Path | None
    project: Path | None


def find_reports(folder: str | Path) -> ReportFiles:
    """Find the reports of a run."""
    root = Path(folder)
    if not root.is_dir():
        raise ReportError(f"reports: {root} is {'a file' if root.exists() else 'not there'}; {HOW_TO_MAKE_THEM}")
    reports = sorted(path for ending in _ENDINGS for path in root.rglob(f"*{ending}"))
    homes = sorted({path.parent for path in reports})
    if not homes:
        raise ReportError(f"reports: nothing to read in {root}; {HOW_TO_MAKE_THEM}")
    if len(homes) > 1:
        listed = ", ".join(str(home) for home in homes)
        raise ReportError(f"reports: {root} holds the reports of several runs, expected one of {listed}")
    names = sorted({path.name[: -len(ending)] for path in reports for ending in _ENDINGS if path.name.endswith(ending)})
    modules: dict[str, tuple[Path | None, Path | None]] = {}
    for name in names:
        xml, text = (homes[0] / (name + ending) for ending in _ENDINGS)
        modules[name] = (xml if xml.is_file() else None, text if text.is_file() else None)
    # <project>/<name>_prj/solution1/syn/report: the project is four levels up.
    around = [root, *homes[0].resolve().parents[:4]]
    project = next((place for place in around if any((place / script).is_file() for script in _SCRIPTS)), None)
    utilisation = next((place / "vivado_synth.rpt" for place in around if (place / "vivado_synth.rpt").is_file()), None)
    return ReportFiles(modules, utilisation, project)
