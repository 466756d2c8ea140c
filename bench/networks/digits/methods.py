"""The methods that are compared, and what each is asked for on each network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.networks.accuracy import baselines
from bench.networks.digits.networks import NETWORKS
from bench.networks.digits.task import Setting, Task
from bench.networks.digits.traced import Design


@dataclass(frozen=True)
class Method:
    """A way to a network without DSPs.

    Parameters
    ----------
    title
        In tables and legends.
    run
        Yields designs, with what else their rows say.
    settings
        By network: what the frontier is made of.
    main
        By network: what all seeds are run with.
    epochs
        Returns how many epochs a run of a setting trains for, those of the network that it starts from among them.
    """

    title: str
    run: Callable[[Task], Iterator[tuple[Design, dict[str, Any]]]]
    settings: Mapping[str, tuple[Setting, ...]]
    main: Mapping[str, tuple[Setting, ...]]
    epochs: Callable[[Setting], int]


def high_granularity(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Train with HGQ2 at one price on bit operations, or at one that rises."""
    from bench.networks.digits import high_granularity as hgq

    setting = task.setting
    price, end, epochs = setting["price"], setting.get("end"), setting["epochs"]
    for path in hgq.train(task.of, task.data, task.seed, price, end, epochs, task.folder):
        model = hgq.build(task.of, price)
        model.load_weights(path)
        design, ebops = hgq.design(model, task.data)
        yield design, {"ebops": ebops}


def pruned(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Prune with knapprune; the setting says whether digits are chosen."""
    from bench.networks.digits.pruned import prune

    return prune(task)


def quantised(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Read what PQuantML trained in an environment of its own."""
    from bench.networks.digits.pquant import trained

    return trained(task)


def uniform(task: Task) -> Iterator[tuple[Design, dict[str, Any]]]:
    """Fine-tune with one number of bits for everything."""
    from bench.networks.digits.uniform import train

    return train(task)


BUDGETS: Mapping[str, Mapping[int, int]] = {
    "jets": {1800: 7, 7000: 10, 3300: 8, 1050: 7, 14400: 10},
    "fashion": {1550: 7, 7000: 10, 3300: 8, 700: 7, 14400: 10},
}
"""What knapprune may spend on the matrices, which is what it budgets, some hundreds below the limits; and the bits of
the data that each is kept with where none are chosen."""

OF_SEEDS = 2
"""How many of them, the first, all seeds are run with."""


def _pruning(title: str, choose: Mapping[str, Any] | None) -> Method:
    """Make a method of knapprune by what may be chosen."""
    every = {
        name: tuple({"lut": lut, "bits": bits, "choose": _at(choose, lut)} for lut, bits in budgets.items())
        for name, budgets in BUDGETS.items()
    }
    main = {name: settings[:OF_SEEDS] for name, settings in every.items()}
    return Method(title, pruned, every, main, _of_pruned)


def _at(choose: Mapping[str, Any] | None, lut: int) -> Mapping[str, Any] | None:
    """Offer the narrowest data at the least budgets alone, and no narrow ones at large budgets."""
    if not choose or "data_bits" not in choose:
        return choose
    widths = [bits for bits in choose["data_bits"] if lut < WIDE or bits >= NOT_NARROW]
    return {**choose, "data_bits": [NARROWEST, *widths] if lut <= NARROW else widths}


def _on_all(settings: tuple[Setting, ...]) -> Mapping[str, tuple[Setting, ...]]:
    return dict.fromkeys(NETWORKS, settings)


SATURATING = 4
"""Bits below which uniform ones are tried with saturation as well."""

DIGITS = {"digits": 3}

WIDTHS = (3, 4, 5, 6, 8, 10)
"""Bits that data may be given, layer by layer."""

NOT_NARROW, WIDE = 5, 3000
"""Bits that they have at least with such a budget or a larger one: what narrower data lose is measured for each result
by itself, which says too little where all of them are narrow."""

NARROWEST, NARROW = 2, 1500
"""Bits that they may be given as well, and the budgets up to which, where that was better by validation data."""


def _prices(epochs: int, *prices: float) -> tuple[Setting, ...]:
    return tuple({"price": price, "epochs": epochs} for price in prices)


def _of_pruned(setting: Setting) -> int:
    from bench.networks.digits.pruned import EPOCHS, FINAL, STEPS

    return baselines.EPOCHS + (STEPS - 1) * EPOCHS + FINAL


def _of_uniform(setting: Setting) -> int:
    from bench.networks.digits.uniform import EPOCHS

    return baselines.EPOCHS + EPOCHS


def _of_quantised(setting: Setting) -> int:
    from bench.networks.digits.pquant import EPOCHS

    return EPOCHS


def _of_setting(setting: Setting) -> int:
    return int(setting["epochs"])


def _bits(*numbers: int) -> tuple[Setting, ...]:
    """Let few bits saturate, too: they gain most by it, and it is paid for in every value."""
    return tuple(
        {"bits": bits, "saturates": saturates}
        for bits in numbers
        for saturates in ((False, True) if bits < SATURATING else (False,))
    )


PQUANT: tuple[Setting, ...] = tuple(
    {"pruning": pruning, "bits": bits, "sparsity": sparsity}
    for pruning, bits, sparsity in (
        ("mdmm", 6, 0.8),
        ("pdp", 6, 0.9),
        ("pdp", 4, 0.8),
        ("mdmm", 4, 0.9),
        ("pdp", 4, 0.95),
        ("mdmm", 8, 0.8),
    )
)
"""Ways of PQuantML to prune, bits of the weights and shares of zeros; data have eight bits."""

RISING: Mapping[str, Setting] = {
    "jets": {"price": 5e-7, "end": 3e-4, "epochs": 320},
    "fashion": {"price": 5e-7, "end": 3e-4, "epochs": 400},
}

METHODS: Mapping[str, Method] = {
    "widths": _pruning("knapprune, digits and data", DIGITS | {"data_bits": list(WIDTHS)}),
    "digits": _pruning("knapprune, digits", DIGITS),
    "zeros": _pruning("knapprune, zeros alone", None),
    "uniform": Method(
        "uniform bits, fine-tuned", uniform, _on_all(_bits(2, 3, 4, 5, 6, 8)), _on_all(_bits(3, 5)), _of_uniform
    ),
    "pquant": Method(
        "PQuantML 0.1",
        quantised,
        {"jets": PQUANT, "fashion": ()},
        {},
        _of_quantised,
    ),
    "hgq-rising": Method(
        "HGQ2, rising price",
        high_granularity,
        {name: (setting,) for name, setting in RISING.items()},
        {name: (setting,) for name, setting in RISING.items()},
        _of_setting,
    ),
    "hgq": Method(
        "HGQ2, one price",
        high_granularity,
        {"jets": _prices(110, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4), "fashion": _prices(45, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4)},
        {},
        _of_setting,
    ),
}
