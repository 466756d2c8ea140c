"""A report as one HTML file."""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any

from knapprune.hardware.units import in_one_unit
from knapprune.report.content import Content, limits
from knapprune.report.history_plot import history_plot
from knapprune.report.picture import figure
from knapprune.report.schedule_plot import schedule_plot
from knapprune.tools import require


def page(content: Content) -> str:
    """Render a pruning report."""
    environment = _environment()
    source = resources.files("knapprune.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    plots = {
        resource: _inline(schedule_plot(content, resource))
        for resource in in_one_unit(content["baseline"]["resources"], limits(content))
        if content["baseline"]["resources"][resource]
    }
    counted = dict.fromkeys(name for row in content["layers"] for name in row["before"])
    text: str = environment.from_string(source).render(
        report=content, counted=list(counted), history=_inline(history_plot(content)), plots=plots
    )
    return text


def require_page_tools() -> None:
    """Find out before a long run whether its page can be written."""
    _environment()
    figure(1, 1)


def _environment() -> Any:
    return require("jinja2", extra="plots").Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _inline(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")
