"""The front door of pruning: arguments are checked here, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from knapprune.adapters.adapter import SetsObjectives, find_adapter, training_adapter
from knapprune.adapters.configuration import configuration
from knapprune.adapters.objective import Distillation
from knapprune.estimation import estimate
from knapprune.hardware.hardware_model import HardwareModel, find_hardware_model
from knapprune.network.batches import is_arrays
from knapprune.network.hls_config import HlsConfigSource, Overrides, as_dict
from knapprune.network.metric import accuracy
from knapprune.pruning.fingerprint import fingerprint
from knapprune.pruning.learning_rate import Rate, rate_of
from knapprune.pruning.loop import run
from knapprune.pruning.reach import check_reachable
from knapprune.pruning.regrowth import regrowth_of
from knapprune.pruning.regularization import Regularization, regularization_of
from knapprune.pruning.result import Pruning
from knapprune.pruning.schedule import Schedule, plan_of
from knapprune.pruning.task import Metric, Task
from knapprune.pruning.validation_data import whole
from knapprune.saliency import Saliency, needs_data
from knapprune.saliency.normalisation import Normalisation
from knapprune.selection.budget import Budget, parse_budget, with_part
from knapprune.selection.fetch_groups import AnyStructure


def prune(
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
    metric: Metric | None = None,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
    structure: AnyStructure | Mapping[str, AnyStructure] = "auto",
    saliency: str | Saliency = "l1",
    saliency_data: Any = None,
    normalise: str | Normalisation = "lamp",
    solver: str = "auto",
    time_limit: float = 10.0,
    hardware: str | HardwareModel = "hls4ml",
    **overrides: Unpack[Overrides],
) -> Pruning:
    """Prune a trained model to a budget, fine-tuning as it goes.

    Parameters
    ----------
    model
        A trained, compiled model; it is not changed. Its own optimiser and loss fine-tune the pruned ones.
    hls_config
        hls4ml's configuration, or its YAML file; None for a model that carries its own.
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
        Called with the validation targets and the model's outputs; larger is better. None is the share of right
        classes.
    seed
        Decides the order of the training data and what random layers drop, by step and epoch.
    checkpoint
        A folder that keeps the state after each epoch. Where one of the same arguments is there already, pruning goes
        on from it, and ends as if it had never been interrupted. That holds for arrays, and for other data that give
        the same batches each time they are walked through.
    progress
        Whether to show a progress bar (only on a terminal).
    structure, saliency, normalise, solver, time_limit, hardware, overrides
        As for `knapprune.select`.
    saliency_data
        What a saliency of gradients is measured on at each step; None takes the training data, whole. A part of it is
        often enough, and faster.

    Returns
    -------
    Pruning
        The model, its masks, and the history. Where a later step's budget cannot be kept, the loss is no number or the
        disk is full, the best model so far, with the reason in ``stopped``.

    Raises
    ------
    TypeError
        If no adapter knows the model, or it cannot be trained, as an hls4ml graph cannot.
    BudgetError
        If the budget is malformed or cannot be kept, before anything is trained.
    ValueError
        If another argument cannot be used, or the checkpoint is of a run with other arguments; the message names the
        argument.

    Warns
    -----
    PruningWarning
        Where pruning ends before its last step.
    """
    given = {name: value for name, value in locals().items() if name not in _NOT_IN_FINGERPRINT}
    if patience is not None:
        _at_least("patience", patience, 1)
    plan = plan_of(schedule, _at_least("steps", steps, 1), patience)
    last = epochs if final_epochs is None else _at_least("final_epochs", final_epochs, 0)
    by_step = (*[_at_least("epochs", epochs, 0)] * (steps - 1), last)
    _at_least("seed", seed, 0)
    rate = rate_of(learning_rate, by_step)
    distillation = Distillation(distill) if isinstance(distill, int | float) else distill
    gradual = needs_data(saliency)
    if saliency_data is not None and not gradual:
        raise ValueError(f"saliency_data: got data, expected None for saliency {saliency!r}, which needs no gradients")
    regrowth = regrowth_of(regrow, gradual)
    penalty = regularization_of(regularization, structure)
    if not tolerance >= 0:
        raise ValueError(f"tolerance: got {tolerance!r}, expected a number, 0 or more")
    inputs, targets = whole(validation, batch_size)
    framework = training_adapter(find_adapter(model), model)
    if (distillation or penalty) and not isinstance(framework, SetsObjectives):
        name = "distill" if distillation else "regularization"
        raise ValueError(f"{name}: {type(framework).__name__} cannot add to a model's loss, expected None")
    config = configuration(framework, model, hls_config, **with_part(overrides, budget))
    resource_model = find_hardware_model(hardware, config.part, config.backend)
    before = estimate(model, config, hardware=resource_model)
    caps = () if budget is None else parse_budget(budget, before)
    if caps:
        check_reachable(framework, model, config, caps, before, structure, resource_model, solver)
    arguments = {}
    if checkpoint is not None:
        known = given | {
            "model": [framework.describe(model), framework.state(framework.apply(model, {}))],
            "hls_config": as_dict(config),
            "train": _fingerprint_of_data(train),
            "saliency_data": None if saliency_data is None else _fingerprint_of_data(saliency_data),
            "validation": (inputs, targets),
        }
        arguments = {name: fingerprint(value) for name, value in known.items()}
    options = {
        "saliency": saliency,
        "normalise": normalise,
        "solver": solver,
        "time_limit": time_limit,
        "data": (train if saliency_data is None else saliency_data) if gradual else None,
    }
    task = Task(
        framework=framework,
        model=model,
        config=config,
        hardware=resource_model,
        train=train,
        inputs=inputs,
        targets=targets,
        score=metric or accuracy,
        before=before,
        caps=caps,
        plan=plan,
        tolerance=tolerance,
        epochs=by_step,
        batch_size=batch_size,
        rate=rate,
        distillation=distillation,
        regularization=penalty,
        regrowth=regrowth,
        types={layer.name: layer.weight_type for layer in before.layers if layer.weight_type} if quantise else {},
        seed=seed,
        structure=structure,
        options=options,
        progress=progress,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        arguments=arguments,
    )
    return run(task)


#: What does not change the result, and what goes into the fingerprint in another form.
_NOT_IN_FINGERPRINT = ("progress", "checkpoint")


def _fingerprint_of_data(train: Any) -> Any:
    import numpy as np

    return [np.asarray(part) if hasattr(part, "__array__") else part for part in train] if is_arrays(train) else train


def _at_least(name: str, given: int, least: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise ValueError(f"{name}: got {given!r}, expected a whole number, {least} or more")
    return given
