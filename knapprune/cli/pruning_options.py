"""The options of a pruning, read into what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from knapprune.cli.inputs import read_budget, read_data, read_hardware, read_structure

if TYPE_CHECKING:
    from knapprune.adapters.objective import Distillation
    from knapprune.pruning.regularization import Regularization

#: Options of `prune` and `tune` that the library takes as they are, under the same names.
_AS_GIVEN = (
    "tolerance", "schedule", "steps", "epochs", "final_epochs", "batch_size", "learning_rate", "quantise", "saliency",
    "normalise", "solver", "time_limit", "seed",
)  # fmt: skip


def read_regularization(strength: float, form: str | None) -> Regularization | None:
    """Read a penalty on groups."""
    from knapprune.pruning.regularization import Regularization

    if strength == 0:
        if form is not None:
            raise ValueError(f"--form: got {form!r} without a strength, expected --regularization with it")
        return None
    return Regularization(strength) if form is None else Regularization(strength, cast(Any, form))


def pruning_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read what `prune` and `tune` have in common."""
    return {name: given[name] for name in _AS_GIVEN} | {
        "train": read_data(given["train"]),
        "validation": read_data(given["validation"]),
        "budget": read_budget(given["budget"]),
        "regrow": given["regrow"] or None,
        "distill": _distillation(given["distill"], given["temperature"]),
        "structure": read_structure(given["structure"]),
        "saliency_data": read_data(given["saliency_data"]),
        "hardware": read_hardware(given["hardware"], given["multipliers"], given["config"]),
    }


def _distillation(weight: float, temperature: float | None) -> Distillation | None:
    from knapprune.adapters.objective import Distillation

    if weight == 0:
        if temperature is not None:
            raise ValueError(f"--temperature: got {temperature} without a weight, expected --distill with it")
        return None
    return Distillation(weight) if temperature is None else Distillation(weight, temperature)
