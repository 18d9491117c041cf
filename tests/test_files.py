"""Files are whole or not there, and equal content has equal bytes."""

import json

import pandas as pd
import pytest

from mlops.errors import CannotRun
from mlops.files import read_json, read_table, sha256, whole, write_json, write_table, write_text

TABLE = pd.DataFrame({"name": ["a", "b", None], "size": [1.0, None, 3.0], "count": [1, 2, 3]})


def test_a_digest_is_sha256():
    """The published value for "abc"."""
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == sha256(b"abc")


def test_a_file_is_written_with_its_folders(tmp_path):
    """UTF-8, whatever the machine's own encoding is."""
    write_text(tmp_path / "a/b/c.txt", "é")
    assert "é".encode() == (tmp_path / "a/b/c.txt").read_bytes()


def test_an_error_in_the_middle_leaves_the_old_file_and_no_rest(tmp_path):
    """Half a file never takes the name of a whole one."""
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), whole(path) as part:  # noqa: PT012 - the error comes after half is written
        part.write_text("ne")
        raise ZeroDivisionError
    assert (["a.txt"], "old") == ([file.name for file in tmp_path.iterdir()], path.read_text())


def test_json_keeps_its_order_and_ends_with_a_line_break(tmp_path):
    """So that a diff shows what changed and nothing else."""
    write_json(tmp_path / "a.json", {"b": 1, "a": None})
    assert '{\n  "b": 1,\n  "a": null\n}\n' == (tmp_path / "a.json").read_text()


def test_json_without_a_number_is_not_written(tmp_path):
    """NaN is not JSON: the file before stays."""
    write_json(tmp_path / "a.json", {"auc": 0.7})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"auc": float("nan")})
    assert {"auc": 0.7} == json.loads((tmp_path / "a.json").read_text())


def test_json_is_read_back(tmp_path):
    """What was written is what is read."""
    write_json(tmp_path / "a.json", {"a": [1, "é"]})
    assert {"a": [1, "é"]} == read_json(tmp_path / "a.json", "no fix needed")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"a.json is not there: run `make train`$"),
        (b'{"a": ', r"a.json is not valid JSON \(.*\): run `make train`$"),
        (b"", r"a.json is not valid JSON \(.*\): run `make train`$"),
        (b"\xff\xfe", r"a.json is not valid JSON \(.*\): run `make train`$"),
    ],
)
def test_json_that_is_absent_or_broken_says_the_fix(tmp_path, content, sentence):
    """The caller's fix ends the sentence."""
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(CannotRun, match=sentence):
        read_json(tmp_path / "a.json", "run `make train`")


def test_a_table_is_read_back(tmp_path):
    """Types and missing values are kept, and columns can be chosen."""
    write_table(tmp_path / "a.parquet", TABLE)
    pd.testing.assert_frame_equal(TABLE, read_table(tmp_path / "a.parquet"))
    assert ["count"] == list(read_table(tmp_path / "a.parquet", ["count"]))


def test_equal_rows_give_equal_bytes(tmp_path):
    """The index they had before leaves no trace."""
    write_table(tmp_path / "a.parquet", TABLE)
    write_table(tmp_path / "b.parquet", pd.concat([TABLE, TABLE]).iloc[3:].set_index(pd.Index([7, 8, 9], name="x")))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_table_that_is_absent_says_the_fix(tmp_path):
    """The pipeline makes it."""
    with pytest.raises(CannotRun, match=r"a.parquet is not there: run `make train` first"):
        read_table(tmp_path / "a.parquet")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_half_a_table_is_refused(tmp_path, share):
    """A Parquet file ends with what it holds: cut off, it holds nothing."""
    path = tmp_path / "a.parquet"
    write_table(path, TABLE)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CannotRun, match=r"is not a readable Parquet file .* delete it and run again"):
        read_table(path)
