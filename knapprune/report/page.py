"""A report as one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from typing import Any

from knapprune.export import MissingToolError
from knapprune.report.plots import schedule_plot


def page(content: Mapping[str, Any]) -> str:
    """Render a pruning report.

    Parameters
    ----------
    content
        The report's content.

    Returns
    -------
    str
        HTML with the plot inside.

    Raises
    ------
    MissingToolError
        If Jinja2 or matplotlib is not installed.
    """
    try:
        from jinja2 import Environment
    except ImportError as error:
        raise MissingToolError('Jinja2 is not installed; install it with: pip install "knapprune[plots]"') from error
    source = resources.files("knapprune.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    plots = {
        resource: base64.b64encode(schedule_plot(content, resource)).decode("ascii")
        for resource in content["baseline"]["resources"]
        if content["baseline"]["resources"][resource]
    }
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source).render(report=content, plots=plots)
