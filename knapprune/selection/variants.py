"""Ways to build each layer that `select` may choose between: reuse factors and widths of the weights.

A weight of fewer bits is worth less. It is written as a signed fixed-point number with as few integer bits as the
layer's largest weight needs, cut off below its last bit as ``ap_fixed`` does, and keeps the share of its saliency that
its squared relative error leaves: ``saliency * (1 - ((w - q(w)) / w) ** 2)``. A weight that becomes zero is worth
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from knapprune.hardware import explanation
from knapprune.network.hls_config import HlsConfig, as_dict, own_entry, set_precision
from knapprune.network.layers import Layer
from knapprune.network.precision import FixedPoint
from knapprune.network.rounding import WIDEST, Rounding

KEYS = ("reuse_factor", "bits", "digits", "data_bits")
_RESOURCE_STRATEGIES = ("resource", "resource_unrolled")


class Choose(TypedDict, total=False):
    """What `select` may choose for each layer, beside the weights to keep.

    ``reuse_factor`` is ``"legal"`` or a list of reuse factors, of which each layer takes those that are legal for it;
    ``bits`` is a list of weight widths; ``digits`` the most signed digits of each weight that is a constant, or a list
    of numbers of them, and ``data_bits``, beside it, a list of widths for the result of each layer. Each may be a
    mapping by layer name; layers not named stay as they are.
    """

    reuse_factor: str | Iterable[int] | Mapping[str, str | Iterable[int]]
    bits: Iterable[int] | Mapping[str, Iterable[int]]
    digits: int | Iterable[int] | Mapping[str, int | Iterable[int]]
    data_bits: Iterable[int] | Mapping[str, Iterable[int]]


@dataclass(frozen=True)
class Variant:
    """One way to build a layer.

    Parameters
    ----------
    layer
        The layer with this reuse factor and width.
    weight_type
        The type of its weights where that was chosen; None leaves the configuration's.
    """

    layer: Layer
    weight_type: FixedPoint | None = None

    def worth(self, kernel: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        """Say what share of its saliency each weight keeps in this variant's width."""
        exact = kernel.astype(np.float64)
        if self.weight_type is None:
            return np.ones_like(exact)
        step = 2.0**-self.weight_type.fraction
        error = exact - np.floor(exact / step) * step
        relative = np.divide(error, exact, out=np.zeros_like(exact), where=exact != 0)
        return np.maximum(1.0 - np.square(relative), 0.0)


def check_keys(choose: Any) -> None:
    """Refuse what is no mapping of what can be chosen."""
    if not isinstance(choose, Mapping) or not choose or choose.keys() - set(KEYS):
        raise ValueError(
            f"choose: got {choose!r}, expected a mapping of some of {', '.join(map(repr, KEYS))}, such as "
            "{'reuse_factor': 'legal', 'bits': [8, 12, 16]} or {'digits': 2}"
        )


def check_choose(choose: Any, names: Iterable[str]) -> Choose:
    """Check the form of what may be chosen."""
    known = list(names)
    check_keys(choose)
    for key, given in choose.items():
        if isinstance(given, Mapping) and (unknown := given.keys() - set(known)):
            raise ValueError(f"choose[{key!r}]: no layers {sorted(unknown)}, expected some of {known}")
    checked: Choose = {key: _kept(given) for key, given in choose.items()}  # type: ignore[assignment]
    return checked


def list_variants(
    layers: Iterable[Layer], kernels: Mapping[str, npt.NDArray[Any]], choose: Choose
) -> list[list[Variant]]:
    """List the ways to build each layer."""
    known = list(layers)
    _check_factors(known, choose.get("reuse_factor"))
    by_layer = []
    for layer in known:
        widths = _widths(choose.get("bits"), layer.name) if layer.own_settings else None
        types = [None] if widths is None else [fitting_type(kernels[layer.name], width) for width in widths]
        by_layer.append(
            [
                Variant(
                    replace(
                        layer,
                        reuse_factor=factor,
                        requested_reuse_factor=factor,
                        weight_bits=layer.weight_bits if kind is None else kind.width,
                        weight_type=layer.weight_type if kind is None else Rounding(kind),
                    ),
                    kind,
                )
                for factor in _factors(layer, choose.get("reuse_factor"))
                for kind in types
            ]
        )
    return by_layer


def legal_reuse_factors(layer: Layer) -> list[int]:
    """List the reuse factors that hls4ml takes for a layer without changing its strategy."""
    if layer.strategy not in _RESOURCE_STRATEGIES or not layer.own_settings:
        return [layer.reuse_factor]
    return list(explanation.legal_reuse_factors(layer)[layer.strategy])


def fitting_type(kernel: npt.NDArray[Any], width: int) -> FixedPoint:
    """Find the signed type of a width that holds the largest weight with as few integer bits as that takes."""
    largest = float(np.abs(kernel.astype(np.float64)).max(initial=0.0))
    return FixedPoint(width, max(1, int(np.frexp(largest)[1]) + 1))


def configured(config: HlsConfig, chosen: Iterable[Variant]) -> dict[str, Any]:
    """Write the configuration with the chosen variants in it."""
    written = as_dict(config)
    for variant in chosen:
        layer = variant.layer
        if not layer.own_settings:
            continue
        entry = own_entry(written, layer.name, layer.first_settings)
        entry["ReuseFactor"] = layer.reuse_factor
        if variant.weight_type is not None:
            kind = variant.weight_type
            set_precision(entry, "weight", f"fixed<{kind.width},{kind.integer}>")
    return written


def _kept(given: Any) -> Any:
    """Return what can be gone through more than once."""
    if isinstance(given, Mapping):
        return {name: _kept(own) for name, own in given.items()}
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else given


def _factors(layer: Layer, given: Any) -> list[int]:
    wanted = given.get(layer.name) if isinstance(given, Mapping) else given
    if wanted is None:
        return [layer.reuse_factor]
    legal = legal_reuse_factors(layer)
    if isinstance(wanted, str) or layer.strategy not in _RESOURCE_STRATEGIES or not layer.own_settings:
        return legal
    return sorted(set(legal) & set(wanted))


def _check_factors(layers: list[Layer], given: Any) -> None:
    if given is None:
        return
    where = "choose['reuse_factor']"
    lists = given if isinstance(given, Mapping) else {"": given}
    for name, wanted in lists.items():
        at = f"{where}[{name!r}]" if name else where
        if isinstance(wanted, str):
            if wanted != "legal":
                raise ValueError(f"{at}: got {wanted!r}, expected 'legal' or a list of reuse factors")
            continue
        factors = _whole_numbers(at, wanted, 1)
        own = [layer for layer in layers if layer.name == name or not name]
        own = [layer for layer in own if layer.strategy in _RESOURCE_STRATEGIES and layer.own_settings]
        legal = {layer.name: legal_reuse_factors(layer) for layer in own}
        listing = "\n".join(f"  {layer}: {', '.join(map(str, numbers)) or 'none'}" for layer, numbers in legal.items())
        illegal = [factor for factor in factors if not any(factor in numbers for numbers in legal.values())]
        if illegal and legal:
            raise ValueError(f"{at}: {illegal} are legal for no layer here, expected some of these:\n{listing}")
        without = [layer for layer, numbers in legal.items() if not set(numbers) & set(factors)]
        if without:
            raise ValueError(f"{at}: none of {factors} is legal for {without}, expected some of these:\n{listing}")


def _widths(given: Any, name: str) -> list[int] | None:
    wanted = given.get(name) if isinstance(given, Mapping) else given
    if wanted is None:
        return None
    where = f"choose['bits'][{name!r}]" if isinstance(given, Mapping) else "choose['bits']"
    return sorted(set(_whole_numbers(where, wanted, 2, WIDEST)))


def _whole_numbers(where: str, given: Any, least: int, most: int | None = None) -> list[int]:
    numbers = list(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else []
    valid = [isinstance(number, int | np.integer) and not isinstance(number, bool) for number in numbers]
    if not numbers or not all(valid) or min(numbers) < least or (most is not None and max(numbers) > most):
        allowed = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{where}: got {given!r}, expected a list of whole numbers, {allowed}")
    return [int(number) for number in numbers]
