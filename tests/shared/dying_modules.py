"""Random PyTorch modules with dead units of all kinds; importing this imports PyTorch."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """A residual block, with a convolution on the way around it where there is a stride."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.around = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else nn.Identity()

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.around(x)
        return self.relu(out)


class Residual(nn.Module):
    """Residual blocks behind a convolution, and the mean of each map."""

    def __init__(self, widths=(6, 6, 9), classes: int = 4):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        self.blocks = nn.Sequential(*(Block(a, b, 1 + (a != b)) for a, b in pairwise(widths)))
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = functional.relu(self.stem(x))
        return self.fc(self.blocks(x).mean((2, 3)))


class Images(nn.Module):
    """Convolutions with and without padding, a depthwise one, pooling, two ways concatenated, Linear layers."""

    def __init__(self, width: int = 6, padding_mode: str = "zeros"):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)
        self.depthwise = nn.Conv2d(width, 2 * width, 3, padding=1, groups=width, padding_mode=padding_mode)
        self.left = nn.Conv2d(2 * width, width, 1)
        self.right = nn.Conv2d(2 * width, width, 3, padding=1)
        self.slopes = nn.PReLU(width)
        self.pool = nn.AvgPool2d(2, padding=1)
        self.fc = nn.Linear(2 * width * 9, 10)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(10, 4)

    def forward(self, x):
        x = functional.max_pool2d(torch.relu(self.bn(self.conv(x))), 2)
        x = functional.leaky_relu(self.depthwise(x), 0.1)
        x = torch.cat([torch.tanh(self.left(x)), self.slopes(self.right(x))], 1)
        x = self.pool(x)
        x = self.drop(functional.elu(self.fc(x.view(x.size(0), -1))))
        return self.head(x)


def dense(width: int = 8) -> Any:
    """Linear layers with a normalisation between them."""
    return nn.Sequential(
        *(nn.Linear(5, width), nn.BatchNorm1d(width), nn.Tanh(), nn.Linear(width, width, bias=False)),
        *(nn.Dropout(0.2), nn.Sigmoid(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4)),
    )


def kill(module: Any, rng: np.random.Generator, share: float = 0.35) -> Any:
    """Give a module random parameters, in which outputs and inputs of layers have no weight, and weights are zero."""
    for part in module.modules():
        with torch.no_grad():
            for name, tensor in [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]:
                if tensor.is_floating_point():
                    drawn = torch.tensor(rng.normal(size=tuple(tensor.shape)) / np.sqrt(tensor[:1].numel()))
                    tensor.copy_(drawn.abs() + 0.5 if name == "running_var" else drawn)
            weight = getattr(part, "weight", None)
            if weight is None:
                continue
            if weight.ndim == 1 and hasattr(part, "running_mean"):
                weight[torch.tensor(rng.random(len(weight)) < share / 3)] = 0
            if weight.ndim > 1:
                weight[torch.tensor(rng.random(weight.shape) < 0.2)] = 0
                weight[torch.tensor(rng.random(weight.shape[0]) < share)] = 0
                weight[:, torch.tensor(rng.random(weight.shape[1]) < (share if weight.shape[1] > 1 else 0))] = 0
    return module.eval()
