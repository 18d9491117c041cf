"""The owner's files for a table: what they hold, and what of the old ones stays."""

import ast

import pytest
import yaml

from copies import SAMPLE
from mlops import config
from mlops.adopt import files
from mlops.contract import Contract
from mlops.params import Params
from mlops.yamledit import as_dvc_writes

OLD = {name: (SAMPLE / name).read_text(encoding="utf-8") for name in ("data/contract.yaml", "params.yaml", "dvc.yaml")}
ROWS = 300
TARGETS = {
    "binary": ["yes", "no", "no"] * 100,
    "multiclass": ["red", "green", "blue"] * 100,
    "regression": [row / 7 for row in range(ROWS)],
}


@pytest.fixture
def made(planned):
    """A function: task and the words of `make adopt` -> the plan of a table of 300 rows."""

    def make(task: str = "binary", **asked):
        columns = {
            "x": [(row * 37 % 101) / 8 for row in range(ROWS)],
            "group": ["a", "b", "c"] * 100,
            "day": [f"20{22 + row % 3}-0{1 + row % 9}-11" for row in range(ROWS)],
            "y": TARGETS[task],
        }
        return planned(columns, **asked)

    return make


def knobs(text: str) -> Params:
    """params.yaml, parsed."""
    return config.parse(text, Params, "params.yaml")


def comments(text: str) -> list[str]:
    """Every line of a file that is a comment."""
    return [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]


@pytest.mark.parametrize("task", TARGETS)
def test_the_contract_can_be_read_and_keeps_the_comment_on_top(made, task):
    """What each key means stays above them."""
    text = files.contract(made(task, protected=("group",)), OLD["data/contract.yaml"])
    assert text.startswith(OLD["data/contract.yaml"].split("\n\n")[0])
    contract = config.parse(text, Contract, "data/contract.yaml")
    assert (task, "y", ["group"], "t") == (contract.task, contract.target, contract.slices, contract.table)


@pytest.mark.parametrize("task", TARGETS)
def test_the_params_can_be_read_and_keep_their_comments(made, task):
    """Every comment of the old file is in the new one, in its order."""
    text = files.params(made(task), OLD["params.yaml"], 2.0, "linear")
    assert comments(OLD["params.yaml"]) == comments(text)
    found = knobs(text)
    assert ({"path": "data/table.parquet"}, "t-1", "linear") == (
        found.data.options,
        found.split.salt,
        found.train.estimator,
    )


def test_the_params_are_laid_out_as_an_experiment_writes_them(made):
    """So that `dvc exp run -S` changes one line."""
    text = files.params(made(), OLD["params.yaml"], 1.0)
    assert text == as_dvc_writes(text)


@pytest.mark.parametrize(
    ("task", "primary", "margins"),
    [
        ("binary", "roc_auc", {"average_precision", "log_loss", "brier", "f1"}),
        ("multiclass", "macro_f1", {"accuracy", "log_loss"}),
        ("regression", "rmse", {"mae", "r2"}),
    ],
)
def test_the_gates_are_those_of_the_task(made, task, primary, margins):
    """Its first metric decides, the others have margins; floors and waivers were the sample's."""
    gates = knobs(files.params(made(task), OLD["params.yaml"], 2.0)).gates
    assert (primary, margins, {}, []) == (gates.primary, set(gates.margins), gates.floors, gates.waivers)


def test_margins_of_a_number_are_in_its_own_units(made):
    """Those of an error grow with the target's standard deviation, that of a share does not."""
    small, large = (
        knobs(files.params(made("regression"), OLD["params.yaml"], spread)).gates for spread in (1.0, 500.0)
    )
    assert (0.02, 10.0) == (small.max_degradation, large.max_degradation)
    assert (0.02, 10.0) == (small.margins["mae"], large.margins["mae"])
    assert small.margins["r2"] == large.margins["r2"]
    assert (0.05, 25.0) == (small.slices.max_degradation, large.slices.max_degradation)


def test_the_window_is_the_tables_months(made):
    """With a time; without one there is none."""
    with_time = knobs(files.params(made(time="day"), OLD["params.yaml"], 1.0)).data
    assert ("2022-01", "2024-09") == (with_time.window.start, with_time.window.end)
    assert {"path": "data/table.parquet", "time": "day"} == with_time.options
    assert knobs(files.params(made(), OLD["params.yaml"], 1.0)).data.window is None


def test_tests_of_invariance_are_asked_for_where_a_column_is_protected(made):
    """Without one, none of that kind is made."""
    require = [
        knobs(files.params(plan, OLD["params.yaml"], 1.0)).behaviour.require
        for plan in (made(), made(protected=("group",)))
    ]
    assert [["minimum functionality"], ["minimum functionality", "invariance"]] == require


def test_checks_that_mean_nothing_here_do_not_gate(made):
    """Leakage of ids needs an id; the others stay."""
    gate = knobs(files.params(made(), OLD["params.yaml"], 1.0)).deepchecks.gate
    old = knobs(OLD["params.yaml"]).deepchecks.gate
    assert [name for name in old if name != "IndexTrainTestLeakage"] == gate


@pytest.mark.parametrize("section", ["deepchecks", "behaviour", "search"])
def test_a_section_that_was_left_out_is_no_obstacle(made, section):
    """Each may be: it has defaults."""
    values = {name: value for name, value in yaml.safe_load(OLD["params.yaml"]).items() if name != section}
    knobs(files.params(made(), yaml.safe_dump(values, sort_keys=False), 1.0))


def test_a_split_by_time_becomes_one_by_hash(made):
    """With its cut: that was another table's month."""
    old = OLD["params.yaml"].replace("by: hash", "by: time").replace("# cut: ", "cut: ")
    assert "time" == knobs(old).split.by
    split = knobs(files.params(made(), old, 1.0)).split
    assert ("hash", None) == (split.by, split.cut)


def test_what_a_table_does_not_change_stays(made):
    """Seeds, the split's shares, fairness, reports."""
    old, new = knobs(OLD["params.yaml"]), knobs(files.params(made(), OLD["params.yaml"], 1.0))
    assert (old.train.seed, old.gates.fairness, old.reports) == (new.train.seed, new.gates.fairness, new.reports)
    assert (old.split.train, old.split.test) == (new.split.train, new.split.test)


@pytest.mark.parametrize(
    ("task", "plots"),
    [
        ("binary", ["roc", "calibration", "scores"]),
        ("multiclass", ["confusion", "calibration", "scores"]),
        ("regression", ["calibration", "scores"]),
    ],
)
def test_the_pipeline_reads_the_table_and_draws_the_tasks_plots(made, task, plots):
    """All stages stay as they are but ingest, which depends on the table."""
    old, new = yaml.safe_load(OLD["dvc.yaml"]), yaml.safe_load(files.pipeline(made(task), OLD["dvc.yaml"]))
    assert ["data/table.parquet"] == new["stages"]["ingest"].pop("deps")
    assert old["stages"] == new["stages"]
    assert [f"reports/plots/{name}.csv" for name in plots] == [next(iter(plot)) for plot in new["plots"]]


@pytest.mark.parametrize("task", TARGETS)
def test_a_second_time_changes_nothing(made, task):
    """The files of a table are those of the table, whatever was there."""
    plan = made(task, protected=("group",), time="day")
    once = files.texts(plan, OLD, 2.0, "linear")
    assert once == files.texts(plan, once, 2.0, "linear")
    assert once == files.texts(plan, files.texts(made("binary"), OLD, 1.0, "gradient_boosting"), 2.0, "linear")


def test_the_source_reads_the_table(made, tmp_path, monkeypatch):
    """All rows, or those of the months that are asked for."""
    plan = made(time="day")
    plan.frame.write_parquet(tmp_path / "table.parquet")
    space: dict = {}
    exec(files.SOURCE, space)  # noqa: S102 - it is what is tested
    rows = space["read"](None, None, {"path": str(tmp_path / "table.parquet")})
    assert (ROWS, {*plan.frame.columns}) == (len(rows), {*rows.columns})
    some = space["read"]("2022-02", "2022-04", {"path": str(tmp_path / "table.parquet"), "time": "day"})
    assert {"2022-04"} == set(some["day"].dt.strftime("%Y-%m"))


@pytest.mark.parametrize("source", [files.SOURCE, files.METRICS])
def test_the_hooks_are_marked_as_the_owners(source):
    """And say what they are for."""
    assert ast.get_docstring(ast.parse(source)).startswith("YOURS: ")
