"""Remove whole channels of PyTorch networks with knapprune and with Torch-Pruning, and write the table of it.

    KNAPPRUNE_DATA=FOLDER python -m bench.networks.channels    run, write docs/benchmarks/channels.json and channels.md
    python -m bench.networks.channels --page-only              write channels.md anew from channels.json

FOLDER holds ``fashion_mnist.npz``. Torch-Pruning is installed beside PyTorch: ``pip install --no-deps torch-pruning``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from bench.measuring.machine import processor, versions
from bench.networks.accuracy.data import fashion_mnist
from bench.networks.channels_page import (
    EPOCHS,
    HALVED,
    NETWORKS,
    OURS,
    RESOURCES,
    SEEDS,
    SHARES,
    SIDE,
    STEPS,
    STEPWISE,
    TESTED_ON,
    TOOLS,
    TRAINED_ON,
    TUNED,
    VALUES,
    page,
)
from bench.networks.command import app
from bench.networks.study import Case, Row, Study


@dataclass(frozen=True)
class Spec:
    """One network, cut to a share of its size."""

    network: str
    seed: int
    resource: str
    share: float
    values: str
    tool: str


def residual() -> Any:
    """Return three residual blocks, two of them with a stride and a convolution on the way around."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.inside = nn.Sequential(
                *(nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()),
                *(nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)),
            )
            self.around = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()
            self.relu = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.inside(x) + self.around(x))

    return _classifier([Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2)], 8, 32)


def depthwise() -> Any:
    """Return five depthwise convolutions, each with one of single pixels behind it."""
    from torch import nn

    parts: list[Any] = []
    widths = (8, 16, 32, 32, 64, 64)
    for inputs, outputs, stride in zip(widths, widths[1:], (1, 2, 1, 2, 1), strict=False):
        parts += [nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False), nn.BatchNorm2d(inputs)]
        parts += [nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return _classifier(parts, widths[0], widths[-1])


def _classifier(parts: list[Any], first: int, last: int) -> Any:
    from torch import nn

    stem = (nn.Conv2d(1, first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
    return nn.Sequential(*stem, *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 10))


@cache
def images() -> tuple[Any, Any, Any, Any]:
    """Return images and classes to train on, and such to test on, of Fashion-MNIST: each pixel the mean of four."""
    import torch

    data = fashion_mnist()
    shape = (-1, 1, SIDE, 28 // SIDE, SIDE, 28 // SIDE)
    x, y = data.train
    x_test, y_test = data.test
    arrays = (x[:TRAINED_ON], y[:TRAINED_ON], x_test[:TESTED_ON], y_test[:TESTED_ON])
    seen, classes, unseen, their_classes = map(torch.tensor, arrays)
    return seen.reshape(shape).mean((3, 5)), classes, unseen.reshape(shape).mean((3, 5)), their_classes


def train(module: Any, epochs: int, seed: int) -> Any:
    """Train a module with Adam; the same order of images for the same seed."""
    import torch

    x, y, _, _ = images()
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    order = np.random.default_rng(seed)
    module.train()
    for _ in range(epochs):
        for batch in np.array_split(order.permutation(len(x)), len(x) // 64):
            optimizer.zero_grad()
            loss: Any = torch.nn.functional.cross_entropy(module(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
    return module.eval()


@cache
def trained(network: str, seed: int) -> Any:
    """Return a trained network."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    return train({"residual": residual, "depthwise": depthwise}[network](), EPOCHS, seed)


def outputs(module: Any) -> Any:
    """Return what a module computes of the images to test on."""
    import torch

    with torch.no_grad():
        return module.eval()(images()[2])


def accuracy(module: Any) -> float:
    return round(float((outputs(module).argmax(1) == images()[3]).float().mean()), 4)


def weighted(module: Any) -> dict[str, Any]:
    """List the parts with a kernel by name."""
    from torch import nn

    return {name: part for name, part in module.named_modules() if isinstance(part, nn.Conv2d | nn.Linear)}


def size(module: Any, resource: str) -> int:
    """Count parameters (moving averages too), or the multiplications of a sample."""
    import torch

    if resource == "parameters":
        return sum(own.numel() for own in module.state_dict().values() if own.is_floating_point())
    counts: list[int] = []
    hooks = [
        part.register_forward_hook(lambda own, _, out: counts.append(own.weight.numel() * prod(out.shape[2:])))
        for part in weighted(module).values()
    ]
    with torch.no_grad():
        module.eval()(torch.zeros(1, 1, SIDE, SIDE))
    for hook in hooks:
        hook.remove()
    return sum(counts)


def squares(module: Any) -> float:
    return sum(float(part.weight.detach().square().sum()) for part in weighted(module).values())


def difference(one: Any, other: Any) -> float:
    """Return the largest difference of two modules' outputs, as a share of their range."""
    first, second = outputs(one), outputs(other)
    return float((first - second).abs().max() / (first.max() - first.min()))


def cut_by_us(module: Any, spec: Spec) -> tuple[Any, Row]:
    """Select channels with knapprune, and remove them."""
    import knapprune as kp

    given: dict[str, Any] = {"saliency": "l2", "normalise": "none"} if spec.values == "squares" else {}
    config = {"InputShape": [[1, SIDE, SIDE]]}
    chosen = kp.select(module, config, {spec.resource: spec.share}, structure="channel", **given)
    masked = chosen.apply(module)
    small = kp.shrink(masked).model
    gap = chosen.solution.gap
    return small, {"difference": difference(masked, small), "gap": None if gap is None else round(gap, 4)}


def cut_by_them(module: Any, spec: Spec) -> tuple[Any, Row]:
    """Remove channels with Torch-Pruning: at once the least share that keeps the budget, or few in each of many steps.

    What it removes is set to zero in the network as it was, too, and knapprune's `shrink` has to find the same network.
    """
    import torch

    import knapprune as kp

    limit, found = spec.share * size(module, spec.resource), None
    if spec.tool == STEPWISE:
        found = _removed(module, spec, 1.0, STEPS, limit)
    else:
        low, high = 0.0, 1.0
        for _ in range(HALVED):
            middle = (low + high) / 2
            tried = _removed(module, spec, middle, 1, limit)
            found = found if tried is None else tried
            low, high = (middle, high) if tried is None else (low, middle)
    if found is None:
        raise RuntimeError("no share of channels keeps the budget")
    small, left = found
    masked = deepcopy(module)
    with torch.no_grad():
        for name, part in weighted(masked).items():
            outputs, inputs = left[name]
            part.weight[np.setdiff1d(np.arange(len(part.weight)), outputs)] = 0
            if getattr(part, "groups", 1) == 1:
                part.weight[:, np.setdiff1d(np.arange(part.weight.shape[1]), inputs)] = 0
    ours = kp.shrink(masked).model
    row = {"shrunk": size(ours, "parameters"), "difference": difference(small, ours)}
    return small, row | {"same_groups": groups_of_theirs(module) == groups_of_ours(module)}


def _removed(
    module: Any, spec: Spec, share: float, steps: int, limit: float
) -> tuple[Any, dict[str, list[Any]]] | None:
    """Remove a share of channels in steps until the budget is kept; None where it never is.

    Returned beside the network: by layer, the outputs and inputs of the network as it was that are left.
    """
    import torch
    import torch_pruning as tp

    copy = deepcopy(module)
    importance = tp.importance.GroupMagnitudeImportance() if spec.values == "own" else _squares_of_group
    pruner = tp.pruner.BasePruner(
        *(copy, torch.zeros(1, 1, SIDE, SIDE), importance),
        global_pruning=True,
        pruning_ratio=share,
        iterative_steps=steps,
        ignored_layers=[copy[-1]],
    )
    names = {part: name for name, part in weighted(copy).items()}
    left = {name: [np.arange(part.weight.shape[axis]) for axis in (0, 1)] for part, name in names.items()}
    for _ in range(steps):
        for group in pruner.step(interactive=True):
            for dependency, places in group:
                if dependency.target.module in names:
                    own = left[names[dependency.target.module]]
                    side = int(not pruner.DG.is_out_channel_pruning_fn(dependency.handler))
                    own[side] = np.delete(own[side], places)
            group.prune()
        if size(copy, spec.resource) <= limit:
            return copy, left
    return None


def _squares_of_group(group: Any) -> Any:
    """Sum up the squares of all weights that go with each channel of a group: what knapprune calls l2."""
    import torch
    from torch import nn
    from torch_pruning import function

    total = torch.zeros(1 + max(place for item in group for place in item.root_idxs))
    for item in group:
        part, handler = item.dep.layer, item.dep.handler
        if not isinstance(part, nn.Conv2d | nn.Linear):
            continue
        weight = part.weight.detach()
        reads = handler in (function.prune_conv_in_channels, function.prune_linear_in_channels)
        if reads and getattr(part, "groups", 1) > 1:
            continue  # a depthwise kernel once
        own = (weight.transpose(0, 1) if reads else weight).flatten(1).square().sum(1)
        total.index_add_(0, torch.tensor(item.root_idxs), own[item.idxs])
    return total


Groups = set[frozenset[tuple[str, int]]]


def groups_of_theirs(module: Any) -> Groups:
    """List which outputs of which layers go together to Torch-Pruning."""
    import torch
    import torch_pruning as tp

    graph = tp.DependencyGraph().build_dependency(module, torch.zeros(1, 1, SIDE, SIDE))
    names = {part: name for name, part in weighted(module).items()}
    found: Groups = set()
    for whole in graph.get_all_groups(ignored_layers=[module[-1]]):
        root = whole[0]
        for place in root.idxs:
            group = graph.get_pruning_group(root.dep.target.module, root.dep.handler, idxs=[place])
            made = [item for item in group if graph.is_out_channel_pruning_fn(item.dep.handler)]
            found.add(_of_layers((names.get(own.dep.target.module), int(i)) for own in made for i in own.idxs))
    return found


def groups_of_ours(module: Any) -> Groups:
    """List the same of knapprune."""
    from knapprune.adapters.pytorch.adapter import PyTorchAdapter
    from knapprune.network.channels import ChannelMix, ChannelSpread
    from knapprune.shrinking.groups import channel_groups

    graph = PyTorchAdapter().channels(module)
    groups = channel_groups(graph)
    together: dict[int, list[tuple[str, int]]] = {}
    for own in graph.operations:
        if isinstance(own, ChannelMix | ChannelSpread) and own.layer in weighted(module):
            for place, group in enumerate(groups.of[own.output]):
                if groups.free[group]:
                    together.setdefault(int(group), []).append((str(own.layer), place))
    return {_of_layers(own) for own in together.values()}


def _of_layers(members: Iterable[tuple[str | None, int]]) -> frozenset[tuple[str, int]]:
    return frozenset((name, place) for name, place in members if name is not None)


def measured(spec: Spec) -> Row:
    """Cut a network, train it on, and measure it."""
    module = trained(spec.network, spec.seed)
    row: Row = {"before": {name: size(module, name) for name in RESOURCES}, "accuracy": accuracy(module)}
    start = time.perf_counter()
    small, more = (cut_by_us if spec.tool == OURS else cut_by_them)(deepcopy(module), spec)
    row |= {"seconds": round(time.perf_counter() - start, 2), **more}
    row |= {"after": {name: size(small, name) for name in RESOURCES}}
    row |= {"kept": round(squares(small) / squares(module), 4), "cut": accuracy(small)}
    return row | {"tuned": accuracy(train(small, TUNED, spec.seed + 100))}


def cases() -> list[Case]:
    """List all, those of one network one after the other."""
    specs = (Spec(*own) for own in product(NETWORKS, SEEDS, RESOURCES, SHARES, VALUES, TOOLS))
    return [Case(asdict(spec), partial(measured, spec)) for spec in specs]


def place(row: Row) -> int:
    """Return a row's place among the cases."""
    return next(number for number, case in enumerate(cases()) if case.has(row))


FACTS = partial(versions, "knapprune", "torch", "torch-pruning")
STUDY = Study("channels", __doc__, page, cases, facts=lambda: FACTS() | processor(), order=place)

if __name__ == "__main__":
    app(STUDY)()
