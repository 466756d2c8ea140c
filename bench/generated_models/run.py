"""Generate one model, mask it, predict, convert and count."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from bench.generated_models.cases import Case
from bench.generated_models.front_ends import build


def run(case: Case) -> dict[str, Any]:
    """Return a row: what was predicted and counted, or why the case came to nothing.

    ``outcome`` is ``"equal"``; ``"refused"`` where knapprune says beforehand that hls4ml cannot generate it;
    ``"differs"`` and ``"failed"`` are failures.
    """
    import knapprune as kp
    from knapprune.comparison import VerificationError
    from knapprune.hls_config import HlsConfigError

    row: dict[str, Any] = case.to_dict()
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # Replaced strategies and reuse factors are part of what is tested.
            warnings.simplefilter("ignore")
            model, config = masked(case)
            check = kp.verify(model, config)
        kinds = {name: [layer.strategy, layer.reuse_factor] for name, layer in check.by_layer.items()}
        row |= {"outcome": "equal", "predicted": check.predicted, "counted": check.counted, "layers": kinds}
    except HlsConfigError as error:
        row |= {"outcome": "refused", "why": str(error)}
    except VerificationError as error:
        row |= {"outcome": "differs", "why": str(error)}
    except Exception as error:
        row |= {"outcome": "failed", "why": f"{type(error).__name__}: {error}"}
    return row | {"seconds": round(time.perf_counter() - started, 2)}


def masked(case: Case) -> tuple[Any, dict[str, Any] | None]:
    """Build the case's model, with its zeros; a ModelGraph comes without a configuration of its own."""
    from knapprune.adapters.adapter import adapter
    from knapprune.configuration import configuration
    from knapprune.structures import labels

    rng = np.random.default_rng(case.seed)
    model, config = build(case, rng)
    if case.zeros == "none":
        return model, config
    framework = adapter(model)
    layers = framework.layers(model, configuration(framework, model, config))
    structure = {"weights": "unstructured", "rows": "dsp-row", "neurons": "neuron", "all": "neuron"}[case.zeros]
    keep = 0.0 if case.zeros == "all" else 0.4
    masks = {}
    for layer in (layer for layer in layers if layer.size):
        label = labels(layer, structure)
        masks[layer.name] = (rng.random(int(label.max()) + 1) < keep)[label]
    return framework.apply(model, masks), config
