"""Modules whose forward pass does more than call its parts; importing this imports PyTorch.

The convolution in front has three maps, of which the second is the constant -0.7.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class _Front(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.fc = nn.Linear(3, 2)
        self.other = nn.Linear(3, 2)


class WritesInPlace(_Front):
    """What one way reads, another has written to."""

    def forward(self, x):
        x = self.conv(x)
        mean = x.mean((2, 3))
        changed = functional.leaky_relu(mean, 0.5, inplace=True)
        return self.fc(changed) + self.other(mean)


class WritesIntoAView(_Front):
    """The same by a view."""

    def forward(self, x):
        mean = functional.adaptive_avg_pool2d(self.conv(x), 1)
        changed = torch.relu_(torch.flatten(mean, 1))
        return self.fc(changed) + self.other(torch.flatten(mean, 1))


class Residue(_Front):
    """A sum in place, which nobody else sees."""

    def forward(self, x):
        x = self.conv(x).mean((-1, -2))
        y = torch.tanh(x)
        y += x
        return self.fc(functional.relu(y, inplace=True))


class NamesItsSize(_Front):
    """A view that says how many channels there are."""

    def forward(self, x):
        return self.fc(self.conv(x).amax((2, 3)).view(-1, 3))


class ViewsByShape(_Front):
    """Views by the number of samples alone."""

    def forward(self, x):
        x = functional.adaptive_max_pool2d(self.conv(x), (1, 1))
        return self.fc(x.reshape(x.shape[0], -1)) + self.other(x.view(x.size()[0], -1))


class TakesAWeight(_Front):
    """A layer's weights, used without it."""

    def forward(self, x):
        x = torch.flatten(functional.adaptive_avg_pool2d(torch.relu(self.conv(x)), 1), 1)
        return functional.linear(x, self.fc.weight, self.fc.bias) + self.other(x)


class Slices(_Front):
    """A part of the channels."""

    def forward(self, x):
        x = self.conv(x).mean((2, 3))
        return self.fc(x)[:, :1] + self.other(x[:, [2, 1, 0]])


class HasAPartOfItsOwn(_Front):
    """A part that cannot be traced, between parts that can."""

    def __init__(self):
        super().__init__()
        self.own = Untraceable()

    def forward(self, x):
        x = self.conv(x).mean((2, 3))
        return self.own(self.fc(torch.relu(x)))


class Hooked(_Front):
    """A layer with a hook of the user's."""

    def __init__(self):
        super().__init__()
        self.conv.register_forward_hook(lambda part, inputs, output: output + 1)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Sequences(nn.Module):
    """Axes before the channels, as many as channels: what looks at the second axis looks at none of these."""

    def __init__(self):
        super().__init__()
        self.recurrent = nn.LSTM(7, 4, batch_first=True)
        self.one, self.other = nn.Linear(4, 14), nn.Linear(4, 14)
        self.bn = nn.BatchNorm1d(28)
        self.last = nn.Linear(14, 3)
        self.fc = nn.Linear(3 * 28, 2)

    def forward(self, x):
        x = self.recurrent(torch.flatten(x, 1, 2))[0]
        x = torch.cat([self.one(x), self.other(x)], 1)
        return self.fc(torch.flatten(torch.relu(self.last(self.bn(x))), 1))


class Untraceable(nn.Module):
    """Does one thing or another, as data say."""

    def forward(self, x):
        return x if x.sum() > 0 else x - 1


class Shared(nn.Module):
    """A layer used twice, and two that share a weight."""

    def __init__(self):
        super().__init__()
        self.twice = nn.Linear(5, 5)
        self.one, self.other = nn.Linear(5, 5), nn.Linear(5, 5)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.other(self.one(self.twice(self.twice(x))))


#: What each loses.
REMOVED: dict[type[_Front], dict[str, int]] = {
    WritesInPlace: {},
    WritesIntoAView: {},
    Residue: {"conv": 1},
    NamesItsSize: {},
    ViewsByShape: {"conv": 1},
    TakesAWeight: {},
    Slices: {},
    HasAPartOfItsOwn: {"conv": 1},
    Hooked: {},
}


def built(kind: type[_Front]) -> Any:
    """Build one, with a constant map in front."""
    torch.manual_seed(0)
    module = kind()
    with torch.no_grad():
        module.conv.weight[1] = 0
        module.conv.bias[1] = -0.7
    return module
