"""A mask that Keras itself enforces: a constraint on the kernel, applied after every optimiser step.

A constraint is the one hook that every Keras optimiser honours after its update, weight decay and momentum included,
and that is saved in the layer's configuration. So the mask needs no training loop of its own and survives saving and
loading.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.mask_bits import packed, unpacked


@keras.saving.register_keras_serializable(package="knapprune")
class KernelMask(keras.constraints.Constraint):  # type: ignore[misc, unused-ignore]
    """Keep the masked weights of a kernel at zero.

    Parameters
    ----------
    mask
        True for a weight that is kept, in the kernel's shape.
    inner
        A constraint that the kernel had before; it is applied first.
    """

    def __init__(self, mask: npt.NDArray[np.bool_], inner: Any = None) -> None:
        # A variable, not a constant in the compiled training step: another mask needs no other step.
        # In floating point, as a kernel is: see _select.
        self._mask = keras.Variable(_factors(mask), dtype="float32", trainable=False, autocast=False, name="mask")
        self.inner = keras.constraints.get(inner)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """True for a weight that is kept; set it to change the mask in place."""
        return np.array(keras.ops.convert_to_numpy(self._mask), dtype=bool)

    @mask.setter
    def mask(self, mask: npt.NDArray[np.bool_]) -> None:
        self._mask.assign(_factors(mask))

    def __call__(self, w: Any) -> Any:
        """Return the weights with the masked ones set to zero."""
        return _select(self._mask, keras.ops.convert_to_tensor(w if self.inner is None else self.inner(w)))

    def get_config(self) -> dict[str, Any]:
        """Describe the constraint for saving: the mask as packed bits."""
        return packed(self.mask) | {"inner": keras.constraints.serialize(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KernelMask:
        """Rebuild the constraint from :meth:`get_config`."""
        return cls(unpacked(config), keras.constraints.deserialize(config["inner"]) if config["inner"] else None)


def _factors(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return one for a weight that is kept, and zero for one that is not."""
    return np.asarray(mask, dtype=bool).astype(np.float32)


def _select(mask: Any, value: Any) -> Any:
    """Return the value where the mask is one, and zero elsewhere; it runs for every weight after every step."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Zero times anything is zero to it, and it makes one array. On a large kernel Select takes 1.1 to 1.2 times as
        # long and tf.where 1.5 times, for the zeros that they are to choose from.
        return tf.raw_ops.MulNoNan(x=value, y=tf.cast(mask, value.dtype))
    return keras.ops.where(keras.ops.cast(mask, "bool"), value, keras.ops.zeros((), value.dtype))
