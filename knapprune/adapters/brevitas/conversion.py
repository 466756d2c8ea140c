"""From a module of Brevitas to hls4ml's graph of it, and what that tells of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from knapprune.adapters.brevitas.exporting import Export, exported
from knapprune.adapters.brevitas.parts import has_weights, kind_of
from knapprune.adapters.brevitas.quantisers import quantised_weight
from knapprune.adapters.conversion import not_converted, project_settings
from knapprune.adapters.converted import Converted, converted
from knapprune.adapters.kernel_places import OwnKernel
from knapprune.adapters.pytorch.kernels import kernels, modules_in_use, scales
from knapprune.network.hls_config import HlsConfig, as_dict, own_entry, set_precision
from knapprune.tools import require_hls4ml

# What hls4ml puts before the name of a node when it has found its weights constant.
_PREFIXES = ("Dense_", "Conv1D_", "Conv2D_")
# Whose data is that of their input, moved.
_MOVING = ("Flatten", "Reshape", "Transpose")


def conversion_of(module: Any, config: HlsConfig) -> Converted:
    """Read the layers of a module from hls4ml's graph of it."""
    export = cache(lambda: exported(module, config))

    def convert_again(config: HlsConfig, folder: str) -> Any:
        return converted_by_hls4ml(module, export(), config, folder)

    return converted(module, config, convert_again, lambda: dict(_own_kernels(module, export())), _numbers(module))


def convert(module: Any, config: HlsConfig, output_dir: str) -> Any:
    """Convert a module with hls4ml, by way of QONNX. Nothing is written yet."""
    return converted_by_hls4ml(module, exported(module, config), config, output_dir)


def converted_by_hls4ml(module: Any, export: Export, config: HlsConfig, output_dir: str) -> Any:
    """Have hls4ml convert what was exported."""
    hls4ml = require_hls4ml()
    names = {f"{prefix}{name}": name for prefix in _PREFIXES for name in export.first_axes}
    try:
        with _named_as_asked(names):
            return hls4ml.converters.convert_from_onnx_model(
                export.model,
                output_dir=output_dir,
                hls_config=_with_own_types(export.model, config),
                **project_settings(config),
            )
    except Exception as error:
        raise not_converted(f"model: hls4ml does not convert {type(module).__name__}", error) from error


@contextmanager
def _named_as_asked(names: Mapping[str, str]) -> Iterator[None]:
    """Have hls4ml make nodes under the names that configurations know them by, while the block runs."""
    from hls4ml.model import ModelGraph

    make_node = ModelGraph.make_node

    def named(graph: Any, kind: Any, name: str, *arguments: Any, **more: Any) -> Any:
        return make_node(graph, kind, names.get(name, name), *arguments, **more)

    ModelGraph.make_node = named
    try:
        yield
    finally:
        ModelGraph.make_node = make_node


def untouched(module: Any) -> list[str]:
    """Name the parts with weights that are neither masked nor counted."""
    counted = {*kernels(module), *scales(module)}
    return [name for name, part in modules_in_use(module).items() if name not in counted and has_weights(part)]


def _own_kernels(module: Any, export: Export) -> Iterator[tuple[str, OwnKernel]]:
    for name, kernel in kernels(module).items():
        # Behind a plain layer, hls4ml may have folded a normalisation.
        known = kind_of(kernel.module) is not None
        values = kernel.array(quantised_weight(kernel.module)) if known else None
        yield name, OwnKernel(kernel.shape, values, first_axis=export.first_axes[name])


def _numbers(module: Any) -> Iterator[npt.NDArray[Any]]:
    # Buffers are not all in the state dict: scales that still follow statistics are not.
    for tensors in (module.parameters(), module.buffers()):
        for tensor in tensors:
            yield tensor.detach().cpu().numpy()


def _with_own_types(model: Any, config: HlsConfig) -> dict[str, Any]:
    """Leave types to the quantisers, where the configuration says none by name or type.

    They are what hls4ml itself proposes (``config_from_onnx_model``, by name): inferred, so that no sum is cut off.
    Inputs have the type of the quantiser behind them, for which it has no rule.
    """
    import hls4ml

    written = as_dict(config)
    whole = HlsConfig(config.model, {}, {})
    proposed = hls4ml.utils.config_from_onnx_model(
        model, granularity="name", backend=config.backend, default_precision=config.default_precision_text
    )
    types = {name: dict(entry.get("Precision", {})) for name, entry in proposed["LayerName"].items()}
    types |= {name: {"result": kind} for name, kind in _inputs(model).items()}
    kinds = {node.name: _hls_class(model, node) for node in model.graph.node}
    for name, own in types.items():
        kind = kinds.get(name, "InputLayer")
        asked = {
            variable: text
            for variable, text in own.items()
            if config.precision_text(variable, name, kind) == whole.precision_text(variable, name, kind)
        }
        convolves = kind.startswith("Conv")
        first = {"ParallelizationFactor": config.parallelization_factor(name, kind)} if convolves else {}
        entry = own_entry(written, name, first)
        for variable, text in asked.items():
            set_precision(entry, variable, text)
    return written


def _hls_class(model: Any, node: Any) -> str:
    """Name the class under which the settings of a node are found."""
    if node.op_type == "MatMul":
        return "Dense"
    if node.op_type == "Conv":
        return f"Conv{len(model.get_tensor_shape(node.input[0])) - 2}D"
    return str(node.op_type)


def _inputs(model: Any) -> dict[str, str]:
    """Find the type of each input that is quantised before anything else is done with it."""
    found = {}
    for own in model.graph.input:
        name = own.name
        readers = model.find_consumers(name)
        while readers and len(readers) == 1 and readers[0].op_type in _MOVING:
            name = readers[0].output[0]
            readers = model.find_consumers(name)
        if readers and len(readers) == 1 and readers[0].op_type == "Quant":
            found[own.name.replace(".", "_")] = _type_of(model, readers[0])
    return found


def _type_of(model: Any, node: Any) -> str:
    """Write the type that a quantiser rounds to, as hls4ml makes it of one (``quant_opt.py``)."""
    from qonnx.util.basic import get_by_name

    scale, _, bits = (float(np.asarray(model.get_initializer(name)).flat[0]) for name in node.input[1:])
    signed, narrow = (get_by_name(node.attribute, key).i for key in ("signed", "narrow"))
    rounding = get_by_name(node.attribute, "rounding_mode").s.decode()
    integer = int(bits) + int(np.log2(scale))
    mode = {"ROUND": "RND_CONV", "FLOOR": "TRN"}.get(rounding, "RND_CONV")
    return f"{'' if signed else 'u'}fixed<{int(bits)},{integer},{mode},{'SAT_SYM' if narrow else 'SAT'}>"
