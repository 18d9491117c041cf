"""Verb `retrain`: train a challenger on newer months, and prepare its pull request where it is better. Run: mlops retrain [--as-of DAY] [--why REASON].

It moves `data.window` of main's params.yaml, runs main's pipeline on that in a folder of its own, and holds the challenger against the champion
on rows that neither was trained on. Ends with 0 where the branch retrain/prod is prepared or nothing is to be done, 1 where the challenger
is not better, or nothing may be trained. Writes reports/retrain.md.
"""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from mlops import baseline, dvc, github, split, yamledit
from mlops.config import parse
from mlops.contract import Contract
from mlops.delivery import proposal
from mlops.drift import drift, kept, windows
from mlops.drift import table as source
from mlops.drift.decision import MEND, QUIET, RETRAIN, Decision
from mlops.drift.kept import PAST
from mlops.drift.looked import ALL
from mlops.drift.performance import CALIBRATION
from mlops.drift.report import told
from mlops.drift.windows import Window
from mlops.errors import CannotRun
from mlops.files import read_table, write_text
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.params import Window as Months
from mlops.paths import KEYS, MODEL, PARAMS, RETRAIN_REPORT, RETRAINED
from mlops.repro import reference_machine
from mlops.retrain import judge, made, months, report
from mlops.retrain.judge import Judgement
from mlops.retrain.made import BRANCH, FILES, Made
from mlops.retrain.withdraw import REASONLESS, SETTLED


@dataclass(frozen=True)
class Trained:
    """A challenger: its model, the keys that it was trained on, and the files of main that it changes, {path: text}."""

    model: Model
    keys: set[str]
    files: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """The exit code, why nothing is proposed ("" where it is), and what an older proposal has lost its reason by: "", reasonless or settled."""

    code: int
    why: str = ""
    withdraw: str = ""


def add_arguments(parser) -> None:
    """Add the day and the reason."""
    parser.add_argument("--as-of", default="", metavar="DAY", help="retrain as on that day (default: today)")
    parser.add_argument("--why", default="", metavar="REASON", help="retrain though nothing has drifted")
    parser.add_argument(
        "--anew", default="", choices=("", "true"), help="look at every window again, whatever is known of it"
    )
    parser.add_argument("--bot", action="store_true", help="end with 0 whatever is found, and obey delivery.paused")


def run(args) -> int:
    """Look, train, compare, and prepare the branch.

    Outputs: `answer` of drift, `proposed` (true or false) and `why` not, `trained` on which months, and `withdraw`, by what an
    older proposal has lost its reason.
    """
    as_of = windows.day(args.as_of)
    if not reference_machine():
        raise CannotRun("this machine is not x86-64 with AVX2, so its lock would not be CI's: retrain on one that is")
    shutil.rmtree(RETRAINED, ignore_errors=True)  # the last answer must not outlive a run that stops
    Path(RETRAIN_REPORT).unlink(missing_ok=True)
    later = kept.later(as_of) if args.bot else ""
    found = drift.answered(as_of, bool(args.anew))
    if found is None:
        github.report("retrain: not configured", answer="", proposed="false", why="")
        return 0
    answer = PAST if later else found.decision.answer
    github.report(f"drift: {found.decision.answer}", answer=answer)  # it holds, whatever comes of the training
    if later or (args.bot and found.held.knobs.delivery.paused):
        done = Outcome(0, later or f"delivery.paused is true in {PARAMS}")
    else:
        done = proposed(found, as_of, args.why)
    said = {"proposed": str(not done.why).lower(), "why": done.why, "withdraw": done.withdraw}
    github.report(f"retrain: {done.why or f'{BRANCH} is prepared'}", **said)
    return 0 if args.bot else done.code


def proposed(found: drift.Answer, as_of: date, reason: str) -> Outcome:
    """Train, compare and prepare the branch where there is reason to."""
    answer, held = found.decision.answer, found.held
    if answer == MEND:
        return Outcome(
            1, "the rows are at fault, so nothing is trained on them: mend what delivers them, docs/drift.md"
        )
    if answer != RETRAIN and not reason:
        why = f"{answer}, so nothing is to be done; WHY= (--why) retrains all the same"
        return Outcome(0, why, withdraw=REASONLESS * (answer == QUIET))
    main = baseline.resolve(None)
    try:
        window = months.moved(held.reference.window, found.seen, as_of, held.knobs.split.label_delay_days)
    except months.NotYet as error:
        return Outcome(1, str(error))
    if why_not := settled(main, window):
        return Outcome(0, why_not, withdraw=SETTLED)
    trained = challenger(main, window)
    github.report(f"retrain: trained on {window.start} to {window.end}", trained=f"{window.start}-{window.end}")
    judgement = judged(found, trained, window, as_of)
    why = reason or "; ".join(told(found.decision)[:3])
    text = report.markdown(held.reference, trained.model.hash, window, judgement, why, held.knobs)
    write_text(RETRAIN_REPORT, text)
    github.summary(text)
    print(text)
    if not judgement.better:
        return Outcome(1, f"the challenger is not proposed: {against(judgement)}", withdraw=REASONLESS)
    print(f"retrain: {prepared(main, trained, window, asked=bool(reason))}")
    return Outcome(0)


def against(found: Judgement) -> str:
    """Return what speaks against a challenger, the first three in one line: a group of a table may be called anything."""
    more = f"; and {len(found.why) - 3} more" if len(found.why) > 3 else ""
    return " ".join("; ".join(found.why[:3]).split()) + more


def settled(main: str, window: Months) -> str:
    """Return why there is nothing to train, "" where there is; raises CannotRun where the branch could not be made afterwards."""
    if f"branch refs/heads/{BRANCH}" in dvc.git("worktree", "list", "--porcelain").splitlines():
        raise CannotRun(f"{BRANCH} is checked out, and would change below you: `git switch main` first")
    if dvc.git("rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}", check=False):
        who = dvc.git("log", "--format=%ce", f"{main}..refs/heads/{BRANCH}").split()
        if set(who) - {proposal.EMAIL}:
            raise CannotRun(
                f"{BRANCH} has a commit of a person's, which would be lost: `git branch -m {BRANCH} mine` first"
            )
    has = parse(proposal.read(main, PARAMS), Params, PARAMS).data.window
    if has.end < window.end:
        return ""
    return f"main's model is of {has.start} to {has.end} already, and prod serves an older one: promote it, docs/promoting.md"


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
        name: judge.look(each, reference.model, trained.model, table, knobs, groups=name != "holdout")
        for name, each in (("newest", newest), ("common", common), ("holdout", old))
    }
    return judge.judged(looks, knobs, concept(found.decision))


def concept(decision: Decision) -> bool:
    """Whether what causes the target has changed: the metric itself is worse, or calibration has moved and no column has."""
    whole = [(each.finding.kind, each.finding.what) for each in decision.alarms if each.finding.group == ALL]
    performance = [what for kind, what in whole if kind == "performance"]
    moved = any(kind in ("covariate", "multivariate") for kind, _ in whole)
    return any(what != CALIBRATION or not moved for what in performance)


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


def prepared(main: str, trained: Trained, window: Months, asked: bool = False) -> str:
    """Make the branch with the challenger's commit, and return a sentence that says so; nobody's working tree is touched.

    The same files are left in build/retrain, for `candidate` and `propose`.
    """
    title = f"Retrain on {window.start} to {window.end}: {trained.model.hash[:12]}"
    reports = {path: Path(path).read_text(encoding="utf-8") for path in made.REPORTS}
    given = Made(main, title, trained.model.hash, trained.files, reports, asked)
    made.write(given)
    commit = proposal.commit_tree(title, given.tree(), main)
    dvc.git("branch", "--force", BRANCH, commit)
    return f"branch {BRANCH} is {commit[:12]}, on main {main[:12]}: `git diff {main[:12]} {BRANCH}`"


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
