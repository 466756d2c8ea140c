"""Write a model as an hls4ml project: quiet, atomic, and in the folder that was asked for."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from knapprune.adapters.configuration import configuration
from knapprune.adapters.finding import find_adapter
from knapprune.network.hls_config import HlsConfigSource, Overrides
from knapprune.tools import quiet, require_hls4ml
from knapprune.writing import naming


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
    """
    framework = find_adapter(model)
    config = configuration(framework, model, hls_config, **overrides)
    destination = Path(output_dir).resolve()
    _check_destination(destination, force)
    require_hls4ml()
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{destination.name}-", dir=destination.parent) as staging:
        written = Path(staging) / destination.name
        said = io.StringIO()
        try:
            with naming(destination), quiet(said):
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
