"""What one check says of one window: the one result type of drift, and what an effect and its p mean."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

OK, DRIFT, CRITICAL, FEW, ABSENT = "ok", "drift", "critical", "too few", "not known"
SURE = 1e-6  # the p below which one window is enough, where the effect is large, too


@dataclass(frozen=True)
class Finding:
    """One statistic of one column, score or metric in one window.

    kind: see KINDS. what: the column or metric. group: the slice, "" for all rows. effect, limit: in the statistic's own unit, the
    limit of what counts. p: of no difference, corrected for the number of tests of a window; None where nothing is tested. state: ok,
    drift, critical, too few (to judge) or not known. before, now: the values of a metric whose change
    the effect is.
    """

    kind: str
    what: str
    group: str
    statistic: str
    effect: float | None
    limit: float | None
    p: float | None
    state: str
    note: str = ""
    before: float | None = None
    now: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What has to show it again in another window: whichever statistic says so."""
        return self.kind, self.what, self.group

    @property
    def sentence(self) -> str:
        """The finding as people read it."""
        where = f"{self.what.removeprefix('_')}{f' of {self.group}' if self.group else ''}"
        if self.effect is None or self.kind == "quality":
            return self.note if self.kind == "quality" else f"{where}: {self.note}"
        sure = "" if self.p is None else f", p {self.p:.1g}"
        return f"{where}: {self.statistic} {self.effect:.3g} (limit {self.limit:g}{sure}){f': {self.note}' if self.note else ''}"


KINDS = {  # kind -> (what it is called, when its window can be judged, what a person does about it)
    "quality": ("data quality", "closed", "mend"),
    "skew": ("train/serve skew", "closed", "mend"),
    "covariate": ("covariate drift", "closed", "retrain"),
    "multivariate": ("multivariate drift", "closed", "retrain"),
    "prediction": ("prediction drift", "closed", "retrain"),
    "estimate": ("estimated performance", "closed", "retrain"),
    "performance": ("performance", "settled", "retrain"),
}


def decided(found: Sequence[Finding], alpha: float, critical: float) -> list[Finding]:
    """Return the findings of a window with p corrected for their number (Holm 1979), and the state that effect and p give.

    A difference counts where its p is below alpha and its effect above its limit; it is critical where the effect is `critical`
    times its limit and p below 1e-6. What has no p keeps the state that it has; what is not a number is not known.
    """
    from mlops.bootstrap import holm

    tested = [place for place, each in enumerate(found) if each.p is not None]
    adjusted = dict(zip(tested, holm([found[place].p for place in tested]), strict=True))
    return [
        _stated(replace(each, p=float(adjusted[place])), alpha, critical) if place in adjusted else each
        for place, each in enumerate(found)
    ]


def _stated(each: Finding, alpha: float, critical: float) -> Finding:
    if isnan(each.p) or isnan(each.effect):
        return replace(each, effect=None, p=None, state=ABSENT)
    if not (each.p < alpha and each.effect > each.limit):
        return replace(each, state=OK)
    return replace(each, state=CRITICAL if each.p < SURE and each.effect >= critical * each.limit else DRIFT)
