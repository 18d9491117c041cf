"""Which part a row belongs to: a hash of its group or id and a fixed salt, for ever the same, never a shuffle."""

from hashlib import blake2b

import numpy as np
import pandas as pd

from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.params import Split

PARTS = ("train", "validation", "test", "holdout")


def keys(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return one key a row, shape [rows]: a hash of its group, or its id, so that lists of keys name nobody.

    Raises CannotRun where a row has none.
    """
    ids = frame[contract.key]
    if ids.isna().any():
        raise CannotRun(
            f"{int(ids.isna().sum())} of {len(ids)} rows have no '{contract.key}', whose hash says which part of the split "
            "they are in: give each row one in src/model/source.py, or name another column in data/contract.yaml"
        )
    return np.array([blake2b(_word(value).encode(), digest_size=8).hexdigest() for value in ids])


def _word(value) -> str:
    # 7.0 is the id 7 of a table without gaps
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def parts(row_keys: np.ndarray, split: Split) -> np.ndarray:
    """Return the part of each row key, shape [rows]: its hash with the salt, modulo 100, against the per cents."""
    salt = split.salt.encode()
    cells = [
        int.from_bytes(blake2b(key.encode(), digest_size=8, salt=_fit(salt)).digest(), "big") % 100 for key in row_keys
    ]
    edges = np.cumsum([split.train, split.validation, split.test, split.holdout])
    return np.array(PARTS)[np.searchsorted(edges, np.array(cells), side="right")]


def _fit(salt: bytes) -> bytes:
    # blake2b takes 16 bytes of salt; a longer word is folded, not cut
    return salt if len(salt) <= 16 else blake2b(salt, digest_size=16).digest()


def assign(frame: pd.DataFrame, contract: Contract, split: Split) -> pd.Series:
    """Return the part of each row, "" for rows that take no part: too young for a label, or on the wrong side of the cut."""
    part = pd.Series(parts(keys(frame, contract), split), index=frame.index)
    if contract.time is None:
        return part
    when = pd.to_datetime(frame[contract.time], utc=True)
    settled = when <= when.max() - pd.Timedelta(days=split.label_delay_days)
    part[~settled] = ""  # a row without a date has no age either
    if split.by == "time":
        late = when >= pd.Timestamp(f"{split.cut}-01", tz="UTC")
        part[late & (part != "test") | ~late & (part == "test")] = ""
    return part
