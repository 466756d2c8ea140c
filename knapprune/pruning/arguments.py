"""The front door of pruning: arguments are checked here, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields
from typing import Any, Unpack

from knapprune.adapters.adapter import is_quantised
from knapprune.adapters.configuration import configuration
from knapprune.adapters.data_fit import check_fit
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.measuring import metric_of
from knapprune.adapters.objective import Distillation
from knapprune.adapters.training_adapter import SetsObjectives, training_adapter
from knapprune.adapters.types_adapter import HoldsValues
from knapprune.adapters.user_adapter import CallsBack, KnowsFrozen
from knapprune.hardware.hardware_model import HardwareModel, find_hardware_model
from knapprune.hardware.nothing import Nothing
from knapprune.network.batches import as_arrays, is_arrays
from knapprune.network.hls_config import HlsConfigSource, Overrides, as_dict
from knapprune.network.named_metrics import Metric
from knapprune.pruning.checkpoint import held
from knapprune.pruning.class_weights import weighted
from knapprune.pruning.convertibility import check_convertible
from knapprune.pruning.fingerprint import fingerprint
from knapprune.pruning.learning_rate import Rate
from knapprune.pruning.loop import run
from knapprune.pruning.network import Network
from knapprune.pruning.reach import check_reachable
from knapprune.pruning.regularization import Regularization
from knapprune.pruning.result import Pruning
from knapprune.pruning.schedule import Schedule
from knapprune.pruning.settings import Keeping, Selecting, Training, check_together
from knapprune.pruning.task import Task
from knapprune.pruning.validation_data import Validation, whole
from knapprune.saliency import Saliency, chosen
from knapprune.saliency.normalisation import Normalisation
from knapprune.selection.budget import Budget, parse_budget, with_part
from knapprune.selection.channels.asked import asks_for_channels, asks_for_no_hardware, asks_for_sizes
from knapprune.selection.fetch_groups import AnyStructure
from knapprune.selection.request import anatomy_of, estimates_tables
from knapprune.selection.variants import Choose


def prune(  # noqa: PLR0913
    model: Any,
    hls_config: HlsConfigSource | None = None,
    *,
    train: Any,
    validation: Any,
    budget: Budget | None = None,
    tolerance: float = 0.02,
    patience: int | None = None,
    schedule: str | Schedule = "polynomial",
    steps: int = 5,
    epochs: int = 4,
    final_epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: str | Rate = "constant",
    regrow: float | None = None,
    distill: float | Distillation | None = None,
    regularization: float | Regularization | None = None,
    quantise: bool = False,
    metric: str | Metric | None = None,
    class_weight: Mapping[int, float] | None = None,
    callbacks: Sequence[Any] | None = None,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
    check_conversion: bool = True,
    structure: AnyStructure | Mapping[str, AnyStructure] = "auto",
    saliency: str | Saliency = "auto",
    saliency_data: Any = None,
    choose: Choose | None = None,
    normalise: str | Normalisation = "auto",
    solver: str = "auto",
    time_limit: float = 10.0,
    hardware: str | HardwareModel = "hls4ml",
    **overrides: Unpack[Overrides],
) -> Pruning:
    """Prune a trained model to a budget, fine-tuning as it goes.

    Parameters
    ----------
    model
        A trained, compiled model; it is not changed. Its own optimiser and loss fine-tune the pruned ones, and layers
        that are not trainable keep all of their weights as they are.
    hls_config
        hls4ml's configuration, or its YAML file; None for a model that carries its own, and for budgets of
        ``parameters`` and ``macs`` alone.
    train
        ``(inputs, targets)``, or what else the model's ``fit`` takes: a ``tf.data.Dataset``, a ``PyDataset``, a PyTorch
        ``DataLoader``.
    validation
        What to measure by: ``(inputs, targets)``, or one of the others, read once into memory.
    budget
        As for `knapprune.select`: fractions of today's use or absolute counts, for one resource or several, or a part.
        None for fetch groups with p given: then p itself grows from step to step.
    tolerance
        How far the metric may fall below the unpruned model's, as a difference: 0.02 is two points of accuracy.
    patience
        How many steps in a row may miss the tolerance before pruning stops. None goes on to the end: what one step
        loses, the fine-tuning of later ones can win back while the budget hardly tightens.
    schedule, steps
        ``"polynomial"``, ``"constant"`` or a function, and in how many steps the budget (or the given p) is reached.
        ``"binary-search"`` looks in so many steps for the share of the way to the budget that can be gone within the
        tolerance: the whole way first, then by halves, each time from the last model within it.
    epochs, final_epochs
        Fine-tuning epochs of each step, and of the last one where that has another number. A step is judged, and
        returned, by its best epoch; the next step goes on from its last. Many steps of one epoch each, then many epochs
        at the end under a falling learning rate, lose the least.
    batch_size
        Samples of a training batch, where arrays are given.
    learning_rate
        What happens to the model's own learning rate: ``"constant"``; ``"cosine"``, one fall along half a cosine over
        all steps; ``"restarts"``, one in each step; or a function of epoch and epochs, counted over all steps, that
        says what it is multiplied by. The optimiser's state goes on from step to step.
    regrow
        Share of each layer's living weights that dead ones may replace at a step, by the gradients of the loss on the
        training data; for saliencies of the weights alone. None for masks that only shrink, which mostly end better.
    distill
        How much is learned from the unpruned model's answers, 0 to 1, or a
        :class:`~knapprune.adapters.objective.Distillation`.
    regularization
        How strongly groups of weights are pulled towards zero while they train, or a
        :class:`~knapprune.pruning.regularization.Regularization`.
    quantise
        Whether to measure with kernels rounded to the configuration's weight types, as the chip will hold them.
    metric
        Called with the validation targets and the model's outputs; larger is better. Or a name: ``"accuracy"``,
        ``"auc"``, ``"r2_score"``, ``"mean_squared_error"``, ``"mean_absolute_error"`` and, of Keras models, any metric
        of Keras that needs no settings; errors count by their negatives. None is the share of right classes, a single
        output being cut at 0 where it is a logit and at 0.5 where it is a probability; of a regression, and of several
        outputs, a metric is asked for.
    class_weight
        By class number, how much a sample of the class counts in the loss, and so in gradients too; one that is not
        named counts once. For arrays and Keras models, whose samples may have weights of their own beside:
        ``(inputs, targets, sample_weight)``.
    callbacks
        Keras' own callbacks, called as ``fit`` calls them: each step is one training, with epochs that are counted on
        through all steps and with the validation data's losses and metrics in the logs. One that stops training, such
        as ``EarlyStopping``, ends its step. What they remember is not in a checkpoint.
    seed
        Decides the order of the training data and what random layers drop, by step and epoch.
    checkpoint
        A folder that keeps the state after each epoch. Where one of the same arguments is there already, pruning goes
        on from it, and ends as if it had never been interrupted. That holds for arrays, and for other data that give
        the same batches each time they are walked through.
    progress
        Whether to show a progress bar (only on a terminal).
    check_conversion
        Whether hls4ml has to take the model: it converts it once, before anything is trained, so that what it does not
        know is said now. False where no hls4ml project is wanted. Only for hls4ml's hardware; a PyTorch module and one
        with quantised layers are converted in any case, to count what they use.
    saliency, normalise
        As for `knapprune.select`; there are data, so ``"auto"`` is Fisher information, and ``"l1"`` with `regrow`.
    structure, solver, time_limit, hardware, overrides
        As for `knapprune.select`.
    choose
        ``{"digits": 2}``: the values of constants are chosen, as by `knapprune.select`, and the weights stay on those
        of as many digits while they train, straight-through. The digits tighten with the budget, from all that the
        types have. For budgets of ``dsp`` and ``lut``. With ``data_bits`` beside, results are rounded to the types that
        each step chooses, in training as well; ``hls_config`` of what is returned has them.
    saliency_data
        What a saliency of gradients is measured on at each step. None takes the training data: of arrays, 8,192 samples
        at most, drawn once.

    Returns
    -------
    Pruning
        The model, its masks, and the history. Where a later step's budget cannot be kept, the loss is no number or the
        disk is full, the best model so far, with the reason in ``stopped``.

    Raises
    ------
    TypeError
        If no adapter knows the model, or it cannot be trained, as an hls4ml graph cannot.
    ConversionError
        If hls4ml does not convert the model, before anything is trained; the message names the layer and a remedy.
    BudgetError
        If the budget is malformed or cannot be kept, before anything is trained.
    ValueError
        If another argument cannot be used, or the checkpoint is of a run with other arguments; the message names the
        argument.

    PruningInterrupted
        At Ctrl-C, with the best so far: a `KeyboardInterrupt`.

    Warns
    -----
    PruningWarning
        Where pruning ends before its last step.
    """
    given = with_measure(locals())
    selecting, training, keeping = checked(given)
    inputs, targets = whole(validation, batch_size)
    framework = training_adapter(find_adapter(model), model)
    if training.callbacks and not isinstance(framework, CallsBack):
        raise ValueError(f"callbacks: {type(framework).__name__} calls none, expected None: they are Keras' own")
    if training.class_weight is not None and not isinstance(framework, CallsBack):
        raise ValueError(
            f"class_weight: {type(framework).__name__} weighs no samples, expected None; give the loss the weights, as "
            "torch.nn.CrossEntropyLoss(weight=...) takes them"
        )
    check_fit(framework, model, train=train, validation=(inputs, targets), saliency_data=selecting.saliency_data)
    train, (inputs, targets) = as_arrays(train), as_arrays((inputs, targets))
    train = weighted(train, training.class_weight)
    judged = metric_of(framework, model, selecting.metric)
    if (training.distillation or training.penalty) and not isinstance(framework, SetsObjectives):
        name = "distill" if training.distillation else "regularization"
        raise ValueError(f"{name}: {type(framework).__name__} cannot add to a model's loss, expected None")
    if selecting.choose is not None and not isinstance(framework, HoldsValues):
        raise ValueError(f"choose: {type(framework).__name__} cannot keep weights on a grid, expected None")
    no_hardware = hardware == "hls4ml" and asks_for_no_hardware(framework, hls_config, budget)
    given_config = {} if no_hardware and hls_config is None else hls_config
    config = configuration(framework, model, given_config, **with_part(overrides, budget))
    resource_model = Nothing() if no_hardware else find_hardware_model(hardware, config.part, config.backend)
    channels = asks_for_channels(structure, budget)
    logic, sized = estimates_tables(budget, resource_model), asks_for_sizes(budget)
    network = Network(framework, model, config, resource_model, logic, sized, smaller=channels)
    if channels:
        anatomy_of(framework, model, config, budget)  # it refuses what cannot be read
        if training.penalty is not None:
            raise ValueError("regularization: got a penalty with whole channels, expected None or another structure")
        if selecting.choose is not None:
            raise ValueError("choose: got it together with whole channels, expected None")
    before = network.before
    if keeping.check_conversion:
        check_convertible(framework, model, config, resource_model)
    if isinstance(framework, KnowsFrozen):
        selecting = selecting.without(framework.frozen(model), before.layers)
    caps = () if budget is None else parse_budget(budget, before)
    if caps:
        check_reachable(network, caps, selecting)
    rounded = quantise and not is_quantised(framework, model)  # it rounds by itself
    types = {layer.name: layer.weight_type for layer in before.layers if layer.weight_type} if rounded else {}
    measured = Validation(inputs, targets, judged, types)
    arguments = {} if checkpoint is None else _digests(given, network, measured)
    task = Task(network, train, measured, caps, selecting, training, keeping, arguments)
    with nullcontext() if keeping.folder is None else held(keeping.folder):
        return run(task)


def with_measure(given: Mapping[str, Any]) -> dict[str, Any]:
    """Choose a saliency and its normalisation where none is named."""
    saliency, normalise = chosen(given["saliency"], given["normalise"], data=given["regrow"] is None)
    return {**given, "saliency": saliency, "normalise": normalise}


def checked(given: Mapping[str, Any]) -> tuple[Selecting, Training, Keeping]:
    """Check all arguments that can be checked without a model."""
    selecting = Selecting(**_those(Selecting, given))
    training = Training(**_those(Training, given))
    keeping = Keeping(**_those(Keeping, given))
    check_together(selecting, training)
    return selecting, training, keeping


def _those(group: type[Selecting | Training | Keeping], given: Mapping[str, Any]) -> dict[str, Any]:
    """Take the arguments of one group."""
    return {field.name: given[field.name] for field in fields(group)}


def _digests(given: Mapping[str, Any], network: Network, validation: Validation) -> dict[str, str]:
    """Describe all arguments that a result depends on, by name."""
    unimportant = {field.name for field in fields(Keeping)}
    framework, model = network.framework, network.model
    # A run of a version that did not know of it is the same run.
    absent = {name for name in ("choose", "class_weight", "callbacks") if given[name] is None}
    known = {name: value for name, value in given.items() if name not in unimportant | absent} | {
        "model": [framework.describe(model), framework.state(framework.apply(model, {}))],
        "hls_config": as_dict(network.config),
        "train": _parts(given["train"]),
        "saliency_data": None if given["saliency_data"] is None else _parts(given["saliency_data"]),
        "validation": (validation.inputs, validation.targets),
    }
    return {name: fingerprint(value) for name, value in known.items()}


def _parts(data: Any) -> Any:
    """Take the arrays of what holds arrays, so that their numbers count."""
    import numpy as np

    return [np.asarray(part) if hasattr(part, "__array__") else part for part in data] if is_arrays(data) else data
