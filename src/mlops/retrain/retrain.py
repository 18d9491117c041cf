"""Verb `retrain`: train a challenger on newer months, and prepare its pull request where it is better. Run: mlops retrain [--as-of DAY] [--why REASON].

It moves `data.window` of main's params.yaml, runs main's pipeline on that in a folder of its own, and holds the challenger against the champion
on rows that neither was trained on. Ends with 0 where the branch retrain/prod is prepared or nothing is to be done, 1 where the challenger
is not better, or nothing may be trained. Writes reports/retrain.md.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from mlops import baseline, dvc, github, split, yamledit
from mlops.config import parse
from mlops.contract import Contract
from mlops.delivery import proposal
from mlops.drift import drift, windows
from mlops.drift import table as source
from mlops.drift.decision import MEND, RETRAIN
from mlops.drift.report import told
from mlops.drift.windows import Window
from mlops.errors import CannotRun
from mlops.files import read_table, write_text
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.params import Window as Months
from mlops.paths import KEYS, LOCK, METRICS, MODEL, PARAMS, RETRAIN_REPORT
from mlops.repro import reference_machine
from mlops.retrain import judge, months, report
from mlops.retrain.judge import Judgement

BRANCH = "retrain/prod"
FILES = (PARAMS, LOCK, METRICS)


@dataclass(frozen=True)
class Trained:
    """A challenger: its model, the keys that it was trained on, and the files of main that it changes, {path: text}."""

    model: Model
    keys: set[str]
    files: dict[str, str]


def add_arguments(parser) -> None:
    """Add the day and the reason."""
    parser.add_argument("--as-of", default="", metavar="DAY", help="retrain as on that day (default: today)")
    parser.add_argument("--why", default="", metavar="REASON", help="retrain though nothing has drifted")


def run(args) -> int:
    """Look, train, compare, and prepare the branch."""
    as_of = windows.day(args.as_of)
    if not reference_machine():
        raise CannotRun("this machine is not x86-64 with AVX2, so its lock would not be CI's: retrain on one that is")
    found = drift.answered(as_of)
    if found is None:
        return 0
    answer = found.decision.answer
    if answer == MEND:
        print("retrain: the rows are at fault, so nothing is trained on them: mend what delivers them, docs/drift.md")
        return 1
    if answer != RETRAIN and not args.why:
        print(f"retrain: {answer}, so nothing is to be done; WHY= (--why) retrains all the same")
        return 0
    main, held = baseline.resolve(None), found.held
    window = months.moved(held.reference.window, found.seen, as_of, held.knobs.split.label_delay_days)
    if why_not := settled(main, window):
        print(f"retrain: {why_not}")
        return 0
    trained = challenger(main, window)
    judgement = judged(found, trained, window, as_of)
    why = args.why or "; ".join(told(found.decision)[:3])
    text = report.markdown(held.reference, trained.model.hash, window, judgement, why, held.knobs)
    write_text(RETRAIN_REPORT, text)
    github.summary(text)
    print(text)
    if not judgement.better:
        print("retrain: the challenger is not proposed")
        return 1
    print(f"retrain: {prepared(main, trained, window)}")
    return 0


def settled(main: str, window: Months) -> str:
    """Return why there is nothing to train, "" where there is; raises CannotRun where the branch could not be made afterwards."""
    if f"branch refs/heads/{BRANCH}" in dvc.git("worktree", "list", "--porcelain").splitlines():
        raise CannotRun(f"{BRANCH} is checked out, and would change below you: `git switch main` first")
    has = parse(proposal.read(main, PARAMS), Params, PARAMS).data.window
    if has.end < window.end:
        return ""
    return f"main's model is of {has.start} to {has.end} already, and prod serves an older one: promote it, docs/delivery.md"


def challenger(main: str, window: Months) -> Trained:
    """Return what main's own pipeline makes of other months; raises CannotRun where it stops."""
    with dvc.worktree(main) as tree:
        path = tree / PARAMS
        path.write_text(_moved(path.read_text(encoding="utf-8"), window), encoding="utf-8")
        if why := baseline.verb("repro", tree):
            raise CannotRun(f"the pipeline stops on {window.start} to {window.end}: {why}")
        files = {name: (tree / name).read_text(encoding="utf-8") for name in FILES}
        return Trained(Model.read(tree / MODEL), set(read_table(tree / KEYS)["key"]), files)


def judged(found: drift.Answer, trained: Trained, window: Months, as_of: date) -> Judgement:
    """Return how the challenger does against the champion."""
    held = found.held
    reference, table, knobs = held.reference, held.table, held.knobs
    rows = unseen(found, trained, window, as_of)
    newest = rows[rows[table.time] >= _decides(found, knobs)]
    common = rows[rows[table.time] < pd.Period(window.end, "M").end_time]
    old = judge.unseen(reference.frame, [reference.keys, trained.keys], table)
    old = old[_part(old, table, knobs) == "holdout"]
    looks = {
        name: judge.look(each, reference.model, trained.model, table, knobs)
        for name, each in (("newest", newest), ("common", common), ("holdout", old))
    }
    concept = any(alarm.finding.kind == "performance" for alarm in found.decision.alarms)
    return judge.judged(looks, knobs, concept)


def unseen(found: drift.Answer, trained: Trained, window: Months, as_of: date) -> pd.DataFrame:
    """Return the rows from the first of the challenger's months on that neither model was trained on, their labels known."""
    table, knobs = found.held.table, found.held.knobs
    first = pd.Period(window.start, "M")
    spans = windows.since(first.start_time.date() - timedelta(days=1), as_of, "month", knobs.split.label_delay_days)
    given = [source.rows(span, as_of, table, knobs)[0] for span in spans]  # as the challenger was: not a log
    frame = pd.concat(given, ignore_index=True)
    frame = frame[frame[table.target].notna()]
    inside = frame[table.time] <= pd.Period(window.end, "M").end_time
    kept = frame[(_part(frame, table, knobs) == "test") | ~inside]
    return judge.unseen(kept, [found.held.reference.keys, trained.keys], table)


def prepared(main: str, trained: Trained, window: Months) -> str:
    """Make the branch with the challenger's commit, and return a sentence that says so; nobody's working tree is touched."""
    title = f"Retrain on {window.start} to {window.end}"
    wanted = proposal.Proposal(BRANCH, title, "", trained.files)
    commit = proposal.commit_tree(title, proposal.tree_of(main, wanted), main)
    dvc.git("branch", "--force", BRANCH, commit)
    return f"branch {BRANCH} is {commit[:12]}, on main {main[:12]}: `git diff main {BRANCH}`"


def _moved(text: str, window: Months) -> str:
    for key in ("start", "end"):
        text = yamledit.edited(text, ["data", "window", key], getattr(window, key))
    return text


def _decides(found: drift.Answer, knobs: Params) -> pd.Timestamp:
    """Return when the newest settled windows begin, those that an alarm counts."""
    settled: list[Window] = [one.window for one in found.seen if one.window.settled][-knobs.drift.of :]
    return pd.Timestamp(settled[0].start if settled else found.seen[0].window.start)


def _part(frame: pd.DataFrame, table: Contract, knobs: Params):
    return split.parts(split.keys(frame, table), knobs.split) if len(frame) else pd.Series(dtype=str)
