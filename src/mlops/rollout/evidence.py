"""Verb `evidence`: what is known of the step that an environment is at. Run: mlops evidence --env prod.

From Prometheus (PROMETHEUS_URL), or the prediction log (PREDICTION_LOG_URL) where there is none. A source that is named and gives
no answer is an error, never silence.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mlops import github
from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.rollout import findings, history, labels, prediction_log, prometheus, step
from mlops.rollout.findings import Finding

RECENT = 300  # seconds: what the guard looks at
NEEDED = ("requests", "time", "share", "labels")  # labels only where they are asked for
LOOKED = ("answers", "failover", "p99", "scores")  # errors no log has: there a failover says it
SIGNS = {findings.OK: "ok", findings.BREACH: "BREACH", findings.FEW: "too few", findings.ABSENT: "not known"}


@dataclass(frozen=True)
class Case:
    """What is known of an open step. whole: of the step since it settled; recent: of the last five minutes."""

    environment: str
    step: str
    hours: float
    whole: list[Finding]
    recent: list[Finding]

    @property
    def breaches(self) -> list[Finding]:
        """What is beyond its limit, each once."""
        return findings.breaches([*self.recent, *(each for each in self.whole if each.name not in self._recent)])

    @property
    def _recent(self) -> set[str]:
        return {each.name for each in findings.breaches(self.recent)}

    @property
    def missing(self) -> list[Finding]:
        """What the step has had too little of, or is not known and must be."""
        return [
            each for each in self.whole if each.name in ("requests", "time", "answers") and each.state != findings.OK
        ]

    @property
    def unknown(self) -> list[Finding]:
        """What its source cannot know, or too few requests say: a person has to look."""
        return [each for each in self.whole if each.name in LOOKED and each.state in (findings.FEW, findings.ABSENT)]

    def sentence(self) -> str:
        """Return the figures of the whole step in one line, as an overlay keeps them."""
        return "; ".join(each.sentence for each in self.whole if each.state != findings.ABSENT)

    def table(self) -> str:
        """Return the figures as Markdown."""
        head = f"Step `{self.step}` of {self.environment}, for {self.hours:.1f} hours.\n\n| | since the step began | |\n|---|---|---|\n"
        rows = [f"| {each.name} | {each.sentence} | {SIGNS[each.state]} |" for each in self.whole]
        more = [
            f"| last 5 minutes: {each.name} | {each.sentence} | {SIGNS[each.state]} |"
            for each in findings.breaches(self.recent)
        ]
        return head + "\n".join([*rows, *more])


def add_arguments(parser) -> None:
    """Add what is looked at."""
    parser.add_argument("--env", required=True, dest="environment", help="an environment with an open step")
    parser.add_argument("--labels", help="CSV file with request_id and label: the primary metric is compared, too")


def run(args) -> int:
    """Print the figures; 1 where one of them is beyond its limit, or the step has had too little yet."""
    from mlops import params

    commit = main_commit()
    case = looked(args.environment, commit, params.read().delivery, args.labels)
    if case is None:
        raise CannotRun(
            f"neither PROMETHEUS_URL nor PREDICTION_LOG_URL is set, so nothing is known of {args.environment}"
        )
    print(case.table())
    github.summary(case.table())
    return int(bool(case.breaches or case.missing or case.unknown))


def main_commit(root=".") -> str:
    """Return the commit whose overlays are looked at: main's as last fetched, else the one that is here."""
    from mlops.dvc import git

    main = git("rev-parse", "--verify", "--quiet", "refs/remotes/origin/main", root=root, check=False)
    return main or git("rev-parse", "HEAD", root=root)


def hours(environment: str, commit: str, now: datetime | None = None) -> float:
    """Return for how long main has had the step that an environment is at."""
    return ((now or datetime.now(UTC)) - history.since(environment, commit)).total_seconds() / 3600


def looked(
    environment: str, commit: str, knobs, labelled: str | None = None, now: datetime | None = None
) -> Case | None:
    """Return what is known of an environment's open step; None where no source of figures is named.

    Raises CannotRun where no step is open, or a source that is named gives no answer.
    """
    name = overlay.file(environment)
    text = overlay.at(commit, name)
    at, images = step.current(text, name), overlay.images(text, name)
    if at == step.STABLE:
        raise CannotRun(f"{environment} has no step open: there is nothing to look at")
    sources = [
        found
        for found in (prometheus.from_environment(overlay.namespace(text, name)), prediction_log.from_environment())
        if found
    ]
    if not sources:
        return None
    models = images["champion"].model, images["challenger"].model
    age = hours(environment, commit, now)
    settled = 3600 * age - 60 * knobs.limits.settle_minutes
    if settled < 1:
        few = Finding("time", findings.FEW, f"{60 * age:.0f} minutes: the cluster may not have followed yet")
        return Case(environment, at, age, [few], [])
    whole = sources[0].measured(settled, at, models)
    if isinstance(sources[0], prediction_log.PredictionLog) and not (
        whole.champion.requests or whole.challenger.requests
    ):
        raise sources[0].silent(settled)
    if labelled:
        whole = _labelled(whole, labelled, sources, settled, models)
    if len(sources) > 1 and at == step.SHADOW:
        whole = replace(whole, agreement=_agreement(sources[1], settled, models))
    recent = sources[0].measured(min(settled, RECENT), at, models)
    judged = [findings.judged(each, at, knobs.limits) for each in (whole, recent)]
    return Case(environment, at, age, findings.enough(whole, at, knobs.least(at), age) + judged[0], judged[1])


def _agreement(log, seconds: float, models: tuple[str, str]) -> tuple[int, float] | None:
    """Return the agreement of a second source: a log that is down blinds nobody."""
    try:
        return log.measured(seconds, step.SHADOW, models).agreement
    except CannotRun as error:
        print(f"evidence: {error}")
        return None


def _labelled(whole, labelled: str, sources, seconds: float, models):
    logs = [each for each in sources if isinstance(each, prediction_log.PredictionLog)]
    if not logs:
        raise CannotRun("labels belong to rows of the prediction log: set PREDICTION_LOG_URL, or leave --labels out")
    return replace(whole, worse=labels.worse(logs[0].rows(seconds), labels.read(labelled), models))
