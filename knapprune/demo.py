"""The whole way on real data: train, select, prune, fine-tune, convert, count, compile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knapprune.project.emulation import require_compiler
from knapprune.pruning import Pruning, prune
from knapprune.pruning.result import pruning_report
from knapprune.report import files as output
from knapprune.report.report import Report
from knapprune.report.run_folder import claimed
from knapprune.report.schedule_plot import schedule_plot
from knapprune.tools import require, require_hls4ml
from knapprune.verification.verifying import Verification, verify

REUSE_FACTOR = 4
PRECISION = "fixed<16,6>"
BUDGET = {"dsp": 0.22, "bram18": 0.22}
STEPS, EPOCHS, BASELINE_EPOCHS = 6, 20, 60
TOLERANCE = 0.03

#: The files that it writes.
WRITTEN = (
    "model.keras", "masks.npz", "hls_config.yml", "accuracy.png", "history.png", "report.html", "report.json", "hls4ml",
)  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """What the demonstration made.

    Parameters
    ----------
    pruning
        The pruning's own result.
    baseline, pruned
        What `verify` found for the network before and after.
    report
        What was written to ``report.json``.
    """

    pruning: Pruning
    baseline: Verification
    pruned: Verification
    report: Report


def run(folder: str | Path, *, force: bool = False, seed: int = 0, say: Callable[[str], None] = print) -> Demo:
    """Prune a dense network for handwritten digits to 22% of its DSPs and halves of block RAMs, and verify it."""
    with claimed(folder, WRITTEN, force=force) as path:
        return _run(path, force, seed, say)


def _run(path: Path, force: bool, seed: int, say: Callable[[str], None]) -> Demo:
    started = time.perf_counter()
    require_hls4ml()
    require_compiler()
    say("1/5 loading 1,797 handwritten digits and training a 64-64-32-10 network")
    train, validation, test = _digits(seed)
    model = _trained(train, seed)
    config = _hls_config(model)
    say("2/5 verifying the unpruned network: convert, count, compile, run bit by bit")
    baseline = verify(model, config, data=test)
    say("3/5 pruning: select, mask, fine-tune, with the budget tightening")
    pruning = prune(
        model,
        config,
        train=train,
        validation=validation,
        budget=BUDGET,
        tolerance=TOLERANCE,
        steps=STEPS,
        epochs=EPOCHS,
    )
    say("4/5 verifying the pruned network")
    pruned = verify(pruning.model, config, data=test, output_dir=path / "hls4ml", force=force)
    say(f"5/5 writing the results to {path}")
    content = pruning_report(pruning, baseline, pruned).content
    report = Report({**content, "seconds": time.perf_counter() - started})
    output.write_model(path / "model.keras", pruning.model)
    output.write_arrays(path / "masks.npz", pruning.masks)
    output.write_yaml(path / "hls_config.yml", config)
    output.write_bytes(path / "accuracy.png", schedule_plot(report.content))
    pruning.plot(path / "history.png")
    report.save(path / "report.html")
    report.save(path / "report.json")
    return Demo(pruning, baseline, pruned, report)


def _digits(seed: int) -> tuple[tuple[Any, Any], tuple[Any, Any], tuple[Any, Any]]:
    """Return training, validation and test data: pixels from 0 to 1, shape (n, 64), and digits."""
    require("sklearn", extra="all")
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    pixels, labels = (digits.data / 16.0).astype("float32"), digits.target
    inside, x_test, inside_labels, y_test = train_test_split(
        pixels, labels, test_size=0.25, stratify=labels, random_state=seed
    )
    x_train, x_validation, y_train, y_validation = train_test_split(
        inside, inside_labels, test_size=0.25, stratify=inside_labels, random_state=seed
    )
    return (x_train, y_train), (x_validation, y_validation), (x_test, y_test)


def _trained(train: tuple[Any, Any], seed: int) -> Any:
    keras = require("keras", extra="keras")
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(64, activation="relu", name="fc1"),
            layers.Dense(32, activation="relu", name="fc2"),
            layers.Dense(10, activation="softmax", name="out"),
        ],
        name="digits",
    )
    model.compile(keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*train, epochs=BASELINE_EPOCHS, batch_size=32, verbose=0)
    return model


def _hls_config(model: Any) -> dict[str, Any]:
    """Return hls4ml's configuration: 16-bit weights, four products to a multiplier, zero products dropped."""
    config: dict[str, Any] = require_hls4ml().utils.config_from_keras_model(
        model, granularity="name", default_precision=PRECISION, default_reuse_factor=REUSE_FACTOR
    )
    config["Model"]["Strategy"] = "resource_unrolled"
    # Left to itself hls4ml makes the sums of `out` so wide that the softmax's table of 1,024 entries tells none apart.
    config["LayerName"]["out"]["Precision"]["result"] = PRECISION
    return {"Backend": "Vitis", "IOType": "io_parallel", **config}
