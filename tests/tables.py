"""A small working folder for the pipeline's stages: the sample's params.yaml and contract, edited where a test asks, and few rows."""

import importlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from copies import SAMPLE
from mlops import contract, params, paths
from mlops.files import read_table, write_table
from mlops.metrics import PRIMARY
from model.sample import generate

TASKS = ("binary", "multiclass", "regression")
QUESTIONS = {  # what the contract asks about the same table; None takes a key out
    "multiclass": {"task": "multiclass", "target": "housing", "positive": None},
    "regression": {"task": "regression", "target": "amount", "positive": None},
}
SMALL = {"data.window": {"start": "2024-01", "end": "2024-04"}, "data.options": {"seed": 7, "rows_per_month": 300}}


def one_thread():
    """A context in which trees are fitted on one thread, as every verb does: several wait for each other on few rows."""
    import sklearn.ensemble  # noqa: F401 - its threads are limited where they are loaded
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def applications(count: int = 1200, **columns) -> pd.DataFrame:
    """`count` rows of the sample's first months of 2024; `columns` replace or add columns."""
    months = -(-count // 300)
    return generate("2024-01", f"2024-{months:02d}", rows_per_month=300).head(count).assign(**columns)


@dataclass(frozen=True)
class Folder:
    """A folder with params.yaml and data/contract.yaml, in which stages run when it is the working directory."""

    path: Path

    def start(self) -> "Folder":
        """Copy both files here, with a window of four months and 300 rows in each."""
        (self.path / "data").mkdir()
        for name in (paths.PARAMS, paths.CONTRACT):
            (self.path / name).write_bytes((SAMPLE / name).read_bytes())
        return self.set_params(SMALL)

    def set_params(self, changes: dict) -> "Folder":
        """Set keys of params.yaml: {"split.by": "time"}; None takes a key out."""
        return self._edit(paths.PARAMS, changes)

    def set_contract(self, changes: dict) -> "Folder":
        """Set keys of data/contract.yaml: {"columns.age.max": 90}; None takes a key out."""
        return self._edit(paths.CONTRACT, changes)

    def ask(self, task: str) -> "Folder":
        """Let the contract ask a question of this task, and params limit its first metric."""
        if task == "binary":
            return self
        limits = {"gates.primary": PRIMARY[task], "gates.margins": {}, "gates.floors": {}}
        return self.set_contract(QUESTIONS[task]).set_params(limits)

    def _edit(self, name: str, changes: dict) -> "Folder":
        file = self.path / name
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        for key, value in changes.items():
            *above, last = key.split(".")
            place = values
            for part in above:
                place = place[part]
            if value is None:
                del place[last]
            else:
                place[last] = value
        file.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return self

    def raw(self, frame: pd.DataFrame) -> "Folder":
        """Write `frame` as the table that `ingest` would have read."""
        write_table(self.path / paths.RAW, frame)
        return self

    def run(self, *stages: str) -> "Folder":
        """Run the stages as DVC does, in this process."""
        for stage in stages:
            importlib.import_module(f"mlops.pipeline.{stage}").run(None)
        return self

    def parts(self) -> dict[str, pd.DataFrame]:
        """The prepared rows of each part."""
        return {
            name: read_table(self.path / paths.PART.format(name)) for name in ("train", "validation", "test", "holdout")
        }

    @property
    def table(self) -> contract.Contract:
        """The contract as it is here."""
        return contract.read(self.path)

    @property
    def knobs(self) -> params.Params:
        """The params as they are here."""
        return params.read(self.path)
