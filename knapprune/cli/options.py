"""What several commands take, with the help that is shown of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_MODEL = "A Keras model: .keras, .h5, or .json with its weights beside it; or an .onnx file."
_CONFIG = "hls4ml's configuration, as YAML."

Model = Annotated[Path, typer.Argument(help=_MODEL)]
Config = Annotated[Path, typer.Argument(help=_CONFIG)]
Weights = Annotated[Path | None, typer.Option(help="Weights of a .json model; else <name>_weights.h5 beside it.")]
Budget = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        help="dsp=0.25 (a fraction of today's use) or bram18=80 (a count of halves; bram=40 of whole blocks); "
        "fc1.dsp=8 for a layer; part=xcku115-flvb2104-2-i, share=0.8 for what a chip has; parameters=0.5 or macs=0.5 "
        "of the network itself, in whole channels. Repeatable. Left out for fetch groups with p given.",
    ),
]
StructureOption = Annotated[
    list[str] | None,
    typer.Option(
        "--structure",
        help="auto, unstructured, neuron, channel, dsp-row, bram-run, row-and-word or fetch-group:p/g; fc1=neuron for "
        "one layer, the others auto. By default auto. Repeatable.",
    ),
]
SaliencyOption = Annotated[
    str,
    typer.Option(
        help="l1, l2, or, from data, taylor, fisher, gauss-newton, hessian or movement; auto is fisher, or l1 without."
    ),
]
Normalise = Annotated[str, typer.Option(help="How layers are compared: auto, lamp, sum, mean, max or none.")]
SolverOption = Annotated[str, typer.Option(help="A name that `knapsolve list` shows.")]
TimeLimit = Annotated[float, typer.Option(help="Seconds that the solver has for a selection.")]
Out = Annotated[Path, typer.Option(help="Folder for the results.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files of an earlier run in that folder.")]
HardwareOption = Annotated[
    str, typer.Option("--hardware", help="hls4ml (of the configuration's backend), accelerator, or one of a plugin.")
]
MultipliersOption = Annotated[
    Path | None,
    typer.Option(
        "--multipliers", help="DSP blocks by operand width, as YAML or TOML, in place of the part's own table."
    ),
]
DataOption = Annotated[Path | None, typer.Option(help="An .npz with arrays x and y.")]

ParamsOption = Annotated[
    Path | None,
    typer.Option(
        help="Settings from a TOML file, in its tables train, select, keep and config, and paths in files: see "
        "docs/guides/pruning.md. An option that is given wins over it. A run writes its own, run.toml, into --out."
    ),
]
ModelOrParams = Annotated[Path | None, typer.Argument(help=f"{_MODEL} Or in the table files of --params.")]
ConfigOrParams = Annotated[Path | None, typer.Argument(help=f"{_CONFIG} Or in the table files of --params.")]
Train = Annotated[Path | None, typer.Option(help="An .npz with arrays x and y to train on.")]
ValidationOption = Annotated[Path | None, typer.Option(help="An .npz with arrays x and y to measure by.")]
Tolerance = Annotated[float, typer.Option(help="How far the metric may fall, as a difference.")]
MetricOption = Annotated[
    str | None,
    typer.Option("--metric", help="What to measure by: accuracy, auc, mse or another metric's name; errors negated."),
]
ScheduleOption = Annotated[str, typer.Option(help="polynomial, constant or binary-search.")]
Steps = Annotated[int, typer.Option(help="Pruning steps.")]
Epochs = Annotated[int, typer.Option(help="Fine-tuning epochs of each step.")]
FinalEpochs = Annotated[int | None, typer.Option(help="Epochs of the last step; else as the others.")]
BatchSize = Annotated[int, typer.Option(help="Samples of a training batch.")]
LearningRate = Annotated[str, typer.Option(help="constant, cosine (over all steps) or restarts.")]
Regrow = Annotated[float, typer.Option(help="Share of living weights that dead ones may replace at a step.")]
Distill = Annotated[float, typer.Option(help="Share of the loss that the unpruned model's answers have.")]
Temperature = Annotated[
    float | None,
    typer.Option(help="With --distill: what the logits are divided by, so that near misses count; by default 2."),
]
Quantise = Annotated[
    bool, typer.Option("--quantise/--no-quantise", help="Measure with weights rounded as on the chip.")
]
CheckConversion = Annotated[
    bool,
    typer.Option(
        "--check-conversion/--no-check-conversion",
        help="Have hls4ml convert the model once before it is trained; without it where no project is wanted.",
    ),
]
Seed = Annotated[int, typer.Option(help="Of the order of the data, and of random layers.")]
SaliencyData = Annotated[
    Path | None, typer.Option(help="An .npz to measure a saliency of gradients on, in place of all training data.")
]
Choose = Annotated[
    list[str] | None,
    typer.Option(
        "--choose",
        help="reuse_factor=legal, reuse_factor=2,4,8 or bits=8,12,16: chosen for each layer; fc1.bits=8,12 for one "
        "layer. Repeatable. digits=2: values of at most so many signed digits, for weights that are constants.",
    ),
]
