"""Train the jet tagger with PQuantML 0.1 at several sparsities and widths, in an environment of its own.

    python pquant_training.py DATA.npz OUT [--seeds 3,4,5]

Each network becomes OUT/METHOD-wBITS-sSPARSITY-SEED.npz: for layer n = 0 to 3 ``kernel{n}`` of shape (inputs, outputs),
``bias{n}`` and ``in{n}``, the signs, whole bits and fraction bits of its inputs, which round half up and saturate; with
``sparsity`` and ``seconds``. The FPGA-aware metric of the project's page is not in release 0.1.0; at reuse factor 1 its
groups are single weights, so the unstructured metric stands in for it.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import pquant
import torch
from pquant.layers import PQDense
from torch import nn

SIZES = (16, 64, 32, 32, 5)
BATCH, RATE = 256, 4e-3
PLAIN, BEFORE, PRUNING, TUNING = 25, 12, 40, 28
"""Epochs in floating point, before weights are pruned, while they are, and of fine-tuning."""
DATA_BITS = 8
SETTINGS = (("mdmm", 6, 0.8), ("pdp", 6, 0.9), ("pdp", 4, 0.8), ("mdmm", 4, 0.9), ("pdp", 4, 0.95), ("mdmm", 8, 0.8))

Data = dict[str, Any]


def batches(data: Data, seed: int) -> Any:
    """Cut the training data into batches of an order of the seed's own."""
    order: Any = torch.randperm(len(data["x"]), generator=torch.Generator().manual_seed(seed))
    return order.split(BATCH)


@torch.no_grad()
def accuracy(model: Any, data: Data, part: str) -> float:
    """Score a model on a part of the data."""
    model.eval()
    return float((model(data[f"x{part}"]).argmax(1) == data[f"y{part}"]).float().mean())


def plain(data: Data, seed: int) -> tuple[Any, list[int]]:
    """Train the network in floating point; return it with the whole bits of its rectified results."""
    torch.manual_seed(seed)
    layers: list[Any] = []
    for inputs, outputs in pairwise(SIZES):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, PLAIN)
    for epoch in range(PLAIN):
        model.train()
        for rows in batches(data, seed * 1000 + epoch):
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(model(data["x"][rows]), data["y"][rows])
            loss.backward()
            optimizer.step()
        fall.step()
    whole, values = [], data["x"]
    with torch.no_grad():
        for layer in model:
            values = layer(values)
            if isinstance(layer, nn.ReLU):
                whole.append(int(np.ceil(np.log2(float(values.max()) * 1.02))))
    return model, whole


def configuration(method: str, bits: int, sparsity: float) -> Any:
    """Configure PQuantML."""
    config = {"mdmm": pquant.mdmm_config, "pdp": pquant.pdp_config}[method]()
    pruning, training, quantisation = (
        config.pruning_parameters,
        config.training_parameters,
        config.quantization_parameters,
    )
    if method == "mdmm":
        pruning.metric_type, pruning.target_sparsity = "UnstructuredSparsity", sparsity
        pruning.epsilon = 2.0 ** -(bits - 1)  # what rounds to zero
    else:
        pruning.sparsity, pruning.epsilon = sparsity, 2.0 / PRUNING
    training.pretraining_epochs, training.epochs, training.fine_tuning_epochs = BEFORE, PRUNING, TUNING
    training.pruning_first = True
    quantisation.use_relu_multiplier = False
    quantisation.round_mode = "RND"
    quantisation.overflow_mode_data = quantisation.overflow_mode_parameters = "SAT"
    return config


def compressed(start: Any, whole: list[int], config: Any, bits: int) -> Any:
    """Make the same network of PQuantML's layers."""
    layers: list[Any] = []
    kinds = [(1.0, 2.0, DATA_BITS - 3.0), *((0.0, float(own), float(DATA_BITS - own)) for own in whole)]
    linear = [one for one in start if isinstance(one, nn.Linear)]
    for layer, kind in zip(linear, kinds, strict=True):
        new = PQDense(
            config,
            layer.in_features,
            layer.out_features,
            True,
            quantize_input=True,
            quantize_output=False,
            in_quant_bits=kind,
            weight_quant_bits=(1.0, 1.0, float(bits - 2)),
            bias_quant_bits=(1.0, 3.0, 8.0),
        )
        new._weight.data, new._bias.data = layer.weight.data.clone(), layer.bias.data.clone()
        layers += [new, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(data: Data, model: Any, config: Any, seed: int) -> None:
    """Prune and fine-tune; the best epoch of the fine-tuning by validation data stays."""
    model(data["x"][:2])  # builds the quantisers
    optimizer = torch.optim.Adam([one for one in model.parameters() if one.requires_grad], RATE / 2)
    first = BEFORE + PRUNING

    def rate(epoch: int) -> float:
        """Fall along a cosine in each of the two stages, anew for the fine-tuning."""
        done = epoch / first if epoch < first else (epoch - first) / TUNING
        return 0.02 + 0.98 * (1 + float(np.cos(np.pi * done))) / 2

    fall = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    best: Data = {"accuracy": -1.0}

    def step(model: Any, epoch: Any, **_: Any) -> None:
        for rows in batches(data, seed * 1000 + int(epoch)):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(data["x"][rows]), data["y"][rows])
            pquant.get_model_losses(model, loss).backward()
            optimizer.step()
        fall.step()

    def validate(model: Any, epoch: Any, **_: Any) -> None:
        if int(epoch) >= first:  # masks stand
            reached = accuracy(model, data, "v")
            if reached > best["accuracy"]:
                state = {name: value.clone() for name, value in model.state_dict().items()}
                best.update(accuracy=reached, state=state)

    pquant.train_model(model, config, step, validate)
    model.load_state_dict(best["state"])
    pquant.apply_final_compression(model)


def run(data: Data, out: Path, seed: int) -> None:
    """Train all settings of a seed that have no file yet."""
    start, whole = plain(data, seed)
    for method, bits, sparsity in SETTINGS:
        path = out / f"{method}-w{bits}-s{sparsity}-{seed}.npz"
        if path.exists():
            continue
        began = time.process_time()
        torch.manual_seed(seed)
        config = configuration(method, bits, sparsity)
        model = compressed(start, whole, config, bits)
        train(data, model, config, seed)
        arrays: Data = {}
        kernels = []
        for place, layer in enumerate(one for one in model if isinstance(one, PQDense)):
            kernels.append(layer.weight.detach().numpy().T.astype(np.float64))
            arrays[f"kernel{place}"], arrays[f"bias{place}"] = (
                kernels[-1],
                layer.bias.detach().numpy().astype(np.float64),
            )
            arrays[f"in{place}"] = np.array([int(float(part)) for part in layer.get_input_quantization_bits()])
        zeros = sum(int((kernel == 0).sum()) for kernel in kernels) / sum(kernel.size for kernel in kernels)
        np.savez(path, **arrays, sparsity=zeros, seconds=time.process_time() - began)


def main() -> None:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="3,4,5")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    data = {name: torch.from_numpy(part) for name, part in np.load(given.data).items()}
    for seed in given.seeds.split(","):
        run(data, given.out, int(seed))


if __name__ == "__main__":
    main()
