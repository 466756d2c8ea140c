"""The command ``select``: masks that fit a budget, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from knapprune.cli.inputs import (
    load,
    read_budget,
    read_choose,
    read_data,
    read_hardware,
    read_structure,
    require_files,
)
from knapprune.cli.options import (
    Budget,
    Choose,
    Config,
    DataOption,
    Force,
    HardwareOption,
    Model,
    MultipliersOption,
    Normalise,
    Out,
    SaliencyOption,
    SolverOption,
    StructureOption,
    TimeLimit,
    Weights,
)
from knapprune.cli.screen import on_screen
from knapprune.report.run_folder import claimed
from knapsolve.validation import positive_number

#: What the command may write.
WRITTEN = ("hls_config.yml", "masks.npz", "values.npz", "model.keras", "hls4ml", "selection.json", "model.onnx")


def select(  # noqa: PLR0913
    model: Model,
    config: Config,
    out: Out,
    budget: Budget = None,
    weights: Weights = None,
    structure: StructureOption = None,
    saliency: SaliencyOption = "auto",
    normalise: Normalise = "auto",
    solver: SolverOption = "auto",
    time_limit: TimeLimit = 10.0,
    data: DataOption = None,
    choose: Choose = None,
    force: Force = False,
    hardware: HardwareOption = "hls4ml",
    multipliers: MultipliersOption = None,
) -> None:
    """Choose the weights that fit a budget; write masks.npz, selection.json, hls_config.yml and model.keras.

    Where values were chosen, values.npz holds the kernels.

    Of an .onnx file, and of one of QKeras, the hls4ml project is written in place of model.keras; of an .onnx file,
    model.onnx too: the same file with zeros.
    """
    with on_screen():
        import knapprune as kp
        from knapprune.report import files as output

        positive_number("time_limit", time_limit)
        require_files(model=model, config=config, weights=weights, data=data, multipliers=multipliers)
        read = {
            "structure": read_structure(structure),
            "choose": read_choose(choose or []),
            "data": read_data(data),
            "hardware": read_hardware(hardware, multipliers, config),
        }
        parsed = read_budget(budget)
        with claimed(out, WRITTEN, force=force) as folder:
            loaded = load(model, weights, config)
            selection = kp.select(
                loaded,
                config,
                parsed,
                saliency=saliency,
                normalise=normalise,
                solver=solver,
                time_limit=time_limit,
                **read,
            )
            output.write_yaml(folder / "hls_config.yml", selection.hls_config)
            output.write_arrays(folder / "masks.npz", selection.masks)
            if selection.values:
                output.write_arrays(folder / "values.npz", selection.values)
            _write_masked(folder, selection.apply(loaded), force)
            output.write_json(folder / "selection.json", _record(selection))
            if model.suffix.lower() == ".onnx":
                kp.write_onnx(folder / "model.onnx", model, loaded, selection.masks)
    print(selection.summary())


def _write_masked(folder: Path, model: Any, force: bool) -> None:
    """Write a masked model in its own format; of an hls4ml graph, its project."""
    from knapprune.adapters.adapter import ConfiguredAdapter
    from knapprune.adapters.finding import find_adapter
    from knapprune.project.export import export
    from knapprune.report import files as output

    if isinstance(find_adapter(model), ConfiguredAdapter):
        export(model, None, folder / "hls4ml", force=force)
    else:
        output.write_model(folder / "model.keras", model)


def _record(selection: Any) -> dict[str, Any]:
    solution = selection.solution.to_dict()
    solution.pop("selected")
    return {
        "budget": [
            {
                "resource": cap.resource,
                "layer": cap.layer,
                "part": cap.part,
                "limit": cap.limit,
                "understood": cap.understood,
                "uses": cap.use(selection.resources),
                "binds": cap in selection.binding,
            }
            for cap in selection.budget
        ],
        "before": selection.before.total,
        "resources": selection.resources.total,
        "structures": dict(selection.structures),
        "layers": {
            layer.name: {"reuse_factor": layer.reuse_factor, "weight_bits": layer.weight_bits}
            for layer in selection.resources.layers
        },
        "selection": solution,
    }
