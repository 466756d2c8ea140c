"""The command ``knapprune``: estimate, select, prune, verify, and a demonstration of it all.

Exit codes: 0 done, 1 done but the budget was not met, 2 the input was wrong or a check failed.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from knapprune.cli_input import CHECKPOINT, read_budget, read_choose, read_data, require_files, run_folder
from knapsolve.terminal import sentences_for_errors

if TYPE_CHECKING:
    from knapprune.report.report import Report

EXIT_NOT_MET = 1

app = typer.Typer(
    help="Choose, provably best, which weights of a network an FPGA keeps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Model = Annotated[
    Path, typer.Argument(help="A Keras model: .keras, .h5, or .json with its weights beside it; or an .onnx file.")
]
Config = Annotated[Path, typer.Argument(help="hls4ml's configuration, as YAML.")]
Weights = Annotated[Path | None, typer.Option(help="Weights of a .json model; else <name>_weights.h5 beside it.")]
BudgetOption = Annotated[
    list[str],
    typer.Option(
        "--budget",
        help="dsp=0.25 (a fraction of today's use) or bram=40 (a count); fc1.dsp=8 for a layer; "
        "part=xcku115-flvb2104-2-i, share=0.8 for what a chip has. Repeatable.",
    ),
]
Structure = Annotated[
    str, typer.Option(help="auto, unstructured, neuron, dsp-row, bram-run, row-and-word or fetch-group:p/g.")
]
SaliencyOption = Annotated[
    str, typer.Option(help="l1, l2, or, from data, taylor, fisher, gauss-newton, hessian or movement.")
]
ChooseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--choose",
        help="reuse_factor=legal, reuse_factor=2,4,8 or bits=8,12,16: chosen for each layer; fc1.bits=8,12 for one "
        "layer. Repeatable.",
    ),
]
Normalise = Annotated[str, typer.Option(help="How layers are compared: lamp, sum, mean, max or none.")]
SolverOption = Annotated[str, typer.Option(help="A name that `knapsolve list` shows.")]
Out = Annotated[Path, typer.Option(help="Folder for the results.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files of an earlier run in that folder.")]
MultipliersOption = Annotated[
    Path | None,
    typer.Option(
        "--multipliers", help="DSP blocks by operand width, as YAML or TOML, in place of the part's own table."
    ),
]
DataOption = Annotated[Path | None, typer.Option(help="An .npz with arrays x and y.")]


@app.command()
def demo(
    out: Out = Path("knapprune-demo"),
    force: Force = False,
    seed: Annotated[int, typer.Option(help="Seed of the split, the first weights and the training.")] = 0,
) -> None:
    """Train, prune, convert, compile and verify a network for handwritten digits, in about a minute."""
    with _on_screen():
        from knapprune.demo import run

        result = run(
            out, force=force, seed=seed, say=lambda line: Console(stderr=True).print(f"[dim]{escape(line)}[/]")
        )
    _print_report(result.report)
    _print_files(out)
    if not result.pruning.met:
        raise typer.Exit(EXIT_NOT_MET)


@app.command()
def estimate(
    model: Model,
    config: Config,
    weights: Weights = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also say why, and what would make pruning pay.")] = False,
    multipliers: MultipliersOption = None,
) -> None:
    """Say what a model uses on the chip, layer by layer."""
    with _on_screen():
        import knapprune as kp

        require_files(model, config)
        resources = kp.estimate(
            _load(model, weights, config), config, explain=explain, hardware=_hardware(multipliers, config)
        )
    print(resources.summary())


@app.command()
def select(
    model: Model,
    config: Config,
    budget: BudgetOption,
    out: Out,
    weights: Weights = None,
    structure: Structure = "auto",
    saliency: SaliencyOption = "l1",
    normalise: Normalise = "lamp",
    solver: SolverOption = "auto",
    data: DataOption = None,
    choose: ChooseOption = None,
    force: Force = False,
    multipliers: MultipliersOption = None,
) -> None:
    """Choose the weights that fit a budget; write masks.npz, selection.json, hls_config.yml and model.keras.

    Of an .onnx file, and of a Keras model with quantised layers, the hls4ml project is written in place of model.keras.
    """
    with _on_screen():
        import knapprune as kp
        from knapprune import output

        require_files(model, config)
        parsed, loaded_data = read_budget(budget), read_data(data)
        folder = output.claim(out, force)
        loaded = _load(model, weights, config)
        selection = kp.select(
            loaded,
            config,
            parsed,
            structure=structure,
            saliency=saliency,
            normalise=normalise,
            solver=solver,
            data=loaded_data,
            choose=read_choose(choose or []),
            hardware=_hardware(multipliers, config),
        )
        output.write_yaml(folder / "hls_config.yml", selection.hls_config)
        output.write_masks(folder / "masks.npz", selection.masks)
        _write_masked(folder, selection.apply(loaded), force)
        output.write_json(folder / "selection.json", _selection_record(selection))
    print(selection.summary())


@app.command()
def prune(
    model: Model,
    config: Config,
    budget: BudgetOption,
    train: Annotated[Path, typer.Option(help="An .npz with arrays x and y to train on.")],
    validation: Annotated[Path, typer.Option(help="An .npz with arrays x and y to measure by.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results, and for the state while it runs.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="In place of --out: the folder of a run that was interrupted; goes on with it.")
    ] = None,
    weights: Weights = None,
    tolerance: Annotated[float, typer.Option(help="How far the metric may fall, as a difference.")] = 0.02,
    patience: Annotated[int, typer.Option(help="Steps in a row that may miss the tolerance; 0 for any number.")] = 0,
    schedule: Annotated[str, typer.Option(help="polynomial, constant or binary-search.")] = "polynomial",
    steps: Annotated[int, typer.Option(help="Pruning steps.")] = 5,
    epochs: Annotated[int, typer.Option(help="Fine-tuning epochs of each step.")] = 4,
    batch_size: Annotated[int, typer.Option(help="Samples of a training batch.")] = 32,
    final_epochs: Annotated[int | None, typer.Option(help="Epochs of the last step; else as the others.")] = None,
    learning_rate: Annotated[str, typer.Option(help="constant, cosine (over all steps) or restarts.")] = "constant",
    regrow: Annotated[float, typer.Option(help="Share of living weights that dead ones may replace at a step.")] = 0.0,
    distill: Annotated[float, typer.Option(help="Share of the loss that the unpruned model's answers have.")] = 0.0,
    regularization: Annotated[float, typer.Option(help="Strength of the pull on groups of weights to zero.")] = 0.0,
    quantise: Annotated[bool, typer.Option("--quantise", help="Measure with weights rounded as on the chip.")] = False,
    seed: Annotated[int, typer.Option(help="Of the order of the data, and of random layers.")] = 0,
    structure: Structure = "auto",
    saliency: SaliencyOption = "l1",
    normalise: Normalise = "lamp",
    solver: SolverOption = "auto",
    force: Force = False,
    multipliers: MultipliersOption = None,
) -> None:
    """Prune by steps with fine-tuning; write model.keras, masks.npz, report.json and report.html."""
    with _on_screen():
        import knapprune as kp
        from knapprune import output

        require_files(model, config)
        parsed, train_data, validation_data = read_budget(budget), read_data(train), read_data(validation)
        folder = run_folder(out, resume, force)
        result = kp.prune(
            _load(model, weights, config),
            config,
            train=train_data,
            validation=validation_data,
            budget=parsed,
            tolerance=tolerance,
            patience=patience or None,
            schedule=schedule,
            steps=steps,
            epochs=epochs,
            final_epochs=final_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            regrow=regrow or None,
            distill=distill or None,
            regularization=regularization or None,
            quantise=quantise,
            seed=seed,
            checkpoint=folder / CHECKPOINT,
            structure=structure,
            saliency=saliency,
            normalise=normalise,
            solver=solver,
            hardware=_hardware(multipliers, config),
        )
        output.write_model(folder / "model.keras", result.model)
        output.write_masks(folder / "masks.npz", result.masks)
        report = result.report
        report.save(folder / "report.html")
        report.save(folder / "report.json")
        if result.stopped is None:
            shutil.rmtree(folder / CHECKPOINT)
    _print_report(report)
    if not result.met:
        raise typer.Exit(EXIT_NOT_MET)


@app.command()
def verify(
    model: Model,
    config: Config,
    weights: Weights = None,
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Keep the hls4ml project in this folder.")] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Reports of Vitis or Vivado on this model's project, to set beside the counts.")
    ] = None,
    force: Force = False,
    synthesise: Annotated[
        bool, typer.Option("--synthesise", help="Synthesise adder graphs (distributed_arithmetic) with Yosys.")
    ] = False,
    multipliers: MultipliersOption = None,
) -> None:
    """Convert with hls4ml and count in the C++ what was predicted; with data, run it bit by bit."""
    with _on_screen():
        import knapprune as kp

        require_files(model, config)
        loaded_data = read_data(data)
        check = kp.verify(
            _load(model, weights, config),
            config,
            data=loaded_data,
            output_dir=out,
            force=force,
            hardware=_hardware(multipliers, config),
            reports=reports,
            synthesise=synthesise,
        )
    print(check.summary())


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def _on_screen() -> Iterator[None]:
    """Show errors and warnings as sentences; keep TensorFlow's start-up messages off the screen."""
    with sentences_for_errors(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        _import_keras_quietly()
        yield


def _import_keras_quietly() -> None:
    """Import Keras with standard error closed: TensorFlow's start-up messages come from C++ and cannot be filtered."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import keras  # noqa: F401
    except ImportError as error:
        raise ImportError('Keras is not installed; install it with: pip install "knapprune[keras]"') from error
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, UserWarning):
        Console(stderr=True).print(f"[yellow]Warning:[/] {escape(str(message))}", soft_wrap=True)


def _load(model: Path, weights: Path | None, config: Path) -> Any:
    from knapprune.adapters.model_files import load_model

    return load_model(model, weights, config)


def _write_masked(folder: Path, model: Any, force: bool) -> None:
    """Write a masked model in its own format; of an hls4ml graph, its project."""
    from knapprune import output
    from knapprune.adapters.adapter import ConfiguredAdapter, adapter
    from knapprune.export import export

    if isinstance(adapter(model), ConfiguredAdapter):
        export(model, None, folder / "hls4ml", force=force)
    else:
        output.write_model(folder / "model.keras", model)


def _hardware(multipliers: Path | None, config: Path) -> Any:
    if multipliers is None:
        return "hls4ml"
    from knapprune.hardware.hls4ml import Hls4mlHardware
    from knapprune.hardware.multiplier_file import read_multipliers
    from knapprune.hls_config import COUNTED_BACKENDS, read_hls_config

    if (backend := read_hls_config(config).backend) not in COUNTED_BACKENDS:
        raise ValueError(f"--multipliers: got a Backend {backend}, expected one of {list(COUNTED_BACKENDS)}")
    return Hls4mlHardware(multipliers=read_multipliers(multipliers))


def _selection_record(selection: Any) -> dict[str, Any]:
    solution = selection.solution.to_dict()
    solution.pop("selected")
    return {
        "budget": [
            {
                "resource": cap.resource,
                "layer": cap.layer,
                "part": cap.part,
                "limit": cap.limit,
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


def _print_report(report: Report) -> None:
    """Print the before and after as a table."""
    content = report.content
    table = Table("", "unpruned", "pruned", "counted", "budget", "change")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    counted = content["pruned"]["counted"] or {}
    for name, before in content["baseline"]["resources"].items():
        after = content["pruned"]["resources"][name]
        change = f"{100 * (after - before) / before:+.1f} %" if before else "-"
        limit = content["budget"].get(name, "-")
        table.add_row(name, str(before), str(after), str(counted.get(name, "-")), str(limit), change)
    labels = {
        "metric": "metric, validation",
        "model_accuracy": "accuracy, float",
        "accuracy": "accuracy, bit-accurate",
    }
    for key, label in labels.items():
        before, after = content["baseline"][key], content["pruned"][key]
        if before is not None and after is not None:
            table.add_row(label, f"{before:.4f}", f"{after:.4f}", "", "", f"{100 * (after - before):+.2f} points")
    console = Console()
    console.print(table)
    found = content["selection"]
    if found is not None:
        console.print(f"selection: {found['status']} by {found['solver']}, gap {found['gap']:.2g}")
    if not content["met"]:
        console.print("[yellow]The budget is not met:[/] no step within the tolerance kept it.")
    console.print(f"{content['seconds']:.1f} s")


def _print_files(folder: Path) -> None:
    Console().print(
        f"in {folder}: report.html, report.json, accuracy.png, model.keras, masks.npz, hls_config.yml, hls4ml/",
        soft_wrap=True,
    )
