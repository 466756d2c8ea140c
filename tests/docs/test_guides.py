"""README and every guide: the examples run as they stand, say what the page says, and commands are commands."""

import contextlib
import importlib
import io
import json
import pkgutil
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import knapprune as kp
import knapprune.cli
from bench.networks.command import app as study_command
from knapsolve.cli.commands import app as knapsolve_command
from knapsolve.solver import load
from shared.commands import invoke

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {
    path.name: path
    for path in [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "guides").glob("*.md"))]
}
NEEDS: dict[str, tuple[str, ...]] = {
    "README.md": ("keras", "hls4ml", "sklearn", "jinja2", "g++"),
    "accelerator.md": ("keras",),
    "adapter.md": (),
    "digits.md": ("keras", "hls4ml", "da4ml", "sklearn", "g++"),
    "frontier.md": ("keras", "matplotlib"),
    "hardware.md": ("keras", "hls4ml", "da4ml"),
    "joint-choice.md": ("keras", "hls4ml"),
    "knapsack.md": (),
    "pruning.md": ("keras", "sklearn", "jinja2", "matplotlib", "optuna"),
    "pytorch.md": ("torch", "hls4ml", "g++"),
    "qkeras.md": ("tf_keras", "hls4ml", "sklearn"),
    "quantised.md": ("keras", "hls4ml", "hgq", "torch", "brevitas", "qonnx", "onnxoptimizer", "sklearn", "g++"),
    "solver.md": (),
    "start.md": ("keras", "hls4ml", "sklearn", "g++"),
    "sweep.md": ("keras", "sklearn", "pandas"),
}
MARKS = {
    "frontier.md": [pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")],
    "README.md": [pytest.mark.slow],
    "digits.md": [pytest.mark.slow],
    "joint-choice.md": [pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")],
    "pruning.md": [pytest.mark.slow],
    "pytorch.md": [pytest.mark.slow],
    # QKeras' own, of any model of it that is saved.
    "qkeras.md": [pytest.mark.filterwarnings(r"ignore:The `keras\.constraints\.serialize:UserWarning")],
    "quantised.md": [pytest.mark.slow],
    "start.md": [pytest.mark.slow],
}
Names = dict[str, Any]


def blocks(path: Path, *languages: str) -> list[str]:
    """Return the blocks of code on a page that are in one of these languages; "" is one without a name."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)
    return [code for language, code in found if language in languages]


class Page:
    """The examples of a page: run one after the other with the same names, and what they have printed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.examples = blocks(path, "python")
        self.names: Names = {"__name__": path.stem}
        self.printed = ""

    def run(self, code: str) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(self.path), "exec"), self.names)
        self.printed += printed.getvalue()


def with_examples() -> list[Any]:
    """Return the names of the pages with examples, with the marks of their tests."""
    found = [name for name, path in PAGES.items() if blocks(path, "python")]
    needs = {name: pytest.mark.needs(*NEEDS.get(name, ("keras", "hls4ml"))) for name in found}
    return [pytest.param(name, marks=[needs[name], *MARKS.get(name, [])]) for name in found]


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_of_a_page_run_as_they_stand(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = Page(PAGES[name])
    page.names |= GIVEN.get(name, dict)()
    for example in page.examples:
        page.run(example)
    for test in [own for own in page.names if own.startswith("test_")]:
        page.names[test]()
    CLAIMS.get(name, bool)(page)


def given_to_readme() -> Names:
    """What README takes for granted: a trained network with its data, and a knapsack by weights and by types."""
    import keras
    from sklearn.datasets import load_digits

    keras.utils.set_random_seed(0)
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    dense = keras.layers.Dense
    model = keras.Sequential([keras.Input((64,)), dense(32, "relu", name="fc1"), dense(10, "softmax", name="out")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:600], y[:600], epochs=30, verbose=0)
    random = np.random.default_rng(0)
    item_type, type_weights = random.integers(0, 3, 60), random.integers(1, 9, (2, 3))
    weights = type_weights[:, item_type]
    return {
        "model": model, "x": x[:600], "y": y[:600], "xv": x[1200:1500], "yv": y[1200:1500], "xt": x[1500:],
        "yt": y[1500:], "values": random.integers(1, 50, 60), "weights": weights, "item_type": item_type,
        "type_weights": type_weights, "capacities": weights.sum(axis=1) // 2,
    }  # fmt: skip


def given_to_pruning() -> Names:
    """The file of settings that the page shows, under the name that it says."""
    (settings,) = blocks(PAGES["pruning.md"], "toml")
    Path("run.toml").write_text(settings)
    return {}


def claims_of_readme(page: Page) -> None:
    names = page.names
    assert "bram18" in page.printed
    assert names["out"].met
    assert Path("report.html").is_file()
    assert names["check"].predicted == names["check"].counted
    assert names["check"].accuracy > names["out"].baseline - 0.1
    assert names["s"].status == "OPTIMAL"
    assert names["s"].value == names["s"].bound
    assert names["solve"](names["p"], "few-types").value == names["s"].value


def claims_of_accelerator(page: Page) -> None:
    assert "fetch-group:12/16" in page.printed


def claims_of_adapter(page: Page) -> None:
    """It has all that an adapter needs, and what the page names of the seam are public names."""
    mine = page.names["adapter"]
    assert isinstance(mine, kp.Adapter)
    assert not mine.matches(object())
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", page.path.read_text()))
    assert {"ConfiguredAdapter", "FoldsNormalisations", "Objective", "TrainingAdapter"} <= named
    assert named <= set(kp.__all__)


def claims_of_frontier(page: Page) -> None:
    """Half of the value takes less than half of the DSPs, every point is proved, and the picture is written."""
    names = page.names
    selection, found = names["selection"], names["found"]
    assert found.proved == len(found) == 20
    assert 0 < selection.resources["dsp"] < selection.before["dsp"] / 2
    assert names["frontier"].proved == 30
    assert names["chosen"].sum() > 0
    assert Path("frontier.png").is_file()


def claims_of_hardware(page: Page) -> None:
    assert "of xcku115: dsp" in page.printed
    assert "legal for resource_unrolled" in page.printed
    assert "\n0 1\n" in page.printed


def claims_of_joint_choice(page: Page) -> None:
    assert "OPTIMAL" in page.printed


def claims_of_knapsack(page: Page) -> None:
    """The printed line is the one in the comment beside it, and the commands of the page find the same."""
    (said,) = re.findall(r"print\(.*\)  # (.*)", page.path.read_text())
    assert page.printed == f"{said}\n"
    for line in shown(page.path):
        done = invoke(knapsolve_command, *line.split()[1:])
        assert (done.exit_code, "40" in done.output) == (0, True), line
    assert json.loads(Path("written.json").read_text())["selected"] == [0, 2]


def claims_of_pruning(page: Page) -> None:
    """The budget is met, a run goes on from what it keeps, and the best penalty is found again."""
    first, found, tuned = (page.names[name] for name in ("out", "found", "tuned"))
    assert first.met
    assert first.metric > first.baseline - 0.02
    assert Path("report.html").is_file()
    assert Path("history.png").is_file()
    assert len(found.trials) == 3
    assert tuned.history[-1].metric == found.metric
    checkpointed = next(example for example in page.examples if 'checkpoint="run"' in example)
    page.run(checkpointed[checkpointed.index("out = ") :])
    again = page.names["out"]  # found whole in its checkpoint
    assert (again.metric, again.resources.total) == (first.metric, first.resources.total)
    assert all(np.array_equal(mask, first.masks[name]) for name, mask in again.masks.items())

    run_from_its_file(page)
    small = page.names["small"]
    assert small.removed["fc"] > 0
    assert page.names["difference"] < 1e-4
    assert small.summary() in page.printed


def run_from_its_file(page: Page) -> None:
    """Its settings are one run in Python and as a command, and so are those that the command writes; others are not."""
    for line in shown(page.path):
        if "--params" in line:
            assert invoke(knapprune.cli.app, *line.split()[1:]).exit_code == 0, line
    metrics = {
        name: json.loads(Path(name, "report.json").read_text())["history"][-1]["metrics"]
        for name in ("pruned", "again", "other")
    }
    from_file = page.names["from_file"]
    assert from_file.met
    assert tuple(metrics["pruned"]) == from_file.history[-1].metrics
    assert metrics["again"] == metrics["pruned"]
    assert metrics["other"] != metrics["pruned"]


def claims_of_digits(page: Page) -> None:
    names = page.names
    assert names["none"].solution.status == "OPTIMAL"
    assert names["none"].before["dsp"] > 1000
    assert names["check"].predicted["dsp"] == names["check"].counted["dsp"] == 0
    assert names["check"].accuracy >= 0.97
    assert names["small"].resources["lut"] <= names["small"].before["lut"] / 2
    assert names["out"].met
    assert names["out"].resources["dsp"] == 0
    assert names["out"].metric >= 0.96
    narrow = names["narrow"]
    assert narrow.resources["lut"] <= 0.4 * narrow.before["lut"]
    assert narrow.data_types["hidden"].width in (3, 4, 6, 8)


def claims_of_pytorch(page: Page) -> None:
    assert "bit-accurate accuracy" in page.printed
    assert (page.names["again"][0].weight_mask == page.names["masked"][0].weight_mask).all()


def claims_of_qkeras(page: Page) -> None:
    names = page.names
    assert names["out"].met
    assert names["check"].predicted == names["check"].counted
    assert names["out"].metric > names["out"].baseline - 0.05
    assert names["small"].removed.keys() == {"fc1"}
    assert names["again"].evaluate(*names["test"], verbose=0) == names["out"].model.evaluate(*names["test"], verbose=0)


def claims_of_quantised(page: Page) -> None:
    out, check = page.names["out"], page.names["check"]
    assert out.met
    assert check.predicted == check.counted == out.resources.total
    assert check.accuracy == check.model_accuracy

    masked, pruned, exact = (page.names[name] for name in ("masked", "pruned", "exact"))
    assert kp.estimate(masked, page.names["config"])["dsp"] <= page.names["selection"].before["dsp"] / 2
    assert masked.fc.quant_weight().value[masked.fc.weight_mask].any()
    assert pruned.met
    assert pruned.before["dsp"] > 300
    assert pruned.baseline > 0.85
    assert exact.predicted == exact.counted == pruned.resources.total
    assert exact.accuracy == exact.model_accuracy > 0.75


def claims_of_solver(page: Page) -> None:
    """The printed line is the one in the comment beside it, and the page's own test has been run."""
    (said,) = re.findall(r"print\(.*\)  # (.*)", page.path.read_text())
    assert page.printed == f"{said}\n"
    assert "test_mine_conforms" in page.names


GIVEN: dict[str, Callable[[], Names]] = {"README.md": given_to_readme, "pruning.md": given_to_pruning}
CLAIMS: dict[str, Callable[[Page], None]] = {
    "README.md": claims_of_readme,
    "accelerator.md": claims_of_accelerator,
    "adapter.md": claims_of_adapter,
    "digits.md": claims_of_digits,
    "frontier.md": claims_of_frontier,
    "hardware.md": claims_of_hardware,
    "joint-choice.md": claims_of_joint_choice,
    "knapsack.md": claims_of_knapsack,
    "pruning.md": claims_of_pruning,
    "pytorch.md": claims_of_pytorch,
    "qkeras.md": claims_of_qkeras,
    "quantised.md": claims_of_quantised,
    "solver.md": claims_of_solver,
}


OURS = re.compile(r"(knapprune|knapsolve|python -m bench[\w.]*)( |$)")


def shown(path: Path) -> list[str]:
    """Return the commands of ours in the blocks of a page."""
    lines = "".join(blocks(path, "", "sh")).replace("\\\n", " ").splitlines()
    return [" ".join(line.partition(" #")[0].split()) for line in lines if OURS.match(line)]


def mentioned(path: Path) -> list[str]:
    """Return the commands of ours in the text of a page, which may leave out what an option takes."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [code for code in re.findall(r"`([^`\n]+)`", text) if OURS.match(code) and " " in code]


def parsed(line: str) -> tuple[Any, list[str]]:
    """Return the command that a line starts with, and the words that are left for it."""
    words = line.split()
    if words[0] == "python":
        package = (ROOT / words[2].replace(".", "/")).is_dir()
        module = importlib.import_module(f"{words[2]}.__main__" if package else words[2])
        if hasattr(module, "STUDY"):
            return typer.main.get_command(study_command(module.STUDY)), words[3:]
        app = typer.Typer()
        app.command()(module.main)
        return typer.main.get_command(app), words[3:]
    module = {"knapprune": "knapprune.cli", "knapsolve": "knapsolve.cli.commands"}[words[0]]
    return typer.main.get_command(importlib.import_module(module).app).commands[words[1]], words[2:]


def arguments(line: str) -> list[str]:
    """Parse a command as it would be; what does not belong to it is an error or is returned."""
    command, words = parsed(line)
    return command.make_parser(command.context_class(command)).parse_args(words)[1]


def of_all_pages(found: Callable[[Path], list[str]]) -> list[Any]:
    lines = [(name, line) for name, path in PAGES.items() for line in dict.fromkeys(found(path))]
    return [pytest.param(line, id=f"{name}: {line}") for name, line in lines]


@pytest.mark.parametrize("line", of_all_pages(shown))
def test_a_command_that_is_shown_is_one_with_these_options(line):
    assert arguments(line) == []


@pytest.mark.parametrize("line", of_all_pages(mentioned))
def test_a_command_that_is_mentioned_has_these_options(line):
    command, words = parsed(line)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_a_command_that_is_wrong_would_be_found():
    assert arguments("knapsolve list FILE") == ["FILE"]
    with pytest.raises(Exception, match="No such option: --badget"):
        arguments("knapprune select MODEL CONFIG --badget dsp=1")
    with pytest.raises(KeyError):
        arguments("knapprune sellect MODEL CONFIG")


def test_pages_show_commands():
    assert {name for name, path in PAGES.items() if shown(path)} >= {
        "README.md", "hardware.md", "joint-choice.md", "pruning.md"
    }  # fmt: skip


def test_the_table_of_solvers_has_every_one_and_says_which_prove():
    table = PAGES["which.md"].read_text().split("| solver | for | proves |")[1].split("\n\n")[0]
    proves = {}
    for first, last in re.findall(r"^\| (`[^|]*) \|.*\| (\w+) \|$", table, re.MULTILINE):
        proves |= dict.fromkeys(re.findall("`([^`]*)`", first), last == "yes")
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["knapprune.solvers"]
    assert proves == {name: load(name).capabilities.exact for name in ours} | {"auto": True}


NAMED = re.compile(r"`((?:knapprune|knapsolve|bench)(?:\.\w+)+)")


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_links_and_names_in_a_page_lead_somewhere(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []
    for name in NAMED.findall(text):
        pkgutil.resolve_name(name)


@pytest.mark.parametrize(
    ("page", "module"),
    [
        ("adapter.md", "knapprune.adapters.adapter"),
        ("adapter.md", "knapprune.adapters.training_adapter"),
        ("adapter.md", "knapprune.adapters.shrinking_adapter"),
        ("hardware.md", "knapprune.hardware.hardware_model"),
    ],
)
def test_the_tables_of_a_contract_have_every_method(page, module):
    protocols = [own for own in vars(importlib.import_module(module)).values() if getattr(own, "_is_protocol", False)]
    methods = {name for own in protocols if own.__module__ == module for name in vars(own) if not name.startswith("_")}
    assert methods
    text = PAGES[page].read_text()
    assert {name for name in methods if not re.search(rf"`{name}[(`]", text)} == set()
