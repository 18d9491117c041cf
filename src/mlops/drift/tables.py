"""Two Parquet files, column by column: what `drift` asks of windows, of any tables and of any size. Run: python -m mlops.drift.tables a.parquet b.parquet.

A column is read in batches into a summary that adds up, so that memory is bounded by columns and batches, never by the table.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from mlops.drift import distance
from mlops.drift.distance import Distance
from mlops.drift.summary import Numbers, Values
from mlops.errors import CannotRun

BATCH = 250_000  # rows
AT_ONCE = 2  # columns: numpy and pyarrow let go of Python's lock while they sort and read


def compare(reference: str, current: str) -> dict[str, list[Distance]]:
    """Return {column: statistics} of the columns that both files have; raises CannotRun where one is no Parquet file."""
    theirs, ours = _kinds(reference), _kinds(current)
    shared = [name for name in theirs if ours.get(name) is theirs[name]]

    def one(name: str) -> list[Distance]:
        kind = theirs[name]
        measure = distance.of_numbers if kind is Numbers else distance.of_values
        return measure(_summary(reference, name, kind), _summary(current, name, kind))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(shared, pool.map(one, shared), strict=True))


def _kinds(path: str) -> dict[str, type]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise CannotRun(f"{path} is no readable Parquet file ({str(error)[:80]}): name two of them") from None
    kinds = {}
    for field in schema:
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            kinds[field.name] = Numbers
        elif (
            pa.types.is_string(field.type)
            or pa.types.is_large_string(field.type)
            or pa.types.is_boolean(field.type)
            or pa.types.is_dictionary(field.type)
        ):
            kinds[field.name] = Values
    return kinds


def _summary(path: str, name: str, kind: type) -> Numbers | Values:
    import pyarrow.parquet as pq

    found = kind()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=[name], use_threads=False):
            column = batch.column(0)
            if kind is Numbers:
                found.missing += column.null_count
                column = _floats(column)
            found.add(column)
    return found


def _floats(column):
    """Return the numbers of an Arrow array as float64; its own to_numpy and fill_null would import pandas."""
    import numpy as np
    import pyarrow as pa

    return np.from_dlpack(column.drop_null().cast(pa.float64(), safe=False))


def main(words: list[str]) -> int:
    """Print the statistics as JSON."""
    found = compare(*words)
    print(json.dumps({name: [asdict(each) for each in statistics] for name, statistics in found.items()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
