"""Verb `drift`: have the rows that came since the champion was trained changed, and is it still good? Run: mlops drift [--as-of 2025-09-30].

Ends with 0 where all is quiet, 1 where something is to be done, 2 where it could not look. Writes reports/drift.json, drift.md and drift.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from mlops import contract, github, params
from mlops.contract import Contract
from mlops.drift import (
    columns,
    decision,
    evidently,
    history,
    multivariate,
    performance,
    quality,
    report,
    rows,
    skew,
    windows,
)
from mlops.drift.decision import Decision, Seen, faulty
from mlops.drift.finding import Finding, decided
from mlops.drift.looked import SCORE, Looked, look
from mlops.drift.reference import Reference
from mlops.drift.reference import read as reference_of
from mlops.drift.windows import Window
from mlops.files import write_text
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.paths import DRIFT, DRIFT_PAGE, DRIFT_REPORT


def add_arguments(parser) -> None:
    """Add the day."""
    parser.add_argument("--as-of", default="", metavar="DAY", help="look as on that day (default: today)")
    parser.add_argument("--anew", action="store_true", help="look at every window again, whatever is known of it")


def run(args) -> int:
    """Look at every window since the champion was trained, and say what is to be done."""
    found = answered(windows.day(args.as_of), anew=args.anew)
    if found is None:
        return 0
    print(f"drift: {found.decision.answer}")
    return 1 if found.decision.alarms else 0


@dataclass(frozen=True)
class Answer:
    """What was looked at, and what is to be done."""

    held: "Held"
    seen: list[Seen]
    decision: Decision


def answered(as_of: date, anew: bool = False) -> Answer | None:
    """Look at every window up to a day, write the reports and say the decision; None where no rows are new, which is said.

    Raises CannotRun where it cannot look.
    """
    table, knobs = contract.read(), params.read()
    given = rows.source(table, knobs)
    if given is None:
        why = "data/contract.yaml names no `time` column and PREDICTION_LOG_URL no log"
        print(f"drift: not configured: {why}, so no rows are new")
        return None
    held = Held(reference_of(table, knobs), table, knobs)
    name = history.identity(held.reference, table, knobs)
    known = {} if anew else history.known(DRIFT, name)
    spans = windows.since(held.last, as_of, knobs.drift.every, knobs.split.label_delay_days)
    for again in _again(spans, knobs.drift.of) | {each for each, one in known.items() if faulty(one)}:
        known.pop(again, None)
    seen = [known.get(each.name) or judged(given(each, as_of), held) for each in spans]
    found = Answer(held, seen, decision.decide(seen, knobs.drift))
    text = report.markdown(held.reference, as_of, seen, found.decision)
    write_text(DRIFT_REPORT, text)
    write_text(DRIFT_PAGE, report.page(text, seen))
    history.write(DRIFT, name, as_of, held.reference, seen, found.decision)
    newest = evidently.newest(seen, knobs.drift.min_rows)
    now = given(newest, as_of).chunks() if newest else None
    print(evidently.page([held.reference.frame], now, lambda frame: with_scores(frame, held.model, table), table))
    github.summary(text)
    print(report.table(seen))
    print("\n".join(f"- {said}" for said in report.told(found.decision)))
    return found


def _again(spans: list[Window], count: int) -> set[str]:
    """Return the windows that are looked at whatever is known of them: those that decide, and those that labels still come to."""
    settled = [each.name for each in spans if each.settled]
    return {each.name for each in spans if not each.settled} | set(settled[-count:])


@dataclass
class Held:
    """The reference as every window is held against it: looked at once."""

    reference: Reference
    table: Contract
    knobs: Params

    def __post_init__(self):
        self.model, self.last = self.reference.model, self.reference.last
        every = look([with_scores(self.reference.frame, self.model, self.table)], self.table)
        unseen = look([with_scores(self.reference.frame[self.reference.unseen], self.model, self.table)], self.table)
        scores = {key: summary for key, summary in unseen.columns.items() if key[1].startswith(SCORE)}
        self.looked = Looked(every.rows, every.columns | scores, every.sample)
        labelled = unseen.sample[unseen.sample["_known"]]
        self.judged = performance.judged(labelled, self.table, self.model, self.knobs)
        self.estimated = performance.estimated(labelled, self.model, self.knobs)


def judged(given: rows.Rows, held: Held) -> Seen:
    """Return what every check says of the rows of a window."""
    checked = quality.Quality()
    now = look(_passed(given, checked, held), held.table)
    if not now.rows:
        return Seen(given.window, 0, 0, (), tuple(given.said))
    labelled = now.sample[now.sample["_known"]]
    found = [
        *quality.check(checked, held.knobs.drift),
        *skew.check(given.served, held.knobs.drift),
        *_measured(held, now, labelled, given.window),
    ]
    drift = held.knobs.drift
    return Seen(
        given.window, now.rows, len(labelled), tuple(decided(found, drift.alpha, drift.critical)), tuple(given.said)
    )


def _passed(given: rows.Rows, checked: quality.Quality, held: Held) -> Iterator[pd.DataFrame]:
    """Yield chunks with scores, held against the contract on their way."""
    for chunk in given.chunks():
        checked.add(chunk, held.table)
        yield with_scores(chunk, held.model, held.table)


def _measured(held: Held, now: Looked, labelled: pd.DataFrame, window: Window) -> Iterator[Finding]:
    knobs = held.knobs
    yield from columns.check(held.looked, now, knobs.drift)
    yield from multivariate.check(held.looked, now, held.model.columns, knobs.drift)
    yield from performance.check_estimate(held.estimated, performance.estimated(now.sample, held.model, knobs), knobs)
    if window.settled:
        after = performance.judged(labelled, held.table, held.model, knobs)
        yield from performance.check(held.judged, after, len(labelled), knobs)


def with_scores(frame: pd.DataFrame, model: Model, table: Contract) -> pd.DataFrame:
    """Return rows with the model's scores and with `_known`, whether their label is there."""
    score = model.score(frame)
    names = [f"{SCORE}_{each}" for each in model.classes] or [SCORE]
    scores = dict(zip(names, score.reshape(len(frame), -1).T, strict=True))
    return frame.assign(**scores, _known=frame[table.target].notna())
