"""The page, in Markdown, from the rows and nothing else."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.networks.accuracy import baselines
from bench.networks.accuracy.methods import (
    DIGITS,
    EPOCHS,
    FINAL,
    GRADIENT_SAMPLES,
    LASSO,
    METHODS,
    PRICE,
    PRICE_BY_FISHER,
    STAGES,
    STEPS,
)
from bench.networks.accuracy.networks import BLOCK, NETWORKS, area
from bench.networks.accuracy.runs import UNPRUNED
from bench.networks.accuracy.trials import EPOCHS as TRIED_EPOCHS
from bench.networks.study import Row, versions_of
from bench.solvers import formats
from knapprune.hardware.fitted import LOOPED, UNROLLED

RELATIVE_LOSS = 0.02
"""Of the unpruned accuracy, as the published work allows."""

ALONE = "knapprune-fisher"
"""Pruning alone, beside which methods that choose values are set."""

VALUES = ("both", "constants", "digits")
"""Methods that choose values."""

HALF = 0.5
"""Share of the area of pruning alone that choosing values is to get by with."""


def done(rows: Iterable[Row]) -> list[Row]:
    """Leave out what failed."""
    return [row for row in rows if "error" not in row]


def unpruned(rows: Iterable[Row], network: str) -> dict[int, Row]:
    """Return the rows of the unpruned network by seed."""
    return {row["seed"]: row for row in done(rows) if row["network"] == network and row["method"] == UNPRUNED}


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Write a mean, and the standard deviation of a sample where there are several values."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def area_of(row: Row) -> int:
    """Return a row's area: look-up tables, estimated, and DSPs, counted, each as so many of them."""
    return area({**row["estimated"], **row["counted"]})


def main(rows: Iterable[Row], network: str) -> list[Row]:
    """Return the rows of the table: those at the share of DSPs that the network is compared at."""
    share = NETWORKS[network].shares["dsp"]
    return [row for row in rows if row["network"] == network and row["share"] == share]


def table(rows: list[Row], network: str) -> str:
    """Compare the methods at one budget."""
    whole = unpruned(rows, network)
    header = ["method", "seeds", "bit-accurate, %", "in floating point, %", "points below unpruned", "DSP counted"]
    header += ["of them at RF 1", "BRAM_18K counted", "LUT estimated", "area", "of pruning alone's", "CPU minutes"]
    compared = main(rows, network)
    alone = [area_of(row) for row in done(compared) if row["method"] == ALONE]
    body = [_line("unpruned", list(whole.values()), whole, alone)] if whole else []
    for name, method in METHODS.items():
        mine = [row for row in compared if row["method"] == name]
        if good := done(mine):
            body.append(_line(method.title, good, whole, alone))
        body += [[method.title, row["seed"], f"failed: {row['error']}"] for row in mine if "error" in row]
    return formats.table(header, body)


def _line(title: str, rows: list[Row], whole: dict[int, Row], alone: list[int]) -> list[object]:
    lost = [100 * (whole[row["seed"]]["bit_accurate"] - row["bit_accurate"]) for row in rows if row["seed"] in whole]
    minutes = [row["cpu_seconds"] / 60 for row in rows if "cpu_seconds" in row]
    areas = [area_of(row) for row in rows]
    return [
        title,
        len(rows),
        spread([100 * row["bit_accurate"] for row in rows]),
        spread([100 * row["float"] for row in rows]),
        spread(lost) if lost and minutes else "",
        _range([row["counted"]["dsp"] for row in rows]),
        _range([of_constants(row) for row in rows]),
        _range([row["counted"]["bram18"] for row in rows]),
        _range([row["estimated"]["lut"] for row in rows]),
        _range(areas),
        f"{statistics.fmean(areas) / statistics.fmean(alone):.0%}" if alone else "",
        spread(minutes, 1) if minutes else "",
    ]


def of_constants(row: Row) -> int:
    """Add the DSPs of the layers at reuse factor 1."""
    return sum(use["dsp"] for use in row["by_layer"].values() if use["reuse_factor"] == 1)


def area_of_rows(row: Row) -> int:
    """Add the area of the layers above reuse factor 1."""
    return sum(area(use) for use in row["by_layer"].values() if use["reuse_factor"] > 1)


def _range(counts: list[int]) -> str:
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"


def standard_error(rows: Iterable[Row]) -> float:
    """Return the largest standard error of an accuracy, in points, by the number of images that it was measured on."""
    reached = [(row["bit_accurate"], row["images"]) for row in done(rows)]
    return 100 * max(((share * (1 - share) / images) ** 0.5 for share, images in reached), default=0.0)


def first_seed(rows: Iterable[Row], network: str) -> list[Row]:
    """Return the pruned rows of the first seed, whose frontier is shown."""
    mine = [row for row in done(rows) if row["network"] == network and row["share"] is not None]
    first = min((row["seed"] for row in mine if row["seed"] in unpruned(rows, network)), default=None)
    return [row for row in mine if row["seed"] == first]


def frontier(rows: list[Row], network: str) -> str:
    """List every budget and method of the first seed."""
    header = (
        "budget | method | DSP | of unpruned | BRAM_18K | LUT | area | of unpruned | bit-accurate, % | relative loss"
    )
    body: list[list[object]] = []
    rank = list(METHODS)
    for row in sorted(first_seed(rows, network), key=lambda row: (row["share"], rank.index(row["method"]))):
        original, counted = unpruned(rows, network)[row["seed"]], row["counted"]
        cells = [
            ", ".join(f"{limit} {name}" for name, limit in row["budget"].items()),
            METHODS[row["method"]].title,
            counted["dsp"],
            f"{counted['dsp'] / original['counted']['dsp']:.1%}",
            counted["bram18"],
            f"{row['estimated']['lut']:,}",
            f"{area_of(row):,}",
            f"{area_of(row) / area_of(original):.1%}",
            f"{100 * row['bit_accurate']:.2f}",
            f"{1 - row['bit_accurate'] / original['bit_accurate']:.1%}",
        ]
        body.append(cells)
    return formats.table(header.split(" | "), body)


def layers(rows: list[Row], network: str) -> str:
    """Show where each method leaves its area, as a range over the seeds."""
    compared = done(main(rows, network))
    names = list(next(iter(unpruned(rows, network).values()))["by_layer"])
    body: list[list[object]] = []
    for key, method in METHODS.items():
        if own := [row["by_layer"] for row in compared if row["method"] == key]:
            body.append([method.title, *(_range([area(use[name]) for use in own]) for name in names)])
    return formats.table(["method", *names], body)


def least(rows: list[Row], network: str, loss: float = RELATIVE_LOSS) -> str:
    """List the least area at which each method stays within a relative loss, in all runs with the first seed."""
    mine, body = first_seed(rows, network), []
    for key, method in METHODS.items():
        own = [row for row in mine if row["method"] == key]
        within = []
        for row in own:
            original = unpruned(rows, network)[row["seed"]]
            lost = 1 - row["bit_accurate"] / original["bit_accurate"]
            if lost <= loss:
                cells = [f"{1 - area_of(row) / area_of(original):.1%}", row["counted"]["dsp"], row["counted"]["bram18"]]
                within.append((area_of(row), [*cells, f"{lost:.1%}"]))
        if within:
            smallest, cells = min(within)
            body.append([method.title, f"{smallest:,}", *cells])
        elif own:
            body.append([method.title, "none of those tried"])
    return formats.table(["method", "area", "less", "DSP", "BRAM_18K", "relative loss"], body)


def verdict(rows: list[Row], network: str) -> str:
    """Say in a sentence for each how far choosing values comes beside pruning alone, where both were measured."""
    compared = done(main(rows, network))
    alone = {row["seed"]: row for row in compared if row["method"] == ALONE}
    said = []
    for key in VALUES:
        pairs = [(row, alone[row["seed"]]) for row in compared if row["method"] == key and row["seed"] in alone]
        if not pairs:
            continue
        share = max(area_of(row) / area_of(before) for row, before in pairs)
        gained = [100 * (row["bit_accurate"] - before["bit_accurate"]) for row, before in pairs]
        multiplied = sum(of_constants(row) for row, _ in pairs)
        above = statistics.fmean(area_of_rows(row) / area_of(row) for row, _ in pairs)
        held = "at most half" if share <= HALF else "more than half"
        line = (
            f"- {METHODS[key].title}: {held} of its area ({share:.0%} at most), {spread(gained)} points of accuracy "
            f"beside it, {multiplied} DSPs in layers at reuse factor 1 ({_count(len(pairs), 'seed')})."
        )
        fixed = f" {above:.0%} of its area is in layers above reuse factor 1, where no digit saves any."
        said.append(line + (fixed if above else ""))
    if not said:
        return ""
    return "Beside pruning alone, seed by seed:\n\n" + "\n".join(said) + "\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def shown(rows: Iterable[Row]) -> list[str]:
    """Name the networks whose unpruned version was measured, in the order of the registry."""
    measured = {row["network"] for row in done(rows) if row["method"] == UNPRUNED}
    return [name for name in NETWORKS if name in measured]


def picture(network: str) -> str:
    """Name the plot of a network."""
    return f"accuracy-{network}.png"


def section(rows: list[Row], name: str) -> str:
    """Write a network's part of the page: what it is, the methods at one budget, the frontier."""
    network = NETWORKS[name]
    budgets = [row["budget"] for row in main(rows, name) if set(row["budget"]) == set(network.shares)]
    units = {"dsp": "DSPs", "bram18": "BRAM_18K"}
    limits = " and ".join(f"{limit} {units[resource]}" for resource, limit in (budgets or [{}])[0].items())
    return f"""## {network.title}

{network.about}
{f"The methods that prune keep within {limits}." if limits else ""}

{table(rows, name)}

{verdict(rows, name)}
The area that each method leaves in each layer:

{layers(rows, name)}

![Accuracy against the area that is left]({picture(name)})
{swept(rows, name)}"""


def swept(rows: list[Row], name: str) -> str:
    """Show the frontier, where more than one budget was run."""
    mine = first_seed(rows, name)
    if len({row["share"] for row in mine}) < 2:
        return ""
    return f"""
The frontier, of seed {mine[0]["seed"]}:

{frontier(rows, name)}

The least area within a relative loss of {RELATIVE_LOSS:.0%} among these budgets:

{least(rows, name)}
"""


def settings(rows: list[Row]) -> str:
    """Show what each setting that was tried reached on validation data, the best of each network first."""
    tried: dict[tuple[str, str], list[Row]] = {}
    for row in done(rows):
        given = ", ".join(f"{name} {value}" for name, value in row["settings"].items())
        tried.setdefault((row["network"], given or "defaults"), []).append(row)

    def order(key: tuple[str, str]) -> tuple[str, float]:
        return key[0], statistics.fmean(row["cross_entropy"] for row in tried[key])

    body: list[list[object]] = []
    for key in sorted(tried, key=order):
        reached = [100 * row["validation"] for row in tried[key]], [row["cross_entropy"] for row in tried[key]]
        body.append([*key, len(tried[key]), spread(reached[0]), spread(reached[1], 4)])
    body += [[row["network"], row["run"], f"failed: {row['error']}"] for row in rows if "error" in row]
    header = ["network", "settings", "seeds", "validation, %", "cross-entropy"]
    about = f"""What was set otherwise than by default of `kp.prune`, on seeds of no table, {TRIED_EPOCHS} epochs each.
Gradients are of the first {GRADIENT_SAMPLES:,} training samples, where `kp.prune` draws as many. Values decide, not the
schedule:"""
    return f"{about}\n\n{formats.table(header, body)}\n" if body else ""


OURS = f"""one call, `kp.prune(..., steps={STEPS}, epochs=1, final_epochs={FINAL}, learning_rate="restarts",
  saliency="l2", normalise="lamp", regularization=kp.Regularization({PRICE:g}, "price"))`: the budget tightens epoch by
  epoch, with a new selection each, and the penalty follows the shadow prices of each; the learning rate falls only in
  the last {FINAL} epochs, with masks that no longer change. Masks only shrink."""

OURS_BY_FISHER = f"""(pruning alone): one call, `kp.prune(..., steps={STEPS}, epochs=1, final_epochs={FINAL},
  learning_rate="restarts", saliency="fisher", normalise="none", regularization=kp.Regularization({PRICE_BY_FISHER:g},
  "price"))`, Fisher information of {GRADIENT_SAMPLES} training samples: the budget tightens epoch by epoch, with a new
  selection each, and the penalty follows the shadow prices of each; the learning rate falls only in the last {FINAL}
  epochs, with masks that no longer change. Masks only shrink."""

PUBLISHED = f"""our implementation after arXiv 2308.05170; what its abstract and hls4ml's API leave open is our reading.
  Group lasso with one strength ({LASSO:g}), the sum of absolute weights over the layer's largest as value, runs of rows
  that fill whole memory words."""

DESCRIBED = {
    "knapprune": OURS,
    "knapprune-fisher": OURS_BY_FISHER,
    "both": f"""as pruning alone, with `choose={{"digits": {DIGITS}}}` and no penalty, which has no groups there. Two
  calls, of {STEPS // 2} steps and as many epochs, then of {STEPS - STEPS // 2} and {EPOCHS - STEPS // 2}, the second
  with a budget of look-up tables as well: what rows save of these is known once they are gone.""",
    "constants": f"""every layer in `latency` with reuse factor 1, whatever the network's configuration says, and
  `choose={{"digits": {DIGITS}}}` within a budget of look-up tables and no DSP; one call, otherwise as pruning alone,
  with no penalty.""",
    "digits": f"""the constants of the network as it is configured get at most {DIGITS} digits, in the same steps, and
  nothing is pruned elsewhere.""",
    "published": f"{PUBLISHED} {STAGES} equal steps of {EPOCHS // STAGES} epochs.",
    "published-gradual": f"{PUBLISHED} With our schedule, to tell what the schedule does.",
    "uniform": "our values by l2 and our schedule, with a budget for each layer instead of one for all.",
    "magnitude": """our schedule; as many of the network's largest weights as let the hardware fit, though a multiplier
  that a row of weights shares is saved only once all of them are gone.""",
    "one-shot-tuned": "one selection at the whole budget, then all epochs.",
    "one-shot": "one selection at the whole budget, and no training.",
}
"""What each method is, by name."""


def described(rows: list[Row]) -> str:
    """Say what each method is that has rows, and which have none."""
    there = {row["method"] for row in rows}
    absent = [method.title for name, method in METHODS.items() if name not in there]
    missing = f"\n\nNot measured by today's counts so far: {'; '.join(absent)}." if absent else ""
    listed = "\n".join(
        f"- **{method.title}**{'' if name == ALONE else ':'} {DESCRIBED[name]}"
        for name, method in METHODS.items()
        if name in there
    )
    return f"{listed}{missing}"


def page(rows: list[Row], tried: list[Row]) -> str:
    """Write the page."""
    if not rows:
        return "# Accuracy under a budget\n\nNothing has been measured yet.\n"
    machine, stamp = rows[0]["machine"], versions_of(rows[0])
    sections = "\n".join(section(rows, name) for name in shown(rows))
    return f"""# Accuracy under a budget

Methods at one budget. Each starts from the same unpruned network of its seed ({baselines.EPOCHS} epochs of AdamW, the
best by validation). Accuracy is that of the compiled hls4ml project on the test data, bit by bit.

- *Counted*, by `kp.verify` in the C++ of the generated project: DSPs (multipliers of constants with three signed
  digits or more, once for an input and a value; rows of memory) and BRAM_18K, two to a block of 36 Kb.
- *Estimated*, by `kp.estimate`: look-up tables of the layers with weights, sums fitted to published reports of C
  synthesis ([how they were fitted](vendor.md)). At reuse factor 1, {UNROLLED.lut.error}; the estimate knows which
  weights are not zero and which have a multiplier, and no more of their digits. Above reuse factor 1,
  {LOOPED.lut.error}, and these are of `resource`, for none of `resource_unrolled` is known.
- *Reported* by a vendor's tool: nothing here.

Area is LUT + {BLOCK} x DSP, by which HGQ compares networks: one part estimated, one counted. All types round to
nearest (`AP_RND`, which takes look-up tables that no estimate here has, for every method alike). Where there are
several seeds, mean and standard deviation; points below unpruned are bit-accurate against bit-accurate, seed by seed.
By the number of test images alone a pruned network's accuracy has a standard error of up to {standard_error(rows):.1f}
points. CPU minutes are those of pruning, fine-tuning and selecting on {machine["cores"]} cores of {machine["cpu"]};
`load` in `accuracy.json` says how much other work ran beside it.

{sections}
## What each method is

All that fine-tune do so for {EPOCHS} epochs with batches of {baselines.BATCH} and Adam at {baselines.PRUNING_RATE:g}.
A twelfth of the training data is held out to choose the best of the last epochs; test data choose no epoch.

{described(rows)}

## How the settings were chosen

Schedule, penalties and their strengths were chosen with version 0.1.0, which counted a DSP for each constant, on
seeds 0 to 2, which no table here reports, by validation data but for the first runs; they were not looked for anew.
Test images had been looked at before with the seeds of the tables: in the runs of that version, after which values by
l2 and Fisher information with a penalty were taken up. The areas of the methods that choose values are a little less
than half of what pruning alone uses with seed 3; nothing else of these methods was searched for.

{settings(tried)}
Made by `python -m bench.networks.accuracy` from `accuracy.json` and `accuracy-trials.json` ({stamp}).
"""
