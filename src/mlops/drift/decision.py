"""From what windows say to what is done: the two speeds of an alarm, and one decision.

A critical finding alarms at its first window. All others alarm where `drift.needed` of the newest `drift.of` closed windows show the
same column, metric and group: windows do not overlap, so each is evidence of its own. Performance counts the windows whose labels have
settled, so its clock begins with their arrival.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlops.drift.finding import CRITICAL, DRIFT, KINDS, Finding
from mlops.drift.windows import Window
from mlops.params import Drift

MEND, RETRAIN, QUIET, TOO_FEW = "mend", "retrain", "quiet", "too few rows"


@dataclass(frozen=True)
class Seen:
    """A window, and what every check says of it."""

    window: Window
    rows: int
    labelled: int
    found: tuple[Finding, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alarm:
    """What has to be acted on: the newest finding, the windows that show it, and whether one was enough."""

    finding: Finding
    windows: tuple[str, ...]
    critical: bool

    @property
    def sentence(self) -> str:
        """The alarm as people read it."""
        speed = "critical" if self.critical else f"in {len(self.windows)} windows"
        return f"{KINDS[self.finding.kind][0]}, {speed} ({', '.join(self.windows)}): {self.finding.sentence}"


@dataclass(frozen=True)
class Decision:
    """answer: mend (the rows themselves are at fault, so nothing is trained on them), retrain, quiet or too few rows."""

    answer: str
    alarms: tuple[Alarm, ...]


def decide(seen: Sequence[Seen], knobs: Drift) -> Decision:
    """Return what is to be done about windows, the oldest of them first."""
    alarms = (*_critical(seen), *_repeated(seen, knobs))
    once = {alarm.finding.key: alarm for alarm in reversed(alarms)}
    answers = {KINDS[alarm.finding.kind][2] for alarm in once.values()}
    broken = any(alarm.finding.state == CRITICAL and KINDS[alarm.finding.kind][2] == MEND for alarm in once.values())
    # Rules hold of few rows, too: only what was tested can be quiet.
    judged = any(each.p is not None for one in _newest(seen, "closed", 1) for each in one.found)
    # what a rule only warns of is told, and stops no retrain
    answer = MEND if broken or answers == {MEND} else RETRAIN if answers else QUIET if judged else TOO_FEW
    return Decision(answer, tuple(sorted(once.values(), key=_weight)))


def faulty(one: Seen) -> bool:
    """Whether the rows of a window are at fault: until they are mended nothing is trained on them."""
    return any(each.state == CRITICAL and KINDS[each.kind][2] == MEND for each in one.found)


def _critical(seen: Sequence[Seen]) -> Iterator[Alarm]:
    """Yield what the newest window alone is enough for: the last one that is closed, and the one that is open."""
    for clock in ("closed", "settled"):
        for one in _newest(seen, clock, 1) + [
            each for each in seen[-1:] if clock == "closed" and not each.window.closed
        ]:
            for each in one.found:
                if each.state == CRITICAL and KINDS[each.kind][1] == clock:
                    yield Alarm(each, (one.window.name,), critical=True)


def _repeated(seen: Sequence[Seen], knobs: Drift) -> Iterator[Alarm]:
    for clock in ("closed", "settled"):
        shown: dict[tuple, dict[str, Finding]] = {}
        for one in _newest(seen, clock, knobs.of):
            for each in one.found:
                if each.state in (DRIFT, CRITICAL) and KINDS[each.kind][1] == clock:
                    shown.setdefault(each.key, {})[one.window.name] = each
        for names in shown.values():
            if len(names) >= knobs.needed:
                yield Alarm([*names.values()][-1], tuple(names), critical=False)


def _newest(seen: Sequence[Seen], clock: str, count: int) -> list[Seen]:
    return [each for each in seen if getattr(each.window, clock)][-count:]


def _weight(alarm: Alarm) -> tuple:
    return not alarm.critical, [*KINDS].index(alarm.finding.kind), alarm.finding.group != "", alarm.finding.what
