"""Unstructured magnitude pruning down to a budget that it does not know: as many weights as make the hardware fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.networks.accuracy.baselines import BATCH
from bench.networks.accuracy.problem import Problem

Masks = dict[str, Any]


def largest(kernels: Masks, count: int) -> Masks:
    """Mask all but the largest weights of the network."""
    sizes = np.abs(np.concatenate([kernel.ravel() for kernel in kernels.values()]))
    order = np.argsort(-sizes, kind="stable")[:count]
    keep = np.zeros(sizes.size, dtype=bool)
    keep[order] = sizes[order] > 0
    ends = np.cumsum([kernel.size for kernel in kernels.values()])[:-1]
    parts = np.split(keep, ends)
    return {name: part.reshape(kernel.shape) for (name, kernel), part in zip(kernels.items(), parts, strict=True)}


def fitting(kernels: Masks, fits: Any) -> Masks:
    """Keep as many of the largest weights as fit."""
    least, most = 0, sum(kernel.size for kernel in kernels.values())
    while least < most:
        middle = (least + most + 1) // 2
        if fits(largest(kernels, middle)):
            least = middle
        else:
            most = middle - 1
    return largest(kernels, least)


def prune_by_magnitude(problem: Problem, epochs: Sequence[int]) -> Any:
    """Prune step by step to the budget along the cubic schedule, and fine-tune as every method does."""
    import knapprune as kp
    from knapprune.adapters.finding import find_adapter
    from knapprune.adapters.training_adapter import training_adapter
    from knapprune.hardware.hardware_model import find_hardware_model
    from knapprune.hardware.resources import count
    from knapprune.network.hls_config_file import read_hls_config
    from knapprune.network.metric import accuracy
    from knapprune.pruning.learning_rate import cosine
    from knapprune.pruning.schedule import polynomial, shares

    framework = training_adapter(find_adapter(problem.model), problem.model)
    config = read_hls_config(problem.network.config)
    resource_model = find_hardware_model("hls4ml", config.part)
    layers = framework.layers(problem.model, config)
    before = kp.estimate(problem.model, config)
    model = framework.apply(problem.model, {})
    inputs, targets = problem.data.validation
    best, state = -1.0, framework.state(model)
    for step, share in enumerate(shares(polynomial, len(epochs))):
        caps = {name: before[name] - share * (before[name] - limit) for name, limit in problem.budget.items()}

        def fits(masks: Masks, caps: dict[str, float] = caps) -> bool:
            use = count(resource_model, layers, masks, (), config.part)
            return all(use[name] <= cap for name, cap in caps.items())

        framework.remask(model, fitting(framework.kernels(model), fits))
        last = step == len(epochs) - 1
        for epoch in range(epochs[step]):
            rate = cosine(epoch, epochs[step]) if last else 1.0
            seed = int(np.random.SeedSequence([problem.seed, step, epoch]).generate_state(1)[0])
            framework.fit(model, problem.data.train, batch_size=BATCH, seed=seed, rate=rate)
            if last and (reached := accuracy(targets, framework.predict(model, inputs))) >= best:
                best, state = reached, framework.state(model)
    framework.restore(model, state)
    return model
