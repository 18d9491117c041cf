"""What windows are held against: the rows that the champion was trained on, found by their hash, and the champion itself."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO

import numpy as np
import pandas as pd

from mlops import baseline, params, split
from mlops.contract import Contract
from mlops.delivery import champion
from mlops.delivery.overlay import PROD
from mlops.errors import CannotRun
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.paths import KEYS, MODEL, PARAMS, RAW
from mlops.pipeline import ingest


@dataclass(frozen=True)
class Reference:
    """The champion and its rows.

    commit: of main, that brought it. frame: the rows of its training window. unseen: which of them its training has not seen, shape
    [rows]. keys: of the rows that its training has seen. accepted: the months that `frame` is of where a person has accepted other ones.
    """

    commit: str
    model: Model
    frame: pd.DataFrame
    unseen: np.ndarray
    window: params.Window
    data_hash: str
    keys: frozenset = frozenset()
    accepted: params.Window | None = None

    @property
    def last(self) -> date:
        """The last day of the champion's window, after which everything is new to it."""
        return (pd.Period(self.window.end, "M").end_time).date()


def read(table: Contract, knobs: Params, root=".") -> Reference:
    """Return what prod serves and its rows; where it serves nothing yet, what main has.

    Raises CannotRun where git does not know the model, or its bytes cannot be had.
    """
    main = baseline.resolve(None, root)
    served = champion.served(PROD, main, root)
    commit = champion.made_by(served.model, main, root) if served else main
    found = baseline.committed(commit, root)
    if found is None:
        raise CannotRun("main has no model yet, so there is nothing to hold new rows against: merge a first one")
    metrics = found[0]
    data = {path: baseline.output(commit, path, root) for path in (MODEL, KEYS, RAW)}
    model = Model(data[MODEL], f"the champion's {MODEL}")
    if model.hash != metrics["model_hash"]:
        raise CannotRun(
            f"the champion made here from {commit[:8]} is {model.hash[:12]}, and {metrics['model_hash'][:12]} was judged: "
            "name the store that has its bytes with DVC_REMOTE_URL"
        )
    trained, window = pd.read_parquet(BytesIO(data[RAW])), _window(metrics, commit)
    own = knobs.drift.reference  # what was accepted before a retrain is older than the retrain's own rows
    own = own if own and own.end > window.end else None
    frame = accepted(knobs, table) if own else trained
    seen = frozenset(pd.read_parquet(BytesIO(data[KEYS]))["key"])
    unseen = ~pd.Series(split.keys(frame, table)).isin(seen).to_numpy()
    return Reference(commit, model, frame, unseen, window, metrics["data_hash"], seen, own)


def accepted(knobs: Params, table: Contract) -> pd.DataFrame:
    """Return the rows that a person has accepted as the new reference."""
    window = knobs.drift.reference
    return ingest.given(knobs.data, table, window.start, window.end)


def _window(metrics: dict, commit: str) -> params.Window:
    said = metrics["window"]
    if not said:
        raise CannotRun(f"{PARAMS} of {commit[:8]} names no `data.window`, so nothing says which rows are new")
    return params.Window.model_validate(said)
