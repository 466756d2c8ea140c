"""The page, in Markdown, from the rows and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.networks.accuracy import baselines
from bench.networks.accuracy.page import spread
from bench.networks.digits import high_granularity, pruned, uniform, verdict
from bench.networks.digits.front import done, front, points, seeds_of, within
from bench.networks.digits.limits import MAIN
from bench.networks.digits.methods import BUDGETS, METHODS, NARROW, NARROWEST, NOT_NARROW, SATURATING, WIDE, WIDTHS
from bench.networks.digits.networks import NETWORKS
from bench.networks.digits.plot import picture
from bench.networks.study import Row, versions_of
from bench.solvers import formats


def budgets(networks: Sequence[str]) -> str:
    """List what knapprune may spend on the matrices of each network."""
    return "; ".join(f"{NETWORKS[name].title}, {listed(sorted(BUDGETS[name]), 'and')}" for name in networks)


def page(rows: list[Row]) -> str:
    """Write the page."""
    networks = [name for name in NETWORKS if seeds_of(rows, name)]
    if not networks:
        return "# Networks without DSPs\n\nNothing has been measured yet.\n"
    sections = "\n".join(section(rows, name) for name in networks)
    machine = done(rows)[0]["machine"]
    return f"""# Networks without DSPs

Accuracy against look-up tables, of networks that are adder graphs from end to end: every layer at reuse factor 1, with
`distributed_arithmetic`, in `io_parallel`. No method uses a DSP or a block of memory.

**Counted** is the cost that da4ml gives to the whole network, with hls4ml's options for it: sums, biases, ReLUs and
rounding. Every method is counted by the same code, on the same footing: each ReLU stands at the width that is read from
it, and the half that rounds to nearest is part of the bias. For HGQ2 that is less than its own converter's count.
Accuracy is that of da4ml's network, run bit by bit on the test data. Every choice, of epochs, widths and designs, is
made by validation data; knapprune's settings were looked for on those of the first seed. "Within 2000 LUT" is a
method's best design by validation that is no larger.

## Verdict

{verdicts(rows, networks)}

{sections}
## What each method is

All but HGQ2 and PQuantML start from the same network of their seed: {baselines.EPOCHS} epochs of AdamW with batches of
{baselines.BATCH}, the best by validation.

- **knapprune, digits**: `kp.prune(..., budget={{"lut": N}}, choose={{"digits": 3}}, saliency="fisher",
  normalise="none", learning_rate="restarts")`, the weights of `{pruned.WEIGHT}`, {pruned.STEPS} steps of
  {pruned.EPOCHS} epochs, the last of {pruned.FINAL}, Adam at {pruned.RATE:g}.
  Budgets are of the matrices alone: {budgets(networks)}.
  Data are not rounded while it trains; each network is counted and judged with {listed(pruned.WIDTHS)}
  bits of data, the same for all layers.
- **knapprune, digits and data**: the same with `choose={{"digits": 3, "data_bits": [...]}}`, so that the width of the
  inputs and of every layer's results is chosen with the digits, from {listed(WIDTHS)} bits, or
  {NARROWEST} with budgets of up to {NARROW}, and from {NOT_NARROW} bits on with those of {WIDE} or more; data are
  rounded while it trains. Each is counted as its configuration
  says, where results saturate, and with as many whole bits as the training data need, where they wrap around.
- **knapprune, zeros alone**: as digits, with `choose=None`: each weight keeps its value, rounded to
  `{pruned.WEIGHT}` at the end, or is pruned.

  All three are counted with biases that are {listed(pruned.FINER)} bits finer than the results, which they are not
  while they train; where data widths are chosen, layer by layer.
- **uniform bits, fine-tuned**: one number of bits for all weights and data, binary points by layer
  where rounding loses the least square; {uniform.EPOCHS} epochs straight-through, the best by validation. Below
  {SATURATING} bits with and without saturation.
- **PQuantML 0.1**: trained in an environment of its own, its kernels, biases and types taken over as arrays. Its
  FPGA-aware metric is not in the release; at reuse factor 1 its groups are single weights, so MDMM with the
  unstructured metric and PDP stand for it, at several sparsities and widths of the weights, with data of eight bits
  that saturate.
- **HGQ2, one price** and **rising price**: HGQ2's QDense layers, a width for each weight and each value, with its own
  defaults and the quantisers that its guide names (`kbi` weights that saturate, `kif` data that wrap around);
  `trace_minmax` on training and validation data; batches of {high_granularity.BATCH}, Adam at
  {high_granularity.RATE:g} with a cosine that restarts every {high_granularity.RESTART} epochs. Every epoch that no
  other beats in both validation accuracy and EBOPs is kept (`ParetoFront`), the best in each of two dozen ranges of
  EBOPs counted. Its authors train for far longer than is done here.

{costs(rows, networks)}

{missing(rows, networks)}
CPU minutes are those of one core of {machine["cpu"]}, shared with other work (`load` in `digits.json`).

Made by `python -m bench.networks.digits` from `digits.json` ({versions_of(done(rows)[0])}).
"""


def missing(rows: list[Row], networks: Iterable[str]) -> str:
    """Say what the study lists for the first seed and has no row for."""
    lines = []
    for network in networks:
        first = seeds_of(rows, network)[0]
        mine = [row for row in done(rows) if (row["network"], row["seed"]) == (network, first)]
        there = [(row["method"], row["setting"]) for row in mine]
        for name, method in METHODS.items():
            asked = method.settings[network]
            absent = sum((name, dict(setting)) not in there for setting in asked)
            if absent:
                lines.append(f"- {NETWORKS[network].title}, {method.title}: {absent} of {len(asked)} runs.")
    return "Not measured yet with the first seed:\n\n" + "\n".join(lines) + "\n" if lines else ""


def listed(numbers: Sequence[int], word: str = "or") -> str:
    """Write numbers out."""
    *first, last = map(str, numbers)
    return f"{', '.join(first)} {word} {last}"


def verdicts(rows: list[Row], networks: Iterable[str]) -> str:
    """Say for each network who is ahead."""
    return "\n\n".join(
        f"{NETWORKS[name].title} (the standard error of one accuracy is {verdict.error(rows, name):.2f} points):\n\n"
        f"{verdict.sentences(rows, name)}"
        for name in networks
    )


def section(rows: list[Row], name: str) -> str:
    """Write a network's part."""
    network = NETWORKS[name]
    return f"""## {network.title}

{network.about}

{verdict.table(rows, name)}

Mean and standard deviation over the seeds that were run at these limits:

{main(rows, name)}

![Accuracy against look-up tables]({picture(name)})

The frontier of each method with the first seed; no design of the method that is smaller is better by validation:

{frontier(rows, name)}
{failures(rows, name)}"""


def main(rows: list[Row], network: str) -> str:
    """Compare the methods at the main limits."""
    body: list[list[object]] = []
    for limit in MAIN:
        for name, method in METHODS.items():
            found = [within(points(rows, network, [name], seed), limit) for seed in seeds_of(rows, network)]
            kept = [one for one in found if one]
            if kept:
                accuracies = ([100 * one[part] for one in kept] for part in ("test", "validation"))
                luts = spread([one["lut"] for one in kept], 0)
                body.append([limit, method.title, len(kept), *map(spread, accuracies), luts])
    return formats.table(["within", "method", "seeds", "test, %", "validation, %", "LUT counted"], body)


def frontier(rows: list[Row], network: str) -> str:
    """List the frontier of each method."""
    header = ["method", "LUT counted", "adders", "levels", "validation, %", "test, %", "EBOPs", "matrices", "Yosys"]
    body: list[list[object]] = []
    seed = seeds_of(rows, network)[0]
    for name, method in METHODS.items():
        for one in front(points(rows, network, [name], seed)):
            counted = [f"{one['lut']:.0f}", one["adders"], f"{one['depth']:.0f}"]
            reached = [f"{100 * one[part]:.2f}" for part in ("validation", "test")]
            body.append(
                [method.title, *counted, *reached, *(one.get(key, "") for key in ("ebops", "matrices", "yosys"))]
            )
    note = (
        "\n\n*Matrices*: the look-up tables of the matrix products alone as knapprune estimates them on the generated "
        "adder graphs, what its budget was kept in. *Yosys*: look-up tables that it synthesises for the whole network "
        "(`synth_xilinx -family xcup`), of the least designs."
    )
    return formats.table(header, body) + note


def failures(rows: list[Row], network: str) -> str:
    """List what failed."""
    failed = [row for row in rows if "error" in row and row["network"] == network]
    lines = "\n".join(f"- {row['method']}, seed {row['seed']}, {row['setting']}: {row['error']}" for row in failed)
    return f"\nFailed:\n\n{lines}\n" if failed else ""


def costs(rows: list[Row], networks: Iterable[str]) -> str:
    """Show what training took."""
    body: list[list[object]] = []
    for network in networks:
        for name, method in METHODS.items():
            mine = [row for row in done(rows) if (row["network"], row["method"]) == (network, name)]
            if mine:
                epochs = METHODS[name].epochs(mine[0]["setting"])
                minutes = [row["cpu_seconds"] / 60 for row in mine]
                body.append([NETWORKS[network].title, method.title, len(mine), epochs, spread(minutes, 1)])
    return formats.table(["network", "method", "runs", "epochs of a run", "CPU minutes of a run"], body)
