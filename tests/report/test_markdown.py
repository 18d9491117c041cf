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

from judging import CITIES, TABLE, TEST, TESTS, blurred, evidence, first_run, holding, knobs, world
from mlops import gates, report, verdict
from mlops.cli import VERBS
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
    return verdict.decide(holding(), [Gate(name, "Lock is fresh", "fail", None, 1e-5, message)])


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
    assert "- ❌ **Data contract**: column 'income' breaks a rule. More: `uv run mlops validate`" in text


def test_metrics_stand_beside_main_with_their_intervals():
    """The primary metric is first; each has both values, the change, its interval and its limit."""
    head, first, *rest = cells(told(), "ROC AUC")
    assert ["metric", "main", "this PR", "Δ", "95 % interval of Δ", "limit of Δ"] == head
    assert ["ROC AUC", "-0.01"] == [first[0], first[-1]]
    assert ["+0.02"] == [row[-1] for row in rest if row[0] == "Log loss"]
    assert "1,000 test rows that neither model trained on. Main: main's own model, scored on the same rows (`" in told()


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
    text = told(lint="fail", behaviour={"tests": [*TESTS, TEST | {"status": "fail", "message": "too few hold"}]})
    lines = [line for line in text.splitlines() if line.startswith("- ❌")]
    assert 2 == len(lines)
    assert "- ❌ **Lint**: run `make lint` and mend what it names. More: `make lint`" in lines
    assert [True, True] == [bool(re.search(r"\. More: `[^`]+`$", line)) for line in lines]


@pytest.mark.parametrize("module", gates.GATES, ids=lambda module: module.ID)
def test_every_red_gate_has_a_command_that_exists(module):
    """What shows more is a verb of the Makefile, of mlops, or git."""
    command = MORE.get(module.ID, "make pr").split()
    verbs = re.findall(r"^([a-z-]+):", (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    known = {"make": verbs, "uv": ["run"], "git": ["diff"]}
    assert command[1] in known[command[0]]
    assert command[0] != "uv" or command[3] in VERBS
    assert f"More: `{' '.join(command)}`" in render(red("x", module.ID), holding(), QUIET)


def test_warnings_are_listed_too():
    """What passed with a warning is a line of its own."""
    text = told(lock={"status": "warn", "message": "commit both files"})
    assert "### Warnings\n\n- ⚠️ **Lock is fresh**: commit both files." in text


def test_all_gates_are_folded_worst_first():
    """The table of gates shows failures, warnings, then the rest, small numbers as they are."""
    text = told(lint="fail", lock={"status": "warn", "message": "x"})
    rows = cells(text, "Lint")[1:]
    marks = [row[0] for row in rows]
    assert marks == sorted(marks, key=list(MARKS.values()).index)
    assert ["3.2e-07", "1e-05"] == next(row[2:4] for row in rows if row[1].startswith("Score difference"))
    assert set(STATUSES) == set(MARKS)


@pytest.mark.parametrize(
    "message", ["a | b", "a\nb\n\n# c", "a ` b", "a ``` b", "</details> <!-- x", "| --- |\n| x |", "a \\"]
)
def test_no_message_breaks_the_report(message):
    """A bar, a line break, a backtick, a fence or a tag stays in its cell, and every section is where it was."""
    text = render(red(message), holding(), QUIET)
    rows = cells(text, "Lock is fresh")
    assert [5, 5] == [len(row) for row in rows]
    assert ["Metrics", "Why it is red", *SECTIONS[1:]] == sections(text)
    assert 2 == drawn(text).count("<details>") == text.count("\n</details>")
    assert "More: <code>git diff origin/main -- dvc.lock metrics.json</code>" in drawn(text)


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
    assert "Too few to judge, with less than 50 rows of a class: `city=C05`." in told(found)


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


def full_of_canaries():
    """Evidence in which every cell of every row that is no declared category is a canary."""
    target, score = world()
    rows = [f"{CANARY}-{place}" for place in range(2000)]
    gender = [f"{CANARY}-group" if place < 5 else "f" if place % 2 else "m" for place in range(2000)]
    text = TABLE.replace("note: {type: text}", "note: {type: text, feature: false}")
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


@pytest.mark.parametrize("broken", [lambda found: found, quoting], ids=["as it is", "with quoting reports"])
def test_no_row_of_the_data_is_in_what_leaves(broken, tmp_path, monkeypatch):
    """Ids, texts, rare groups and numbers of rows are in no report and in no verdict."""
    monkeypatch.chdir(tmp_path)
    found = broken(full_of_canaries())
    decided = verdict.decide(found, gates.judge(found))
    verdict.write(decided)
    report.write(decided, found, QUIET)
    texts = [Path(path).read_text(encoding="utf-8") for path in (VERDICT, REPORT, REPORT_PAGE)]
    assert [False] * 3 == [CANARY in text or "76543" in text for text in texts]


def test_write_makes_both_reports(tmp_path, monkeypatch):
    """report.md and report.html, also where nothing could be judged."""
    monkeypatch.chdir(tmp_path)
    report.write(verdict.error("stopped"), None, None)
    assert "could not be judged" in Path(REPORT).read_text(encoding="utf-8")
    assert "could not be judged" in Path(REPORT_PAGE).read_text(encoding="utf-8")
