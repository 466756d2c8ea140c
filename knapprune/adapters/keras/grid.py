"""A grid that Keras itself enforces: a constraint on the kernel, applied after every optimiser step.

Training is straight-through (Courbariaux, Bengio and David, "BinaryConnect", NeurIPS 2015): a step moves a real number
behind each weight, and the weight is the nearest value of its grid to that. So small steps add up, and whoever reads
the model, between two steps or out of a file, finds values of the grid alone.
"""

from __future__ import annotations

import base64
import zlib
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.mask import KernelMask
from knapprune.network.digits import signed_digits
from knapprune.network.grid import Grid, nearest_of_all


@keras.saving.register_keras_serializable(package="knapprune")
class KernelGrid(keras.constraints.Constraint):  # type: ignore[misc, unused-ignore]
    """Keep the weights of a kernel on a grid while they train.

    Parameters
    ----------
    grid
        The values that the weights may hold, of a type of at most `WIDEST` bits.
    inner
        A constraint that the kernel had before, its mask or the user's own; it is applied to the numbers behind the
        weights.
    """

    def __init__(self, grid: Grid, inner: Any = None) -> None:
        self._grid = grid
        self._table = _table(grid.low, grid.high)
        # Variables, as a mask is: other digits need no other training step. What was held before the first step and the
        # number behind it start at zero, so that the first step puts the weight that it moved behind the weight.
        self._offsets = _variable(self._offsets_of(grid.digits), "offsets")
        self._latent = _variable(np.zeros(grid.digits.shape), "latent")
        self._held = _variable(np.zeros(grid.digits.shape), "held")
        self.inner = keras.constraints.get(inner)

    @property
    def grid(self) -> Grid:
        """The values that the weights may hold; a masked one may be zero alone."""
        digits, mask = self._grid.digits, mask_of(self)
        masked = digits.copy() if mask is None else np.where(mask.mask, digits, 0).astype(np.uint8)
        return Grid(self._grid.step, self._grid.low, self._grid.high, masked)

    @property
    def variables(self) -> dict[str, Any]:
        """What training changes, beside the kernel."""
        return {"latent": self._latent, "held": self._held}

    def takes(self, grid: Grid) -> bool:
        """Say whether a grid is of the same type, so that only digits are other ones."""
        own = self._grid
        return (own.step, own.low, own.high) == (grid.step, grid.low, grid.high)

    def change(self, grid: Grid) -> None:
        """Allow other numbers of digits."""
        self._grid = grid
        self._offsets.assign(self._offsets_of(grid.digits))

    def behind(self, kernel: npt.NDArray[np.generic]) -> npt.NDArray[np.floating[Any]]:
        """Read the numbers behind the weights, moved by what came to the weights otherwise than by training."""
        return _array(self._latent) + (np.asarray(kernel, np.float32) - _array(self._held))

    def place(self, weights: npt.NDArray[np.generic]) -> npt.NDArray[np.floating[Any]]:
        """Put numbers behind the weights; return the nearest values, which the kernel is to hold."""
        grid, mask = self.grid, mask_of(self)
        real = np.asarray(weights, np.float32) if mask is None else np.where(mask.mask, weights, 0).astype(np.float32)
        latent = np.clip(real, grid.low * grid.step, grid.high * grid.step)
        held = grid.nearest(latent).astype(np.float32)
        self._latent.assign(latent)
        self._held.assign(held)
        return held

    def assign(
        self, kernel: npt.NDArray[np.generic], weights: npt.NDArray[np.generic]
    ) -> npt.NDArray[np.floating[Any]]:
        """Put other values into a kernel; a weight that has its value already keeps what training has added up."""
        same = self.grid.nearest(np.asarray(weights, np.float64)) == np.asarray(kernel, np.float64)
        return self.place(np.where(same, self.behind(kernel), weights))

    def forget(self, mask: npt.NDArray[np.bool_]) -> None:
        """Let weights that are masked now start from zero, whenever they are kept again."""
        for variable in (self._latent, self._held):
            variable.assign(np.where(mask, _array(variable), 0))

    def copy_from(self, other: KernelGrid) -> None:
        """Go on where the grid of another model of the same layers stands."""
        for name, variable in self.variables.items():
            variable.assign(other.variables[name])

    def __call__(self, w: Any) -> Any:
        """Move the numbers behind the weights as the optimiser moved the weights; return the nearest values."""
        check_backend()
        ops, step = keras.ops, self._grid.step
        low, high = self._grid.low * step, self._grid.high * step
        moved = self._latent + (ops.cast(w, "float32") - self._held)
        # No further than the type reaches: a weight at its end turns back at once when the gradient does.
        latent = ops.clip(moved if self.inner is None else self.inner(moved), low, high)
        broken = ops.isnan(latent)
        multiple = ops.round(ops.where(broken, ops.zeros_like(latent), latent) / step)
        values = ops.take(self._table, ops.cast(multiple + self._offsets, "int32"), axis=0) * step
        held = ops.where(broken, latent, values)  # training that diverges is not to look as if it did not
        self._latent.assign(latent)
        self._held.assign(held)
        return ops.cast(held, w.dtype)

    def get_config(self) -> dict[str, Any]:
        """Describe the constraint for saving: the digits packed; the numbers behind the weights are not saved."""
        own = self._grid
        packed = zlib.compress(np.ascontiguousarray(own.digits, dtype=np.uint8).tobytes())
        return {
            "step": float(own.step),
            "low": int(own.low),
            "high": int(own.high),
            "shape": list(own.digits.shape),
            "digits": base64.b64encode(packed).decode("ascii"),
            "inner": keras.constraints.serialize(self.inner),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KernelGrid:
        """Rebuild the constraint from :meth:`get_config`."""
        digits = np.frombuffer(zlib.decompress(base64.b64decode(config["digits"])), dtype=np.uint8)
        grid = Grid(config["step"], config["low"], config["high"], digits.reshape(config["shape"]))
        return cls(grid, keras.constraints.deserialize(config["inner"]) if config["inner"] else None)

    def _offsets_of(self, digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating[Any]]:
        """Say where in the table the value zero stands for each weight."""
        values = self._grid.high - self._grid.low + 1
        last = int(self._table.shape[0]) // values - 1
        # Exact in 32 bits: of the widest type there are eleven lists.
        return np.minimum(digits, last).astype(np.float32) * np.float32(values) - np.float32(self._grid.low)


def grid_of(constraint: Any) -> KernelGrid | None:
    """Find the grid among what holds a kernel."""
    return constraint if isinstance(constraint, KernelGrid) else None


def mask_of(constraint: Any) -> KernelMask | None:
    """Find the mask among what holds a kernel."""
    inner = constraint.inner if isinstance(constraint, KernelGrid) else constraint
    return inner if isinstance(inner, KernelMask) else None


def check_backend() -> None:
    """Refuse a backend on which nothing can be kept from one step to the next."""
    if keras.backend.backend() == "jax":
        raise ValueError(
            "model: its weights cannot be held on a grid under Keras' JAX backend, where a constraint keeps nothing "
            "from one step to the next; expected the TensorFlow or the PyTorch backend"
        )


@lru_cache(maxsize=4)
def _table(low: int, high: int) -> Any:
    """List, for each number of digits from 0 on, the nearest multiple to each multiple of the step; one after another.

    A tensor that layers of one type share, and not a constant inside of a compiled step.
    """
    most = int(signed_digits(np.arange(low, high + 1)).max())
    lists = [nearest_of_all(low, high, digits) for digits in range(most + 1)]
    return keras.ops.convert_to_tensor(np.concatenate(lists), dtype="float32")


def _variable(values: npt.NDArray[Any], name: str) -> Any:
    return keras.Variable(np.asarray(values, np.float32), dtype="float32", trainable=False, autocast=False, name=name)


def _array(variable: Any) -> npt.NDArray[np.floating[Any]]:
    return np.array(keras.ops.convert_to_numpy(variable))
