"""Data quality of a window: the contract's rules, by Great Expectations."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd

from mlops.contract import Column, Contract
from mlops.drift.finding import CRITICAL, DRIFT, OK, Finding
from mlops.drift.log import AT, REQUEST
from mlops.drift.looked import ALL
from mlops.params import Drift

SHARE = "not_be_null mostly"  # rules about a share of rows, which few rows break by chance


@dataclass
class Quality:
    """The contract's rules over rows that come in chunks, by column and rule, and how many rows there are."""

    rules: dict[tuple[str, str], dict] = field(default_factory=dict)
    rows: int = 0

    def add(self, frame: pd.DataFrame, table: Contract) -> None:
        """Hold more rows against the rules."""
        from mlops.pipeline.validate import held as validated

        found, _ = validated(frame.drop(columns=[REQUEST, AT], errors="ignore"), held(table, frame))
        self.rows += len(frame)
        for rule in found:
            key = rule["column"], rule["rule"]
            before = self.rules.get(key, {"count": 0, "passed": True})
            count, passed = rule["count"] + before["count"], rule["passed"] and before["passed"]
            allowed = table.columns[key[0]].missing_share if SHARE in key[1] else None
            self.rules[key] = rule | {"count": count, "passed": passed, "allowed": allowed}

    @property
    def broken(self) -> list[dict]:
        """The rules that the rows break: each chunk has to keep one about single rows, all together one about their share."""
        told = [rule | {"share": rule["count"] / self.rows} for rule in self.rules.values()]
        return [
            rule
            for rule in told
            if (not rule["passed"] if rule["allowed"] is None else round(rule["share"] - rule["allowed"], 6) > 0)
        ]


def check(quality: Quality, knobs: Drift) -> Iterator[Finding]:
    """Yield a finding a rule that is broken, one that says so where none is: critical where the contract calls the rule that.

    Of few rows only rules that each row has to keep are held.
    """
    from mlops.pipeline.validate import sentence

    broken = [rule for rule in quality.broken if quality.rows >= knobs.min_rows or rule["allowed"] is None]
    for rule in broken:
        state = CRITICAL if rule["severity"] == "critical" else DRIFT
        yield Finding("quality", rule["column"], ALL, rule["rule"], rule["share"], 0.0, None, state, sentence(rule))
    if not broken:
        yield Finding(
            "quality", "contract", ALL, "rules broken", 0.0, 0.0, None, OK, f"{len(quality.rules)} rules hold"
        )


def held(table: Contract, frame: pd.DataFrame) -> Contract:
    """Return the contract as it holds of new rows, which may lack columns that no model reads, and labels.

    Of served rows the service asks for features alone, and one id may be asked about twice.
    """
    served = REQUEST in frame
    kept = {
        name: _held(table, name, column, served)
        for name, column in table.columns.items()
        if name in frame or name in table.features
    }
    return table.model_copy(update={"columns": kept, "id": table.id if table.id in frame and not served else None})


def _held(table: Contract, name: str, column: Column, served: bool) -> Column:
    if name == table.target:
        return column.model_copy(update={"nullable": 1.0})
    if served and name not in table.features:
        return column.model_copy(update={"nullable": 1.0, "severity": "warning"})
    return column
