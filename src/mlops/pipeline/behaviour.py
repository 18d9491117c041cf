"""Stage `behaviour`: the tests that the contract means, and the owner's tests/model, on the exported model. Run: mlops behaviour.

Writes reports/behaviour.json. A failing test does not stop the pipeline: it is a red gate of the verdict. This module is also
the pytest plugin that gives both their fixtures: rows, targets, score, decide, same, inputs, protected, limits, cases.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from mlops import contract, params, task
from mlops.errors import CannotRun
from mlops.files import read_table, write_json
from mlops.onnx_model import Model
from mlops.paths import BEHAVIOUR, PART

FOLDER = "tests/model"
BUILTIN = Path(__file__).with_name("builtin.py")
KINDS = {  # by the class's name, or the file's
    "test_minimum_functionality": "minimum functionality",
    "test_invariance": "invariance",
    "test_directional": "directional",
    "TestMinimumFunctionality": "minimum functionality",
    "TestInvariance": "invariance",
    "TestDirectional": "directional",
}
SIGNS = {"up": 1, "down": -1}


def run(args) -> None:
    """Run all tests and write what each found; raises CannotRun where a file cannot be read."""
    os.environ.pop("PYTEST_ADDOPTS", None)  # what a person likes to see of tests changes no lock
    plugin = Plugin(params.read().reports.examples)
    options = ["-q", "--no-header", "--rootdir=.", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    options += ["-o", "pythonpath="]  # the repository's own tests import the sample's model, these the owner's
    if not plugin.examples:  # pytest shows the values of a failed comparison: rows would stand in CI's log
        options += ["--assert=plain", *(["--tb=line"] if os.environ.get("CI") else [])]
    folders = [FOLDER] if Path(FOLDER).is_dir() else []
    above = FOLDER if folders else str(BUILTIN.parent)  # no conftest.py from further up
    code = pytest.main([str(BUILTIN), *folders, "--confcutdir", above, *options], plugins=[plugin])
    if plugin.broken:
        raise CannotRun(f"{plugin.broken[0]} cannot be imported: the lines above say why")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not plugin.results:
        raise CannotRun(f"{FOLDER} could not be run (pytest exit {int(code)}): the lines above say why")
    write_json(BEHAVIOUR, {"schema": 1, "tests": plugin.results})


class Plugin:
    """Fixtures for the tests, and a line of the report for each."""

    def __init__(self, examples: bool):
        self.examples = examples  # whether values of rows may be shown
        self.results: list[dict] = []
        self.broken: list[str] = []
        self.counted: dict[str, dict] = {}

    @pytest.fixture(scope="session")
    def model(self):
        """The exported model, as it will serve."""
        return Model.read()

    @pytest.fixture(scope="session")
    def rows(self):
        """The test rows with every column of the contract."""
        return read_table(PART.format("test"))

    @pytest.fixture(scope="session")
    def score(self, model):
        """A function: table -> score of each row."""
        return model.score

    @pytest.fixture(scope="session")
    def targets(self):
        """A function: table -> target of each row, as mlops.task says."""
        table = contract.read()
        return lambda frame: contract.targets(frame[table.target], table)

    @pytest.fixture(scope="session")
    def decide(self, model):
        """A function: table -> decision of each row."""
        return lambda frame: model.decide(model.score(frame))

    @pytest.fixture(scope="session")
    def same(self, model, rows, targets):
        """A function: two decisions a row -> whether they are the same; of numbers, within a hundredth of the target's spread."""
        if model.task != "regression":
            return lambda one, other: one == other
        step = 0.01 * task.spread(model.task, targets(rows))
        return lambda one, other: np.abs(one - other) <= step

    @pytest.fixture(scope="session")
    def inputs(self, model):
        """The columns that the model reads."""
        return [column["name"] for column in model.columns]

    @pytest.fixture(scope="session")
    def protected(self):
        """{column: its values} of the protected categories in the contract."""
        return {name: column.categories for name, column in contract.read().protected.items() if column.categories}

    @pytest.fixture(scope="session")
    def limits(self):
        """The shares of params.yaml, section behaviour."""
        return params.read().behaviour

    @pytest.fixture
    def cases(self, request, rows):
        """A function (holds, at_least): count the cases that fail, and fail the test where too few hold."""
        return lambda holds, at_least=1.0, frame=None: self._count(
            request.node.nodeid, np.asarray(holds, bool), at_least, rows if frame is None else frame
        )

    @pytest.fixture
    def by_construction(self, request):
        """A function (reason): the test has nothing to look at; it is said, and is no pass."""

        def say(reason: str):
            pytest.skip(f"holds by construction: {reason}")

        return say

    def pytest_generate_tests(self, metafunc):
        """Give the contract's columns to the tests that ask for one."""
        table = contract.read()
        if "protected_column" in metafunc.fixturenames:
            metafunc.parametrize("protected_column", list(table.protected))
        if "directed_column" in metafunc.fixturenames:
            found = {name: SIGNS[column.direction] for name, column in table.features.items() if column.direction}
            metafunc.parametrize("directed_column", found.items(), ids=found)

    def _count(self, test: str, holds: np.ndarray, at_least: float, frame) -> None:
        failed = int((~holds).sum())
        self.counted[test] = {
            "cases": len(holds),
            "failed": failed,
            "required": at_least,
            "examples": _examples(frame, holds) if self.examples else [],
        }
        assert len(holds), "no cases: a share of nothing proves nothing"
        share = 1 - failed / len(holds)
        assert share >= at_least, f"holds in {share:.2%} of {len(holds):,} cases, {at_least:.2%} required"

    def pytest_collectreport(self, report):
        """Keep the files that could not be read as tests."""
        if report.failed:
            self.broken.append(report.nodeid)

    def pytest_runtest_logreport(self, report):
        """Keep one line a test: from its call, or from a set-up that ended it."""
        if report.when != "call" and report.outcome == "passed":
            return
        empty = {"cases": 0, "failed": 0, "required": None, "examples": []}
        file, *classes, name = report.nodeid.split("::")
        called = [*classes, Path(file).stem]
        kind = next((KINDS[name] for name in called if name in KINDS), "own")
        if "NOTSET" in name:  # the contract names no such column
            return
        status = {"passed": "pass", "failed": "fail"}.get(
            report.outcome, "by construction" if "holds by construction" in str(report.longrepr) else "skipped"
        )
        self.results.append(
            {
                "test": name,
                "kind": kind,
                "status": status,
                "message": _message(report, self.examples),
                **self.counted.get(report.nodeid, empty),
            }
        )


def _message(report, examples: bool) -> str:
    """The owner's own words; those of Python and pytest quote values of rows."""
    if report.outcome == "skipped":
        known = isinstance(report.longrepr, tuple)
        return report.longrepr[2].removeprefix("Skipped: ") if known else getattr(report, "wasxfail", "")
    crash = getattr(report.longrepr, "reprcrash", None)
    first = crash.message.splitlines()[0] if crash and crash.message else ""
    own = first.removeprefix("AssertionError: ").removeprefix("Failed: ")
    if examples or (own != first and not own.startswith("assert ")):
        return own[:300]
    if first.startswith(("assert ", "AssertionError")):
        return "an assertion without a message of its own is false"
    return f"it stopped with {first.partition(':')[0]}: run `mlops behaviour` to read why" if first else ""


def _examples(frame, holds) -> list[dict]:
    """Up to three failing rows."""
    if len(frame) != len(holds):
        return []
    return [{name: str(value) for name, value in row.items()} for row in frame[~holds].head(3).to_dict("records")]
