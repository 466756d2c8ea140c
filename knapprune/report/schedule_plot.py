"""The steps of a pruning as a picture: the metric against what one resource shrank to."""

from __future__ import annotations

from knapprune.hardware.units import in_words
from knapprune.report.content import Content, limits
from knapprune.report.picture import METRIC, METRIC_NAME, UNPRUNED, encoded, figure, masked_points, tidy


def schedule_plot(content: Content, resource: str = "dsp") -> bytes:
    """Draw the metric against a resource over the steps of a pruning."""
    steps = content["history"]
    used = [content["baseline"]["resources"][resource], *(step["resources"][resource] for step in steps)]
    tuned = [content["baseline"]["metric"], *(step["metric"] for step in steps)]
    drawn = figure(6.4, 4.0)
    axes = drawn.add_subplot()
    axes.plot(used, tuned, "o-", color=METRIC, label="after fine-tuning")
    if steps:
        masked_points(axes, [(step["resources"][resource], step["metric_before"]) for step in steps])
    axes.plot(used[:1], tuned[:1], "s", color=UNPRUNED, label="unpruned")
    limit = limits(content).get(resource)
    if limit is not None:
        axes.axvline(limit, color="#777777", linestyle="--", linewidth=1)
        axes.annotate(f"budget {limit}", (limit, 0.5), xycoords=("data", "axes fraction"), xytext=(4, 0),
                      textcoords="offset points", color="#555555", fontsize=9)  # fmt: skip
    axes.set_xlim(0, None)
    axes.set_xlabel(f"{in_words(resource)}s, predicted" if resource == "dsp" else f"{in_words(resource)}, predicted")
    axes.set_ylabel(METRIC_NAME)
    tidy(axes)
    axes.legend(loc="best", frameon=False)
    return encoded(drawn)
