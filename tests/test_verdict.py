"""The verdict: one word out of all gates, by the schema; a waiver lets one gate pass for a time."""

import json
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from judging import COMMIT, TASKS, first_run, holding, knobs, model
from mlops import gates, verdict
from mlops.errors import CannotRun
from mlops.gates.result import STATUSES, Gate

SCHEMA = json.loads(Path(verdict.__file__).with_name("verdict.schema.json").read_text(encoding="utf-8"))
TODAY = date(2026, 6, 1)
WAIVER = {"gate": "lint", "reason": "the linter is wrong here", "approver": "@ann", "expires": "2026-06-01"}
RED = Gate("lint", "Lint", "fail", None, None, "run `make lint`")


def faults(found: dict) -> list[str]:
    """What the schema finds wrong, after the way through a file."""
    Draft202012Validator.check_schema(SCHEMA)
    checker = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
    return [error.message for error in checker.iter_errors(json.loads(json.dumps(found, allow_nan=False)))]


def decided(found=None, *, waivers=(), **changes) -> dict:
    """The verdict on evidence that holds, but for `changes`."""
    changes = {"params": knobs({"waivers": list(waivers)})} | changes
    evidence = replace(found or holding(), **changes)
    return verdict.decide(evidence, gates.judge(evidence), TODAY)


@cache
def passing() -> dict:
    """The verdict on evidence that holds."""
    return decided()


def gate(found: dict, name: str) -> dict:
    return next(each for each in found["gates"] if each["id"] == name)


def test_passes_where_every_gate_holds():
    """pass, exit code 0, and the change of the primary metric in the message."""
    found = passing()
    assert ("pass", 0, []) == (found["verdict"], verdict.EXIT[found["verdict"]], faults(found))
    assert (
        f"no gate failed of {len(found['gates'])} (1 had nothing to judge); roc_auc 0.7774 -> 0.7787"
        == found["message"]
    )


@pytest.mark.parametrize("task", TASKS)
def test_passes_in_every_task(task):
    """The same word, by the same schema, with the primary metric of the task."""
    found = decided(holding(task), params=holding(task).params)
    assert ("pass", []) == (found["verdict"], faults(found))
    assert {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[task] in found["message"]
    assert found["candidate"]["metrics"] == holding(task).metrics["metrics"]


def test_a_table_without_months_passes():
    """A window of null is by the schema."""
    found = decided(metrics=holding().metrics | {"window": None})
    assert ("pass", None, []) == (found["verdict"], found["candidate"]["window"], faults(found))


@pytest.mark.parametrize(("replaces_sample", "verdict"), [(True, "pass"), (False, "fail")])
def test_another_question_passes_where_the_sample_is_replaced(replaces_sample, verdict):
    """Elsewhere the baseline is one that should be there."""
    found = decided(first_run(), first_run=False, no_baseline="another question", replaces_sample=replaces_sample)
    assert verdict == found["verdict"]


def test_another_question_than_the_samples_passes_with_a_warning():
    """A changed task is not refused, and the verdict says that nothing was compared."""
    reason = "main's model answers another question (task binary -> regression), so there is nothing to compare with"
    asked = {"params": knobs(task="regression"), "first_run": False, "no_baseline": reason, "replaces_sample": True}
    found = decided(first_run("regression"), **asked)
    assert ("pass", []) == (found["verdict"], faults(found))
    assert ("warn", reason) == (gate(found, "degradation")["status"], found["baseline"]["note"])
    assert found["message"].endswith(f"; {reason}")


def test_fails_where_one_gate_fails():
    """fail, exit code 1, and the failed gate in the message."""
    found = decided(lint="fail")
    assert ("fail", 1, []) == (found["verdict"], verdict.EXIT[found["verdict"]], faults(found))
    assert f"1 of {len(found['gates'])} gates failed: Lint" == found["message"]


def test_many_failed_gates_are_counted():
    """Five are named, the others counted."""
    found = verdict.decide(holding(), [replace(RED, title=f"Gate {i}") for i in range(9)], TODAY)
    assert "9 of 9 gates failed: Gate 0; Gate 1; Gate 2; Gate 3; Gate 4 and 4 more" == found["message"]


def test_is_partial_where_a_stage_was_left_out():
    """Never pass: partial, exit code 2, and what was left out in the message."""
    found = decided(skipped=frozenset({"deepchecks"}), deepchecks=None)
    assert ("partial", 2, []) == (found["verdict"], verdict.EXIT[found["verdict"]], faults(found))
    assert ", without deepchecks; " in found["message"]


def test_fails_where_a_stage_was_left_out_and_a_gate_failed():
    """A failure is no less one where something was left out."""
    assert "fail" == decided(skipped=frozenset({"deepchecks"}), lint="fail")["verdict"]


def test_says_what_the_candidate_was_compared_with():
    """Commit, model hash and how it was had are in the verdict."""
    expected = {"commit": COMMIT, "model_hash": model().hash, "how": "rescored", "note": ""}
    assert expected == passing()["baseline"]
    assert 1000 == passing()["rows_compared"]


def test_a_first_run_passes_and_says_why():
    """Nothing to compare with: null, and the reason as the note and in the message."""
    found = decided(first_run())
    assert ("pass", []) == (found["verdict"], faults(found))
    assert {"commit": None, "model_hash": None, "how": None, "note": first_run().no_baseline} == found["baseline"]
    assert found["message"].endswith(first_run().no_baseline)


@pytest.mark.parametrize("key", ["model_hash", "data_hash", "metrics", "rows", "window"])
def test_refuses_metrics_without_a_key(key):
    """metrics.json that misses a key is no verdict, and the sentence names it."""
    metrics = {name: value for name, value in holding().metrics.items() if name != key}
    with pytest.raises(CannotRun, match=f"metrics.json has no '{key}': run `make train` again"):
        verdict.decide(replace(holding(), metrics=metrics), [RED], TODAY)


def test_refuses_a_verdict_of_no_gates():
    """Where no gate said anything nothing was judged."""
    with pytest.raises(CannotRun, match="no gate said anything"):
        verdict.decide(holding(), [], TODAY)


def test_a_valid_waiver_waives_and_is_shown():
    """On its last day the failed gate is waived, with who, until when and why; the verdict passes and lists it."""
    found = decided(lint="fail", waivers=[WAIVER])
    assert ("pass", "waived", []) == (found["verdict"], gate(found, "lint")["status"], faults(found))
    assert gate(found, "lint")["message"].endswith("waived by @ann until 2026-06-01: the linter is wrong here")
    assert "(1 waived, 1 had nothing to judge)" in found["message"]
    assert [WAIVER | {"expired": False}] == found["waivers"]


def test_an_expired_waiver_fails_and_says_so():
    """A day later the gate is red again."""
    found = decided(lint="fail", waivers=[WAIVER | {"expires": "2026-05-31"}])
    assert ("fail", True, []) == (found["verdict"], found["waivers"][0]["expired"], faults(found))
    assert gate(found, "lint")["message"].endswith("its waiver by @ann expired on 2026-05-31")


def test_of_two_waivers_the_later_counts():
    """An old waiver does not hide the one that renewed it, in either order."""
    both = [WAIVER | {"expires": "2026-01-01"}, WAIVER | {"approver": "@bob"}]
    assert ["pass", "pass"] == [decided(lint="fail", waivers=each)["verdict"] for each in (both, both[::-1])]


def test_a_waiver_waives_no_other_gate():
    """Only the gate that it names."""
    assert "fail" == decided(lint="fail", shared_keys=3, waivers=[WAIVER])["verdict"]


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "fail"])
def test_a_waiver_changes_nothing_but_a_failure(status):
    """What did not fail needs no waiver."""
    seen = replace(RED, status=status)
    assert [seen] == verdict.waive([seen], knobs({"waivers": [WAIVER]}).gates.waivers, TODAY)


def test_refuses_a_waiver_of_no_gate():
    """A misspelt gate would waive nothing: the sentence names the gates there are."""
    with pytest.raises(
        CannotRun, match=r"gates\.waivers names gate 'slice'; those that can be waived are behaviour, calibration"
    ):
        decided(waivers=[WAIVER | {"gate": "slice"}])


@pytest.mark.parametrize("lost", ["gate", "reason", "approver", "expires"])
def test_refuses_a_waiver_without_its_reason(lost):
    """Gate, reason, approver and expiry are all required."""
    with pytest.raises(ValueError, match=lost):
        knobs({"waivers": [{name: value for name, value in WAIVER.items() if name != lost}]})


def test_an_error_is_no_verdict_on_the_model():
    """Where nothing could be judged: error, exit code 2, the sentence, by the schema."""
    found = verdict.error("params.yaml: unknown key 'gatess'")
    assert ("error", 2, []) == (found["verdict"], verdict.EXIT[found["verdict"]], faults(found))
    assert "params.yaml: unknown key 'gatess'" == found["message"]


def test_an_error_with_a_failed_gate_is_a_failure():
    """Where a broken contract stopped the pipeline, the gate's word is the verdict's."""
    found = verdict.error("a stage is not of this tree", [RED])
    assert ("fail", RED.message, []) == (found["verdict"], found["message"], faults(found))


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "ok"},
        {"verdict": "error"},
        {"extra": 1},
        {"gates": []},
        {"message": ""},
        {"rows_compared": -1},
        {"schema": 2},
        {"baseline": {"commit": "main", "model_hash": None, "how": None, "note": ""}},
        {"baseline": {"commit": None, "model_hash": None, "how": "guessed", "note": ""}},
        {"gates": [{"id": "lint"}]},
        {"gates": [vars(RED)]},
        {"gates": [vars(RED) | {"status": "ok"}]},
        {"gates": [vars(RED) | {"status": "pass", "rows": [1]}]},
        {"candidate": None},
    ],
)
def test_the_schema_refuses(changes):
    """Unknown words and keys, a pass with a failed gate or with none, a hash that is none."""
    assert faults(passing() | changes)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_the_schema_misses_every_key(key):
    """No key of a verdict may be absent."""
    assert faults({name: value for name, value in passing().items() if name != key})


def test_the_schema_refuses_a_failure_without_a_failed_gate():
    """A red verdict shows what is red."""
    assert faults(passing() | {"verdict": "fail"})


def test_a_verdict_of_broken_numbers_can_be_written(tmp_path, monkeypatch):
    """NaN everywhere still gives a file, by the schema, that says fail."""
    monkeypatch.chdir(tmp_path)
    nan = float("nan")
    broken = {name: replace(seen, delta=nan, low=nan, high=nan) for name, seen in holding().differences.items()}
    verdict.write(decided(differences=broken, latency_ms=nan, score=holding().score * nan, proxies={}))
    found = json.loads(Path("reports/verdict.json").read_text(encoding="utf-8"))
    assert ("fail", []) == (found["verdict"], faults(found))


def test_the_terminal_counts_passes_and_shows_what_failed_last():
    """Marks are words, so that a log without colours can be read; the last lines are the answer and where more is."""
    found = decided(lint="zizmor", lock={"status": "warn", "message": "commit both"})
    lines = verdict.summary(found).splitlines()
    passed = sum(gate["status"] == "pass" for gate in found["gates"])
    expected = [
        f"PASS  {passed} gates",
        "----  Degradation against prod: nothing is in prod yet: no champion to compare with",
        "WARN  Lock: commit both",
        "FAIL  Lint: zizmor found something: run `make lint`",
        "",
        f"verdict: fail: {found['message']}",
        "read reports/report.html",
    ]
    assert expected == lines


def test_the_terminal_shows_no_count_of_nothing():
    """Where nothing was judged there is the answer alone."""
    expected = ["", "verdict: error: stopped", "read reports/report.html"]
    assert expected == verdict.summary(verdict.error("stopped")).splitlines()


@pytest.mark.parametrize("lint", ["pass", "zizmor"])
def test_the_terminal_names_a_waiver_that_is_over(lint):
    """Whether its gate fails or not: it waives nothing any more."""
    lines = verdict.summary(decided(lint=lint, waivers=[WAIVER | {"expires": "2026-05-31"}])).splitlines()
    expected = "WARN  the waiver of gate `lint` by @ann expired on 2026-05-31: take it out of params.yaml, or give it a new day"
    assert expected in lines


def test_the_terminal_says_nothing_of_a_waiver_that_is_valid():
    """What it waives is marked so."""
    text = verdict.summary(decided(lint="zizmor", waivers=[WAIVER]))
    assert "WAIV  Lint: zizmor found something" in text
    assert "the waiver of gate" not in text


@pytest.mark.parametrize(("commits", "words"), [(1, "1 commit"), (3, "3 commits")])
def test_a_main_that_went_on_is_said(commits, words):
    """A line of its own, in the terminal and in the report, whatever the verdict is."""
    found = decided(behind=commits, lint="zizmor")
    expected = f"main is {words} ahead of this branch: `git merge origin/main`, then `make pr` again"
    assert expected == found["message"].splitlines()[1]
    assert expected in verdict.summary(found).splitlines()
    assert [] == faults(found)


def test_a_branch_on_the_newest_main_says_nothing_of_it():
    """The message is one line."""
    assert 1 == len(passing()["message"].splitlines())


def test_small_figures_keep_their_digits():
    """An error of hundred-thousandths is not shown as 0.0000."""
    found = holding("regression")
    seen = replace(found.differences["rmse"], main=0.000012344, candidate=0.000012412)
    message = decided(found, params=found.params, differences=found.differences | {"rmse": seen})["message"]
    assert message.endswith("; rmse 0.00001234 -> 0.00001241")


def test_every_state_and_word_has_its_mark_and_exit_code():
    """No state of a gate and no verdict is without one."""
    assert set(STATUSES) == set(verdict.MARKS)
    assert set(SCHEMA["properties"]["verdict"]["enum"]) == set(verdict.EXIT)
