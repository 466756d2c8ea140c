"""Modules of Brevitas that several tests build; importing this imports Brevitas and PyTorch."""

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Int16Bias,
    Uint8ActPerTensorFixedPoint,
)


class Weight(Int8WeightPerTensorFixedPoint):
    """Eight bits, of which products with `Data` take DSPs."""

    bit_width = 8


class Narrow(Int8WeightPerTensorFixedPoint):
    """Five bits."""

    bit_width = 5


class Pixel(Int8ActPerTensorFixedPoint):
    """Twelve bits, with a sign."""

    bit_width = 12


class Data(Uint8ActPerTensorFixedPoint):
    """Twelve bits, without a sign."""

    bit_width = 12


def pixels():
    """Return a quantiser of inputs."""
    return qnn.QuantIdentity(act_quant=Pixel, return_quant_tensor=True)


def relu():
    """Return a ReLU that quantises."""
    return qnn.QuantReLU(act_quant=Data, return_quant_tensor=True)


def linear(inputs, outputs, weight=Weight, **settings):
    """Return a Linear layer with a weight and a bias that are quantised."""
    settings = {"bias_quant": Int16Bias, "return_quant_tensor": True} | settings
    return qnn.QuantLinear(inputs, outputs, weight_quant=weight, **settings)


def convolution(inputs, filters, size, weight=Weight, **settings):
    """Return a convolution with a weight and a bias that are quantised."""
    settings = {"bias_quant": Int16Bias, "return_quant_tensor": True} | settings
    kind = qnn.QuantConv1d if isinstance(size, tuple) and len(size) == 1 else qnn.QuantConv2d
    return kind(inputs, filters, size, weight_quant=weight, **settings)


class Images(torch.nn.Module):
    """A convolution, a Linear layer whose weights are reordered behind it, and one in a block; with narrow weights."""

    def __init__(self):
        super().__init__()
        self.pixels = pixels()
        self.conv = convolution(2, 3, 3, Narrow, padding=1)
        self.relu = relu()
        self.pool = torch.nn.MaxPool2d(2)
        self.flatten = torch.nn.Flatten()
        self.head = torch.nn.Sequential(linear(3 * 2 * 2, 6), relu(), linear(6, 6))

    def forward(self, x):
        return self.head(self.flatten(self.pool(self.relu(self.conv(self.pixels(x))))))


def seen(module, *shape):
    """Show a module some data, so that its scales are known, and return it."""
    inputs = np.random.default_rng(0).normal(size=(64, *shape)).astype(np.float32)
    with torch.no_grad():
        for _ in range(3):
            module(torch.from_numpy(inputs))
    return module


def small(weight=Weight, **settings):
    """Return a network of two Linear layers that has seen data."""
    torch.manual_seed(0)
    layers = pixels(), linear(12, 8, weight, **settings), relu(), linear(8, 4)
    return seen(torch.nn.Sequential(*layers), 12)


def images():
    """Return a convolutional network that has seen data."""
    torch.manual_seed(0)
    return seen(Images(), 2, 4, 4)
