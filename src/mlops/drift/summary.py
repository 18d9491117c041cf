"""What a column was in some rows, as numbers that add up: chunk by chunk the same as at once, so no table need fit in memory."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

EXACT = 2_000_000  # numbers of a column that are kept as they are; beyond, a quantile sketch
ACCURACY = 4096  # the k of the sketch


@dataclass
class Numbers:
    """Numbers of a column, NaN where a row has none.

    missing: rows without one. Up to EXACT numbers all are kept; beyond them a KLL sketch [Karnin, Lang and Liberty 2016], whose
    rank error, as a share of the rows, `error` says.
    """

    missing: int = 0
    _chunks: list[np.ndarray] = field(default_factory=list)
    _kept: int = 0
    _sketch: object = None

    def add(self, values: np.ndarray) -> None:
        """Take more rows, shape [rows], of any numeric type; infinite ones count as missing, as no model takes them."""
        values = np.asarray(values, dtype=np.float64)
        known = values[np.isfinite(values)]
        self.missing += len(values) - len(known)
        self._chunks.append(known)
        self._kept += len(known)
        if self._sketch is not None or self._kept > EXACT:
            self._fold()

    @property
    def known(self) -> int:
        """How many rows have a number."""
        return self._kept + (self._sketch.n if self._sketch is not None else 0)

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.known + self.missing

    @property
    def error(self) -> float:
        """The rank error that 99 of 100 answers stay within, as a share of the rows; 0 where all numbers are kept."""
        return self._sketch.normalized_rank_error(False) if self._sketch is not None else 0.0

    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (numbers, rising; share of the known rows that are at most that number), both [numbers kept]."""
        if self._sketch is None:
            self._chunks = [np.sort(np.concatenate(self._chunks or [np.empty(0)]))]
            (values,) = self._chunks
            return values, np.arange(1, len(values) + 1) / max(len(values), 1)
        values, weights = map(np.array, zip(*self._sketch, strict=True))
        order = np.argsort(values)
        return values[order], np.cumsum(weights[order]) / weights.sum()

    def _fold(self) -> None:
        if self._sketch is None:
            from datasketches import kll_doubles_sketch

            self._sketch = kll_doubles_sketch(ACCURACY)
        for chunk in self._chunks:
            self._sketch.update(chunk)
        self._chunks, self._kept = [], 0


@dataclass
class Values:
    """Values of a category, a boolean or a text, counted; None counts as a value of its own."""

    counts: Counter = field(default_factory=Counter)

    def add(self, values) -> None:
        """Take more rows: a pandas Series, or a pyarrow array."""
        for value, count in _counted(values):
            self.counts[None if value is None else str(value)] += count

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.counts.total()


def _counted(values) -> Iterator[tuple[object, int]]:
    if hasattr(values, "to_pylist"):  # of pyarrow: pandas costs half a second to import
        plain = values.dictionary_decode() if hasattr(values, "dictionary_decode") else values
        for pair in plain.value_counts().to_pylist():
            value = pair["values"]
            yield None if value != value else value, pair["counts"]  # NaN is not itself
        return
    import pandas as pd

    for value, count in pd.Series(values).value_counts(dropna=False).items():
        if count:  # a category of no row counts, too
            yield None if pd.isna(value) else value, int(count)
