"""What `shrink` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knapprune.tables import plain_table


@dataclass(frozen=True)
class Shrunk:
    """A smaller model that computes the same.

    Parameters
    ----------
    model
        The model, of the class of the one given.
    parameters, parameters_before
        How many numbers it consists of, moving averages of normalisations among them.
    file_bytes, file_bytes_before
        The size of a ``.keras`` file, or of a file of PyTorch's ``state_dict``.
    removed
        By layer name, the units, filters or channels that it has lost; layers that lost none are left out.
    """

    model: Any
    parameters: int
    parameters_before: int
    file_bytes: int
    file_bytes_before: int
    removed: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the model as plain values."""
        return {
            "parameters": self.parameters,
            "parameters_before": self.parameters_before,
            "file_bytes": self.file_bytes,
            "file_bytes_before": self.file_bytes_before,
            "removed": dict(self.removed),
        }

    def summary(self) -> str:
        """Describe what has gone: a table of sizes, then what each layer has lost."""
        sizes = plain_table(
            ["", "before", "after"],
            [
                ["parameters", self.parameters_before, self.parameters],
                ["bytes of file", self.file_bytes_before, self.file_bytes],
            ],
        )
        if not self.removed:
            return f"{sizes}\n\nNo layer has lost a unit."
        return f"{sizes}\n\n{plain_table(['layer', 'units removed'], [list(row) for row in self.removed.items()])}"
