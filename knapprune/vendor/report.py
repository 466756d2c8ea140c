"""The vendor's numbers beside the predicted and the counted ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from knapprune.comparison import LayerCheck
from knapprune.tables import plain_table
from knapprune.vendor.csynth import Module, read_module
from knapprune.vendor.design import Design, read_design
from knapprune.vendor.folder import ReportError, ReportFiles, find_reports
from knapprune.vendor.layers import Use, modules_of_layers, top_module, use_of
from knapprune.vendor.match import check_project, check_run
from knapprune.vendor.utilisation import Utilisation, read_utilisation

_EXTRA = ("lut", "ff", "uram", "latency", "interval")


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


@dataclass(frozen=True)
class Reported:
    """What the vendor's tools report, layer by layer where their modules can be told apart.

    Parameters
    ----------
    tool
        The version of the tool, as its reports have it.
    by_layer
        C synthesis by layer: ``dsp``, ``bram`` (blocks of 36 Kb, so a half is one BRAM_18K), ``lut``, ``ff``, ``uram``;
        ``latency`` and ``interval`` in cycles where the layer is one module. Layers that are not counted are here too.
    total
        C synthesis of the whole design; it has what is in no layer, such as the logic between them.
    difference
        Reported minus counted, by layer and resource.
    total_difference
        The same of the whole design, which has more in it than the layers that are counted.
    synthesised
        Vivado's utilisation of the whole design, or None.
    unmatched
        Modules whose names do not say which layer they are of, with what they use.
    notes
        What to know when reading the numbers.
    """

    tool: str
    by_layer: dict[str, Use]
    total: Use
    difference: dict[str, Use]
    total_difference: Use
    synthesised: Use | None
    unmatched: dict[str, Use] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def table(self, layers: Mapping[str, LayerCheck]) -> str:
        """Set predicted, counted and reported side by side.

        Parameters
        ----------
        layers
            What was predicted and counted.

        Returns
        -------
        str
            Plain text: a line for each layer, one for the rest, the totals.
        """
        names = list(self.total_difference)
        extra = [name for name in _EXTRA if name in self.total or any(name in use for use in self.by_layer.values())]
        header = [
            "layer",
            *(f"{kind} {name}" for name in names for kind in ("predicted", "counted", "reported", "+/-")),
        ]

        def row(
            label: str, check: tuple[Mapping[str, float], Mapping[str, float]] | None, use: Use, more: Use
        ) -> list[object]:
            predicted, counted = check or ({}, {})
            cells: list[object] = [label]
            for name in names:
                cells += [_cell(predicted, name), _cell(counted, name), _cell(use, name), _cell(more, name, sign=True)]
            return [*cells, *(_cell(use, name) for name in extra)]

        rows = []
        for name in dict.fromkeys([*layers, *self.by_layer]):
            known = layers.get(name)
            check = None if known is None else (known.predicted, known.counted)
            rows.append(row(name, check, self.by_layer.get(name, {}), self.difference.get(name, {})))
        rows += [row(f"? {name}", None, use, {}) for name, use in self.unmatched.items()]
        sums = tuple(
            _sum(kind) for kind in ([c.predicted for c in layers.values()], [c.counted for c in layers.values()])
        )
        rows.append(row("whole design", (sums[0], sums[1]), self.total, self.total_difference))
        if self.synthesised is not None:
            more = {name: self.synthesised[name] - sums[1][name] for name in names if name in self.synthesised}
            rows.append(row("after synthesis", (sums[0], sums[1]), self.synthesised, more))
        return "\n".join([f"reported by {self.tool}:", plain_table([*header, *extra], rows), *self.notes])


def read_run(folder: str | Path) -> Run:
    """Read all reports in a folder.

    Parameters
    ----------
    folder
        The hls4ml project they were made in, or a folder in it: see :func:`knapprune.vendor.folder.find_reports`.

    Returns
    -------
    Run
        At least one module.

    Raises
    ------
    ReportError
        If there are none, or one cannot be read.
    """
    files = find_reports(folder)
    modules = {name: read_module(name, *paths) for name, paths in files.modules.items()}
    return Run(files, modules, None if files.utilisation is None else read_utilisation(files.utilisation))


def side_by_side(run: Run, project: Path, layers: Mapping[str, LayerCheck]) -> Reported:
    """Hold reports against a model.

    Parameters
    ----------
    run
        The reports.
    project
        The hls4ml project that was generated from the model.
    layers
        What was predicted and counted.

    Returns
    -------
    Reported
        The vendor's numbers by layer, with the differences.

    Raises
    ------
    ReportError
        If they are the reports of another model; the message names the first layer that does not match.
    """
    design = read_design(project)
    check_run(design, run.modules, run.utilisation)
    notes = []
    if run.files.project is not None and (run.files.project / "firmware").is_dir():
        notes += check_project(project, run.files.project)
    top = top_module(run.modules, design.top)
    if top is None:
        raise ReportError(f"reports: no report of the top function, expected {design.top}_csynth.xml or .rpt")
    numbered, others = modules_of_layers(run.modules, top)
    names = {call.index: call.name for call in design.calls if call.index is not None}
    by_layer = {names[index]: use_of(instances, run.modules) for index, instances in numbered.items()}
    total = use_of({top.name: 1}, run.modules)
    counted = _sum([check.counted for check in layers.values()])
    return Reported(
        tool=_tool(top, run),
        by_layer=by_layer,
        total=total,
        difference={name: _minus(by_layer[name], layers[name].counted) for name in layers if name in by_layer},
        total_difference=_minus(total, counted),
        synthesised=None if run.utilisation is None else dict(run.utilisation.use),
        unmatched={name: use_of({name: count}, run.modules) for name, count in others.items()},
        notes=(*notes, *_notes(design, top, layers, by_layer)),
    )


def _notes(design: Design, top: Module, layers: Mapping[str, LayerCheck], by_layer: Mapping[str, Use]) -> list[str]:
    notes = [
        "reported bram: blocks of 36 Kb, two BRAM_18K each; the tool may move products between DSP and LUT, and memory "
        "between BRAM and LUT, so a difference is no error"
    ]
    if absent := [name for name in layers if name not in by_layer]:
        notes.append(f"no module of its own in the reports: {', '.join(absent)}")
    if top.clock_period is not None and top.clock_period != design.clock_period:
        notes.append(
            f"reported for a clock period of {top.clock_period:g} ns, hls_config has {design.clock_period:g} ns"
        )
    return notes


def _tool(top: Module, run: Run) -> str:
    after = "" if run.utilisation is None else ", and Vivado's synthesis of the whole design"
    return f"C synthesis {top.version} for {top.part}{after}".replace("  ", " ")


def _minus(reported: Mapping[str, float], counted: Mapping[str, int]) -> Use:
    return {name: reported[name] - number for name, number in counted.items() if name in reported}


def _sum(uses: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(use.get(name, 0) for use in uses) for name in dict.fromkeys(key for use in uses for key in use)}


def _cell(use: Mapping[str, float], name: str, sign: bool = False) -> str:
    if name not in use:
        return "-"
    number = use[name]
    digits = 0 if float(number).is_integer() else 1
    return f"{number:+.{digits}f}" if sign else f"{number:.{digits}f}"
