"""Stage `behaviour`: what the owner's tests found, counted; a person's values only where params say so.

The stage runs pytest, so each run here is a process of its own.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from copies import lay_out
from mlops.files import read_json, write_text
from mlops.paths import BEHAVIOUR
from tables import Folder

CANARY = "Jane Canary"
TESTS = {
    "tests/conftest.py": "raise RuntimeError('the template\\'s own')",
    "tests/model/test_minimum_functionality.py": f"""
def test_holds(score, rows):
    assert score(rows).min() >= 0

def test_fails_with_a_word_of_its_own(rows):
    assert False, f"{{len(rows)}} rows are too few"

def test_knows_the_targets(rows, targets):
    assert list(targets(rows)) == list(rows["default"])

def test_fails_without_a_word():
    assert "{CANARY}" == "someone else"

def test_stops():
    {{}}["{CANARY}"]

def test_has_no_such_fixture(nothing):
    pass
""",
    "tests/model/test_invariance.py": """
import pytest

@pytest.mark.parametrize("column", ["gender", "income"])
def test_swap(column, inputs, protected, by_construction):
    assert column in protected or column in inputs
    if column not in inputs:
        by_construction(f"the model does not read {column}")

def test_most_hold(rows, cases, limits):
    cases([True] * 199 + [False], at_least=limits.invariance)

class TestSwapOfTwo:
    def test_the_same_is_the_same(self, rows, decide, same, cases):
        cases(same(decide(rows), decide(rows)))

def test_too_few_hold(rows, cases):
    cases(rows["age"] > rows["age"].min() + 10, at_least=0.95)

def test_of_nothing(cases):
    cases([])
""",
    "tests/model/test_directional.py": """
import pytest

def test_decisions_are_scores_at_the_threshold(rows, score, decide, model, cases):
    cases(decide(rows) == (score(rows) >= model.threshold))

def test_own_table(rows, decide, cases):
    few = rows.head(10)
    cases(decide(few) == decide(few), frame=few)

@pytest.mark.skip(reason="no such rows yet")
def test_skipped():
    pass

@pytest.mark.xfail(reason="known since spring")
def test_expected_to_fail():
    assert False
""",
    "tests/model/test_more.py": """
def test_of_my_own():
    pass

class TestInvariance:
    def test_in_a_class(self):
        pass

class TestOther:
    def test_in_another_class(self):
        pass
""",
}
OWN = sum(text.count("def test_") for text in TESTS.values()) + 1  # one runs twice
BUILTIN = {  # what the sample's contract makes of the template's own tests
    "test_every_score_is_what_the_task_says": "minimum functionality",
    "test_it_knows_more_than_the_average": "minimum functionality",
    "test_a_row_with_nothing_in_it_gets_an_answer": "minimum functionality",
    "test_swapping_a_protected_column_keeps_the_decision[gender]": "invariance",
    "test_swapping_a_protected_column_keeps_the_decision[race]": "invariance",
}


def behave(tests: dict[str, str]) -> subprocess.CompletedProcess:
    """Run `mlops behaviour` in the working directory with these test files."""
    for name, text in tests.items():
        write_text(name, text)
    return subprocess.run([sys.executable, "-m", "mlops", "behaviour"], capture_output=True, text=True)


@pytest.fixture(scope="module")
def report(evaluated, tmp_path_factory):
    """A function (examples): {test: its line} of behaviour.json, the exit code, and the file's text."""
    found = {}
    for examples in (False, True):
        folder = Folder(tmp_path_factory.mktemp("behaviour") / "copy")
        shutil.copytree(evaluated.path, folder.path)
        folder.set_params({"reports.examples": examples})
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder.path)
            code = behave(TESTS).returncode
            lines = {line["test"]: line for line in read_json(BEHAVIOUR, "")["tests"]}
            found[examples] = lines, code, Path(BEHAVIOUR).read_text(encoding="utf-8")
    return found.__getitem__


@pytest.mark.parametrize(
    ("test", "kind", "status"),
    [
        ("test_holds", "minimum functionality", "pass"),
        ("test_fails_with_a_word_of_its_own", "minimum functionality", "fail"),
        ("test_fails_without_a_word", "minimum functionality", "fail"),
        ("test_stops", "minimum functionality", "fail"),
        ("test_has_no_such_fixture", "minimum functionality", "fail"),
        ("test_swap[gender]", "invariance", "by construction"),
        ("test_swap[income]", "invariance", "pass"),
        ("test_most_hold", "invariance", "pass"),
        ("test_too_few_hold", "invariance", "fail"),
        ("test_of_nothing", "invariance", "fail"),
        ("test_decisions_are_scores_at_the_threshold", "directional", "pass"),
        ("test_own_table", "directional", "pass"),
        ("test_skipped", "directional", "skipped"),
        ("test_expected_to_fail", "directional", "skipped"),
        ("test_of_my_own", "own", "pass"),
        ("test_in_a_class", "invariance", "pass"),
        ("test_in_another_class", "own", "pass"),
        ("test_the_same_is_the_same", "invariance", "pass"),
        ("test_knows_the_targets", "minimum functionality", "pass"),
    ],
)
def test_every_test_has_its_kind_and_status(report, test, kind, status):
    """The class or the file says the kind; a test that is skipped or expected to fail is no pass."""
    line = report(False)[0][test]
    assert (kind, status) == (line["kind"], line["status"])


def test_there_is_one_line_a_test(report):
    """Nothing is left out, and a failing test does not stop the pipeline."""
    lines, code, text = report(False)
    assert OWN + len(BUILTIN) == len(lines) == text.count('"test"')
    assert 0 == code


def test_the_templates_own_tests_stand_beside_the_owners(report):
    """Those that the contract means, each with its kind; the sample names no direction, so none is tested."""
    lines = report(False)[0]
    assert BUILTIN == {name: lines[name]["kind"] for name in BUILTIN}
    assert [] == [name for name in lines if name.startswith("test_a_larger_value")]
    assert {"by construction"} == {lines[name]["status"] for name, kind in BUILTIN.items() if kind == "invariance"}


def test_cases_are_counted(report, evaluated):
    """How many cases there were, how many failed, and which share was asked for."""
    lines, rows = report(False)[0], evaluated.parts()["test"]
    counted = {name: tuple(lines[name][key] for key in ("cases", "failed", "required")) for name in lines}
    young = int((rows["age"] <= rows["age"].min() + 10).sum())
    assert (200, 1, 0.99) == counted["test_most_hold"]
    assert (len(rows), young, 0.95) == counted["test_too_few_hold"]
    assert (10, 0, 1.0) == counted["test_own_table"]
    assert (0, 0, 1.0) == counted["test_of_nothing"]
    assert (0, 0, None) == counted["test_holds"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("test_holds", ""),
        ("test_fails_with_a_word_of_its_own", "{rows} rows are too few"),
        ("test_fails_without_a_word", "an assertion without a message of its own is false"),
        ("test_stops", "it stopped with KeyError: run `mlops behaviour` to read why"),
        ("test_of_nothing", "no cases: a share of nothing proves nothing"),
        ("test_swap[gender]", "holds by construction: the model does not read gender"),
        ("test_skipped", "no such rows yet"),
        ("test_expected_to_fail", "known since spring"),
    ],
)
def test_the_owners_words_are_kept(report, evaluated, test, message):
    """A reason of the owner's is kept as it is; words of Python, which quote values, are not."""
    expected = message.format(rows=len(evaluated.parts()["test"]))
    assert expected == report(False)[0][test]["message"]


def test_the_share_that_held_is_said(report):
    """A test of cases fails with its share and the one required."""
    message = report(False)[0]["test_too_few_hold"]["message"]
    assert message.startswith("holds in ")
    assert message.endswith(" cases, 95.00% required")


def test_values_are_shown_only_where_params_say_so(report):
    """Without reports.examples no value of a row is in the report; with it, three failing rows and Python's words are."""
    (hidden, _, closed), (shown, _, opened) = report(False), report(True)
    assert [[]] * len(hidden) == [line["examples"] for line in hidden.values()]
    assert [False, True] == [CANARY in text for text in (closed, opened)]
    examples = shown["test_too_few_hold"]["examples"]
    assert 3 == len(examples)
    assert {"application_id", "age", "income"} <= set(examples[0])
    assert examples[0]["application_id"] not in closed


def test_cases_that_are_no_rows_have_no_examples(report):
    """200 cases about other rows point at none of the table."""
    assert [] == report(True)[0]["test_most_hold"]["examples"]


def refusal(tests: dict[str, str]) -> str:
    """What the stage says where it exits with 2 and writes nothing."""
    done = behave(tests)
    assert 2 == done.returncode
    assert not Path(BEHAVIOUR).exists()
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("tests", [{}, {"tests/model/test_invariance.py": "X = 1\n"}], ids=["no folder", "no test"])
def test_without_tests_of_the_owners_the_templates_run(trained, tests):
    """Whether that is enough, the gate says: `behaviour.require` in params.yaml."""
    done = behave(tests)
    assert (0, set(BUILTIN)) == (done.returncode, {line["test"] for line in read_json(BEHAVIOUR, "")["tests"]})


def test_what_a_person_adds_to_their_pytest_changes_nothing(trained, monkeypatch):
    """The report is a DVC output: it is the same on every machine."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing_of_this_name")
    done = behave({})
    assert (0, set(BUILTIN)) == (done.returncode, {line["test"] for line in read_json(BEHAVIOUR, "")["tests"]})


def test_the_owners_tests_import_the_owners_modules(evaluated, tmp_path, monkeypatch):
    """And not the sample's, which this repository's own tests put on their path."""
    root = lay_out(tmp_path)
    for name in ("data/prepared", "models"):
        shutil.copytree(evaluated.path / name, root / name)
    shutil.rmtree(root / "tests/model")
    monkeypatch.chdir(root)
    monkeypatch.setenv("PYTHONPATH", str(root / "src"))
    behave({"tests/model/test_more.py": f"""
import model.features

def test_mine():
    assert {str(root / "src/model/features.py")!r} == model.features.__file__, model.features.__file__
"""})  # fmt: skip
    (line,) = (line for line in read_json(BEHAVIOUR, "")["tests"] if line["test"] == "test_mine")
    assert ("pass", "") == (line["status"], line["message"])


@pytest.mark.parametrize("text", ["import no_such_module\n", "def test_(:\n"])
def test_refuses_a_file_that_does_not_import(folder, text):
    """The file is named, and the tests beside it do not stand for it."""
    expected = "mlops behaviour: tests/model/test_directional.py cannot be imported: the lines above say why"
    assert expected == refusal(
        {"tests/model/test_directional.py": text, "tests/model/test_more.py": "def test_(): pass"}
    )


def test_refuses_a_conftest_that_does_not_import(trained):
    """What breaks pytest itself is said with its exit code: nothing was proved, which is no pass."""
    said = refusal(
        {"tests/model/conftest.py": "raise RuntimeError('no')", "tests/model/test_more.py": "def test_(): pass"}
    )
    assert said.startswith("mlops behaviour: tests/model could not be run (pytest exit ")


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_fixtures_are_of_the_contracts_task(copied, task):
    """Targets, scores and decisions are what mlops.task says; two numbers are the same within a hundredth of their spread."""
    folder = copied(task)
    test = {
        "multiclass": """
import numpy as np

def test_it(rows, targets, score, decide, same, cases):
    assert list(np.array(["rent", "own", "mortgage"])[targets(rows)]) == list(rows["housing"])
    assert list(score(rows).argmax(axis=1)) == list(decide(rows))
    assert [True, False] == list(same(np.array([1, 1]), np.array([1, 2])))
    cases(same(decide(rows), decide(rows)))
""",
        "regression": """
import numpy as np

def test_it(rows, targets, score, decide, same, cases):
    assert list(targets(rows)) == list(rows["amount"]) and list(score(rows)) == list(decide(rows))
    step = rows["amount"].to_numpy().std() / 100
    assert [True, False] == list(same(np.array([1.0, 1.0]), 1 + np.array([0.99, 1.01]) * step))
    cases(same(decide(rows), decide(rows)))
""",
    }[task]
    assert 0 == behave({"tests/model/test_more.py": test}).returncode
    (line,) = (line for line in read_json(BEHAVIOUR, "")["tests"] if line["test"] == "test_it")
    assert ("pass", len(folder.parts()["test"])) == (line["status"], line["cases"])
