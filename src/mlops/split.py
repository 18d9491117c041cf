"""Which part a row belongs to: a hash of its id and a fixed salt, for ever the same, never a shuffle."""

from hashlib import blake2b

import numpy as np
import pandas as pd

from mlops.contract import Contract
from mlops.params import Split

PARTS = ("train", "validation", "test", "holdout")


def keys(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return one key a row, shape [rows]: a hash of its id, so that lists of keys name nobody."""
    ids = frame[contract.id]
    if ids.dtype.kind == "f" and (ids == ids.round()).all():  # 7.0 is the id 7 of a table without gaps
        ids = ids.astype("int64")
    return np.array([blake2b(str(value).encode(), digest_size=8).hexdigest() for value in ids])


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
