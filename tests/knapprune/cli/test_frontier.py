"""The command ``frontier``: its files and its table, and what it refuses."""

import csv
import json

import pytest
import yaml

from knapprune.cli import app
from shared.commands import invoke
from shared.hls import hls_settings
from shared.networks import dense_network

pytestmark = pytest.mark.needs("keras", "matplotlib")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    dense_network(8, 12, 3).save(folder / "model.keras")
    (folder / "config.yml").write_text(yaml.safe_dump(hls_settings()))
    return folder


def run(files, *arguments):
    return invoke(app, "frontier", files / "model.keras", files / "config.yml", *arguments)


def test_it_writes_values_a_table_and_a_picture(files, tmp_path):
    done = run(files, "--points", "6", "--budget", "bram18=0.6", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "frontier.json").read_text())
    assert record["resource"] == "dsp"
    assert [cap["resource"] for cap in record["budget"]] == ["bram18"]
    assert len(record["points"]) == 6
    assert {point["status"] for point in record["points"]} == {"OPTIMAL"}
    with (tmp_path / "out" / "frontier.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["share"]) for row in rows] == [point["share"] for point in record["points"]]
    assert (tmp_path / "out" / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "6 of 6 points proved" in done.stdout
    again = run(files, "--out", tmp_path / "out")
    assert again.exit_code == 2
    assert "--force" in again.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--points", "0"), "--points: got 0, expected 1 or more"),
        (("--resource", "dps"), "resource: got 'dps', expected one of"),
        (("--budget", "dsp=0.5"), "budget: holds 'dsp'"),
        (("--structure", "fetch-group:2/4"), "a frontier takes no fetch groups"),
        (("--data", "none.npz"), "--data: none.npz: there is no such file"),
    ],
)
def test_what_it_cannot_do_leaves_no_folder(files, tmp_path, arguments, words):
    refused = run(files, "--out", tmp_path / "out", *arguments)
    assert refused.exit_code == 2
    assert words in " ".join(refused.output.split())
    assert "Traceback" not in refused.output
    assert not (tmp_path / "out").exists()
