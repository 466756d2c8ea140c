"""Files are read whole or refused with the place of the mistake."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knapsolve import Knapsack, read, solve
from knapsolve.files.reading import write_json
from knapsolve.files.tokens import FormatError

KNAPPI = "3\n10 5\n20 6\n30 7\n12\n"
JOOKEN = "3\n0 10 5\n1 20 6\n2 30 7\n12\n"
SAC94 = "3 2 30\n10 20 30\n5 6 7\n1 2\n 3\n12 4\n"
ORLIB = "2\n" + SAC94 + "1 1 0\n8.5\n3\n2.5\n"
MMKP = "\n 2 2 1\n 9\n 1\n 7.00 3\n 8.50 4\n 2\n 1.00 1\n 2.00 6\n Solutions by HEU\n 1 1 8\n"
JSON = json.dumps(
    {
        "values": [1, 2.5],
        "weights": [[1, 2]],
        "capacities": [2],
        "choices": [0, -1],
        "requires": [[0, 1]],
        "fixed_out": [1],
    }
)
FORMATS = {"knapPI": KNAPPI, "jooken": JOOKEN, "sac94": SAC94, "orlib": ORLIB, "mmkp": MMKP}


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "problem.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


@pytest.mark.parametrize("text", [KNAPPI, JOOKEN])
def test_one_dimension_is_read(text: str, write) -> None:
    problem = read(write(text))
    assert problem.values.tolist() == [10, 20, 30]
    assert problem.weights.tolist() == [[5, 6, 7]]
    assert problem.capacities.tolist() == [12]


def test_several_dimensions_are_read_across_broken_lines(write) -> None:
    problem = read(write(SAC94))
    assert problem.values.tolist() == [10, 20, 30]
    assert problem.weights.tolist() == [[5, 6, 7], [1, 2, 3]]
    assert problem.capacities.tolist() == [12, 4]


def test_any_problem_of_a_file_is_read(write) -> None:
    path = write(ORLIB)
    assert read(path, index=0).n == 3
    assert read(path, index=1).values.tolist() == [8.5]
    with pytest.raises(ValueError, match=r"index must be in 0\.\.1 for problem.txt; got 2"):
        read(path, index=2)


def test_multiple_choice_is_read_with_its_solutions_passed_over(write) -> None:
    problem = read(write(MMKP))
    assert problem.values.tolist() == [7.0, 8.5, 1.0, 2.0]
    assert problem.weights.tolist() == [[3, 4, 1, 6]]
    assert problem.integer_weights
    assert problem.choices is not None
    assert problem.choices.tolist() == [0, 0, 1, 1]
    assert problem.exactly_one


@pytest.mark.parametrize("text", [KNAPPI, JOOKEN, SAC94, MMKP])
def test_a_file_with_one_problem_has_only_index_0(text: str, write) -> None:
    with pytest.raises(ValueError, match=r"index must be 0 for problem\.txt, which holds one problem; got 1"):
        read(write(text), index=1)


@pytest.mark.parametrize("name", FORMATS)
def test_windows_line_ends_and_a_byte_order_mark_are_no_matter(name: str, write) -> None:
    unix, windows = (
        read(write(FORMATS[name], "unix")),
        read(write("\ufeff" + FORMATS[name].replace("\n", "\r\n"), "dos")),
    )
    assert np.array_equal(unix.values, windows.values)
    assert np.array_equal(unix.weights, windows.weights)


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_refused_wherever_it_ends(name: str, write) -> None:
    text = FORMATS[name].partition("Solutions")[0]
    for end in [word.end() for word in re.finditer(r"\S+", text)][:-1]:
        with pytest.raises(FormatError, match=r"problem\.txt (ends after line \d+, token \d+|is in no known format)"):
            read(write(text[:end]))


@pytest.mark.parametrize("name", FORMATS)
def test_extra_tokens_are_refused_with_their_line(name: str, write) -> None:
    text = FORMATS[name].partition(" Solutions")[0]
    line = text.count("\n") + 1
    with pytest.raises(FormatError, match=f"line {line}, token 1: expected the end of the file; got '99'"):
        read(write(text + "99\n"))


def test_a_word_that_is_no_number_is_named_with_its_line_and_token(write) -> None:
    with pytest.raises(FormatError, match=r"problem.txt, line 3, token 2: expected a number, .*; got '6x'"):
        read(write(KNAPPI.replace("20 6", "20 6x")))


@pytest.mark.parametrize("word", ["nan", "inf"])
def test_a_number_that_is_not_finite_is_refused(word: str, write) -> None:
    with pytest.raises(FormatError, match=f"line 3, token 2: expected a number, .*; got '{word}'"):
        read(write(KNAPPI.replace("20 6", f"20 {word}")))


def test_a_size_the_file_cannot_hold_is_refused_before_memory_is_taken(write) -> None:
    with pytest.raises(FormatError, match=r"ends after line 3, token 9.*999999994 more numbers"):
        read(write("1000000000 1000000000 5\n1 2 3\n4 5 6\n"))


def test_indices_out_of_order_are_refused(write) -> None:
    with pytest.raises(FormatError, match="line 3, token 1: expected 1, the index of the next item; got '2'"):
        read(write(JOOKEN.replace("1 20 6", "2 20 6")))


def test_classes_out_of_order_are_refused(write) -> None:
    with pytest.raises(FormatError, match="line 7, token 1: expected class 2; got '3'"):
        read(write(MMKP.replace("\n 2\n 1.00", "\n 3\n 1.00")))


@pytest.mark.parametrize("text", ["", "hello world\n", "1 2 3 4 5\n6 7\n", "\x00\x01"])
def test_an_unknown_format_is_refused_with_those_known(text: str, write) -> None:
    with pytest.raises(FormatError, match=r"no known format.*OR-Library"):
        read(write(text))


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(FormatError, match=r"image\.png is not a text file"):
        read(path)


@pytest.mark.parametrize(
    "problem",
    [
        Knapsack([0.1, 2**-1074, 1e300], [[1, 2, 3], [4, 5, 6]], [0.3, 7]),
        Knapsack([2**60, 1], [1, 1], 1, choices=[-1, 0], exactly_one=True),
        Knapsack([1, 2, 3], [1, 1, 1], 2, requires=[[0, 1]], fixed_in=[0], fixed_out=[2]),
        Knapsack.from_types([0.1, 0.2], [0, 1], [[3, 4]], 5),
    ],
)
def test_json_gives_back_the_same_numbers(problem: Knapsack, tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    write_json(problem, path)
    again = read(path)
    keys = ("values", "capacities", "dense_weights", "item_type", "type_weights", "choices", "requires", "fixed_in")
    for key in (*keys, "fixed_out", "exactly_one"):
        assert np.array_equal(getattr(problem, key), getattr(again, key)), key
    assert again.values.dtype == problem.values.dtype


ITEMS = 'item,value,weight_kg,weight_litres\nlamp,10,3,1.5\n"tent, large",20,6,2\nrope,30,7,0\n'


def test_a_table_of_items_is_read_with_the_capacities_given(write) -> None:
    problem = read(write(ITEMS), capacities=[12, 2.5])
    assert problem == Knapsack([10, 20, 30], [[3, 6, 7], [1.5, 2, 0]], [12, 2.5])
    assert read(write("Value , Weight\r\n1,2\r\n\r\n"), capacities=3) == Knapsack([1], [2], [3])
    assert read(write("\ufeffvalue,weight\n", "none.csv"), capacities=3).n == 0


@pytest.mark.parametrize(
    ("text", "capacities", "error", "message"),
    [
        (
            "value,weight\n1,2\n",
            None,
            ValueError,
            r"capacities must be given for p.csv, one for each .* column: weight$",
        ),
        ("value,weight\n1,2\n", [1, 2], ValueError, r"one for each weight column of p.csv, weight; got \[1, 2\]"),
        ("value,weight\n1,2\n", "x", FormatError, r"p.csv: capacities must hold real numbers"),
        ("value,weight\n1,2\n", -1, FormatError, r"p.csv: capacities must not be below 0; got -1"),
        ("value,weight\n1,two\n", 1, FormatError, r"p.csv, line 2: expected a number, weight; got 'two'"),
        ("value,weight\n1,2\n\n,2\n", 1, FormatError, r"p.csv, line 4: expected a number, value; got ''"),
        ("value,weight\n1,nan\n", 1, FormatError, r"line 2: expected a number, weight; got 'nan'"),
        ("value,weight\n1_0,1\n", 1, FormatError, r"line 2: expected a number, value; got '1_0'"),
        ("value,weight\n1\n", 1, FormatError, r"p.csv, line 2: expected 2 columns as in line 1; got 1"),
        ("value,weight\n1,2,3\n", 1, FormatError, r"line 2: expected 2 columns as in line 1; got 3"),
        ("value,weight\n1,-2\n", 1, FormatError, r"p.csv: weights must not be below 0; got -2"),
        ("value,wieght\n1,2\n", 1, FormatError, r"line 1: expected the columns value and weight.*; got 'wieght'"),
        ("value,weight,weight\n1,2,3\n", [1, 1], FormatError, r"line 1: .*; got weight twice"),
        ("weight,item\n1,2\n", 1, FormatError, r"line 1: expected the columns value and weight.*; got weight,item"),
        ("value;weight\n1;2\n", 1, FormatError, r"with commas between them; got 'value;weight'"),
        ("1,2\n3,4\n", 1, FormatError, r"p.csv, line 1: expected the columns value and weight.*; got '1'"),
        ('value,weight\n"1,2\n', 1, FormatError, r"p.csv, line 2: not comma-separated"),
        ("", 1, FormatError, r"p.csv is empty; expected a line value,weight"),
    ],
)
def test_mistakes_in_a_table_of_items_are_named_with_their_line(text, capacities, error, message, write) -> None:
    with pytest.raises(error, match=message):
        read(write(text, "p.csv"), capacities=capacities)


@pytest.mark.parametrize("text", [*FORMATS.values(), JSON])
def test_capacities_are_refused_for_a_file_that_holds_its_own(text: str, write) -> None:
    with pytest.raises(ValueError, match=r"capacities must be left out for problem.txt, which holds its own; got 3"):
        read(write(text), capacities=3)


def test_json_mistakes_are_named(write) -> None:
    with pytest.raises(FormatError, match=r"problem.txt, line 2, column 1: not JSON"):
        read(write('{"values": [1],\n'))
    with pytest.raises(FormatError, match="lacks capacities and has unknown keys wieghts"):
        read(write('{"values": [1], "weights": [1], "wieghts": [1]}'))
    with pytest.raises(FormatError, match="must hold a JSON object; got list"):
        read(write("[1, 2]"))
    with pytest.raises(FormatError, match=r"problem\.txt: weights must not be below 0"):
        read(write('{"values": [1], "weights": [-1], "capacities": 1}'))


def test_json_is_written_completely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "problem.json"
    write_json(Knapsack([1], [1], 1), path)
    before = path.read_text()

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        write_json(Knapsack([2], [2], 2), path)
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["problem.json"]


def published(data_folder: Path, folder: str, listed: str) -> dict[str, float]:
    return json.loads((data_folder / "knapsack" / folder / listed).read_text())


def test_every_published_instance_is_read(data_folder: Path) -> None:
    files = [path for path in (data_folder / "knapsack").rglob("*") if path.is_file() and path.suffix != ".json"]
    assert len(files) >= 150
    for path in files:
        assert read(path).n > 0, path


@pytest.mark.needs("ortools")
def test_published_optima_are_found(data_folder: Path) -> None:
    """A misread file has another optimum."""
    folder = data_folder / "knapsack"
    for path in sorted((folder / "sac94").rglob("*.dat"))[::6]:
        assert solve(read(path), "cpsat").value == int(path.read_text().split()[2]), path
    for name in ("I01", "I02"):
        assert solve(read(folder / "mmkp" / name), "cpsat").value == published(data_folder, "mmkp", "optima.json")[name]
    for name in ("knapPI_1_100_1000_1", "knapPI_3_500_1000_1"):
        assert solve(read(folder / "knapPI" / name)).value == published(data_folder, "knapPI", "optima.json")[name]
    optima = [3800, 8706.1, 4015, 6120, 12400, 10618, 16537]
    for index, optimum in enumerate(optima):
        assert solve(read(folder / "orlib" / "mknap1.txt", index), "cpsat").value == pytest.approx(optimum, rel=1e-12)


def test_sums_that_64_bits_cannot_hold_are_refused_with_the_remedy(write) -> None:
    huge = 2**62
    with pytest.raises(FormatError, match=r"problem\.txt: values must sum to at most 2\*\*62.*pass them as floats"):
        read(write(f"2\n{huge} 5\n{huge} 6\n12\n"))


GARBAGE = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    [
        "1_0",
        "\u0663",
        "-",
        "1e999",
        "-7",
        "9" * 400,
        "9" * 5000,
        "1e18",
        "[" * 3000,
        "0",
        "1e300",
        "NaN",
        "2.5",
        "1e18\n",
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FORMATS, "json"])
@settings(max_examples=300, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_whatever_is_done_to_a_file_it_is_read_or_refused_with_its_name(name: str, data, tmp_path: Path) -> None:
    """Truncated, spliced, repeated, filled with garbage: a problem or a FormatError, never another error."""
    text = FORMATS.get(name, JSON)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 6)) | st.just(len(text)))
        text = text[:start] + data.draw(st.just("") | st.just("7 ") | GARBAGE) + text[stop:]
    path = tmp_path / "problem.txt"
    path.write_bytes(text.encode("utf-8", "replace"))
    refused = ""
    try:
        assert read(path).n >= 0
    except FormatError as error:
        refused = str(error)
    assert refused == "" or refused.startswith("problem.txt")
