"""Prune by steps: tighten the budget, select, mask, fine-tune, and keep the best state that is accurate enough."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack, cast

from knapprune import group_selection
from knapprune.accuracy import accuracy
from knapprune.adapters.adapter import Adapter, TrainingAdapter, adapter, training_adapter
from knapprune.budget import Budget, BudgetError, Cap, parse_budget, with_part
from knapprune.candidates import candidates
from knapprune.configuration import configuration
from knapprune.estimation import Resources, estimate
from knapprune.fetch_groups import fetch_group
from knapprune.group_selection import AnyStructure
from knapprune.hardware.model import HardwareModel
from knapprune.hardware.model import hardware as find_hardware
from knapprune.hls_config import HlsConfig, HlsConfigSource, Overrides
from knapprune.minimum import check_caps
from knapprune.normalisation import Normalisation, normalisation
from knapprune.progress import progress_bar
from knapprune.report.report import Report
from knapprune.saliency import Saliency, needs_data, saliency_of
from knapprune.schedule import Schedule, schedule_of, shares
from knapprune.selection import Masks, Selection, SelectionWarning, select

Metric = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Step:
    """One pruning step.

    Parameters
    ----------
    share
        Share of the way from the unpruned model's use to the budget, 0 to 1.
    budget
        The caps of this step.
    selection
        What was kept, and the solver's answer.
    metric_before, metric
        The validation metric right after masking, and after fine-tuning (of the best epoch).
    accepted
        Whether the metric is within the tolerance.
    seconds
        Wall-clock time of the step.
    """

    share: float
    budget: tuple[Cap, ...]
    selection: Selection
    metric_before: float
    metric: float
    accepted: bool
    seconds: float


@dataclass(frozen=True)
class Pruning:
    """What `prune` returns.

    Parameters
    ----------
    model
        The most pruned model whose metric is within the tolerance; the unpruned one where no step's is.
    masks
        Its masks by layer name, True for a weight that is kept.
    history
        The steps in order.
    before, resources
        What the unpruned and the returned model use.
    budget
        The caps asked for.
    met
        Whether the returned model keeps them; where none was asked for, whether its groups lose as many as given.
    baseline, metric
        The validation metric of the unpruned and of the returned model.
    seconds
        Wall-clock time of the whole call.
    """

    model: Any
    masks: Masks
    history: tuple[Step, ...]
    before: Resources
    resources: Resources
    budget: tuple[Cap, ...]
    met: bool
    baseline: float
    metric: float
    seconds: float

    @property
    def report(self) -> Report:
        """A report to save: ``report.save("report.html")`` or ``"report.json"``."""
        from knapprune.report.pruned import pruning_report

        return pruning_report(self)


def prune(
    model: Any,
    hls_config: HlsConfigSource | None = None,
    *,
    train: Any,
    validation: tuple[Any, Any],
    budget: Budget | None = None,
    tolerance: float = 0.02,
    patience: int = 2,
    schedule: str | Schedule = "polynomial",
    steps: int = 5,
    epochs: int = 4,
    batch_size: int = 32,
    metric: Metric | None = None,
    progress: bool = True,
    structure: AnyStructure | Mapping[str, AnyStructure] = "auto",
    saliency: str | Saliency = "l1",
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
        hls4ml's configuration, or its YAML file.
    train
        ``(inputs, targets)``, or what the model's ``fit`` takes.
    validation
        ``(inputs, targets)`` to measure by.
    budget
        As for `knapprune.select`: fractions of today's use or absolute counts, for one resource or several, or a part.
        None for fetch groups with p given: then p itself grows from step to step.
    tolerance
        How far the metric may fall below the unpruned model's, as a difference: 0.02 is two points of accuracy.
    patience
        How many steps in a row may miss the tolerance before pruning stops: what one step loses, the fine-tuning of
        the next can win back while the budget hardly tightens.
    schedule, steps
        ``"polynomial"``, ``"constant"`` or a function, and in how many steps the budget (or the given p) is reached.
    epochs, batch_size
        Fine-tuning epochs of each step, of which the best is kept.
    metric
        Called with the validation targets and the model's outputs; larger is better. None is the share of right
        classes.
    progress
        Whether to show a progress bar (only on a terminal).
    structure, saliency, normalise, solver, time_limit, hardware, overrides
        As for `knapprune.select`. A saliency of gradients measures on the training data.

    Returns
    -------
    Pruning
        The model, its masks, and the history.

    Raises
    ------
    BudgetError
        If the budget is malformed or cannot be kept, before anything is trained.
    TypeError
        If no adapter knows the model, or it cannot be trained, as an hls4ml graph cannot.
    ValueError
        If another argument cannot be used, or training ends in NaN.

    Warns
    -----
    SelectionWarning
        Where the budget of a later step cannot be kept: pruning then stops with what it has.
    """
    started = time.perf_counter()
    plan = shares(schedule_of(schedule), _at_least("steps", steps, 1))
    _at_least("epochs", epochs, 0)
    _at_least("patience", patience, 1)
    if not tolerance >= 0:
        raise ValueError(f"tolerance: got {tolerance!r}, expected a number, 0 or more")
    inputs, targets = _pair("validation", validation)
    gradual = needs_data(saliency)
    framework = training_adapter(adapter(model), model)
    score = metric or accuracy

    def measure(candidate: Any) -> float:
        return float(score(targets, framework.predict(candidate, inputs)))

    overrides = with_part(overrides, budget)
    before = estimate(model, hls_config, hardware=hardware, **overrides)
    caps = () if budget is None else parse_budget(budget, before)
    if caps:
        config = configuration(framework, model, hls_config, **overrides)
        _check_reachable(framework, model, config, caps, before, structure, hardware)
    baseline = measure(model)
    kept: tuple[Any, Masks, Resources, float] = (model, {}, before, baseline)
    history: list[Step] = []
    current = model
    with progress_bar(len(plan) * epochs, progress) as advance:
        for share in plan:
            step_started = time.perf_counter()
            step_caps = tuple(_between(cap, before, share) for cap in caps)
            try:
                selection = select(
                    current,
                    hls_config,
                    None if budget is None else step_caps,
                    structure=structure if budget is not None else _at(structure, share),
                    saliency=saliency,
                    normalise=normalise,
                    solver=solver,
                    time_limit=time_limit,
                    data=train if gradual else None,
                    batch_size=batch_size,
                    hardware=hardware,
                    **overrides,
                )
            except BudgetError as error:
                if not history:
                    raise
                # What has been trained so far is worth more than an error.
                warnings.warn(f"pruning stops after step {len(history)}: {error}", SelectionWarning, stacklevel=2)
                break
            current = selection.apply(current)
            masked = measure(current)
            tuned = _fine_tune(framework, current, train, epochs, batch_size, measure, advance)
            accepted = tuned >= baseline - tolerance
            seconds = time.perf_counter() - step_started
            history.append(Step(share, step_caps, selection, masked, tuned, accepted, seconds))
            if accepted:
                resources = estimate(current, hls_config, hardware=hardware, **overrides)
                kept = (current, _standing(framework, current, selection.masks), resources, tuned)
            if not any(step.accepted for step in history[-patience:]) and len(history) >= patience:
                break
    final, masks, resources, reached = kept
    return Pruning(
        model=final,
        masks=masks,
        history=tuple(history),
        before=before,
        resources=resources,
        budget=caps,
        met=all(cap.use(resources) <= cap.limit for cap in caps) and (budget is not None or history[-1].accepted),
        baseline=baseline,
        metric=reached,
        seconds=time.perf_counter() - started,
    )


def _check_reachable(
    framework: Adapter,
    model: Any,
    config: HlsConfig,
    caps: tuple[Cap, ...],
    before: Resources,
    structure: AnyStructure | Mapping[str, AnyStructure],
    hardware: str | HardwareModel,
) -> None:
    """Refuse a budget that no number of steps reaches, before anything is trained."""
    resource_model, kernels = find_hardware(hardware, config.part, config.backend), framework.kernels(model)
    groups = group_selection.fetch_groups(resource_model, before.layers, caps, structure)
    if groups is None:
        found = candidates(resource_model, before.layers, kernels, caps, cast("Any", structure))
        check_caps(resource_model, found, caps, before, in_steps=True)
    else:
        # How many weights a group keeps decides what it costs, not which ones: any saliency will do here.
        measure, normal = saliency_of("l1", None), normalisation("none")
        options = group_selection.options(resource_model, before.layers, kernels, groups, measure, normal)
        group_selection.check_minimum(options, caps, before)


def _fine_tune(
    framework: TrainingAdapter,
    model: Any,
    train: Any,
    epochs: int,
    batch_size: int,
    measure: Callable[[Any], float],
    advance: Callable[[str], None],
) -> float:
    """Train, leave the best epoch's weights in the model, and return its metric."""
    best, state = measure(model), framework.state(model)

    def after_epoch() -> None:
        nonlocal best, state
        reached = measure(model)
        advance(f"validation {reached:.4f}")
        # An equal metric after more training is the better fitted model.
        if reached >= best:
            best, state = reached, framework.state(model)

    if epochs:
        framework.fit(model, train, epochs=epochs, batch_size=batch_size, after_epoch=after_epoch)
        framework.restore(model, state)
    return best


def _standing(framework: TrainingAdapter, model: Any, masks: Masks) -> Masks:
    """Return the masks of all layers that hold one, those that earlier steps set included."""
    return {**framework.masks(model), **masks}


def _between(cap: Cap, before: Resources, share: float) -> Cap:
    """Return the cap at a share of the way from today's use to the budget."""
    use = cap.use(before)
    return replace(cap, limit=max(cap.limit, round(use - share * (use - cap.limit))))


def _at(structure: AnyStructure | Mapping[str, AnyStructure], share: float) -> Any:
    """Return fetch groups that lose a share of what they are to lose; another structure as it is."""
    if isinstance(structure, Mapping):
        return {name: _at(own, share) for name, own in structure.items()}
    group = fetch_group(structure)
    return structure if group is None else group.at(share)


def _at_least(name: str, given: int, least: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise ValueError(f"{name}: got {given!r}, expected a whole number, {least} or more")
    return given


def _pair(name: str, given: Any) -> tuple[Any, Any]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{name}: got {type(given).__name__}, expected a pair (inputs, targets)")
    return given[0], given[1]
