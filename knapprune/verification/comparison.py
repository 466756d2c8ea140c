"""Hold a prediction against a count, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from knapprune.hardware.resources import Resources
from knapprune.project.count import LayerCount, ProjectCount


class VerificationError(RuntimeError):
    """The generated project does not use what was predicted.

    Parameters
    ----------
    layer, resource
        The first layer and resource that differ.
    predicted, counted
        The two numbers. None where the layer is missing on that side.
    message
        All differences.
    """

    def __init__(self, layer: str, resource: str, predicted: int | None, counted: int | None, message: str) -> None:
        super().__init__(message)
        self.layer = layer
        self.resource = resource
        self.predicted = predicted
        self.counted = counted


@dataclass(frozen=True)
class LayerCheck:
    """One layer, predicted and counted. They are equal: a difference raises before this exists.

    Parameters
    ----------
    strategy, reuse_factor
        As the generated code has them.
    predicted, counted
        Resources by name.
    vanished
        Weights that are not zero in the model but zero on the chip: see `knapprune.project.count.LayerCount`.
    adders
        Counted additions and subtractions of an adder graph: see `knapprune.project.count.LayerCount`.
    estimated, synthesised
        Look-up tables of an adder graph as predicted, and what Yosys counts in it; empty where it was not asked. They
        need not be equal.
    """

    strategy: str
    reuse_factor: int
    predicted: dict[str, int]
    counted: dict[str, int]
    vanished: int
    adders: int = 0
    estimated: dict[str, int] = field(default_factory=dict)
    synthesised: dict[str, int] = field(default_factory=dict)


def compare(predicted: Resources, count: ProjectCount) -> dict[str, LayerCheck]:
    """Hold a prediction against a count, layer by layer."""
    counted = {layer.name: layer for layer in count.layers}
    differences = [
        (name, resource, before, after)
        for name in dict.fromkeys([*predicted.by_layer, *counted])
        for resource, before, after in _differences(predicted.by_layer.get(name), counted.get(name))
    ]
    if differences:
        lines = [
            f"layer {name!r}: {resource} predicted {_number(before)}, counted {_number(after)}"
            for name, resource, before, after in differences
        ]
        raise VerificationError(*differences[0], "\n".join(["the generated project is not the predicted one:", *lines]))
    return {
        name: LayerCheck(
            strategy=counted[name].strategy,
            reuse_factor=counted[name].reuse_factor,
            predicted={resource: use[resource] for resource in counted[name].resources if resource in use},
            counted={resource: number for resource, number in counted[name].resources.items() if resource in use},
            vanished=counted[name].vanished,
            adders=counted[name].adders,
        )
        for name, use in predicted.by_layer.items()
    }


def _differences(
    predicted: Mapping[str, int] | None, counted: LayerCount | None
) -> Iterator[tuple[str, int | None, int | None]]:
    if predicted is None or counted is None:
        present = predicted or (counted.resources if counted else {})
        resource, number = next(iter(present.items()))
        yield (resource, number, None) if counted is None else (resource, None, number)
        return
    for resource, number in counted.resources.items():
        # A hardware model of another resource is held against what can be counted.
        if predicted.get(resource, number) != number:
            yield resource, predicted[resource], number


def _number(number: int | None) -> str:
    return "nothing: the layer is not there" if number is None else str(number)
