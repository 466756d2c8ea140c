"""Whether samples fit a model: what its adapter expects, held against arrays before anything is done with them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.user_adapter import ExpectsData
from knapprune.network.data_check import ExpectedData, check_data, first_samples


def check_fit(framework: Adapter, model: Any, *, by_loss: bool = True, **given: Any) -> None:
    """Refuse samples that the model, or its loss where that is asked, cannot take; messages name the arguments."""
    for name, data in given.items():
        check_data(name, data, partial(_expected, framework, model, name, data, by_loss))


def _expected(framework: Adapter, model: Any, name: str, data: Any, by_loss: bool) -> ExpectedData | None:
    if not isinstance(framework, ExpectsData):
        return None
    try:
        expected = framework.expected_data(model, first_samples(data, 2))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    # A metric of the user's own may take any targets.
    return expected if by_loss else replace(expected, outputs=None)
