"""What `make adopt` was asked, and the plan that it makes of a table: plain data that target, roles and entries fill in."""

from dataclasses import dataclass, field

import polars as pl

from mlops.adopt.columns import Found


@dataclass(frozen=True)
class Asked:
    """What a person said beside the file: the words of `make adopt`."""

    target: str
    protected: tuple[str, ...] = ()
    time: str | None = None
    id: str | None = None
    group: str | None = None
    positive: str | None = None
    task: str | None = None


@dataclass
class Plan:
    """A table as it will be kept, its contract, and what a person reads: words a column, and what is left to decide."""

    frame: pl.DataFrame
    contract: dict
    found: dict[str, Found]
    words: list[tuple[str, str]] = field(default_factory=list)
    decide: list[str] = field(default_factory=list)
    repeats: bool = False  # most rows repeat another one by chance, as no column has many values

    def say(self, name: str, sentence: str) -> None:
        """Add what a person reads about a column."""
        self.words.append((name, sentence))

    def keep(self, rows: pl.Series) -> None:
        """Leave out the rows that are not true in `rows`, boolean, [rows]."""
        if not rows.all():
            self.frame = self.frame.filter(rows)
            for name, each in self.found.items():
                each.values = self.frame[name]

    @property
    def features(self) -> list[str]:
        """The columns that the model may read."""
        apart = {self.contract[role] for role in ("target", "id", "group", "time")}
        columns = self.contract["columns"].items()
        return [
            name for name, column in columns
            if column.get("feature", True) and not column.get("protected") and name not in apart and column["type"] not in ("date", "text")
        ]  # fmt: skip


def counts(values: pl.Series, most: int | None = None) -> list[tuple]:
    """Return the `most` most frequent (value, rows); of equally frequent ones the first by name."""
    plain = values.cast(pl.String) if values.dtype == pl.Categorical else values
    counts = plain.drop_nulls().alias("").value_counts(name="rows").sort("rows", "", descending=[True, False])
    return counts.head(most).rows() if most else counts.rows()


def holds(found: Found) -> str:
    """Return what a column holds, for a sentence that refuses it."""
    if found.kind == "empty":
        return "holds nothing"
    shown = str(found.values.drop_nulls()[0])[:40]
    return f"holds {shown} in every row" if found.kind == "constant" else f"holds {found.kind} values such as {shown}"
