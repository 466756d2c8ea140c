"""Make a pruned network really smaller: the front door."""

from __future__ import annotations

from typing import Any

from knapprune.adapters.finding import find_adapter
from knapprune.adapters.shrinking_adapter import Shrinks
from knapprune.shrinking.cuts import cuts_of
from knapprune.shrinking.result import Shrunk


def shrink(model: Any) -> Shrunk:
    """Remove the units of a network that are dead, with everything that only they fed or that only fed them.

    A unit (neuron, filter, channel) that no weight reads goes, and what only it read goes too. One that no weight feeds
    is a constant, its bias through its activation: it is folded into the biases of the layers that read it and goes,
    unless zeros are padded behind it, or such a bias is quantised, where that would not be exact. Units that a sum ties
    to others go with them or stay; so does all that operations read of which nothing is known. Inputs and outputs keep
    their shapes.

    Parameters
    ----------
    model
        A model of Keras or tf_keras, QKeras' too, a ``torch.nn.Module`` or a `TorchModel`; not changed. Of a PyTorch
        module, an input that a ``Linear`` layer reads first is taken for one vector a sample.

    Returns
    -------
    Shrunk
        The smaller model, whose outputs in inference are the same but for rounding of the sums, and what has gone.
        Masks, grids and types of data stay on what is left, and the model is compiled as before; its optimiser starts
        anew.

    Raises
    ------
    TypeError
        If the model is of no known framework, or one that is not made smaller, such as hls4ml's graphs.
    ValueError
        If its operations cannot be listed: it is not built, no Sequential or Functional model, or its ``forward``
        cannot be traced.
    """
    framework = find_adapter(model)
    if not isinstance(framework, Shrinks):
        kind = type(model)
        raise TypeError(
            f"model: a {kind.__module__}.{kind.__qualname__} cannot be made smaller; expected the Keras model or the "
            "PyTorch module that it was made from: shrink that, and convert what comes out"
        )
    cuts = cuts_of(framework.channels(model))
    smaller = framework.cut(model, cuts)
    (parameters_before, bytes_before), (parameters, file_bytes) = framework.size(model), framework.size(smaller)
    removed = {name: int((~cut.outputs).sum()) for name, cut in cuts.items() if not cut.outputs.all()}
    return Shrunk(smaller, parameters, parameters_before, file_bytes, bytes_before, removed)
