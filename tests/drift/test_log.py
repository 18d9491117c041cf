"""Windows of real prediction logs: whatever keeps them, the same rows; and what cannot be read is no quiet window."""

import gzip
import json
import tempfile
from datetime import date
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_cases import TARGETS, asked, lines, record, sqlite, table, visits, window
from mlops import contract
from mlops.drift import log
from mlops.errors import CannotRun
from mlops.serve.sinks.postgres import Postgres
from postgres import Server
from serving import Served

STORES = ["sqlite", "lines", "gzip", "memory", "parquet", "parquet of text"]


@pytest.fixture
def server():
    """A running PostgreSQL whose clock is not UTC's, with a short path: a socket's may have 107 characters."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        running = Server(Path(folder)).start()
        sink = Postgres(running.url)
        sink._open().execute("ALTER DATABASE postgres SET timezone TO 'America/New_York'")
        sink.close()
        yield running
        running.stop()


@pytest.fixture(params=[*STORES, pytest.param("postgres", marks=pytest.mark.slow)])
def kept(request, tmp_path):
    """A function: records -> the address of a log that holds them, of each kind."""
    memory = fsspec.filesystem("memory")

    def keep(records) -> str:
        said = [json.loads(line) for line in lines(records).splitlines()]
        if request.param == "postgres":
            url = request.getfixturevalue("server").url
            sink = Postgres(url)
            sink.write(records)
            sink.close()
            return url
        if request.param == "sqlite":
            return sqlite(records, tmp_path / "log.db")
        if request.param == "memory":
            memory.pipe("/drift/log.jsonl", lines(records))
            return "memory://drift/log.jsonl"
        if request.param.startswith("parquet"):
            text = [each | {"features": json.dumps(each["features"])} for each in said]
            kept = said if request.param == "parquet" else text
            pq.write_table(pa.Table.from_pylist(kept), tmp_path / "log.parquet")
            return str(tmp_path / "log.parquet")
        name = tmp_path / ("log.jsonl.gz" if request.param == "gzip" else "log.jsonl")
        name.write_bytes(gzip.compress(lines(records)) if request.param == "gzip" else lines(records))
        return str(name)

    yield keep
    if memory.exists("/drift"):
        memory.rm("/drift", recursive=True)


def read(url, when=None, of=None) -> pd.DataFrame:
    """The rows of January, or of another window."""
    found = list(log.chunks(str(url), when or window(), of or table()))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame({"_request": []})


def names(*words, **more) -> list[str]:
    """Their requests."""
    return sorted(read(*words, **more)["_request"])


def refusal(url) -> str:
    """The one sentence with which a log is refused."""
    with pytest.raises(CannotRun) as raised:
        read(url)
    assert "\n" not in str(raised.value)
    return str(raised.value)


class TestWindow:
    """From every kind of log the same rows."""

    def test_it_has_the_answers_from_its_start_and_before_its_end(self, kept):
        """By the clock of UTC, whatever the machine's, or the base's."""
        days = ("2024-12-31T23:59:59.999", "2025-01-01T00:00:00", "2025-01-31T23:59:59.999", "2025-02-01T00:00:00")
        url = kept([record(f"r{number}", day) for number, day in enumerate(days)])
        assert ["r1/0", "r2/0"] == names(url)
        assert ["r3/0"] == names(url, window("2025-02-01", "2025-03-01"))
        assert [] == names(url, window("2024-11-01", "2024-12-01"))

    def test_a_copy_to_a_challenger_is_no_row(self, kept):
        """Its request has a row already, or never had an answer that counted."""
        url = kept([record("a", arm="champion"), record("a", arm="shadow", model_hash="n"), record("b", arm="shadow")])
        assert ["a/0"] == names(url)

    def test_a_request_that_was_answered_twice_is_one_row(self, kept):
        """By the challenger, and in a retry by the champion: the first answer counts."""
        later = record("a", "2025-01-16T12:00:00", model_hash="n", features={"amount": 99.0})
        (row,) = read(kept([record("a"), later])).to_dict("records")
        assert ("a/0", 10.5) == (row["_request"], row["amount"])

    def test_each_row_of_a_batch_is_one(self, kept):
        """By its place in the batch."""
        assert ["b/0", "b/1", "b/2"] == names(kept([record("b", row=row) for row in range(3)]))

    def test_features_are_as_they_were_given(self, kept):
        """Of their types, in the contract's order; what had no value is missing, and when is when it was answered."""
        first = {"member": False, "city": "south", "amount": 10, "visit": "v1", "at": "long ago"}
        found = read(kept([record("a", features=first), record("b", "2025-01-20T01:02:03.500")]))
        found = found.sort_values("_request")
        assert ["visit", "at", "amount", "items", "city", "member", "_request", "_at"] == list(found)
        assert [[10.0, 10.5], ["south", "north"], [False, True]] == [
            found[name].tolist() for name in ("amount", "city", "member")
        ]
        np.testing.assert_array_equal([np.nan, 2], found["items"].astype(float))
        assert [pd.Timestamp("2025-01-15 12:00"), pd.Timestamp("2025-01-20 01:02:03.5")] == found["_at"].tolist()
        assert found["_at"].tolist() == found["at"].tolist()

    def test_a_feature_that_no_answer_has_is_a_column_without_values(self, kept):
        """The service leaves out what has none; the id that nobody gave is no column."""
        found = read(kept([record("a", features={"amount": 1.0, "city": "north"})]))
        assert {"items": "float64", "member": "float64"} == {
            name: str(found[name].dtype) for name in ("items", "member")
        }
        assert found[["items", "member"]].isna().all(axis=None)
        assert "visit" not in found

    def test_where_a_chunk_ends_changes_nothing(self, kept, monkeypatch):
        """Also for a request whose two answers are in different chunks."""
        records = [*asked(visits(10, items=[None, 1] * 5)), record("r-v0", model_hash="n"), record("x")]
        url = kept(records)
        whole = read(url).sort_values("_request", ignore_index=True)
        monkeypatch.setattr(log, "CHUNK", 3)
        assert 4 == len(list(log.chunks(url, window(), table())))
        pd.testing.assert_frame_equal(
            whole, read(url).sort_values("_request", ignore_index=True), check_dtype=False, check_column_type=False
        )


class TestFiles:
    """JSON lines and Parquet as collectors leave them."""

    def test_times_may_have_an_offset(self, tmp_path):
        """Half past midnight in Helsinki is the day before."""
        times = {
            "helsinki": "2025-01-01T00:30:00+02:00",
            "azores": "2024-12-31T23:30:00-01:00",
            "utc": "2025-01-02T00:00:00Z",
        }
        said = [
            {"at": at, "request_id": name, "row": 0, "arm": "none", "features": {"amount": 1.0}}
            for name, at in times.items()
        ]
        (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, said)))
        found = read(tmp_path / "log.jsonl").set_index("_request")["_at"]
        assert {"azores/0": pd.Timestamp("2025-01-01 00:30"), "utc/0": pd.Timestamp("2025-01-02")} == found.to_dict()

    def test_others_may_write_there_too(self, tmp_path):
        """What the service says of a failed prediction names its request, and is no answer."""
        failed = {"at": "2025-01-15T12:00:00Z", "level": "error", "message": "a prediction failed", "request_id": "b"}
        others = [b"started", b"{", b"[1]", b"7", json.dumps(failed).encode(), b""]
        (tmp_path / "log.jsonl").write_bytes(b"\n".join([*others, lines([record("a")])]))
        assert ["a/0"] == names(tmp_path / "log.jsonl")

    def test_several_files_are_one_log(self, tmp_path):
        """Of any kind; a line that a collector wrote to two of them is one row."""
        (tmp_path / "1.jsonl").write_bytes(lines([record("a"), record("b")]))
        (tmp_path / "2.jsonl.gz").write_bytes(gzip.compress(lines([record("b"), record("c")])))
        pq.write_table(pa.Table.from_pylist([json.loads(lines([record("d")]))]), tmp_path / "3.parquet")
        (tmp_path / "4.jsonl").write_bytes(b"")
        assert ["a/0", "b/0", "c/0", "d/0"] == names(tmp_path / "*")
        assert ["a/0", "b/0"] == names(tmp_path / "*.jsonl")

    def test_null_is_no_value(self, tmp_path):
        """A column of nothing else is one of numbers, which every type has room for."""
        said = json.loads(lines([record()])) | {"features": {"amount": None, "items": 1, "city": None}}
        (tmp_path / "log.jsonl").write_text(json.dumps(said))
        pq.write_table(pa.Table.from_pylist([said]), tmp_path / "log.parquet")
        for name in ("log.jsonl", "log.parquet"):
            found = read(tmp_path / name)
            assert {"float64"} == {str(found[each].dtype) for each in ("amount", "city", "member")}

    def test_a_log_of_which_nothing_is_written_yet_is_empty(self, tmp_path):
        """No answers are no fault."""
        (tmp_path / "log.jsonl").write_bytes(b"")
        assert [] == names(tmp_path / "log.jsonl")

    def test_times_in_parquet_may_be_of_any_kind(self, tmp_path):
        """With a zone or without one, which is UTC."""
        for zone in (None, "UTC", "Asia/Tokyo"):
            at = pd.to_datetime(["2024-12-31 23:59", "2025-01-01 00:00"]).tz_localize("UTC").tz_convert(zone)
            frame = pd.DataFrame({"at": at, "request_id": ["a", "b"], "row": 0, "features": [{"amount": 1.0}] * 2})
            frame.to_parquet(tmp_path / "log.parquet")
            assert ["b/0"] == names(tmp_path / "log.parquet")


class TestRefused:
    """One sentence, which names the variable and what is to be done."""

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("sqlite:////nowhere/log.db", "PREDICTION_LOG_URL names /nowhere/log.db, which is not there: write sqlite:///file"),
            ("/nowhere/*.jsonl", "PREDICTION_LOG_URL /nowhere/*.jsonl names no file: is it the log that is written?"),
            (
                "/nowhere/log.jsonl",
                "the prediction log /nowhere/log.jsonl cannot be read (FileNotFoundError: "
                "[Errno 2] No such file or directory: '/nowhere/log.jsonl'): correct PREDICTION_LOG_URL",
            ),
            (
                "carrier://me:hush@pigeon/log?key=hush",
                "the prediction log carrier://***@pigeon/log cannot be read "
                "(ValueError: Protocol not known: carrier): correct PREDICTION_LOG_URL",
            ),
        ],
    )  # fmt: skip
    def test_what_is_not_there(self, url, expected):
        """No file, no such store; the keys of an address are not shown."""
        assert expected == refusal(url)

    def test_a_base_without_the_table(self, tmp_path):
        """It is the file of something else."""
        (tmp_path / "log.db").write_bytes(b"")
        assert "(OperationalError: no such table: predictions): correct PREDICTION_LOG_URL" in refusal(
            f"sqlite:///{tmp_path}/log.db"
        )
        (tmp_path / "log.db").write_bytes(b"no base " * 500)
        assert "(DatabaseError: file is not a database): correct" in refusal(f"sqlite:///{tmp_path}/log.db")

    @pytest.mark.parametrize("left", [0, 4, 0.5, -1])
    def test_a_parquet_file_that_is_half_written(self, tmp_path, left):
        """Its end says what is in it."""
        pq.write_table(pa.Table.from_pylist([json.loads(lines([record()]))] * 100), tmp_path / "log.parquet")
        whole = (tmp_path / "log.parquet").read_bytes()
        (tmp_path / "log.parquet").write_bytes(whole[: int(left * len(whole)) if left == 0.5 else left])
        assert "log.parquet of PREDICTION_LOG_URL is not a readable Parquet file" in refusal(tmp_path / "log.parquet")

    def test_a_packed_file_that_is_half_written(self, tmp_path):
        """What can be unpacked of it is not all."""
        packed = gzip.compress(lines([record(f"r{number}") for number in range(100)]))
        (tmp_path / "log.jsonl.gz").write_bytes(packed[:-20])
        assert "cannot be read (EOFError: Compressed file ended" in refusal(tmp_path / "log.jsonl.gz")

    def test_answers_without_their_features(self, tmp_path):
        """Another program's log, or one whose columns somebody chose."""
        said = {name: value for name, value in json.loads(lines([record()])).items() if name != "features"}
        (tmp_path / "log.jsonl").write_text(json.dumps(said))
        pq.write_table(pa.Table.from_pylist([said]), tmp_path / "log.parquet")
        for name in ("log.jsonl", "log.parquet"):
            assert (
                "an answer in PREDICTION_LOG_URL has no `features`: name a log with at, request_id, row, features in every row"
                == refusal(tmp_path / name)
            )

    @pytest.mark.parametrize("changes", [{"features": "{"}, {"features": [1]}, {"at": "yesterday"}, {"at": 7}])
    def test_answers_of_another_form(self, tmp_path, changes):
        """Said, and not skipped."""
        said = json.loads(lines([record()])) | changes
        (tmp_path / "log.jsonl").write_text(json.dumps(said))
        assert "log.jsonl cannot be read (" in refusal(tmp_path / "log.jsonl")

    def test_a_file_of_which_no_line_is_an_answer(self, tmp_path):
        """It is not the log."""
        (tmp_path / "access.log").write_text("GET /predict\n{}\n")
        pq.write_table(pa.table({"amount": [1.0, 2.0]}), tmp_path / "rows.parquet")
        for name in ("access.log", "rows.parquet"):
            assert (
                f"PREDICTION_LOG_URL {tmp_path / name} has 2 rows and none is an answer: is it the log that is written?"
                == refusal(tmp_path / name)
            )

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("postgresql://me:hush@127.0.0.1:1/log", "Connection refused"),
            ("postgresql://me:hu%sh@127.0.0.1:1/log", "PREDICTION_LOG_URL is no address of PostgreSQL"),
            ("postgresql://me@127.0.0.1:1/log?password=hush", "Connection refused"),
        ],
    )
    def test_a_base_that_does_not_answer_and_no_password_is_shown(self, url, expected):
        """Neither in the address nor in what the client says of it."""
        said = refusal(url)
        assert expected in said
        assert "PREDICTION_LOG_URL" in said
        assert [] == [word for word in ("hush", "hu%sh") if word in said]

    @pytest.mark.slow
    def test_a_postgresql_without_the_table(self, server):
        """Nobody has written there, or elsewhere."""
        with Postgres(server.url)._open() as connection:
            connection.execute("DROP TABLE predictions")
        assert 'relation "predictions" does not exist): correct PREDICTION_LOG_URL' in refusal(server.url)


def test_rows_up_to_a_day_are_those_of_the_whole_day():
    """And none of the next one."""
    frame = pd.DataFrame({"_at": pd.to_datetime(["2025-01-09 00:00:00", "2025-01-10 23:59:59", "2025-01-11 00:00:00"])})
    assert [0, 1] == log.upto(frame, date(2025, 1, 10)).index.tolist()


@pytest.mark.slow
def test_what_the_service_was_asked_is_what_is_read(answered, tmp_path):
    """Its own log of real requests, in SQLite and on standard output, of which some lack values."""
    folder = answered("binary")
    rows = folder.parts()["test"].head(20)
    features = list(folder.table.features)
    given = json.loads(rows[["application_id", *features]].to_json(orient="records"))
    today = window("2020-01-01", "2100-01-01")
    for place in (f"sqlite:///{tmp_path}/log.db", "stdout"):
        with Served(folder.path, PREDICTION_LOG=place) as running:
            assert {200} == {running.predict(row, x_request_id=row["application_id"]).status for row in given}
            assert 200 == running.post("/predict-batch", given, x_request_id="all").status
            assert 0 == running.stop()
            (tmp_path / "log.jsonl").write_bytes(running.out.read_bytes())
        found = read(tmp_path / "log.jsonl" if place == "stdout" else place, today, folder.table)
        assert 40 == len(found)
        for part in (found["_request"].str.startswith("all/"), ~found["_request"].str.startswith("all/")):
            same = found[part].set_index("application_id").loc[rows["application_id"], features]
            expected = rows.set_index("application_id")[features]
            pd.testing.assert_frame_equal(expected, same, check_dtype=False)


class TestOutcomes:
    """What became of requests."""

    @pytest.fixture(params=["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"])
    def outcomes(self, request, tmp_path):
        """A function: a table -> the address of a file that holds it, of each kind."""

        def write(frame: pd.DataFrame) -> str:
            name = str(tmp_path / f"outcomes.{request.param}")
            if request.param == "parquet":
                frame.to_parquet(name)
            elif request.param.startswith("csv"):
                frame.to_csv(name, index=False)
            else:
                frame.to_json(name, orient="records", lines=True)
            return name

        return write

    def test_a_label_is_of_a_request(self, outcomes):
        """Of its first row, where nothing is said of rows; a request's name stays as it is written."""
        url = outcomes(pd.DataFrame({"request_id": ["0012", "0013"], "label": [1, 0], "note": ["x", "y"]}))
        assert {"0012/0": 1.0, "0013/0": 0.0} == log.outcomes(url, table()).to_dict()

    def test_a_label_is_of_a_row_of_a_batch(self, outcomes):
        """Where the file says which."""
        url = outcomes(pd.DataFrame({"request_id": ["a", "a", "b"], "row": [0, 1, None], "label": [1, 0, 1]}))
        assert {"a/0": 1.0, "a/1": 0.0, "b/0": 1.0} == log.outcomes(url, table()).to_dict()

    def test_of_two_labels_the_later_one_counts(self, outcomes):
        """A return corrects a sale; what has no label yet corrects nothing."""
        url = outcomes(pd.DataFrame({"request_id": ["a", "b", "a", "b"], "label": [1, 1, 0, None]}))
        assert {"a/0": 0.0, "b/0": 1.0} == log.outcomes(url, table()).to_dict()

    @pytest.mark.parametrize("target", TARGETS)
    def test_labels_are_of_the_targets_type(self, outcomes, target):
        """Classes may look like numbers; metrics read of them what they read of the table."""
        labels = TARGETS[target][3]
        found = log.outcomes(outcomes(pd.DataFrame({"request_id": ["a", "b"], "label": labels})), table(target))
        expected = contract.targets(pd.Series(labels), table(target))
        np.testing.assert_array_equal(expected, contract.targets(found, table(target)))

    def test_a_whole_number_may_be_said_as_a_boolean(self, outcomes):
        """True is 1, and a number here."""
        found = log.outcomes(outcomes(pd.DataFrame({"request_id": ["a", "b"], "label": [True, False]})), table())
        assert (float, {"a/0": 1.0, "b/0": 0.0}) == (found.dtype, found.to_dict())

    def test_a_class_may_be_said_as_a_number(self, outcomes):
        """Class 2 is "2"."""
        url = outcomes(pd.DataFrame({"request_id": ["a", "b"], "label": [2, 1]}))
        assert {"a/0": "2", "b/0": "1"} == log.outcomes(url, table("classes")).to_dict()

    @pytest.mark.parametrize("columns", [{"request": ["a"], "label": [1]}, {"request_id": ["a"], "outcome": [1]}])
    def test_a_file_without_one_of_the_columns_is_refused(self, outcomes, columns):
        """By the names that it should have."""
        with pytest.raises(CannotRun, match="OUTCOMES_URL .* with the columns request_id and label, .* of bought$"):
            log.outcomes(outcomes(pd.DataFrame(columns)), table())

    def test_labels_that_are_no_numbers_are_refused_where_the_target_is_one(self, outcomes):
        """They are of another target."""
        with pytest.raises(CannotRun, match="OUTCOMES_URL .* cannot be read .* values are those of bought$"):
            log.outcomes(outcomes(pd.DataFrame({"request_id": ["a"], "label": ["late"]})), table())

    @pytest.mark.parametrize(
        "name", ["gone.csv", "gone.jsonl", "gone.parquet", "half.parquet", "half.jsonl", "empty.csv"]
    )
    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path, name):
        """It is not there, or not whole."""
        (tmp_path / "half.parquet").write_bytes(b"PAR1")
        (tmp_path / "half.jsonl").write_text('{"request_id": "a", "la')
        (tmp_path / "empty.csv").write_text("")
        with pytest.raises(CannotRun) as raised:
            log.outcomes(f"{tmp_path}/{name}", table())
        assert str(raised.value).startswith(f"OUTCOMES_URL {tmp_path}/{name} cannot be read (")

    def test_a_key_in_the_address_is_not_shown(self):
        """Neither a password nor what signs it."""
        with pytest.raises(CannotRun) as raised:
            log.outcomes("carrier://me:hush@pigeon/a.csv?key=hush", table())
        assert "hush" not in str(raised.value)
