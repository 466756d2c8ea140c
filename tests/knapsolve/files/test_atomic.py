"""Files are whole or absent: whatever goes wrong, what stood there before still stands."""

import os
import stat

import pytest

from knapsolve.files import atomic


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    """Half a file never stands under the real name."""
    target = tmp_path / "model.keras"
    target.write_text("old")

    def fail(temporary):
        assert temporary.name == target.name  # what is written may go by the ending
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        atomic.through(target, fail)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_text_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    """A power cut after the rename would else leave an empty file."""
    target, seen = tmp_path / "rows.json", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append((os.fstat(descriptor).st_size, target.exists())))
    atomic.write_text(target, "größer")
    assert seen == [(len("größer".encode()), False)]
    assert target.read_bytes().decode() == "größer"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]


def test_a_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "plain").write_text("")
    atomic.write_text(tmp_path / "text", "")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "text")]
    assert modes[0] == modes[1]


def test_a_folder_that_is_not_there_is_an_error_that_makes_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic.write_text(tmp_path / "none" / "text", "")
    assert list(tmp_path.iterdir()) == []
