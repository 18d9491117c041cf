"""The prediction log in PostgreSQL: batches by COPY into a table that is partitioned by day, so that old days are dropped whole."""

from datetime import date, timedelta

import msgspec
import psycopg

from mlops.errors import CannotRun
from mlops.serve.record import COLUMNS, SCHEMA, Record

LOCK = 7_261_034_119  # advisory: two services that start at once make the table once
# A unique key of a partitioned table holds the partition's column: a retry past midnight UTC is a second row.
TABLES = """
CREATE TABLE IF NOT EXISTS predictions_schema (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS predictions (
  day date NOT NULL, at timestamptz NOT NULL, request_id text NOT NULL, "row" integer NOT NULL, user_hash text,
  model_hash text NOT NULL, arm text NOT NULL, features jsonb NOT NULL, score double precision NOT NULL, scores jsonb,
  decision jsonb NOT NULL, latency_ms real NOT NULL, PRIMARY KEY (day, request_id, "row", model_hash)
) PARTITION BY RANGE (day);
"""
# A base that neither answers nor refuses is one that is away.
PATIENCE = {
    "connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2,
    "application_name": "mlops-serve",
}  # fmt: skip
LIMITS = "SET lock_timeout = '3s'; SET statement_timeout = '10s'"
NAMES = ", ".join(f'"{name}"' for name in ("day", *COLUMNS))


class Postgres:
    """A connection that is opened again after each error."""

    def __init__(self, url: str):
        self.url, self.connection, self.days = url, None, set()
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise CannotRun(
                "PREDICTION_LOG is no address of PostgreSQL: it should be postgresql://user:password@host:5432/base"
            ) from None

    def write(self, records: list[Record]) -> int:
        """Copy all rows in one transaction; rows that are there already stay as they are.

        Raises ValueError where PostgreSQL cannot hold what a row says.
        """
        try:
            connection = self.connection = self.connection or self._open()
            with connection.transaction(), connection.cursor() as cursor:
                self._partitions(cursor, {record.at.date() for record in records})
                with cursor.copy(f"COPY incoming ({NAMES}) FROM STDIN") as copy:
                    for record in records:
                        copy.write_row(_plain(record))
                cursor.execute(f"INSERT INTO predictions ({NAMES}) SELECT {NAMES} FROM incoming ON CONFLICT DO NOTHING")  # noqa: S608
                return cursor.rowcount
        except psycopg.DataError as error:
            self.close()
            raise ValueError(type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()
        self.connection, self.days = None, set()

    def _open(self):
        try:
            connection = psycopg.connect(self.url, autocommit=True, **PATIENCE)
        except psycopg.OperationalError as error:  # it names host and port, and no password
            raise CannotRun(f"no connection to PostgreSQL: {str(error).splitlines()[0]}") from None
        connection.execute(LIMITS)
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            cursor.execute(TABLES)
            cursor.execute(
                "INSERT INTO predictions_schema SELECT %s WHERE NOT EXISTS (SELECT FROM predictions_schema)", [SCHEMA]
            )
            (version,) = cursor.execute("SELECT max(version) FROM predictions_schema").fetchone()
        if version != SCHEMA:
            connection.close()
            raise CannotRun(f"the prediction log's table has schema version {version}, this service writes {SCHEMA}")
        # once a connection: a table that comes and goes with every batch would fill the catalogue
        connection.execute("CREATE TEMP TABLE incoming (LIKE predictions) ON COMMIT DELETE ROWS")
        return connection

    def _partitions(self, cursor, days: set[date]) -> None:
        for day in sorted(days - self.days):
            name, after = f"predictions_{day:%Y%m%d}", day + timedelta(days=1)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            if cursor.execute("SELECT FROM pg_inherits WHERE inhrelid = to_regclass(%s)", [name]).fetchone() is None:
                # attached, as a partition that is created as one waits for every reader of the others
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {name} (LIKE predictions INCLUDING ALL)")
                cursor.execute(
                    f"ALTER TABLE predictions ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{after}')"
                )
        self.days |= days


def _plain(record: Record) -> tuple:
    values = msgspec.structs.asdict(record)
    for name in ("features", "scores", "decision"):
        values[name] = None if values[name] is None else msgspec.json.encode(values[name]).decode()
    return (record.at.date(), *values.values())
