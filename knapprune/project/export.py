"""Write a model as an hls4ml project: quiet, atomic, and in the folder that was asked for."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from knapprune.adapters.adapter import adapter
from knapprune.adapters.configuration import configuration
from knapprune.network.hls_config import HlsConfigSource, Overrides
from knapprune.tools import quiet, require_hls4ml


@dataclass(frozen=True)
class Project:
    """A written hls4ml project.

    Parameters
    ----------
    folder
        The project's folder.
    graph
        hls4ml's ``ModelGraph``, bound to `folder`; what compiles and predicts.
    log
        What hls4ml printed and warned while it converted.
    """

    folder: Path
    graph: Any
    log: str


def export(
    model: Any,
    hls_config: HlsConfigSource | None,
    output_dir: str | Path,
    *,
    force: bool = False,
    **overrides: Unpack[Overrides],
) -> Project:
    """Convert a model with hls4ml and write the project.

    The project is written beside `output_dir` and moved into place when it is complete. It is not compiled: a
    compiled library holds the absolute path of its weights, so compile where the project stays
    (`knapprune.project.emulation.build`).

    Parameters
    ----------
    model
        The network, masked or not, or an hls4ml graph. Not changed: the project is that of a graph of its own.
    hls_config
        hls4ml's configuration, or the path of its YAML file. Not changed. None for an hls4ml graph.
    output_dir
        Where the project goes. A folder that is not empty is replaced only with `force`.
    force
        Replace an existing hls4ml project. Anything else that stands there is never deleted.
    overrides
        ``backend``, ``io_type``, ``part`` and ``clock_period`` take precedence over the top-level keys of `hls_config`.

    Returns
    -------
    Project
        The folder, hls4ml's graph and what hls4ml said.

    Raises
    ------
    FileExistsError
        If `output_dir` is not empty and `force` is false, or it holds something else than an hls4ml project.
    MissingToolError
        If hls4ml is not installed.
    ValueError
        If the configuration cannot be used or a layer's name is not a C++ identifier.
    ConversionError
        If hls4ml does not take the model, such as one with a layer that it does not know.
    """
    framework = adapter(model)
    config = configuration(framework, model, hls_config, **overrides)
    destination = Path(output_dir).resolve()
    _check_destination(destination, force)
    require_hls4ml()
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{destination.name}-", dir=destination.parent) as staging:
        written = Path(staging) / destination.name
        said = io.StringIO()
        try:
            with quiet(said):
                graph = framework.convert(model, config, str(written))
                graph.write()
        except Exception as error:
            error.add_note(f"hls4ml said:\n{said.getvalue()}")
            raise
        if destination.exists():
            destination.rename(Path(staging) / "replaced")
        written.rename(destination)
    graph.config.config["OutputDir"] = str(destination)
    with quiet(said):
        # hls4ml_config.yml holds the folder's absolute path twice; this writes it anew.
        graph.config.backend.writer.write_yml(graph)
    return Project(destination, graph, said.getvalue())


def _check_destination(destination: Path, force: bool) -> None:
    if not destination.exists() or (destination.is_dir() and not any(destination.iterdir())):
        return
    if not force:
        raise FileExistsError(f"output_dir: {destination} exists; give another folder, or force=True to replace it")
    if not (destination / "hls4ml_config.yml").is_file():
        raise FileExistsError(f"output_dir: {destination} is no hls4ml project, so it is not replaced; give another")
