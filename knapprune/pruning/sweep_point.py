"""One pruning of a sweep, wherever it runs: what is sent there, and the row that comes back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knapprune.adapters.adapter import Adapter
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.adapters.model_files import load
from knapprune.pruning.arguments import prune

#: Settings that are written into the configuration, and where.
OF_CONFIG = {"reuse_factor": "ReuseFactor", "precision": "Precision", "strategy": "Strategy"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Parcel:
    """What all points of a sweep have in common, as it can be sent to other processes and machines.

    Parameters
    ----------
    model
        The model, or the content of the file that Keras makes of it.
    config
        hls4ml's configuration, as a dict.
    pruning
        The other arguments of `knapprune.prune`.
    """

    model: Any
    config: Mapping[str, Any]
    pruning: Mapping[str, Any]

    @classmethod
    def of(cls, framework: Adapter, model: Any, config: Mapping[str, Any], pruning: Mapping[str, Any]) -> Parcel:
        """Pack a model; masks and what else this package puts on a model of Keras are known again from its file."""
        if not isinstance(framework, KerasAdapter):
            return cls(model, config, pruning)
        with tempfile.TemporaryDirectory(prefix="knapprune-") as folder:
            file = Path(folder) / "model.keras"
            model.save(file)
            return cls(file.read_bytes(), config, pruning)

    def unpacked(self) -> Any:
        """Make the model again."""
        if not isinstance(self.model, bytes):
            return self.model
        with tempfile.TemporaryDirectory(prefix="knapprune-") as folder:
            file = Path(folder) / "model.keras"
            file.write_bytes(self.model)
            return load(file)


def run_point(parcel: Parcel, settings: Mapping[str, Any]) -> Row:
    """Prune with one combination of settings; what cannot be done is a row as well, with the reason."""
    started = time.perf_counter()
    config = deepcopy(dict(parcel.config))
    own = {name: value for name, value in settings.items() if name not in OF_CONFIG}
    config["Model"] = {**config["Model"], **{OF_CONFIG[name]: settings[name] for name in settings if name in OF_CONFIG}}
    row: Row = {"settings": dict(settings), "error": None}
    try:
        out = prune(parcel.unpacked(), config, **{**parcel.pruning, **own, "progress": False})
    except (ValueError, RuntimeError) as error:
        return row | {"error": str(error), "seconds": time.perf_counter() - started}
    last = out.history[-1].selection.solution if out.history else None
    return row | {
        "metric": out.metric,
        "baseline": out.baseline,
        "met": out.met,
        "before": dict(out.before.total),
        "resources": dict(out.resources.total),
        "selection": None if last is None else last.status,
        "stopped": out.stopped,
        "seconds": time.perf_counter() - started,
    }
