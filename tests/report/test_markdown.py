"""report.md: the answer first, one line a fact, no more than a comment may hold, and no row of the data."""

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from math import nan
from pathlib import Path

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options

from judging import (
    CITIES,
    COMMIT,
    TABLES,
    TASKS,
    TEST,
    TESTS,
    WORLDS,
    blurred,
    checks,
    evidence,
    first_run,
    holding,
    knobs,
    world,
)
from mlops import gates, paths, report, verdict
from mlops.files import write_text
from mlops.gates.result import STATUSES, Gate
from mlops.paths import REPORT, REPORT_PAGE, VERDICT
from mlops.report.changes import Changes
from mlops.report.markdown import CUT, LIMIT, MARKS, MORE, render

QUIET = Changes([], ["the same data, `cccccccccccc`, in the same parts"], [], [], [])
CANARY = "canary-7f3a"
SECTIONS = ["Metrics", "What changed", "Groups", "Charts"]


@cache
def seen() -> list[Gate]:
    """What the gates say of evidence that holds."""
    return gates.judge(holding())


def told(found=None, changes=QUIET, waivers=(), **broken) -> str:
    """The report on evidence that holds, but for `broken`."""
    known = seen() if found is None and not broken else None
    found = replace(found or holding(), **({"params": knobs({"waivers": list(waivers)})} if waivers else {}), **broken)
    return render(verdict.decide(found, known or gates.judge(found)), found, changes)


def red(message: str, name: str = "lock") -> dict:
    """A verdict with one failed gate that says `message`."""
    return verdict.decide(holding(), [Gate(name, "Lock", "fail", None, 1e-5, message)])


def sections(text: str) -> list[str]:
    return re.findall(r"^### (.*)$", text, flags=re.M)


def drawn(text: str) -> str:
    """The page that GitHub's own parser makes, with the tags that the text holds."""
    return github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)


def cells(text: str, title: str) -> list[list[str]]:
    """The rows of the table in which a cell is `title`, by GitHub's own parser."""
    tables = re.findall(r"<table>.*?</table>", drawn(text), flags=re.S)
    (table,) = [table for table in tables if f"<td>{title}</td>" in table]
    return [
        re.findall(r"<t[dh]>(.*?)</t[dh]>", row, flags=re.S) for row in re.findall(r"<tr>.*?</tr>", table, flags=re.S)
    ]


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, "**This pull request passes**: no gate failed of "),
        ({"lint": "fail"}, "**This pull request FAILS**: 1 of "),
        ({"skipped": frozenset({"deepchecks"})}, "**This pull request is partial**: no gate failed of "),
    ],
)
def test_the_answer_is_the_first_line(changes, answer):
    """Pass, fail or partial, and why, before all else."""
    assert told(**changes).startswith(answer)


def test_sections_come_in_their_order():
    """Figures, what is red, what changed, groups, charts."""
    assert SECTIONS == sections(told())
    assert ["Metrics", "Why it is red", "What changed", "Groups", "Charts"] == sections(told(lint="fail"))


def test_what_could_not_be_judged_says_so_first():
    """An error has its sentence first, further ones as a list, and what to do; nothing else."""
    text = render(verdict.error("params.yaml: unknown key 'gatess'\nparams.yaml: 'data' is missing"), None, None)
    assert text.startswith(
        "**This pull request could not be judged**: params.yaml: unknown key 'gatess'\n\n- params.yaml"
    )
    assert text.endswith("run `make pr` again.\n")
    assert [] == sections(text)


def test_a_broken_contract_is_red_and_has_its_command():
    """A gate that stopped the pipeline is shown as any red gate."""
    failed = [Gate("data_contract", "Data contract", "fail", 1, 0, "column 'income' breaks a rule")]
    text = render(verdict.error("stopped", failed), None, None)
    assert text.startswith("**This pull request FAILS**: column 'income' breaks a rule")
    assert "- ❌ **Data contract**: column 'income' breaks a rule. More: `reports/data_docs/index.html`" in text


def test_metrics_stand_beside_main_with_their_intervals():
    """The primary metric is first; each has both values, the change, its interval and its limit."""
    head, first, *rest = cells(told(), "ROC AUC")
    assert ["metric", "main", "this PR", "Δ", "95 % interval of Δ", "limit of Δ"] == head
    assert ["ROC AUC", "-0.01"] == [first[0], first[-1]]
    assert ["+0.02"] == [row[-1] for row in rest if row[0] == "Log loss"]
    assert "1,000 test rows that neither model trained on. Main: main's own model, scored on the same rows (`" in told()


@pytest.mark.parametrize(
    ("task", "limits"),
    [
        ("multiclass", {"Macro F1": "-0.01", "Log loss": "+0.02", "Recall of low": "-0.05", "Accuracy": "-"}),
        ("regression", {"RMSE": "+0.01", "MAE": "+0.02", "R²": "-0.02"}),
    ],
)
def test_metrics_are_those_of_the_task(task, limits):
    """The primary metric is first, and the sign of each limit says which way is worse."""
    rows = cells(told(holding(task)), next(iter(limits)))[1:]
    assert next(iter(limits)) == rows[0][0]
    assert limits == {row[0]: row[-1] for row in rows if row[0] in limits}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("made", [holding, first_run])
def test_every_task_has_every_section(made, task):
    """Figures, groups by the task's first metric, and charts; nothing in it is no number."""
    text = told(made(task))
    assert SECTIONS == sections(text)
    worst = {"binary": "ROC AUC", "multiclass": "Macro F1", "regression": "RMSE"}[task]
    assert f"### Groups\n\nWorst {worst} of this model:" in text
    assert not re.search(r"\bnan\b|not a number", text)


def test_the_name_of_a_class_breaks_no_table():
    """A bar, a tag or a backtick in it is text."""
    names = ["a | b", "<b>c</b>", "d`"]
    text = TABLES["multiclass"].replace('["low", "middle", "high"]', str(names))
    target, score = WORLDS["multiclass"](1000)
    limits = {"margins": {f"recall_{name}": 0.05 for name in names}}
    found = evidence(target, score, blurred(score, 1, 0.02), gates=limits, contract=text)
    rows = cells(told(found), "Macro F1")
    assert {6} == {len(row) for row in rows}
    assert ["Recall of a | b", "Recall of &lt;b&gt;c&lt;/b&gt;", "Recall of d'"] == [row[0] for row in rows[2:5]]
    assert "<b>" not in drawn(told(found))


def test_a_first_run_has_no_empty_columns():
    """With nothing to compare with, each metric has its value and its interval, and the reason is given."""
    text = told(first_run())
    assert ["metric", "this PR", "95 % interval"] == cells(text, "ROC AUC")[0]
    assert "first run: there is no model to compare with" in text.splitlines()[0]
    assert "1,000 test rows. First run: there is no model to compare with. Intervals: " in text


def test_a_metric_that_is_not_a_number_is_said_in_words():
    """No nan in a table."""
    broken = {name: replace(seen, delta=nan, low=nan, high=nan) for name, seen in holding().differences.items()}
    row = cells(told(differences=broken), "ROC AUC")[1]
    assert ["not a number", "not a number to not a number"] == row[3:5]


def test_red_gates_say_why_and_what_shows_more():
    """Each failed gate is a line with its reason and one command."""
    text = told(lint="zizmor", behaviour={"tests": [*TESTS, TEST | {"status": "fail", "message": "too few hold"}]})
    lines = [line for line in text.splitlines() if line.startswith("- ❌")]
    assert 2 == len(lines)
    assert "- ❌ **Lint**: zizmor found something: run `make lint`. More: `make lint`" in lines
    assert [True, True] == [bool(re.search(r"\. More: `[^`]+`$", line)) for line in lines]


def test_a_gate_of_which_nothing_shows_more_names_no_command():
    """The verdict was just made: making it again would show the same."""
    text = told(shared_keys=3)
    assert "**Test ids seen in training**: ids of test rows that are in models/training_keys.parquet.\n" in text
    assert "More:" not in text


@pytest.mark.parametrize("name", MORE)
def test_what_shows_more_exists(name):
    """It is of a gate, and is a file of a stage, or a command of git or of the Makefile."""
    verbs = re.findall(r"^([a-z-]+):", (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    known = [*(f"make {verb}" for verb in verbs), "git diff", *vars(paths).values()]
    assert name in {module.ID for module in gates.GATES}
    assert " ".join(MORE[name].split()[:2]) in known
    assert f"More: `{MORE[name].format(base=COMMIT[:12])}`" in render(red("x", name), holding(), QUIET)


def test_without_a_baseline_what_shows_more_names_no_branch():
    """Nothing was compared with, so the pipeline's own change is shown."""
    text = told(first_run(), lock={"status": "warn", "message": "commit both files"})
    assert "More: `git diff HEAD -- dvc.lock metrics.json`" in text
    assert "origin/main" not in text


def test_what_got_better_and_what_got_worse_is_said():
    """Above the figures, where the interval of a change excludes 0 and a limit of the gates watches the metric."""
    found = holding()
    nothing = {name: replace(seen, low=-0.1, high=0.1) for name, seen in found.differences.items()}
    up = replace(nothing["roc_auc"], delta=0.03, low=0.02, high=0.04)
    changed = nothing | {"roc_auc": up, "log_loss": up, "precision": up}
    said = "### Metrics\n\n**Better** than main: ROC AUC. **Worse** than main: Log loss.\n\n| metric |"
    assert said in told(differences=changed)
    assert "### Metrics\n\n| metric |" in told(differences=nothing)
    assert " than main" not in told(first_run())


def test_warnings_are_listed_too():
    """What passed with a warning is a line of its own."""
    text = told(lock={"status": "warn", "message": "commit both files"})
    assert "### Warnings\n\n- ⚠️ **Lock**: commit both files." in text


def test_all_gates_are_folded_worst_first():
    """The table of gates shows failures, warnings, then the rest, small numbers as they are."""
    text = told(lint="fail", lock={"status": "warn", "message": "x"})
    rows = cells(text, "Lint")[1:]
    marks = [row[0] for row in rows]
    assert marks == sorted(marks, key=list(MARKS.values()).index)
    assert ["<code>parity</code>", "3.2e-07", "1e-05"] == next(
        row[2:5] for row in rows if row[1].startswith("Score difference")
    )
    assert set(STATUSES) == set(MARKS)


def test_the_table_of_gates_has_what_a_waiver_names():
    """Each gate's id; what was seen has four digits, and stands beside what is held against it."""
    rows = cells(told(size_mb=0.0662641), "Lint")
    assert ["", "gate", "id", "seen", "limit", "message"] == rows[0]
    assert {f"<code>{module.ID}</code>" for module in gates.GATES} == {row[2] for row in rows[1:]}
    assert ["0.06626", "20"] == next(row[3:5] for row in rows if row[1] == "Model size (MB)")
    assert "Of a change it is what was lost, below 0 a gain." in told()


@pytest.mark.parametrize(
    "message", ["a | b", "a\nb\n\n# c", "a ` b", "a ``` b", "</details> <!-- x", "| --- |\n| x |", "a \\"]
)
def test_no_message_breaks_the_report(message):
    """A bar, a line break, a backtick, a fence or a tag stays in its cell, and every section is where it was."""
    text = render(red(message), holding(), QUIET)
    rows = cells(text, "Lock")
    assert [6, 6] == [len(row) for row in rows]
    assert ["Metrics", "Why it is red", *SECTIONS[1:]] == sections(text)
    assert 2 == drawn(text).count("<details>") == text.count("\n</details>")
    assert "More: <code>git diff aaaaaaaaaaaa -- dvc.lock metrics.json</code>" in drawn(text)


def test_protected_paths_are_named_at_the_top():
    """A pull request that touches a gate says so before any figure."""
    text = told(changes=replace(QUIET, protected=["src/mlops/gates/slices.py"]))
    line = "⚠️ **This pull request touches what judges it**: `src/mlops/gates/slices.py`"
    assert line in text.split("###")[0]


def test_nothing_is_said_where_no_protected_path_is_touched():
    """The line is there only where it is true."""
    assert "touches what judges it" not in told(changes=replace(QUIET, files=["src/model/features.py"]))


SOON = str(date.today() + timedelta(days=30))
WAIVER = {"gate": "lint", "reason": "the linter is wrong here", "approver": "@ann", "expires": SOON}


@pytest.mark.parametrize(
    ("lint", "expires", "words"),
    [
        ("fail", SOON, "Waived"),
        ("fail", "2020-01-01", "Waiver expired"),
        ("pass", "2020-01-01", "Waiver expired"),
        ("pass", SOON, "Waiver not needed"),
    ],
)
def test_waivers_are_shown_first_and_as_what_they_are(lint, expires, words):
    """Right under the answer: who, until when and why, and whether it counts, is over or is not needed."""
    text = told(lint=lint, waivers=[WAIVER | {"expires": expires}])
    assert f"- 🟡 **{words}**: gate `lint` by @ann until {expires}: the linter is wrong here" == text.splitlines()[2]


def test_changes_are_one_line_a_fact():
    """Params with both values, data, drift and files."""
    changes = Changes(
        [("train.estimator", '"logistic"', '"forest"')], ["data `a` -> `b`"], [("age", 0.2)], ["params.yaml"], []
    )
    expected = [
        '- params `train.estimator`: `"logistic"` -> `"forest"`',
        "- data `a` -> `b`",
        "- drift between the two training sets (PSI): `age` 0.200",
        "- files: `params.yaml`",
    ]
    assert "\n".join(expected) in told(changes=changes)
    assert "- params: nothing\n" in told()


def test_inputs_and_the_contract_are_listed():
    """Each input with its sign; of lists what went and what came; a reordered list is shown whole."""
    changes = replace(
        QUIET,
        params=[("deepchecks.gate", '["A", "B"]', '["B", "C"]'), ("behaviour.require", '["a", "b"]', '["b", "a"]')],
        inputs=["-income", "-late_payments", "+postcode"],
        contract=[("columns.age.max", "90", "100"), ("columns.debt", "-", "there")],
    )
    expected = [
        '- params `deepchecks.gate`: -`"A"`, +`"C"`',
        '- params `behaviour.require`: `["a", "b"]` -> `["b", "a"]`',
        "- inputs: -`income`, -`late_payments`, +`postcode`",
        "- contract `columns.age.max`: `90` -> `100`",
        "- contract `columns.debt`: `-` -> `there`",
    ]
    text = told(changes=changes)
    assert "\n".join(expected) in text
    assert '⚠️ **It changes limits or rules**: `deepchecks.gate` -`"A"`, +`"C"`, `behaviour.require` ' in text
    assert "inputs:" not in told()


def test_letters_of_every_language_are_shown():
    """Not as the numbers that JSON may write for them; half of a letter stays one, as no file could take it."""
    text = told(
        changes=replace(
            QUIET,
            params=[("train.note", '"s\\u00fcd"', '"\\ud800"')],
            contract=[("columns.region.categories", '["s\\u00fcd", "n"]', '["n"]'), ("columns.debt", "-", "there")],
        )
    )
    assert '- params `train.note`: `"süd"` -> `"\\ud800"`\n' in text
    assert '- contract `columns.region.categories`: -`"süd"`\n- contract `columns.debt`: `-` -> `there`\n' in text


@pytest.mark.parametrize(("drift", "said"), [(None, True), ([], False), ([("age", 0.2)], False)])
def test_drift_that_was_not_measured_is_said(drift, said):
    """Only where main's rows could not be had: where the data are the same there is nothing to measure."""
    text = told(changes=replace(QUIET, drift=drift))
    assert said == ("not measured, main's training rows are in no cache" in text)


def test_a_main_that_went_on_is_said():
    """A line below the answer."""
    assert "\n\n- main is 2 commits ahead of this branch: `git merge origin/main`" in told(behind=2).split("###")[0]
    assert "ahead of this branch" not in told()


def test_an_owners_metric_is_defined():
    """One clause says where it comes from; the template's own metrics need none."""
    extra = holding().estimates["f1"]
    text = told(estimates=holding().estimates | {"value": extra, "net_gain": extra})
    assert "Value, Net gain: the mean over rows of what src/model/metrics.py returns; higher is better." in text
    assert "src/model/metrics.py" not in told()


def test_conditions_of_deepchecks_that_do_not_hold_are_named():
    """Those of every check, once each, with what gates; where all hold, or none is asked for, there is no section."""
    report = checks(**{"no more than 5 %": False, "held": True})
    stopped = [{"name": "the check can be run", "passed": False, "category": "error", "details": ""}]
    other = [
        {"check": "DatasetsSizeComparison", "conditions": stopped, "error": "too small"},
        {"check": "ConfusionMatrixReport", "conditions": [], "error": ""},
    ]
    text = told(deepchecks=report | {"checks": [*report["checks"] * 2, *other]}, main_deepchecks=report)
    expected = [
        "### deepchecks: conditions that do not hold\n",
        "- `DataDuplicates` (gates): no more than 5 %",
        "- `DatasetsSizeComparison`: the check can be run",
    ]
    assert "\n".join(expected) in text
    assert "ConfusionMatrixReport" not in text
    assert "conditions that do not hold" not in told()


def test_small_figures_keep_their_digits():
    """Errors of hundred-thousandths, their changes and groups are not shown as 0.0000."""
    found = holding("regression")
    seen = replace(
        found.differences["rmse"], main=1.2344e-05, candidate=1.2412e-05, delta=6.8e-08, low=-1e-07, high=2e-07
    )
    text = told(
        found,
        differences=found.differences | {"rmse": seen},
        slice_differences={"gender=f": seen},
        metrics=found.metrics | {"slices": [{"slice": "gender=f", "rows": 9, "rmse": 1.2344e-05}]},
    )
    row = ["0.00001234", "0.00001241", "+0.00000007"]
    assert [*row, "-0.00000010 to +0.00000020"] == cells(text, "RMSE")[1][1:5]
    assert f"| gender=f | {' | '.join(row)} |" in text
    assert "| gender=f | 9 | 0.00001234 |" in text


def test_groups_are_ordered_by_what_they_lost():
    """The worst group is first, for a loss as for a gain."""
    seen = holding().slice_differences["gender=f"]
    both = {"gender=f": replace(seen, delta=0.1), "gender=m": replace(seen, delta=-0.1)}
    orders = [
        [row[0] for row in cells(told(slice_differences=both, params=knobs({"primary": name})), "gender=f")[1:]]
        for name in ("roc_auc", "log_loss")
    ]
    assert [["gender=m", "gender=f"], ["gender=f", "gender=m"]] == orders


def test_groups_too_small_to_judge_are_named():
    """A group without rows enough is not passed over in silence."""
    target, score = world()
    city = ["C05" if place < 30 else CITIES[place % 3] for place in range(2000)]
    found = evidence(target, score, blurred(score, 1, 0.05), city=city)
    assert "Too few rows to judge (gates.slices.min_class_rows is 50): `city=C05`." in told(found)


def huge() -> tuple:
    """A verdict with 3,000 red gates, 2,000 params, 5,000 files, and words without end."""
    found = [
        Gate("behaviour", f"Own: test {i} " + "é" * 500, "fail", None, None, "`" + "漢|" * 3000) for i in range(3000)
    ]
    long = [(f"key{i}", "x" * 5000, "<b>" * 5000) for i in range(2000)]
    waivers = [WAIVER | {"reason": "r" * 5000}] * 50
    made = replace(holding(), params=knobs({"waivers": waivers}))
    paths = [f"tests/{'d' * 200}/{i}.py" for i in range(5000)]
    return verdict.decide(made, found), made, Changes(long, ["d" * 100] * 3, [("c" * 500, 1.0)] * 90, paths, paths)


def test_a_huge_report_is_cut_and_still_answers():
    """At most 60,000 bytes, with the answer first, every tag and fence closed, and a last line that says it is cut."""
    text = render(*huge())
    assert len(text.encode()) <= LIMIT
    assert text.startswith("**This pull request FAILS**: 3000 of 3000 gates failed")
    assert text.endswith(f"\n\n{CUT}\n")
    assert text.count("<details>") == text.count("</details>")
    assert 0 == text.count("```") % 2


def test_an_endless_error_is_cut_and_still_answers():
    """A sentence of a megabyte leaves the answer and its beginning."""
    text = render(verdict.error("no space " * 100_000), None, None)
    assert text.startswith("**This pull request could not be judged**: no space no space")
    assert len(text.encode()) < 5000


def test_a_section_that_does_not_fit_leaves_room_for_the_next():
    """What is left out is only what is too long; the note says so."""
    whole = told()
    found = holding()
    text = render(verdict.decide(found, seen()), found, QUIET, limit=4000)
    assert len(text.encode()) <= 4000
    assert text.endswith(f"{CUT}\n")
    assert "### What changed" in text
    assert not whole.endswith(f"{CUT}\n")


def full_of_canaries(task: str = "binary"):
    """Evidence in which every cell of every row that is no declared category is a canary."""
    target, score = WORLDS[task](2000)
    rows = [f"{CANARY}-{place}" for place in range(2000)]
    gender = [f"{CANARY}-group" if place < 5 else "f" if place % 2 else "m" for place in range(2000)]
    text = TABLES[task].replace("note: {type: text}", "note: {type: text, feature: false}")
    return evidence(
        target, score, blurred(score, 1, 0.05), contract=text, loan=rows, note=rows, gender=gender, amount=76543.25
    )


def quoting(found):
    """The same with reports that quote values although `reports.examples` is off."""
    tests = [
        TEST
        | {
            "status": "fail",
            "cases": 0,
            "failed": 0,
            "message": f"assert '{CANARY}' == 'x'",
            "examples": [{"n": CANARY}],
        }
    ]
    return replace(found, behaviour={"tests": tests}, size_mb=CANARY)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("broken", [lambda found: found, quoting], ids=["as it is", "with quoting reports"])
def test_no_row_of_the_data_is_in_what_leaves(broken, task, tmp_path, monkeypatch):
    """Ids, texts, rare groups and numbers of rows are in no report and in no verdict."""
    monkeypatch.chdir(tmp_path)
    found = broken(full_of_canaries(task))
    decided = verdict.decide(found, gates.judge(found))
    verdict.write(decided)
    report.write(decided, found, QUIET)
    texts = [Path(path).read_text(encoding="utf-8") for path in (VERDICT, REPORT, REPORT_PAGE)]
    assert [False] * 3 == [CANARY in text or "76543" in text for text in texts]


def test_write_makes_both_reports(tmp_path, monkeypatch):
    """report.md and report.html, also where nothing could be judged; the page leads to those that are there."""
    monkeypatch.chdir(tmp_path)
    write_text(paths.CARD, "# card")
    report.write(verdict.error("stopped"), None, None)
    assert "<title>Verdict: error</title>" in Path(REPORT_PAGE).read_text(encoding="utf-8")
    assert ["model_card.md"] == re.findall('<a href="(.*?)"', Path(REPORT_PAGE).read_text(encoding="utf-8"))
    assert "could not be judged" in Path(REPORT).read_text(encoding="utf-8")
    assert "could not be judged" in Path(REPORT_PAGE).read_text(encoding="utf-8")
