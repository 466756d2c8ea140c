"""Generate one model, mask it, predict, convert and count."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from bench.networks.generated_models.cases import Case
from bench.networks.generated_models.front_ends import Config, build


class UnconvertedError(Exception):
    """hls4ml ended in an error before there was a graph."""


def run(case: Case) -> dict[str, Any]:
    """Return a row: what was predicted and counted, or why the case came to nothing.

    ``outcome`` is ``"equal"``; ``"refused"`` where knapprune says beforehand that hls4ml cannot generate it;
    ``"unconverted"`` where hls4ml itself ends in an error before there is a graph; ``"differs"`` and ``"failed"`` are
    failures.
    """
    import knapprune as kp
    from knapprune.network.hls_config import HlsConfigError
    from knapprune.verification.comparison import VerificationError

    row: dict[str, Any] = case.to_dict()
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # Replaced strategies and reuse factors are part of what is tested.
            warnings.simplefilter("ignore")
            rng = np.random.default_rng(case.seed)
            try:
                model, config = build(case, rng)
            except Exception as error:
                raise UnconvertedError(f"{type(error).__name__}: {error}") from error
            model = masked(model, config, case.zeros, rng)
            check = kp.verify(model, config)
        kinds = {name: [layer.strategy, layer.reuse_factor] for name, layer in check.by_layer.items()}
        row |= {"outcome": "equal", "predicted": check.predicted, "counted": check.counted, "layers": kinds}
    except UnconvertedError as error:
        row |= {"outcome": "unconverted", "why": str(error)}
    except HlsConfigError as error:
        row |= {"outcome": "refused", "why": str(error)}
    except VerificationError as error:
        row |= {"outcome": "differs", "why": str(error)}
    except Exception as error:
        row |= {"outcome": "failed", "why": f"{type(error).__name__}: {error}"}
    return row | {"seconds": round(time.perf_counter() - started, 2)}


def masked(model: Any, config: Config | None, zeros: str, rng: np.random.Generator) -> Any:
    """Set some of a model's weights to zero."""
    from knapprune.adapters.configuration import configuration
    from knapprune.adapters.finding import find_adapter
    from knapprune.hardware.structures import labels

    if zeros == "none":
        return model
    framework = find_adapter(model)
    structure = {"weights": "unstructured", "rows": "dsp-row", "neurons": "neuron", "all": "neuron"}[zeros]
    keep = 0.0 if zeros == "all" else 0.4
    masks = {}
    for layer in framework.layers(model, configuration(framework, model, config)):
        if layer.size:
            label = labels(layer, structure)
            masks[layer.name] = (rng.random(int(label.max()) + 1) < keep)[label]
    return framework.apply(model, masks)
