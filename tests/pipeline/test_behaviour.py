"""Stage `behaviour`: what the owner's tests found, counted; a person's values only where params say so.

The stage runs pytest, so each run here is a process of its own.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
    "tests/model/test_more.py": "def test_of_my_own(): pass",
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
    ],
)
def test_every_test_has_its_kind_and_status(report, test, kind, status):
    """The file says the kind; a test that is skipped or expected to fail is no pass."""
    line = report(False)[0][test]
    assert (kind, status) == (line["kind"], line["status"])


def test_there_is_one_line_a_test(report):
    """Nothing is left out, and a failing test does not stop the pipeline."""
    lines, code, text = report(False)
    assert 15 == len(lines) == text.count('"test"')
    assert 0 == code


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


@pytest.mark.parametrize("tests", [{}, {"tests/model/test_invariance.py": "X = 1\n"}])
def test_refuses_where_there_is_no_test(folder, tests):
    """No folder, or no test in it: nothing was proved, which is no pass."""
    assert refusal(tests).startswith("mlops behaviour: tests/model has no test that could be run (pytest exit ")


@pytest.mark.parametrize("text", ["import no_such_module\n", "def test_(:\n"])
def test_refuses_a_file_that_does_not_import(folder, text):
    """The file is named, and the tests beside it do not stand for it."""
    expected = "mlops behaviour: tests/model/test_directional.py cannot be imported: the lines above say why"
    assert expected == refusal(
        {"tests/model/test_directional.py": text, "tests/model/test_more.py": "def test_(): pass"}
    )
