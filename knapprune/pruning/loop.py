"""The loop: select, mask, fine-tune, measure, step by step on one working copy of the model."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.adapter import is_quantised
from knapprune.adapters.objective import Objective
from knapprune.adapters.training_adapter import Calibrates, PreparesData, SetsObjectives
from knapprune.adapters.types_adapter import HoldsValues, RoundsData
from knapprune.adapters.user_adapter import CallsBack, Listening
from knapprune.network.hls_config import as_dict
from knapprune.pruning.checkpoint import Checkpoint
from knapprune.pruning.history import Chosen
from knapprune.pruning.progress import Progress, Trial
from knapprune.pruning.progress_bar import progress_bar
from knapprune.pruning.result import Pruning, PruningInterrupted, PruningWarning
from knapprune.pruning.snapshot import Snapshot
from knapprune.pruning.task import Task
from knapprune.saliency import GradientError
from knapprune.selection.budget import BudgetError, Cap
from knapprune.selection.result import Selection
from knapprune.selection.values.grids import grids_of

#: How often a step is cut back where types move with the masks.
_CUTS = 4


class _StopError(Exception):
    """Pruning cannot go on; what there is stays. The text says why."""


def run(task: Task) -> Pruning:
    """Prune."""
    loop = _Loop(task)
    stopped: str | None = None
    with progress_bar(sum(task.epochs), task.keeping.progress) as advance:
        for _ in range(loop.progress.epochs):
            advance("resumed")
        try:
            loop.steps(advance)
        except _StopError as error:
            stopped = str(error)
            warnings.warn(f"pruning ended in step {loop.number}: {stopped}", PruningWarning, stacklevel=3)
        except KeyboardInterrupt:
            raise PruningInterrupted(loop.result(f"interrupted in step {loop.number}")) from None
    return loop.result(stopped)


def _finite(kernel: npt.NDArray[Any]) -> bool:
    """Tell without an array of the kernel's size; an activation such as relu can hide such weights from the loss."""
    return isfinite(float(kernel.min(initial=0.0))) and isfinite(float(kernel.max(initial=0.0)))


class _Loop:
    """The working copy of the model, and how far it is."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.started = time.perf_counter()
        self.framework = framework = task.network.framework
        self.model = framework.apply(task.network.model, {})
        self.train = framework.prepared(task.train) if isinstance(framework, PreparesData) else task.train
        self.baseline = task.measure(self.model)
        self.origin = self.current = self._snapshot()
        self.progress = Progress()
        folder, training = task.keeping.folder, task.training
        self.checkpoint = None if folder is None else Checkpoint(folder, task.arguments)
        saved = None if self.checkpoint is None else self.checkpoint.load(task.network.before)
        if saved is not None:
            self.progress, self.current = saved
            self.current.put(framework, self.model)
        self.objective: Objective | None = None
        if isinstance(framework, SetsObjectives) and (training.distillation or training.penalty):
            self.objective = framework.objective(self.model)
            if training.distillation is not None:
                self.objective.distil(task.network.model, training.distillation)

        self.listening: Listening | None = None
        if isinstance(framework, CallsBack) and training.callbacks:
            held = task.validation.inputs, task.validation.targets
            self.listening = framework.listening(self.model, training.callbacks, held, sum(task.epochs))

    @property
    def number(self) -> int:
        """The step under way, counted from 1."""
        return len(self.progress.history) + (self.progress.trial is not None)

    def steps(self, advance: Callable[[str], None]) -> None:
        """Go on to the end, or until something goes wrong."""
        while True:
            trial = self.progress.trial
            if trial is None:
                share = self.task.selecting.plan.next([(step.share, step.accepted) for step in self.progress.history])
                if share is None:
                    return
                trial = self.progress.trial = self._begin(share)
            try:
                if self.listening is not None:
                    self.listening.begin()
                self._train(trial, advance)
                if self.listening is not None:
                    self.listening.end()
                    self.current = self._snapshot()  # early stopping may go back to its best weights at the end
            except _StopError:
                self._finish(trial)
                raise
            self._finish(trial)
            self._save()

    def _begin(self, share: float) -> Trial:
        """Select and mask."""
        started = time.perf_counter()
        history = self.progress.history
        if self.task.selecting.plan.goes_back and history:
            (self.progress.kept or self.origin).put(self.framework, self.model)
        try:
            selection = self.task.select(self.model, share)
        except (BudgetError, GradientError, RuntimeError) as error:
            if not history:
                raise
            raise _StopError(str(error)) from error
        self._put(selection)
        metric = self.task.measure(self.model)
        self.current = self._snapshot()
        return Trial(
            share=share,
            budget=self.task.caps_at(share),
            selection=Chosen.of(selection),
            metric_before=metric,
            best=self.current,
            metric=metric,
            seconds=time.perf_counter() - started,
        )

    def _put(self, selection: Selection) -> None:
        """Mask the model, and give it the values that were chosen, to be kept while it trains."""
        framework, model, layers = self.framework, self.model, selection.resources.layers
        chosen, any_digits = selection.values, self.task.selecting.choose is None
        if any_digits:  # hls4ml brings weights into their type itself, but for adder graphs
            graphs = {layer.name for layer in layers if layer.strategy == "distributed_arithmetic"}
            chosen = {name: kernel for name, kernel in chosen.items() if name in graphs}
        framework.remask(model, self._open(selection) | selection.masks)
        if chosen and isinstance(framework, HoldsValues):
            framework.hold(model, grids_of(chosen, layers, any_digits=any_digits))
            framework.assign(model, {**framework.kernels(model), **chosen})
        if isinstance(framework, RoundsData):
            framework.round_data(model, selection.data_types)
        self._calibrate()

    def _calibrate(self) -> None:
        """Find the types anew that go by the data which the model has seen."""
        if isinstance(self.framework, Calibrates):
            held = self.task.validation.inputs, self.task.validation.targets
            self.framework.calibrate(self.model, [self.task.train, held])

    def _open(self, selection: Selection) -> dict[str, npt.NDArray[np.bool_]]:
        """Return masks that keep everything, for layers that a selection may leave without one."""
        standing = self.framework.masks(self.model)
        # A layer that is kept whole has no mask in a selection: it may have had one that is to open, and one that it
        # will have in a later step would have Keras compile its training step anew.
        free = {} if self.task.training.regrow is None else standing
        shapes = {name: mask.shape for name, mask in free.items()} | {
            layer.name: layer.kernel_shape
            for layer in selection.before.layers
            if layer.name in selection.structures and layer.name not in standing
        }
        return {name: np.ones(shape, dtype=bool) for name, shape in shapes.items()}

    def _train(self, trial: Trial, advance: Callable[[str], None]) -> None:
        """Fine-tune to the last epoch of the step."""
        task, step = self.task, len(self.progress.history)
        if not trial.metrics:
            self._save()
        if self.objective is not None:
            self.objective.penalise(task.penalties(self.model, trial.selection))
        for epoch in range(len(trial.metrics), task.epochs[step]):
            started = time.perf_counter()
            seed, rate = task.seed_of(step, epoch), task.rate(step, epoch)
            loss = self._epoch(sum(task.epochs[:step]) + epoch, seed, rate)
            if not isfinite(loss):
                raise _StopError(
                    f"train: the loss is {loss} in epoch {epoch + 1}; lower the learning rate or check the data"
                )
            if broken := [name for name, kernel in self.framework.kernels(self.model).items() if not _finite(kernel)]:
                raise _StopError(
                    f"train: weights of {broken[0]} are no numbers after epoch {epoch + 1}; lower the learning rate or "
                    "check the data"
                )
            self._calibrate()
            metric = task.measure(self.model)
            trial.metrics.append(metric)
            trial.seconds += time.perf_counter() - started
            # An equal metric after more training is the better fitted model.
            better = metric >= trial.metric or trial.metric != trial.metric
            if better or self.checkpoint is not None:
                self.current = self._snapshot()
            if better:
                trial.best, trial.metric = self.current, metric
            self._save()
            advance(f"step {step + 1}, validation {metric:.4f}")
            if self.listening is not None and self.listening.stopped:
                break

    def _epoch(self, number: int, seed: int, rate: float) -> float:
        """Train for one epoch, counted over all steps."""
        batch_size = self.task.training.batch_size
        if self.listening is not None:
            return self.listening.fit(self.train, epoch=number, batch_size=batch_size, seed=seed, rate=rate)
        return self.framework.fit(self.model, self.train, batch_size=batch_size, seed=seed, rate=rate)

    def _keep_budget(self, trial: Trial) -> None:
        """Bring a step's best state back within its budget where training has moved it out, without training again.

        At reuse factor 1 a weight costs what its value does: equal constants drift apart, and shifts become products.
        """
        if not trial.budget:
            return
        last = self._snapshot()
        trial.best.put(self.framework, self.model)
        quantised = is_quantised(self.framework, self.model)
        for _ in range(_CUTS if quantised else 1):
            if self._within(trial.budget) or not self._cut_back(trial):
                break
        else:
            # Types that go by the data move with the masks; the others are what they were when the cut was counted.
            if quantised and not self._within(trial.budget):
                trial.metric = float("nan")
        last.put(self.framework, self.model)

    def _within(self, budget: tuple[Cap, ...]) -> bool:
        used = self.task.network.resources(self.model)
        return all(cap.use(used) <= cap.limit for cap in budget)

    def _cut_back(self, trial: Trial) -> bool:
        """Select once more from the model as it is, and measure what is left; say whether that could be done."""
        task = self.task
        try:
            # With the data as they are: another width would ask for training.
            selection = task.select_within(self.model, trial.budget, trial.share)
        except (BudgetError, GradientError, RuntimeError):
            trial.metric = float("nan")  # no state of this step can be returned
            return False
        self._put(selection)
        trial.selection, trial.metric = Chosen.of(selection), task.measure(self.model)
        trial.best = self._snapshot()
        return True

    def _finish(self, trial: Trial) -> None:
        """Close a step: its best state is judged. The next one goes on from the last: going back undoes training."""
        self._keep_budget(trial)
        accepted = trial.metric >= self.baseline - self.task.selecting.tolerance
        self.progress.history.append(trial.step(accepted))
        self.progress.trial = None
        if accepted:
            self.progress.kept, self.progress.metric = trial.best, trial.metric

    def _snapshot(self) -> Snapshot:
        return Snapshot.of(self.framework, self.model)

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        try:
            self.checkpoint.save(self.progress, self.current, self._seconds())
        except OSError as error:
            raise _StopError(
                f"checkpoint: {error.filename or self.checkpoint.folder}: {error.strerror}; "
                "what was saved before is still there"
            ) from error

    def _seconds(self) -> float:
        return self.progress.seconds + time.perf_counter() - self.started

    def result(self, stopped: str | None) -> Pruning:
        """Bring the working copy to the state that is returned."""
        task, network, kept = self.task, self.task.network, self.progress.kept
        model, resources = network.model, network.before
        if self.objective is not None:
            self.objective.remove()
        if kept is not None:
            kept.put(self.framework, self.model)
            model, resources = self.model, network.resources(self.model)
        history = self.progress.history
        within = all(cap.use(resources) <= cap.limit for cap in task.caps)
        return Pruning(
            model=model,
            masks={} if kept is None else {name: mask for name, mask in kept.masks.items() if not mask.all()},
            history=tuple(history),
            before=network.before,
            resources=resources,
            budget=task.caps,
            met=within if task.caps else bool(history) and history[-1].accepted,
            baseline=self.baseline,
            metric=self.baseline if kept is None else self.progress.metric,
            tolerance=task.selecting.tolerance,
            seconds=self._seconds(),
            stopped=stopped,
            hls_config=as_dict(network.config_of(model)),
        )
