"""A SQLite file is a prediction log that anybody can read."""

import json
import sqlite3

import pytest

from mlops.errors import CannotRun
from mlops.serve.record import SCHEMA
from mlops.serve.sinks.sqlite import Sqlite


def rows(path) -> list[dict]:
    """What a reader finds."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM predictions ORDER BY request_id, row")]


def test_answers_are_rows(serve, scorer, tmp_path):
    """One a row, also of a batch, with the user's hash and never the user."""
    path = tmp_path / "folder/log.db"
    running = serve(PREDICTION_LOG=f"sqlite:///{path}", USER_HASH_KEY="a key")
    said = running.predict(scorer().example, x_request_id="a", x_user_id="ann@example.com").json
    running.post("/predict-batch", [scorer().example] * 2, x_request_id="b")
    assert 0 == running.stop()
    found = rows(path)
    assert [("a", 0), ("b", 0), ("b", 1)] == [(row["request_id"], row["row"]) for row in found]
    assert (said["score"], "true" if said["decision"] else "false") == (found[0]["score"], found[0]["decision"])
    assert scorer().example == json.loads(found[0]["features"])
    assert (32, None) == (len(found[0]["user_hash"]), found[1]["user_hash"])
    assert b"ann@example.com" not in path.read_bytes()


def test_the_same_request_is_one_row(serve, scorer, tmp_path):
    """Mirrors and retries repeat an id; the first answer stays. Another start goes on in the same file."""
    path = tmp_path / "log.db"
    for income in (5000, 9000):
        running = serve(PREDICTION_LOG=f"sqlite:///{path}")
        running.predict(scorer().example | {"income": income}, x_request_id="same")
        assert 0 == running.stop()
    (row,) = rows(path)
    assert 5000 == json.loads(row["features"])["income"]


def test_a_file_that_is_gone_is_a_write_that_fails(tmp_path):
    """Rows wait, and are written where they are looked for once it is back."""
    path = tmp_path / "log.db"
    sink = Sqlite(str(path))
    path.rename(tmp_path / "old.db")
    with pytest.raises(CannotRun, match=r"log\.db is gone: put it back, or start the service again"):
        sink.write([])
    (tmp_path / "old.db").rename(path)
    assert 0 == sink.write([])
    sink.close()


def test_a_table_of_another_schema_is_refused(tmp_path):
    """A newer service wrote it: rows of two kinds in one table would be worse than none."""
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    with pytest.raises(
        CannotRun, match=f"has schema version {SCHEMA + 1}, this service writes {SCHEMA}: name another file"
    ):
        Sqlite(str(path))


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    """A folder, a file that is no table: said at the start, not after the first answer."""
    (tmp_path / "text").write_text("no table " * 200)
    for name in ("", "text"):
        with pytest.raises(CannotRun, match="cannot be written .*: name a file in a folder that can"):
            Sqlite(str(tmp_path / name))
