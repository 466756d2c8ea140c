"""Whether samples fit a model: what its adapter expects, held against arrays before anything is done with them."""

from __future__ import annotations

from functools import partial
from typing import Any

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.user_adapter import ExpectsData
from knapprune.network.data_check import ExpectedData, check_data, first_samples


def check_fit(framework: Adapter, model: Any, **given: Any) -> None:
    """Refuse samples that the model cannot take; the arguments' names are those in the messages."""
    for name, data in given.items():
        check_data(name, data, partial(_expected, framework, model, name, data))


def _expected(framework: Adapter, model: Any, name: str, data: Any) -> ExpectedData | None:
    if not isinstance(framework, ExpectsData):
        return None
    try:
        return framework.expected_data(model, first_samples(data, 2))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
