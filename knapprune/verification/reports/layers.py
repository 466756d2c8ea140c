"""What each layer uses by the reports: the outermost modules of its number, with everything inside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from knapprune.verification.reports.csynth import Module
from knapprune.verification.reports.design import Call
from knapprune.verification.reports.folder import ReportError
from knapprune.verification.reports.names import index_of, may_be_in

Use = dict[str, float]


@dataclass(frozen=True)
class Placement:
    """Which modules are of which layer.

    Parameters
    ----------
    layers
        Instances by module, by the layer's name.
    others
        Instances of outermost modules that are of no layer by their names.
    certain
        Whether text reports say what instantiates what; without them it is guessed.
    """

    layers: dict[str, Counter[str]]
    others: Counter[str]
    certain: bool = True


def left_over(modules: Mapping[str, Module], top: Module) -> tuple[str, ...]:
    """Find the modules of layers that the design does not instantiate: those of a run before in the same folder."""
    reached = {top.name, *_inside(modules, top)}
    if any(modules[name].instances is None for name in reached):
        return ()
    return tuple(name for name in modules if name not in reached and index_of(name) is not None)


def place(modules: Mapping[str, Module], top: Module, layers: Mapping[int, Call]) -> Placement:
    """Find the outermost modules of each layer, and how often each is instantiated.

    The text reports say what instantiates what. Without them a module is taken for an outer one unless another of the
    same layer uses as much or more of everything, and to be instantiated once.
    """
    if top.instances is not None:
        return _by_instances(modules, top, layers)
    by_layer: dict[str, Counter[str]] = {}
    owners = {name: _layer(name, layers) for name in modules}
    for layer in (call.name for call in layers.values()):
        own = [modules[name] for name in modules if owners[name] == layer]
        outer = [one.name for one in own if not any(_holds(other, one) for other in own)]
        for one, other in combinations(outer, 2):
            if _function(one) == _function(other) and _stem(one) != _stem(other):
                raise ReportError(
                    f"reports: of two runs: {one!r} and {other!r} are both of layer {layer!r}; expected those of one, "
                    "or the text reports (.rpt) that say which counts"
                )
        if outer:
            by_layer[layer] = Counter(outer)
    named = (name for name, layer in owners.items() if layer is None and name != top.name)
    return Placement(by_layer, Counter(named), certain=False)


def use_of(instances: Mapping[str, int], modules: Mapping[str, Module]) -> Use:
    """Add up what modules use; memory in halves, ``bram18``, and in blocks of 36 Kb, ``bram``."""
    use: Use = {}
    for name, count in instances.items():
        for resource, number in modules[name].use.items():
            use[resource] = use.get(resource, 0) + count * number
    use = with_blocks(use)
    if len(instances) == 1:
        (module,) = (modules[name] for name in instances)
        for key, cycles in (("latency", module.latency), ("interval", module.interval)):
            if cycles is not None:
                use[key] = cycles[1]
    return use


def with_blocks(use: Mapping[str, float]) -> Use:
    """Say memory in blocks of 36 Kb beside the halves."""
    if "bram18" not in use:
        return dict(use)
    half = use["bram18"] / 2
    return {**use, "bram": int(half) if half.is_integer() else half}


def _by_instances(modules: Mapping[str, Module], top: Module, layers: Mapping[int, Call]) -> Placement:
    by_layer: dict[str, Counter[str]] = {}
    others: Counter[str] = Counter()

    def walk(module: Module, times: int) -> None:
        for name, count in Counter(module.instances or ()).items():
            layer = _layer(name, layers)
            if name not in modules:
                continue  # an operator such as mul_16s_16s_26_1_1: part of the module around it
            if layer is not None:
                by_layer.setdefault(layer, Counter())[name] += times * count
            elif any(_layer(inner, layers) is not None for inner in modules[name].instances or ()):
                walk(modules[name], times * count)  # a shell around layers, such as a dataflow region
            else:
                others[name] += times * count

    walk(top, 1)
    return Placement(by_layer, others)


def _inside(modules: Mapping[str, Module], module: Module) -> Iterator[str]:
    for name in set(module.instances or ()) & modules.keys():
        yield name
        yield from _inside(modules, modules[name])


def _layer(name: str, layers: Mapping[int, Call]) -> str | None:
    index = index_of(name)
    call = None if index is None else layers.get(index)
    return call.name if call is not None and may_be_in(name, call.function) else None


def _function(name: str) -> str:
    return name.partition("_ap_")[0].partition("_array_")[0]


def _stem(name: str) -> str:
    """Cut off what the tool appends to tell copies of one function apart."""
    return name.rpartition("config")[0]


def _holds(other: Module, one: Module) -> bool:
    """Whether a module may be inside another; of two alike, the one that comes first by name is the outer."""
    if other.name == one.name or any(other.use.get(key, 0) < number for key, number in one.use.items()):
        return False
    return other.use != one.use or other.name < one.name
