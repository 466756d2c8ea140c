"""Knapsolve's own JSON: the arguments of `Knapsack` or `Knapsack.from_types` by name."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from knapsolve.files.tokens import FormatError, built
from knapsolve.problem import Knapsack

_REQUIRED = {"values", "capacities"}
_DENSE = {"weights"}
_TYPED = {"item_type", "type_weights"}
_EXTRAS = {"choices", "exactly_one", "requires", "fixed_in", "fixed_out"}


def parse(name: str, text: str) -> Knapsack:
    """Return the problem a JSON text describes.

    Parameters
    ----------
    name
        Name of the file, for errors.
    text
        Its content.

    Raises
    ------
    FormatError
        If it is not JSON, keys are missing or unknown, or its numbers make no knapsack.
    """
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{name}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets thousands deep
        raise FormatError(f"{name}: not JSON that can be read: {error}") from error
    if not isinstance(fields, dict):
        raise FormatError(f"{name} must hold a JSON object; got {type(fields).__name__}")
    costs = _TYPED if _TYPED & fields.keys() else _DENSE
    missing = (_REQUIRED | costs) - fields.keys()
    unknown = fields.keys() - (_REQUIRED | costs | _EXTRAS)
    if missing or unknown:
        words = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        words += [f"has unknown keys {', '.join(sorted(unknown))}"] if unknown else []
        raise FormatError(
            f"{name} {' and '.join(words)}; a problem has values, capacities, and either weights or both "
            f"item_type and type_weights, and may have {', '.join(sorted(_EXTRAS))}"
        )
    extras = {key: fields[key] for key in _EXTRAS & fields.keys() if fields[key] is not None}
    if costs is _TYPED:
        table = fields["type_weights"]
        build, weights = Knapsack.from_types, (fields["item_type"], table)
        return built(name, build, fields["values"], *weights, fields["capacities"], **extras)
    return built(name, Knapsack, fields["values"], fields["weights"], fields["capacities"], **extras)


def to_text(problem: Knapsack) -> str:
    """Return a problem as JSON; `parse` reads back the same numbers, bit by bit."""
    fields: dict[str, Any] = {"values": problem.values, "capacities": problem.capacities}
    if problem.type_weights is None:
        fields["weights"] = problem.dense_weights
    else:
        fields |= {"item_type": problem.item_type, "type_weights": problem.type_weights}
    for key in ("choices", "requires", "fixed_in", "fixed_out"):
        if getattr(problem, key) is not None:
            fields[key] = getattr(problem, key)
    if problem.exactly_one:
        fields["exactly_one"] = True
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in fields.items()}
    return json.dumps(plain)
