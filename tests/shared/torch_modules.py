"""Modules of PyTorch that several tests build; importing this imports PyTorch."""

import torch


class Network(torch.nn.Module):
    """A convolution, a normalisation, and two Linear layers, one of them in a block."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, (3, 2))
        self.bn = torch.nn.BatchNorm2d(3)
        self.flatten = torch.nn.Flatten()
        self.fc = torch.nn.Linear(3 * 4 * 5, 6)
        self.head = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(6, 3))

    def forward(self, x):
        return self.head(self.fc(self.flatten(torch.relu(self.bn(self.conv(x))))))


class Images(torch.nn.Module):
    """A convolution with padding, a normalisation, and a Linear layer whose weights hls4ml reorders in io_parallel."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3, padding=1)
        self.bn = torch.nn.BatchNorm2d(3)
        self.pool = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(3 * 2 * 3, 4)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(torch.relu(self.bn(self.conv(x)))), 1))


class Series(torch.nn.Module):
    """A strided convolution along one axis, and a Linear layer."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(2, 3, 3, stride=2)
        self.fc = torch.nn.Linear(3 * 3, 4)

    def forward(self, x):
        return self.fc(torch.flatten(torch.relu(self.conv(x)), 1))
