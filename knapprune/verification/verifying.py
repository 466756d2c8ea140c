"""Show that the generated hardware is the predicted one: convert, count, compare; compile, predict, score."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Unpack

from knapprune.adapters.adapter import Adapter, AxesAdapter
from knapprune.adapters.configuration import configuration
from knapprune.adapters.data_fit import check_fit
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.measuring import metric_of
from knapprune.adapters.training_adapter import TrainingAdapter
from knapprune.estimation import estimate
from knapprune.hardware.beside import Beside
from knapprune.hardware.beside import summary as beside_summary
from knapprune.hardware.dsp import MultiplierTable
from knapprune.hardware.hardware_model import HardwareModel
from knapprune.hardware.resources import Resources
from knapprune.hardware.units import blocks_line, with_blocks
from knapprune.network.batches import parts_of
from knapprune.network.hls_config import COUNTED_BACKENDS, HlsConfig, HlsConfigSource, Overrides
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.metric import accuracy
from knapprune.network.named_metrics import Metric
from knapprune.project.count import count_project
from knapprune.project.emulation import build, in_order, predict, require_compiler
from knapprune.project.export import Project, export
from knapprune.project.read import read_project
from knapprune.project.surroundings import surroundings_of_graph
from knapprune.tables import html_table, plain_table
from knapprune.tools import require_hls4ml
from knapprune.unused import unused
from knapprune.verification.collapse import FAR, CollapseWarning, collapse, distance
from knapprune.verification.comparison import LayerCheck, compare
from knapprune.verification.reports.report import Run, read_run, side_by_side
from knapprune.verification.reports.reported import Reported
from knapprune.verification.synthesis import with_synthesis
from knapprune.verification.yosys import require_yosys

DISTRIBUTED = "distributed_arithmetic"


@dataclass(frozen=True, repr=False)
class Verification:
    """What `verify` found.

    Two are equal where all that they hold is, but for how long it took.

    Parameters
    ----------
    predicted, counted
        Resources of all layers together, by name; beside ``bram18``, halves of 36 Kb blocks, there is ``bram``.
    by_layer
        What is counted by layer name, with the strategy and reuse factor that took effect.
    accuracy
        The metric on the given data, computed bit by bit as the hardware would. None if nothing was compiled.
    model_accuracy
        The metric of the model itself, in floating point, on the same data. None without data, and for an hls4ml graph,
        which has no arithmetic but the hardware's.
    project
        The project's folder, or None if it was temporary.
    compiled
        Whether g++ compiled the project.
    uncounted
        Layers with weights that are neither Dense nor convolutions; no number here covers them.
    seconds
        Wall-clock time of the whole call.
    reported
        What the vendor's tools report, beside what was counted. None where no reports were given.
    beside
        What hls4ml builds beside the weights (FIFOs, line buffers, tables, softmax): estimates, in no total.
    """

    predicted: dict[str, int]
    counted: dict[str, int]
    by_layer: dict[str, LayerCheck]
    accuracy: float | None
    model_accuracy: float | None
    project: Path | None
    compiled: bool
    uncounted: tuple[str, ...]
    seconds: float = field(compare=False)
    reported: Reported | None = None
    beside: tuple[Beside, ...] = ()

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.counted.items())), self.accuracy, self.model_accuracy, self.compiled))

    def __repr__(self) -> str:
        known: dict[str, object] = {**self.counted, "layers": len(self.by_layer)}
        for name in ("accuracy", "model_accuracy"):
            value = getattr(self, name)
            known |= {} if value is None else {name: f"{value:.4f}"}
        known |= {} if self.reported is None else {"reported": self.reported.tool}
        shown = {**known, "seconds": f"{self.seconds:.1f}"}
        return f"Verification({', '.join(f'{name}={value}' for name, value in shown.items())})"

    def _repr_html_(self) -> str:
        header, rows, total = self._table()
        notes = [*blocks_line(self.counted), *_remarks(self)]
        if self.reported is not None:
            notes.append(f"reported by {self.reported.tool}: summary() sets it beside the counts")
        return html_table("Predicted and counted", header, rows, total, notes)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        project = None if self.project is None else str(self.project)
        return asdict(self) | {"project": project, "uncounted": list(self.uncounted)}

    def summary(self) -> str:
        """Describe what was found: a table of the layers, then the accuracies."""
        header, rows, total = self._table()
        vendor = [] if self.reported is None else ["", self.reported.table(self.by_layer), ""]
        beside = ["", beside_summary(self.beside)] if self.beside else []
        table = [plain_table(header, [*rows, total]), *blocks_line(self.counted)]
        return "\n".join([*table, *vendor, *_remarks(self), *beside])

    def _table(self) -> tuple[list[str], list[list[object]], list[object]]:
        """Lay out the header, a row for each layer, and the total."""
        names = list(dict.fromkeys(name for layer in self.by_layer.values() for name in layer.counted))
        header = [
            "layer",
            "strategy",
            "reuse",
            *(f"{kind} {name}" for name in names for kind in ("predicted", "counted")),
        ]
        rows: list[list[object]] = [
            [name, layer.strategy, layer.reuse_factor, *_pairs(names, layer.predicted, layer.counted)]
            for name, layer in self.by_layer.items()
        ]
        return header, rows, ["total", "", "", *_pairs(names, self.predicted, self.counted)]


def verify(  # noqa: PLR0913
    model: Any,
    hls_config: HlsConfigSource | None = None,
    *,
    data: tuple[Any, Any] | None = None,
    output_dir: str | Path | None = None,
    compile: bool | None = None,
    force: bool = False,
    metric: str | Metric | None = None,
    hardware: str | HardwareModel = "hls4ml",
    synthesise: bool = False,
    reports: str | Path | None = None,
    **overrides: Unpack[Overrides],
) -> Verification:
    """Convert a model with hls4ml and count in the generated C++ what was predicted; optionally run it bit by bit.

    Parameters
    ----------
    model
        The network, masked or not, or an hls4ml graph. Not changed.
    hls_config
        hls4ml's configuration, or the path of its YAML file. None for an hls4ml graph, which carries its own.
    data
        Inputs and labels to score the model and the compiled project on: ``(x, y)``, samples first.
    output_dir
        Where the hls4ml project goes. None uses a temporary folder and removes it.
    compile
        Compile the project with g++. None compiles if there is `data`.
    force
        Replace an existing project in `output_dir`.
    metric
        Called with the labels and the outputs as the model returns them (a list where it has several); returns a
        number. Or a name, or None for the share of right classes, as for `knapprune.prune`.
    hardware
        The resource model that predicts, or its name. Its table of DSPs per multiplier, if it has one, also turns the
        counted multipliers into DSPs.
    synthesise
        Synthesise the adder graphs of layers with ``distributed_arithmetic`` with Yosys: the look-up tables it counts
        are then beside the predicted ones, in each layer's ``estimated`` and ``synthesised``. Takes seconds to minutes.
    reports
        A folder with the reports of Vivado HLS or Vitis HLS, and of Vivado, on the project of this very model: set
        beside what was predicted and counted. They may differ; reports of another model are refused.
    overrides
        ``backend``, ``io_type``, ``part`` and ``clock_period``, in place of the configuration's own.

    Returns
    -------
    Verification
        Predicted and counted resources, equal layer by layer, and the two accuracies.

    Raises
    ------
    VerificationError
        If a layer does not use what was predicted; the message names it, the resource and both numbers.
    GeneratedProjectError
        If hls4ml wrote a project that contradicts itself.
    MissingToolError
        If hls4ml, or g++ or yosys when it is needed, is not installed.
    SynthesisError
        If yosys gives no counts.
    FileExistsError
        If `output_dir` holds something and `force` is false.
    ReportError
        If there are no reports in `reports`, one cannot be read, or they are those of another model.
    ValueError
        If an argument does not fit, or does nothing in this call.

    Warns
    -----
    CollapseWarning
        Where the compiled project's outputs leave the model's: the first layer where they do, and a type that would do.
    """
    started = time.perf_counter()
    _check_used(data, metric, output_dir, force)
    _require_counted(hls_config, overrides)
    run = None if reports is None else _read_run(reports, output_dir)
    compiled = data is not None if compile is None else compile
    inputs, labels = _check_data(data)
    require_hls4ml()
    framework = find_adapter(model)
    if not compiled:
        _require_arithmetic(framework, model, data)
    check_fit(framework, model, by_loss=metric is None, data=data)
    judge = metric_of(framework, model, metric if data is not None else accuracy)
    if compiled:
        require_compiler()
    predicted = estimate(model, hls_config, hardware=hardware, **overrides)
    if synthesise:
        _require_graphs(predicted)
        require_yosys()
    with tempfile.TemporaryDirectory(prefix="knapprune-") as temporary:
        folder = Path(temporary) / "project" if output_dir is None else Path(output_dir)
        project = export(model, hls_config, folder, force=force, **overrides)
        count = count_project(project.folder, _multipliers(hardware))
        layers = compare(predicted, count)
        if synthesise:
            layers = with_synthesis(layers, read_project(project.folder).adders)
        reported = None if run is None else side_by_side(run, project.folder, layers)
        if compiled:
            build(project, len(parts_of(inputs)[0]) if data is not None else 0)
        score = model_score = None
        if data is not None:
            outputs = None
            if isinstance(framework, TrainingAdapter):
                outputs = framework.predict(model, inputs)
                model_score = float(judge(labels, outputs))
            if compiled:
                config = configuration(framework, model, hls_config, **overrides)
                computed = _bit_by_bit(project, framework, config, inputs, outputs)
                score = float(judge(labels, computed))
                far = 0.0 if outputs is None else distance(outputs, computed)
                if far > FAR:
                    warnings.warn(collapse(framework, model, config, inputs, far), CollapseWarning, stacklevel=2)
    return Verification(
        predicted=_total(layer.predicted for layer in layers.values()),
        counted=_total(layer.counted for layer in layers.values()),
        by_layer=layers,
        accuracy=score,
        model_accuracy=model_score,
        project=None if output_dir is None else project.folder,
        compiled=compiled,
        uncounted=count.uncounted,
        seconds=time.perf_counter() - started,
        reported=reported,
        beside=surroundings_of_graph(project.graph),
    )


def _check_used(data: Any, metric: str | Metric | None, output_dir: str | Path | None, force: bool) -> None:
    """Refuse options that nothing reads."""
    if data is None and metric is not None:
        raise unused("metric", "there are no data to score", "None, or data=(inputs, labels)")
    if force and output_dir is None:
        raise unused("force", "the project goes to a folder of its own", "False, or a folder to keep it in")


def _require_arithmetic(framework: Adapter, model: Any, data: Any) -> None:
    """Refuse data for a model that computes nothing by itself, where nothing is compiled."""
    if data is not None and not isinstance(framework, TrainingAdapter):
        why = f"a {type(model).__qualname__} has no arithmetic but the hardware's, and nothing is compiled"
        raise unused("data", why, "None, or compile=True")


def _require_graphs(predicted: Resources) -> None:
    """Refuse to synthesise adder graphs of which there are none."""
    if not any(layer.strategy == DISTRIBUTED for layer in predicted.layers):
        raise unused("synthesise", f"no layer has the strategy {DISTRIBUTED!r}", "False, or such a layer")


def _require_counted(hls_config: HlsConfigSource | None, overrides: Overrides) -> None:
    backend = None if hls_config is None else read_hls_config(hls_config, **overrides).backend
    if backend is not None and backend not in COUNTED_BACKENDS:
        raise ValueError(
            f"hls_config: Backend is {backend!r}, expected one of {list(COUNTED_BACKENDS)}: projects of the others are "
            "not counted, kp.estimate has estimates for them"
        )


def _read_run(reports: str | Path, output_dir: str | Path | None) -> Run:
    if output_dir is not None and Path(reports).resolve().is_relative_to(Path(output_dir).resolve()):
        raise ValueError(f"output_dir: {output_dir} holds the reports and is written anew; give another folder")
    return read_run(reports)


def _check_data(data: Any) -> tuple[Any, Any]:
    if data is None:
        return None, None
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ValueError(f"data: expected a pair (inputs, labels), got {type(data).__name__}")
    inputs, labels = data
    for first in parts_of(inputs):
        for second in parts_of(labels):
            if len(first) != len(second) or len(first) == 0:
                raise ValueError(f"data: expected as many inputs as labels, got {len(first)} and {len(second)}")
    return inputs, labels


def _multipliers(hardware: str | HardwareModel) -> MultiplierTable | None:
    table = getattr(hardware, "multipliers", None)
    return table if isinstance(table, MultiplierTable) else None


def _bit_by_bit(project: Project, framework: Adapter, config: HlsConfig, inputs: Any, outputs: Any) -> Any:
    """Predict with the compiled project, in the form of the model's own outputs if there are any."""
    if outputs is None:
        shapes = [tuple(output.shape) for output in project.graph.get_output_variables()]
    else:
        if isinstance(
            outputs, Mapping
        ):  # Keras lists what a dict holds by its sorted keys (optree), and hls4ml with it
            outputs = {key: outputs[key] for key in sorted(outputs)}
        shapes = [output.shape[1:] for output in parts_of(outputs)]
    if isinstance(inputs, Mapping):
        inputs = in_order(inputs, project.graph)
    if isinstance(framework, AxesAdapter):
        inputs = framework.to_hls4ml(inputs, config)
    predicted = predict(project, inputs, shapes)
    if isinstance(framework, AxesAdapter):
        predicted = [framework.from_hls4ml(output, config) for output in predicted]
    if isinstance(outputs, Mapping):
        return dict(zip(outputs, predicted, strict=True))
    several = len(shapes) > 1 if outputs is None else isinstance(outputs, list | tuple)
    return predicted if several else predicted[0]


def _total(uses: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for use in uses:
        for resource, number in use.items():
            total[resource] = total.get(resource, 0) + number
    return with_blocks(total)


def _pairs(names: list[str], predicted: Mapping[str, int], counted: Mapping[str, int]) -> list[int]:
    return [use[name] for name in names for use in (predicted, counted)]


def _remarks(check: Verification) -> list[str]:
    remarks = []
    if check.uncounted:
        remarks.append(f"not counted: {', '.join(check.uncounted)}")
    if vanished := sum(layer.vanished for layer in check.by_layer.values()):
        remarks.append(
            f"{vanished} weights are too small for their type and zero on the chip; in a memory they cost a product "
            "all the same"
        )
    if adders := {name: layer.adders for name, layer in check.by_layer.items() if layer.adders}:
        remarks.append(f"adders in place of products: {', '.join(f'{name} {count}' for name, count in adders.items())}")
    remarks += [
        f"look-up tables of {name}: {layer.estimated['lut']} estimated, {layer.synthesised['lut']} synthesised by yosys"
        for name, layer in check.by_layer.items()
        if layer.synthesised
    ]
    if check.model_accuracy is not None:
        remarks.append(f"the model's accuracy: {check.model_accuracy:.4f}")
    if check.accuracy is not None:
        remarks.append(f"bit-accurate accuracy: {check.accuracy:.4f}")
    return remarks
