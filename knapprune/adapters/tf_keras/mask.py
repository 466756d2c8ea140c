"""A mask that tf_keras itself enforces: a constraint on the kernel, applied after every optimiser step.

The mask holds what the optimiser moves, the number behind a quantised weight; QKeras' quantisers make zero of zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras

from knapprune.adapters.mask_bits import packed, unpacked
from knapprune.adapters.tf_keras.describing import described, qkeras_classes


@tf_keras.saving.register_keras_serializable(package="knapprune")
class KernelMask(tf_keras.constraints.Constraint):  # type: ignore[misc, unused-ignore]
    """Keep the masked weights of a kernel at zero.

    Parameters
    ----------
    mask
        True for a weight that is kept, in the kernel's shape.
    inner
        A constraint that the kernel had before, such as QKeras' ``Clip``; it is applied first.
    """

    def __init__(self, mask: npt.NDArray[np.bool_], inner: Any = None) -> None:
        # A variable, not a constant in the compiled training step: another mask needs no other step.
        with tf.init_scope():
            self._mask = tf.Variable(np.asarray(mask, dtype=np.float32), trainable=False, name="mask")
        self.inner = inner

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """True for a weight that is kept; set it to change the mask in place."""
        return np.array(self._mask, dtype=bool)

    @mask.setter
    def mask(self, mask: npt.NDArray[np.bool_]) -> None:
        self._mask.assign(np.asarray(mask, dtype=np.float32))

    def __call__(self, w: Any) -> Any:
        """Return the weights with the masked ones set to zero."""
        value = tf.convert_to_tensor(w if self.inner is None else self.inner(w))
        # Zero times anything is zero to it.
        return tf.raw_ops.MulNoNan(x=value, y=tf.cast(self._mask, value.dtype))

    def get_config(self) -> dict[str, Any]:
        """Describe the constraint for saving: the mask as packed bits."""
        with described():
            return packed(self.mask) | {"inner": tf_keras.constraints.serialize(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> KernelMask:
        """Rebuild the constraint from :meth:`get_config`."""
        with tf_keras.utils.custom_object_scope(qkeras_classes()):
            return cls(unpacked(config), tf_keras.constraints.get(config["inner"]))


def mask_of(constraint: Any) -> KernelMask | None:
    """Find the mask in a constraint."""
    return constraint if isinstance(constraint, KernelMask) else None


@contextmanager
def made_again() -> Iterator[None]:
    """Make layers and models after their descriptions while the block runs."""
    with described(), tf_keras.utils.custom_object_scope(qkeras_classes() | {"KernelMask": KernelMask}):
        yield
