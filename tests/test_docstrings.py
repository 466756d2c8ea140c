"""Every public name has a docstring that names its parameters, and every example in one runs."""

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import knapprune
import knapsolve
from knapprune.adapters import adapter, objective, shrinking_adapter, training_adapter, types_adapter, user_adapter
from knapprune.hardware import hardware_model
from knapprune.saliency import statistics

WORKER_ONLY = "_run"  # these import OR-Tools on load and live in worker processes
OPTIONAL = {"tf_keras", "torch"}
SEAMS = (
    adapter,
    training_adapter,
    types_adapter,
    user_adapter,
    shrinking_adapter,
    objective,
    hardware_model,
    statistics,
)


def modules() -> list[str]:
    names = []
    for package in (knapsolve, knapprune):
        names.append(package.__name__)
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not found.name.endswith(WORKER_ONLY):
                names.append(found.name)
    return names


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions and classes the module defines itself, and the public methods of those classes."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield name, thing
        if inspect.isclass(thing):
            said = said_by_a_seam(thing)
            for method, function in vars(thing).items():
                if (
                    not method.startswith("_")
                    and inspect.isfunction(function)
                    and (function.__doc__ or method not in said)
                ):
                    yield f"{name}.{method}", function


def said_by_a_seam(thing: Any) -> dict[str, str]:
    """Return what the Protocols that a class keeps say of its methods, by name of the method."""
    said = {}
    for protocol in (one for seam in SEAMS for one in vars(seam).values() if getattr(one, "_is_protocol", False)):
        methods = {name: function for name, function in vars(protocol).items() if inspect.isfunction(function)}
        own = {name: function.__doc__ or "" for name, function in methods.items() if not name.startswith("_")}
        if all(hasattr(thing, name) for name in own):
            said.update(own)
    return said


def parameters(thing: Any) -> list[str]:
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return []
    return [name for name in signature.parameters if name not in ("self", "cls")]


def imported(name: str) -> ModuleType:
    """Import a module; the test is skipped if it is for users of a package that is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"{name} needs {error.name}, which is not installed")


@pytest.mark.parametrize("name", modules())
def test_public_names_are_documented_with_their_parameters(name: str) -> None:
    missing = []
    for qualified, thing in public(imported(name)):
        text = thing.__doc__ or ""
        if not text.strip():
            missing.append(f"{qualified} has no docstring")
        # A one-line docstring says it all; one with sections must list every parameter.
        if "Parameters\n" in text:
            missing += [f"{qualified} does not explain {known}" for known in parameters(thing) if known not in text]
    assert not missing


@pytest.mark.parametrize("name", modules())
def test_examples_run(name: str) -> None:
    result = doctest.testmod(imported(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


FRONT_DOOR = [
    *(f"knapsolve.{name}" for name in knapsolve.__all__ if name != "__version__"),
    *(f"knapprune.{name}" for name in knapprune.__all__ if name != "__version__"),
]


@pytest.mark.parametrize("name", FRONT_DOOR)
def test_functions_users_call_explain_every_parameter(name: str) -> None:
    package, _, attribute = name.partition(".")
    thing = getattr(importlib.import_module(package), attribute)
    if not inspect.isfunction(thing):
        return
    text = thing.__doc__ or ""
    assert "Returns\n" in text or text.startswith("Return ")
    assert [known for known in parameters(thing) if known not in text] == []
