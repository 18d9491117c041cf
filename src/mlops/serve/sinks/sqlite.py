"""The prediction log as a SQLite file: one table, for a single machine."""

import sqlite3
from pathlib import Path

import msgspec

from mlops.errors import CannotRun
from mlops.serve.record import COLUMNS, SCHEMA, Record

TABLE = f"""CREATE TABLE IF NOT EXISTS predictions (
at TEXT NOT NULL, request_id TEXT NOT NULL, row INTEGER NOT NULL, user_hash TEXT, model_hash TEXT NOT NULL, arm TEXT NOT NULL,
features TEXT NOT NULL, score REAL NOT NULL, scores TEXT, decision TEXT NOT NULL, latency_ms REAL NOT NULL,
PRIMARY KEY (request_id, row, model_hash)) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA};"""
INSERT = (
    f"INSERT INTO predictions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (request_id, row, model_hash) DO NOTHING"
)


class Sqlite:
    """A file that is made where it is missing."""

    def __init__(self, path: str):
        self.path = path
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            # the writer's thread uses it, the event loop's closes it, never both at once
            self.connection = sqlite3.connect(path, check_same_thread=False)
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA):
                raise CannotRun(
                    f"PREDICTION_LOG {path} has schema version {version}, this service writes {SCHEMA}: name another file"
                )
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.executescript(TABLE)
        except (sqlite3.Error, OSError) as error:
            raise CannotRun(
                f"PREDICTION_LOG sqlite:///{path} cannot be written ({error}): name a file in a folder that can"
            ) from None

    def write(self, records: list[Record]) -> int:
        """Insert all rows in one transaction; rows that are there already stay as they are."""
        if not Path(self.path).exists():  # what is written now would be found by nobody
            raise CannotRun(f"{self.path} is gone: put it back, or start the service again")
        before = self.connection.total_changes
        with self.connection:
            self.connection.executemany(INSERT, map(_plain, records))
        return self.connection.total_changes - before

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def _plain(record: Record) -> tuple:
    values = msgspec.structs.asdict(record)
    values["at"] = record.at.isoformat(timespec="milliseconds")
    for name in ("features", "scores", "decision"):
        values[name] = None if values[name] is None else msgspec.json.encode(values[name]).decode()
    return tuple(values.values())
