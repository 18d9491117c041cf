"""A retrain moves the window, trains and compares on rows that neither model has seen; the verb, on a real copy."""

import json
import os
from argparse import Namespace
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from champions import TABLE, held, knobs, reference
from copies import SAMPLE, failed, ran
from mlops import split
from mlops.delivery import proposal
from mlops.drift import decision, drift, kept, rows, windows
from mlops.errors import CannotRun
from mlops.params import Window
from mlops.pipeline import ingest
from mlops.retrain import retrain
from mlops.retrain.judge import Judgement
from remote import git

TODAY = date(2026, 11, 22)
MONTHS = Window(start="2026-05", end="2026-09")


@pytest.fixture(scope="module")
def answer() -> drift.Answer:
    """What drift says of the newest months, the champion's training keys known."""
    frame, unseen = reference().frame, reference().unseen
    known = replace(reference(), keys=frozenset(split.keys(frame[~unseen], TABLE)))
    given = rows.source(TABLE, knobs(), {})
    spans = windows.since(date(2026, 6, 30), TODAY, "month", 30)
    seen = [drift.judged(given(each, TODAY), held()) for each in spans]
    return drift.Answer(drift.Held(known, TABLE, knobs()), seen, decision.decide(seen, knobs().drift))


def part(frame: pd.DataFrame) -> np.ndarray:
    """Which part of the split each row is in."""
    return split.parts(split.keys(frame, TABLE), knobs().split)


class TestMoved:
    """params.yaml with another window."""

    def test_only_two_values_of_one_line_change(self):
        """Comments, order and layout stay."""
        before = (SAMPLE / "params.yaml").read_text()
        after = retrain._moved(before, Window(start="2025-12", end="2026-09"))
        changed = [pair for pair in zip(before.splitlines(), after.splitlines(), strict=True) if pair[0] != pair[1]]
        assert [("  window: {start: 2023-07, end: 2024-12}", "  window: {start: 2025-12, end: 2026-09}")] == changed

    def test_comments_and_quotes_of_an_owner_stay(self):
        """However the window is written down."""
        before = 'data:\n  window: # ours\n    start: "2023-07" # the first\n    end: "2024-12" # the last\nsplit: {}\n'
        after = before.replace("2023-07", "2025-12").replace("2024-12", "2026-09")
        assert after == retrain._moved(before, Window(start="2025-12", end="2026-09"))


@pytest.mark.slow
class TestUnseen:
    """The rows that old and new are compared on."""

    @pytest.fixture(scope="class")
    def found(self, answer, trained) -> pd.DataFrame:
        """Those of the newest months."""
        return retrain.unseen(answer, trained, MONTHS, TODAY)

    def test_neither_model_was_trained_on_any(self, answer, trained, found):
        """By key; and there are enough to judge."""
        assert len(found) > 3000
        assert set() == {*split.keys(found, TABLE)} & (trained.keys | answer.held.reference.keys)

    def test_those_of_the_challengers_months_are_its_test_rows(self, found):
        """All of them, and no others: not those too young to be trained on, nor the holdout."""
        inside = found[found[TABLE.time] < "2026-10-01"]
        every = ingest.given(knobs().data, TABLE, MONTHS.start, MONTHS.end)
        assert {"test"} == {*part(inside)}
        assert {*every[TABLE.id][part(every) == "test"]} == {*inside[TABLE.id]}

    def test_those_after_them_are_all_whose_labels_have_come(self, found):
        """Of every part: nothing was trained on them."""
        after = found[found[TABLE.time] >= "2026-10-01"]
        every = ingest.given(knobs().data, TABLE, "2026-10", "2026-10")
        known = every[every[TABLE.time] < "2026-10-24"]
        assert {*known[TABLE.id]} == {*after[TABLE.id]}

    def test_what_the_champion_was_trained_on_is_dropped_where_the_months_overlap(self, answer, trained):
        """Its test rows stay."""
        found = retrain.unseen(answer, trained, Window(start="2024-11", end="2025-01"), date(2025, 3, 2))
        old = found[found[TABLE.time] < "2025-01-01"]
        assert {"test"} == {*part(old)}
        assert set() == {*split.keys(found, TABLE)} & answer.held.reference.keys

    def test_a_champion_that_was_split_otherwise_may_have_seen_test_rows(self, answer, trained, found):
        """They are dropped, too."""
        keys = split.keys(found, TABLE)
        other = replace(answer.held.reference, keys=frozenset(keys[:50]))
        after = retrain.unseen(replace(answer, held=drift.Held(other, TABLE, knobs())), trained, MONTHS, TODAY)
        assert [*keys[50:]] == [*split.keys(after, TABLE)]

    def test_no_row_is_left_of_a_world_without_rows(self, answer, trained, monkeypatch):
        """That is too few to judge, and no error."""
        empty = ingest.given(knobs().data, TABLE, "2026-10", "2026-10").head(0)
        monkeypatch.setattr(ingest, "given", lambda *months: empty)
        assert 0 == len(retrain.unseen(answer, trained, MONTHS, TODAY))
        found = retrain.judged(answer, trained, MONTHS, TODAY)
        assert (False, [0, 0]) == (found.better, [found.looks[name].rows for name in ("newest", "common")])


@pytest.mark.slow
class TestJudged:
    """The three looks of a retrain."""

    def test_each_look_has_its_rows(self, answer, trained):
        """newest: since the oldest of the windows that decide; common: to the end of its months; holdout: the champion's months."""
        found = retrain.judged(answer, trained, MONTHS, TODAY).looks
        every = retrain.unseen(answer, trained, MONTHS, TODAY)
        when, frame = every[TABLE.time], reference().frame
        assert {
            "newest": (when >= "2026-07-01").sum(),
            "common": (when < "2026-10-01").sum(),
            "holdout": (part(frame) == "holdout").sum(),
        } == {name: look.rows for name, look in found.items()}

    def test_a_challenger_of_the_changed_world_is_better(self, answer, trained):
        """What it forgot of the old one is a note, since performance itself has drifted."""
        assert "performance" in {alarm.finding.kind for alarm in answer.decision.alarms}
        found = retrain.judged(answer, trained, MONTHS, TODAY)
        assert (True, ()) == (found.better, found.why)
        (lost,) = [each.rsplit(": ", 1)[1] for each in found.notes if "forgotten" in each]
        assert "something was forgotten, which is noted alone, since what causes the target has changed" == lost

    def test_the_same_one_is_not_better_where_performance_has_not_drifted(self, answer, trained):
        """Then what it forgot speaks against it."""
        quiet = replace(answer, decision=decision.Decision("retrain", ()))
        found = retrain.judged(quiet, trained, MONTHS, TODAY)
        assert (False, 1) == (found.better, len(found.why))
        assert not [each for each in found.notes if "forgotten" in each]


class TestRun:
    """What is refused before anything is looked at."""

    def test_a_machine_with_another_arithmetic_is_refused(self, monkeypatch):
        """Its lock would not be CI's."""
        monkeypatch.setattr(retrain, "reference_machine", lambda: False)
        with pytest.raises(
            CannotRun, match="not x86-64 with AVX2, so its lock would not be CI's: retrain on one that is"
        ):
            retrain.run(Namespace(as_of="2026-11-22", why=""))

    def test_a_day_that_is_none_is_refused(self):
        """With the day as it should be."""
        with pytest.raises(CannotRun, match="AS_OF is 'soon', which is no day"):
            retrain.run(Namespace(as_of="soon", why=""))

    @pytest.fixture
    def ran(self, tmp_path, monkeypatch):
        """A function: an answer of drift, and words of the command line -> (exit code, outputs)."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
        monkeypatch.setattr(retrain, "reference_machine", lambda: True)

        def run(
            answer: str | None, bot: bool = False, why: str = "", paused: bool = False
        ) -> tuple[int, dict[str, str]]:
            said = knobs()
            delivery = said.delivery.model_copy(update={"paused": paused})
            here = SimpleNamespace(knobs=said.model_copy(update={"delivery": delivery}))
            found = drift.Answer(here, [], decision.Decision(answer, ())) if answer is not None else None
            monkeypatch.setattr(drift, "answered", lambda as_of, anew: found)
            code = retrain.run(Namespace(as_of="2026-11-22", why=why, bot=bot, anew=False))
            return code, outputs(tmp_path / "output")

        return run

    @pytest.mark.parametrize(
        ("answer", "code", "why", "withdraw"),
        [
            ("mend", 1, "the rows are at fault, so nothing is trained on them: mend what delivers them, docs/drift.md", ""),
            ("quiet", 0, "quiet, so nothing is to be done; WHY= (--why) retrains all the same", "reasonless"),
            ("too few rows", 0, "too few rows, so nothing is to be done; WHY= (--why) retrains all the same", ""),
        ],
    )  # fmt: skip
    def test_where_nothing_is_trained_the_outputs_say_why(self, ran, capsys, answer, code, why, withdraw):
        """A bot asks for 0 whatever is found; only a quiet day takes the reason from what was proposed before."""
        said = {"answer": answer, "proposed": "false", "why": why, "withdraw": withdraw}
        assert ((code, said), (0, said)) == (ran(answer), ran(answer, bot=True))
        assert f"drift: {answer}\nretrain: {why}\n" * 2 == capsys.readouterr().out

    def test_while_delivery_is_paused_a_bot_trains_nothing(self, ran):
        """What drift says holds all the same, and what was proposed before stays."""
        said = {
            "answer": "retrain",
            "proposed": "false",
            "why": "delivery.paused is true in params.yaml",
            "withdraw": "",
        }
        assert (0, said) == ran("retrain", bot=True, paused=True)

    def test_of_a_day_that_is_past_a_bot_trains_nothing(self, ran, monkeypatch):
        """A later one was looked at already: nothing is done about this one, and nothing of the later one undone."""
        later = json.dumps({"as_of": "2026-11-23", "reference": {"model_hash": "a"}})
        monkeypatch.setattr(kept, "texts", lambda root=".": {"a": later})
        why = "2026-11-23 was looked at already, and 2026-11-22 is before it"
        said = {"answer": "past", "proposed": "false", "why": why, "withdraw": ""}
        assert (0, said) == ran("retrain", bot=True)
        assert "quiet" == ran("quiet")[1]["answer"]

    def test_a_reason_does_not_mend_rows(self, ran):
        """Nothing is trained on them, whoever asks."""
        assert "false" == ran("mend", why="to see")[1]["proposed"]

    def test_where_drift_is_not_configured_there_is_no_answer(self, ran):
        """And nothing to propose."""
        assert (0, {"answer": "", "proposed": "false", "why": ""}) == ran(None)

    def test_what_an_earlier_run_has_left_is_gone(self, ran, tmp_path):
        """It would be proposed once more."""
        (tmp_path / "build/retrain").mkdir(parents=True)
        ran("mend", bot=True)
        assert not (tmp_path / "build/retrain").exists()


class TestSettled:
    """What is found out before anything is trained."""

    def test_a_branch_of_the_bots_alone_is_made_anew(self, remote):
        """As each time."""
        main = remote.head("main")
        retrain.dvc.git("branch", "retrain/prod", proposal.commit_tree("A retrain", f"{main}^{{tree}}", main))
        assert "" == retrain.settled(main, Window(start="2025-12", end="2026-09"))

    def test_a_branch_with_a_persons_commit_is_left_alone(self, remote):
        """It would be lost."""
        git(remote.path, "branch", "retrain/prod", remote.commit("main", {"a": "1"}))
        main = git(remote.path, "rev-parse", "main^")
        with pytest.raises(CannotRun, match="has a commit of a person's, which would be lost: `git branch -m"):
            retrain.settled(main, Window(start="2025-12", end="2026-09"))


class TestAgainst:
    """What speaks against a challenger, for a step's output and the day's line."""

    def test_it_is_one_line(self):
        """Whatever a group of the table is called."""
        found = Judgement(False, ("city=New\nYork is surely worse", "city=a\u2028b\r is surely worse"), (), {})
        assert "city=New York is surely worse; city=a b is surely worse" == retrain.against(found)

    def test_of_many_the_first_three_are_told(self):
        """The report has all of them."""
        why = tuple(f"city={place} is surely worse" for place in range(9))
        assert retrain.against(Judgement(False, why, (), {})).endswith("city=2 is surely worse; and 6 more")
        assert "; ".join(why[:3]) == retrain.against(Judgement(False, why[:3], (), {}))


@pytest.mark.slow
class TestVerb:
    """`mlops retrain` on a real copy whose pipeline has run."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory):
        """The copy."""
        return ran(tmp_path_factory.mktemp("retrain"))

    @pytest.fixture(scope="class")
    def proposed(self, folder, tmp_path_factory):
        """What a retrain says after what a loan is for has come to count eight times, its outputs, and the files that it leaves.

        Nothing that git sees is new but its branch.
        """
        before, file = self.tree(folder), tmp_path_factory.mktemp("step") / "output"
        done = folder.mlops("retrain", "--as-of", "2026-11-22", GITHUB_OUTPUT=str(file))
        assert before == self.tree(folder)
        done.outputs = outputs(file)
        done.left = {path.name: path.read_text() for path in (folder.path / "build/retrain").glob("*")}
        return done

    @staticmethod
    def tree(folder) -> tuple[str, ...]:
        """What a person would notice of their working tree, and of git's."""
        said = (["status", "--porcelain"], ["rev-parse", "HEAD"], ["branch", "--show-current"], ["worktree", "list"])
        return tuple(folder.git(*words) for words in said)

    @staticmethod
    def branches(folder) -> str:
        """Every branch with its commit."""
        return folder.git("for-each-ref")

    def test_on_a_quiet_day_nothing_is_done(self, folder, tmp_path):
        """It ends with 0 and says how to retrain all the same; nothing of an earlier retrain is left for other jobs."""
        before, old = self.branches(folder), folder.path / "build/retrain/about.json"
        old.parent.mkdir(parents=True, exist_ok=True)
        old.write_text("{}")
        done = folder.mlops("retrain", "--as-of", "2025-02-28", "--bot", GITHUB_OUTPUT=str(tmp_path / "output"))
        assert (0, before, False) == (done.returncode, self.branches(folder), old.parent.exists()), done.stderr
        why = "quiet, so nothing is to be done; WHY= (--why) retrains all the same"
        assert f"retrain: {why}" in done.stdout
        said = {"answer": "quiet", "proposed": "false", "why": why, "withdraw": "reasonless"}
        assert said == outputs(tmp_path / "output")

    def test_a_reason_does_not_bring_labels(self, folder):
        """No later month has them yet: it ends with 1, and nothing is trained."""
        before = self.branches(folder)
        done = folder.mlops("retrain", "--as-of", "2025-02-28", "--why", "to see")
        assert (1, before) == (done.returncode, self.branches(folder))
        assert "no later month has labels on 2025-02-28: wait for 2025-01" in done.stdout

    def test_a_better_challenger_is_a_branch_on_main(self, folder, proposed):
        """It has one commit, the bot's, which changes one line of params.yaml, the lock and the metrics."""
        assert 0 == proposed.returncode, proposed.stderr
        assert folder.main == folder.git("rev-parse", "retrain/prod^")
        changed = folder.git("diff", "--name-only", "main", "retrain/prod").splitlines()
        assert ["dvc.lock", "metrics.json", "params.yaml"] == changed
        assert "1\t1\tparams.yaml" == folder.git("diff", "--numstat", "main", "retrain/prod", "--", "params.yaml")
        window = {"start": "2025-12", "end": "2026-09"}
        assert window == yaml.safe_load(folder.git("show", "retrain/prod:params.yaml"))["data"]["window"]
        metrics = json.loads(folder.git("show", "retrain/prod:metrics.json"))
        assert window == metrics["window"]
        assert f"challenger `{metrics['model_hash'][:12]}` of 2025-12 to 2026-09" in proposed.stdout

    def test_its_report_says_why(self, folder, proposed):
        """The answer first, then what has drifted."""
        assert f"on main {folder.main[:12]}: `git diff {folder.main[:12]} retrain/prod`" in proposed.stdout
        assert "**The challenger is better, and proposed.**" in proposed.stdout
        assert "Why it was trained: performance, in 3 windows (2026-07, 2026-08, 2026-09): " in proposed.stdout

    def test_its_files_and_its_reports_are_left_for_other_jobs(self, folder, proposed):
        """Those of the branch, what was said of them, and what it is; the outputs say that there is something to propose."""
        said = {"answer": "retrain", "trained": "2025-12-2026-09", "proposed": "true", "why": "", "withdraw": ""}
        assert said == proposed.outputs
        about = json.loads(proposed.left.pop("about.json"))
        model = json.loads(proposed.left["metrics.json"])["model_hash"]
        title = f"Retrain on 2025-12 to 2026-09: {model[:12]}"
        assert {"main": folder.main, "title": title, "model_hash": model, "asked": False} == about
        assert title == folder.git("log", "-1", "--format=%s", "retrain/prod")
        assert {"params.yaml", "dvc.lock", "metrics.json", "retrain.md", "drift.md"} == {*proposed.left}
        for name in ("params.yaml", "dvc.lock", "metrics.json"):
            assert folder.git("show", f"retrain/prod:{name}") == proposed.left[name].strip()
        for name, line in (("retrain.md", "**The challenger is better, and proposed.**"), ("drift.md", "# Drift")):
            assert line in proposed.left[name]

    def test_run_again_it_is_the_same_tree(self, folder, proposed):
        """And the same answer."""
        before = folder.git("rev-parse", "retrain/prod^{tree}")
        done = folder.mlops("retrain", "--as-of", "2026-11-22")
        assert (0, before) == (done.returncode, folder.git("rev-parse", "retrain/prod^{tree}"))

    def test_its_branch_passes(self, folder, proposed):
        """The pipeline makes of it what its lock and metrics say, and the verdict is against main."""
        folder.git("checkout", "-q", "retrain/prod")
        try:
            found, left = folder.verdict(), folder.git("status", "--porcelain")
        finally:
            folder.git("checkout", "-qf", "main")
        assert (0, set(), "") == (found["exit"], failed(found), left), found["said"]

    def test_rows_at_fault_are_not_trained_on(self, folder, proposed):
        """Incomes in thousands: it ends with 1, the branch stays as it was, and nothing is left for other jobs."""
        before = self.branches(folder)
        done = folder.mlops("retrain", "--as-of", "2025-12-05", "--why", "to see")
        left = (folder.path / "build/retrain").exists()
        assert (1, before, False) == (done.returncode, self.branches(folder), left)
        assert "retrain: the rows are at fault, so nothing is trained on them" in done.stdout

    def test_a_branch_that_is_checked_out_is_left_alone(self, folder, proposed):
        """It would change below a person; that is said before anything is trained."""
        folder.git("checkout", "-q", "retrain/prod")
        done = folder.mlops("retrain", "--as-of", "2026-11-22")
        folder.git("checkout", "-qf", "main")
        assert (2, True) == (done.returncode, "retrain/prod is checked out" in done.stderr)

    def test_months_that_main_has_already_are_not_trained_again(self, folder, proposed):
        """Its model waits to be promoted."""
        main = folder.git("rev-parse", "main")
        assert "promote it" in retrained(folder, "retrain/prod")
        assert "" == retrained(folder, main)

    def test_a_challenger_that_is_not_better_is_told_and_no_branch(self, folder, proposed):
        """Of a quiet world, three months after the fault: it ends with 1, and the branch stays as it was."""
        before = self.branches(folder)
        done = folder.mlops("retrain", "--as-of", "2026-04-15", "--why", "to see")
        text = (folder.path / "reports/retrain.md").read_text()
        assert (1, before) == (done.returncode, self.branches(folder)), done.stderr
        assert "**The challenger is not proposed.**" in text
        assert "of 2025-12 to 2026-02.\n\nWhy it was trained: to see\n\n- on the newest rows it is " in text
        assert "retrain: the challenger is not proposed" in done.stdout


def outputs(file: Path) -> dict[str, str]:
    """What a step has set."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def retrained(folder, commit: str) -> str:
    """What is said of months to train on where main is at a commit."""
    here = Path.cwd()
    os.chdir(folder.path)
    try:
        return retrain.settled(commit, Window(start="2025-12", end="2026-09"))
    finally:
        os.chdir(here)
