"""The methods that are compared. Each prunes the same network to the same budget with the same number of epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.networks.accuracy.baselines import BATCH
from bench.networks.accuracy.networks import (
    Network,
    Use,
    budget,
    budget_of_both,
    budget_of_constants,
    budget_of_digits,
)
from bench.networks.accuracy.problem import Problem

STEPS, FINAL = 20, 21
"""Steps in which the budget tightens, one epoch each but the last, and the epochs of the last: 40 in all."""

EPOCHS = STEPS - 1 + FINAL
"""Epochs of every method that fine-tunes."""

STAGES = 10
"""Steps of the published loop, of as many epochs each."""

GRADIENT_SAMPLES = 8192
"""Training samples that Fisher information is estimated on at each step."""

LASSO = 1e-4
"""Strength of the published group lasso: the best of four on the seeds of :mod:`bench.networks.accuracy.trials`."""

PRICE = 1e-4
"""Strength of knapprune's penalty, which follows the prices: chosen in the same way."""

PRICE_BY_FISHER = 3e-4
"""The same where Fisher information values the weights."""

DIGITS = 2
"""The most signed digits of a constant that is chosen: none of so few has a multiplier."""


@dataclass(frozen=True)
class Method:
    """A way to prune.

    Parameters
    ----------
    title
        In tables and legends.
    run
        Returns the pruned model of a :class:`Problem`; takes what to set otherwise by name.
    budget
        Makes its budget from a network, what that uses, and the share of its DSPs that rows are compared at.
    network
        Maps a network to what is pruned, counted and scored: itself, or the same under another configuration.
    """

    title: str
    run: Callable[..., Any]
    budget: Callable[[Network, Use, float], dict[str, int]] = budget
    network: Callable[[Network], Network] = lambda network: network


def prune(problem: Problem, **settings: Any) -> Any:
    """Prune with knapprune, to the budget whatever the accuracy."""
    import knapprune as kp
    from knapprune.pruning.regularization import Regularization

    given: dict[str, Any] = {
        "budget": problem.budget,
        "steps": STEPS,
        "epochs": 1,
        "final_epochs": FINAL,
        "learning_rate": "restarts",
        "patience": None,
        "saliency": "l2",
        "normalise": "lamp",
        "regularization": Regularization(PRICE, "price"),
    }
    pruned = kp.prune(
        problem.model,
        problem.network.config,
        train=problem.data.train,
        validation=problem.data.validation,
        tolerance=1.0,
        batch_size=BATCH,
        seed=problem.seed,
        checkpoint=problem.checkpoint,
        **given | settings,
    )
    if not pruned.met:
        raise RuntimeError(f"the budget was not met: {pruned.stopped}")
    return pruned.model


def prune_by_fisher(problem: Problem, **settings: Any) -> Any:
    """Prune with Fisher information, so that the loss itself compares layers."""
    from knapprune.pruning.regularization import Regularization

    given: dict[str, Any] = {
        "saliency": "fisher",
        "saliency_data": tuple(part[:GRADIENT_SAMPLES] for part in problem.data.train),
        "normalise": "none",
        "regularization": Regularization(PRICE_BY_FISHER, "price"),
    }
    return prune(problem, **given | settings)


def choose(problem: Problem, **settings: Any) -> Any:
    """Choose values of few digits, by Fisher information, and rows of the layers whose weights are no constants."""
    given: dict[str, Any] = {
        "choose": {"digits": DIGITS},
        "saliency": "fisher",
        "saliency_data": tuple(part[:GRADIENT_SAMPLES] for part in problem.data.train),
        "normalise": "none",
        "regularization": None,
    }
    return prune(problem, **given | settings)


def both(problem: Problem, **settings: Any) -> Any:
    """Prune rows and choose values: within the DSPs first, then within the look-up tables as well.

    Look-up tables that rows save are known of the rows that are gone, so the first half of the steps leaves them out.
    In the second no constant has a multiplier from the first step on, which would take it from a row.
    """
    dsps = {name: limit for name, limit in problem.budget.items() if name != "lut"}
    first = choose(problem, **{"budget": dsps, "steps": STEPS // 2, "final_epochs": 1} | settings)
    second = replace(problem, model=first, checkpoint=problem.checkpoint.with_name(f"{problem.checkpoint.name}-second"))
    few = {"digits": list(range(1, DIGITS + 1))}
    return choose(second, **{"choose": few, "steps": STEPS - STEPS // 2} | settings)


def digits(problem: Problem, **settings: Any) -> Any:
    """Choose values of few digits where weights are constants, and leave the others as they are."""
    import knapprune as kp

    layers = kp.estimate(problem.model, problem.network.config).layers
    none = {layer.name: {"dsp": 0} for layer in layers if layer.reuse_factor == 1 and layer.size}
    return choose(problem, **{"budget": none} | settings)


def published(problem: Problem, **settings: Any) -> Any:
    """Prune as arXiv 2308.05170: group lasso with one strength, |w| over the layer's largest, runs of whole words."""
    from knapprune.pruning.regularization import Regularization

    given: dict[str, Any] = {
        "structure": _runs(problem),
        "saliency": "l1",
        "normalise": "max",
        "regularization": Regularization(LASSO, "layer"),
    }
    return prune(problem, **given | settings)


def published_loop(problem: Problem, **settings: Any) -> Any:
    """Prune as published in few equal steps, each fine-tuned at one learning rate."""
    given: dict[str, Any] = {
        "steps": STAGES,
        "epochs": EPOCHS // STAGES,
        "final_epochs": EPOCHS // STAGES,
        "schedule": lambda step, steps: step / steps,
        "learning_rate": "constant",
    }
    return published(problem, **given | settings)


def uniform(problem: Problem) -> Any:
    """Give each layer the same share of what it uses now."""
    import knapprune as kp
    from knapprune.hardware.units import with_blocks

    before = kp.estimate(problem.model, problem.network.config)
    uses = {name: with_blocks(use) for name, use in before.by_layer.items()}
    shares = {resource: limit / before[resource] for resource, limit in problem.budget.items()}
    by_layer = {
        name: {resource: int(shares[resource] * use[resource]) for resource in shares if use[resource]}
        for name, use in uses.items()
    }
    return prune(problem, budget=by_layer)


def one_shot(problem: Problem) -> Any:
    """Select once, and train no more."""
    return prune(problem, steps=1, epochs=0, final_epochs=0)


def one_shot_tuned(problem: Problem) -> Any:
    """Select once, then use all epochs to fine-tune."""
    return prune(problem, steps=1, epochs=1, final_epochs=EPOCHS)


def magnitude(problem: Problem) -> Any:
    """Remove the smallest weights of the network, whatever hardware they share."""
    from bench.networks.accuracy.magnitude import prune_by_magnitude

    return prune_by_magnitude(problem, [1] * (STEPS - 1) + [FINAL])


def _runs(problem: Problem) -> dict[str, str]:
    """Take runs of rows that fill whole words where multipliers are shared, single weights elsewhere."""
    import knapprune as kp

    layers = kp.estimate(problem.model, problem.network.config).layers
    return {layer.name: "bram-run" if layer.reuse_factor > 1 else "unstructured" for layer in layers}


METHODS = {
    "knapprune": Method("knapprune", prune),
    "knapprune-fisher": Method("knapprune, Fisher information", prune_by_fisher),
    "both": Method("knapprune, rows and digits", both, budget_of_both),
    "constants": Method("knapprune, digits everywhere", choose, budget_of_constants, Network.of_constants),
    "digits": Method("digits alone", digits, budget_of_digits),
    "published": Method("published method, its own loop", published_loop),
    "published-gradual": Method("published method, our loop", published),
    "uniform": Method("the same share of each layer", uniform),
    "magnitude": Method("unstructured magnitude", magnitude),
    "one-shot-tuned": Method("one shot, then fine-tuned", one_shot_tuned),
    "one-shot": Method("one shot", one_shot),
}
