"""From a PyTorch module to an hls4ml graph, in the one setting of axes in which hls4ml computes the same."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from knapprune.export import require_hls4ml
from knapprune.hls_config import HlsConfig, HlsConfigError

_LAYOUT = "ChannelsLastConversion"


def convert(module: Any, config: HlsConfig, output_dir: str) -> Any:
    """Convert a module with hls4ml. Nothing is written yet.

    Parameters
    ----------
    module
        The module; hls4ml gets a copy on the CPU in evaluation mode.
    config
        The configuration.
    output_dir
        Where a project would go.

    Returns
    -------
    hls4ml.model.ModelGraph
        The graph.

    Raises
    ------
    HlsConfigError
        If the configuration has no input shape, or leaves the axes as they are.
    ValueError
        If hls4ml cannot convert the module.
    """
    settings = for_hls4ml(config)
    hls4ml = require_hls4ml()
    try:
        return hls4ml.converters.convert_from_pytorch_model(
            deepcopy(module).cpu().eval(),
            output_dir=output_dir,
            hls_config=settings,
            backend=config.backend,
            io_type=config.io_type,
            part=config.part,
            clock_period=config.clock_period,
        )
    except Exception as error:  # hls4ml raises bare exceptions, and whatever an unexpected module leads it to
        raise ValueError(f"model: hls4ml cannot convert {type(module).__name__}: {error}") from error


def for_hls4ml(config: HlsConfig) -> dict[str, Any]:
    """Write the configuration in the form in which hls4ml takes that of a PyTorch model.

    Parameters
    ----------
    config
        The configuration.

    Returns
    -------
    dict
        A copy of its own, with hls4ml's defaults for the axes where nothing is said.

    Raises
    ------
    HlsConfigError
        If it has no input shape, or leaves the axes as they are: hls4ml then takes PyTorch's weights for Keras' and
        computes something else.
    """
    if not config.input_shapes:
        raise HlsConfigError(
            "hls_config: no InputShape, expected one: a PyTorch module does not know the shape of its inputs. Take what "
            "hls4ml.utils.config_from_pytorch_model(model, input_shape) returns, or add 'InputShape': [3, 32, 32]"
        )
    if layout(config) not in ("full", "internal"):
        raise HlsConfigError(
            f"hls_config: {_LAYOUT} of the model is {layout(config)!r}, expected 'full' or 'internal': hls4ml then takes "
            "the weights of a Linear layer for those of its transpose"
        )
    return {
        "Model": {_LAYOUT: "full", "TransposeOutputs": False, **deepcopy(dict(config.model))},
        "LayerType": deepcopy(dict(config.layer_types)),
        "LayerName": deepcopy(dict(config.layer_names)),
        "InputShape": [list(shape) for shape in config.input_shapes],
    }


def layout(config: HlsConfig) -> str:
    """Say who brings channels to the last axis: ``"full"`` for hls4ml alone, ``"internal"`` for the caller at the input.

    Parameters
    ----------
    config
        The configuration.

    Returns
    -------
    str
        As it stands in the configuration; ``"full"`` where nothing does.
    """
    return str(config.model.get(_LAYOUT, "full"))
