"""What each layer uses by the reports: the outermost modules of its number, with everything inside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from knapprune.vendor.csynth import Module
from knapprune.vendor.match import index_of

Use = dict[str, float]


def top_module(modules: Mapping[str, Module], name: str) -> Module | None:
    """Find the report of the whole design.

    Parameters
    ----------
    modules
        By name.
    name
        The top function in the model's own project.

    Returns
    -------
    Module or None
        The one that calls itself the top, or has the name.
    """
    own = [module for module in modules.values() if module.top == module.name]
    return own[0] if len(own) == 1 else modules.get(name)


def modules_of_layers(
    modules: Mapping[str, Module], top: Module | None
) -> tuple[dict[int, Counter[str]], Counter[str]]:
    """Find the outermost modules of each layer, and how often each is instantiated.

    The text reports say what instantiates what. Without them a module is taken for an outer one unless another of the
    same layer uses as much or more of everything, and to be instantiated once.

    Parameters
    ----------
    modules
        By name.
    top
        The whole design.

    Returns
    -------
    layers, others
        Instances by module, by layer number; and those of modules whose names give no number.
    """
    if top is not None and top.instances is not None:
        return _by_instances(modules, top)
    by_layer: dict[int, Counter[str]] = {}
    numbers = {name: index_of(name) for name in modules}
    for index in sorted({number for number in numbers.values() if number is not None}):
        own = [modules[name] for name in modules if numbers[name] == index]
        by_layer[index] = Counter(one.name for one in own if not any(_holds(other, one) for other in own))
    named = {name for name, number in numbers.items() if number is None and (top is None or name != top.name)}
    return by_layer, Counter(named)


def use_of(instances: Mapping[str, int], modules: Mapping[str, Module]) -> Use:
    """Add up what modules use; memory in blocks of 36 Kb.

    Parameters
    ----------
    instances
        How often each module is there.
    modules
        By name.

    Returns
    -------
    dict
        Counts by resource; and of one module the cycles, at most, that it takes and until it takes its next input.
    """
    use: Use = {}
    for name, count in instances.items():
        for resource, number in modules[name].use.items():
            use[resource] = use.get(resource, 0) + count * number
    if "bram_18k" in use:
        # A BRAM_18K is half a block: an odd number ends in a half.
        half = use.pop("bram_18k") / 2
        use["bram"] = int(half) if half.is_integer() else half
    if len(instances) == 1:
        (module,) = (modules[name] for name in instances)
        for key, cycles in (("latency", module.latency), ("interval", module.interval)):
            if cycles is not None:
                use[key] = cycles[1]
    return use


def _by_instances(modules: Mapping[str, Module], top: Module) -> tuple[dict[int, Counter[str]], Counter[str]]:
    by_layer: dict[int, Counter[str]] = {}
    others: Counter[str] = Counter()

    def walk(module: Module, times: int) -> None:
        for name, count in Counter(module.instances or ()).items():
            index = index_of(name)
            if name not in modules:
                continue  # an operator such as mul_16s_16s_26_1_1: part of the module around it
            if index is not None:
                by_layer.setdefault(index, Counter())[name] += times * count
            elif modules[name].instances and any(
                index_of(inner) is not None for inner in modules[name].instances or ()
            ):
                walk(modules[name], times * count)  # a shell around layers, such as that of an accelerator
            else:
                others[name] += times * count

    walk(top, 1)
    return dict(sorted(by_layer.items())), others


def _holds(other: Module, one: Module) -> bool:
    """Whether a module may be inside another; of two alike, the one that comes first by name is the outer."""
    if other.name == one.name or any(other.use.get(key, 0) < number for key, number in one.use.items()):
        return False
    return other.use != one.use or other.name < one.name
