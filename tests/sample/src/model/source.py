"""YOURS: where the rows come from. Nothing else of the template reads a table, a file or a database."""

from difflib import get_close_matches

import pandas as pd

from model.sample import generate

OPTIONS = ("seed", "rows_per_month")  # the keys of `data.options` in params.yaml


def read(start: str, end: str, options: dict) -> pd.DataFrame:
    """Return the rows of the months `start`..`end` ("2024-01"), both included, with every column of data/contract.yaml.

    For your own table return its rows instead, and keep what belongs to no row (a path, a query) in `options`:
        pd.read_parquet(options["path"], filters=[("applied_at", ">=", pd.Timestamp(start)), ...])
        pd.read_sql(options["query"], connection, params={"start": start, "end": end})
    Equal arguments must give equal rows: name a file that you read under `deps` of stage ingest in dvc.yaml. Raise ValueError with one sentence and its fix: it is shown as it is.
    """
    for key in options:
        if key not in OPTIONS:
            near = get_close_matches(str(key), OPTIONS, 1, cutoff=0)[0]
            raise ValueError(f"option '{key}' is unknown (known: {', '.join(OPTIONS)}): did you mean '{near}'?")
    return generate(start, end, **options)
