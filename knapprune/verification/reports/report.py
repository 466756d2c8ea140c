"""The vendor's numbers beside the predicted and the counted ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knapprune.project.files import GeneratedProjectError
from knapprune.project.read import GeneratedProject, read_project
from knapprune.verification.comparison import LayerCheck
from knapprune.verification.reports.csynth import Module, read_module
from knapprune.verification.reports.design import Design, read_design
from knapprune.verification.reports.folder import ReportError, ReportFiles, find_reports
from knapprune.verification.reports.hidden import with_hidden
from knapprune.verification.reports.layers import Use, left_over, place, use_of
from knapprune.verification.reports.match import (
    check_activations,
    check_interface,
    check_parts,
    check_project,
    check_run,
)
from knapprune.verification.reports.numbering import as_numbered
from knapprune.verification.reports.remainder import describe, remainder
from knapprune.verification.reports.reported import Reported
from knapprune.verification.reports.sizes import check_sizes, dead_values
from knapprune.verification.reports.utilisation import Utilisation, read_utilisation


@dataclass(frozen=True)
class Run:
    """The reports of one run, read and not yet held against a model.

    Parameters
    ----------
    files
        Where they are.
    modules
        By name.
    utilisation
        Of the whole design after Vivado's synthesis, if that was run.
    """

    files: ReportFiles
    modules: Mapping[str, Module]
    utilisation: Utilisation | None


def read_run(folder: str | Path) -> Run:
    """Read all reports in a folder."""
    files = find_reports(folder)
    modules = {name: read_module(name, *paths) for name, paths in files.modules.items()}
    return Run(files, modules, None if files.utilisation is None else read_utilisation(files.utilisation))


def side_by_side(run: Run, project: Path, layers: Mapping[str, LayerCheck]) -> Reported:
    """Hold reports against a model."""
    own, kernels = read_design(project), read_project(project)
    design, notes = _design_of_reports(run, own, kernels)
    top = run.modules.get(own.top)
    if top is None:
        raise ReportError(
            f"reports: no report of the top function, expected {own.top}_csynth.xml or .rpt, got those of "
            f"{', '.join(sorted(run.modules)[:3])} ..."
        )
    old = left_over(run.modules, top)
    current = {name: module for name, module in run.modules.items() if name not in old}
    shell = [name for name, module in current.items() if top.name in (module.instances or ())]
    check_parts(own.part, current, run.utilisation)
    dead = dead_values(kernels.layers, own)
    design, doubtful = as_numbered(design, current, top, dead)
    check_run(design, current, doubtful)
    notes += [] if shell else check_interface(design, top)
    check_sizes(design, current, dead)
    calls = {call.index: call for call in design.calls if call.index is not None}
    placement = with_hidden(place(current, top, calls), current, design, dead)
    use = {name: use_of(instances, current) for name, instances in placement.layers.items()}
    by_layer = {call.name: use[call.name] for call in design.calls if call.name in use}
    unmatched = {name: use_of({name: count}, current) for name, count in placement.others.items()}
    total = use_of({top.name: 1}, current)
    rest = remainder(total, {name: use for name, use in by_layer.items() if name in layers})
    beside = {name: use for name, use in by_layer.items() if name not in layers} | unmatched
    counted = _sum([check.counted for check in layers.values()])
    whole = {name: _with_parts(name, layers) for name in layers if name in by_layer}
    absent = [name for name in layers if name.partition("/")[0] not in by_layer]
    return Reported(
        tool=_tool(top, run),
        by_layer=by_layer,
        total=total,
        difference={name: _minus(by_layer[name], use) for name, use in whole.items()},
        total_difference=_minus(total, counted),
        synthesised=None if run.utilisation is None else dict(run.utilisation.use),
        remainder=rest,
        unmatched=unmatched,
        notes=(
            *describe(rest, beside, top.streams, absent, _minus(total, counted)),
            *notes,
            *_notes(own, top, shell, old, absent),
        ),
    )


def _design_of_reports(run: Run, own: Design, kernels: GeneratedProject) -> tuple[Design, list[str]]:
    """Read the project that the reports stand in, once it is known to be the model's; its own where there is none."""
    around = run.files.project
    if around is None or not (around / "firmware").is_dir():
        return own, []
    try:
        design = read_design(around)
        notes = check_project(kernels, around)
    except GeneratedProjectError as error:
        return own, [f"the project around the reports is not compared: {error}"]
    check_activations(own, design)
    return design, notes


def _notes(own: Design, top: Module, shell: list[str], old: tuple[str, ...], absent: list[str]) -> list[str]:
    notes = [
        "bram18 are BRAM_18K, as C synthesis counts them; two are one block of 36 Kb (bram). The tool may move "
        "products between DSP and LUT, and memory between BRAM and LUT, so a difference is no error"
    ]
    if absent:
        notes.append(f"no module of its own in the reports: {', '.join(absent)}")
    if old:
        notes.append(f"left over from another run, and not read: {', '.join(old)}")
    if top.instances is None:
        notes.append("no text reports (.rpt): which module is inside which is guessed from what they use")
    if shell:
        notes.append(f"around {top.name}, and not in its total: {', '.join(shell)}")
    if None not in (top.clock_period, own.clock_period) and top.clock_period != own.clock_period:
        notes.append(f"reported for a clock period of {top.clock_period:g} ns, hls_config has {own.clock_period:g} ns")
    return notes


def _tool(top: Module, run: Run) -> str:
    after = "" if run.utilisation is None else ", and Vivado's synthesis of the whole design"
    return f"C synthesis {top.version} for {top.part}{after}".replace("  ", " ")


def _with_parts(name: str, layers: Mapping[str, LayerCheck]) -> dict[str, int]:
    """Count a layer with its second kernel, which stands in the same module."""
    return _sum([check.counted for part, check in layers.items() if part.partition("/")[0] == name])


def _minus(reported: Mapping[str, float], counted: Mapping[str, int]) -> Use:
    return {name: reported[name] - number for name, number in counted.items() if name in reported}


def _sum(uses: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(use.get(name, 0) for use in uses) for name in dict.fromkeys(key for use in uses for key in use)}
