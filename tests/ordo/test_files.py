"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from ordo.files import replace


def test_a_file_is_replaced_whole_and_with_its_mode(tmp_path: Path):
    file = tmp_path / "f"
    file.write_text("what was there before")
    replace(file, b"new", mode=0o600)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_replaced_leaves_nothing_else_behind(tmp_path: Path):
    (tmp_path / "f").mkdir()
    with pytest.raises(IsADirectoryError):
        replace(tmp_path / "f", b"new", mode=0o600)
    assert os.listdir(tmp_path) == ["f"]
