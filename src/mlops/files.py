"""Reading and writing files: whole or not at all, and with the same bytes for the same content."""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path

from mlops.errors import CannotRun


def sha256(data: bytes) -> str:
    """Return the hex digest that names these bytes everywhere in the project."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def whole(path):
    """Yield a temporary path beside `path`; it takes the name only when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path, value) -> None:
    """Write `value` as JSON a person can read and a diff can show; NaN is refused, null says 'no number'."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False) + "\n")


def read_json(path, fix: str):
    """Return the JSON value of `path`; `fix` ends the sentence where it is missing or broken."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CannotRun(f"{path} is not there: {fix}") from None
    except ValueError as error:
        raise CannotRun(f"{path} is not valid JSON ({error}): {fix}") from None


def write_table(path, frame) -> None:
    """Write a DataFrame as Parquet without the writer's own metadata, so that equal rows give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with whole(path) as part:
        pq.write_table(table, part, compression="zstd")


def read_table(path, columns=None):
    """Return the DataFrame of a Parquet file; raises CannotRun where it is missing or half-written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns).to_pandas()
    except FileNotFoundError:
        raise CannotRun(f"{path} is not there: run `make train` first") from None
    except pa.ArrowInvalid as error:
        raise CannotRun(
            f"{path} is not a readable Parquet file ({str(error)[:100]}): delete it and run again"
        ) from None
