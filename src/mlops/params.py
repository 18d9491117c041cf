"""params.yaml: every knob of the template, typed; an unknown key is refused with the fix."""

from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from mlops.config import Strict, load
from mlops.paths import PARAMS


def _month(text: str) -> str:
    try:
        date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError('must be a month in quotes, like "2024-12"') from None
    return text


Month = Annotated[str, AfterValidator(_month)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Window(Strict):
    """First and last month, both inside."""

    start: Month
    end: Month

    @model_validator(mode="after")
    def _runs_forward(self):
        if self.start > self.end:
            raise ValueError(f"`start` {self.start} is after `end` {self.end}: the window is empty")
        return self


class Data(Strict):
    """Which rows are read."""

    window: Window | None = None
    options: dict[str, Any] = {}


class Split(Strict):
    """Which part a row belongs to."""

    salt: Annotated[str, Field(min_length=1)]
    train: Annotated[int, Field(gt=0)] = 60
    validation: Annotated[int, Field(gt=0)] = 15
    test: Annotated[int, Field(gt=0)] = 20
    holdout: Annotated[int, Field(ge=0)] = 5
    by: Literal["hash", "time"] = "hash"
    cut: Month | None = None
    label_delay_days: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _adds_up(self):
        total = self.train + self.validation + self.test + self.holdout
        if total != 100:
            raise ValueError(f"train, validation, test and holdout add up to {total}, not 100")
        if (self.by == "time") != (self.cut is not None):
            raise ValueError("`by: time` needs `cut`, the first month of the test rows, and only it takes one")
        return self


class Train(Strict):
    """How the model is fitted."""

    estimator: str
    seed: int = 0
    estimators: dict[str, dict[str, Any]]
    calibration: Literal["sigmoid", "none"] = "sigmoid"
    threshold: Literal["f1"] | Share = "f1"

    @model_validator(mode="after")
    def _is_one_of_them(self):
        if self.estimator not in self.estimators:
            near = get_close_matches(self.estimator, self.estimators, 1, 0)
            raise ValueError(
                f"`estimator` is '{self.estimator}', which `estimators` has no arguments for; "
                + (f"did you mean '{near[0]}'?" if near else "name it there")
            )
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of the chosen estimator."""
        return self.estimators[self.estimator]


class SliceLimits(Strict):
    """When a group of rows is judged, and how much it may lose."""

    max_degradation: Positive = 0.05
    min_class_rows: Annotated[int, Field(ge=10)] = 50


class FairnessLimits(Strict):
    """Largest gaps between groups of a protected column."""

    selection_rate: Share = 0.1
    true_positive_rate: Share = 0.1
    calibration: Share = 0.1
    proxy_auc: Annotated[float, Field(ge=0.5, le=1)] = 0.65


class ModelLimits(Strict):
    """What the service can carry."""

    size_mb: Positive = 20
    latency_ms: Positive = 5


class Waiver(Strict):
    """A person's word that a gate may be red for a time."""

    gate: str
    reason: Annotated[str, Field(min_length=10)]
    approver: Annotated[str, Field(min_length=2)]
    expires: date


class Gates(Strict):
    """What a candidate must hold."""

    primary: str = "roc_auc"
    max_degradation: Positive = 0.01
    max_total_degradation: Positive = 0.02
    margins: dict[str, Positive] = {}
    floors: dict[str, float] = {}
    undecided: Literal["warn", "fail"] = "warn"
    min_rows: Annotated[int, Field(ge=100)] = 1000
    slices: SliceLimits = SliceLimits()
    fairness: FairnessLimits = FairnessLimits()
    calibration: Share = 0.05
    model: ModelLimits = ModelLimits()
    parity: Positive = 1e-5
    waivers: list[Waiver] = []


class Behaviour(Strict):
    """The shares of cases that behavioural tests ask for."""

    invariance: Share = 0.99
    directional: Share = 0.95
    require: list[Literal["minimum functionality", "invariance", "directional"]] = [
        "minimum functionality", "invariance", "directional",
    ]  # fmt: skip


class Deepchecks(Strict):
    """The deepchecks suite: sampling and the checks that gate."""

    seed: int = 0
    rows: Annotated[int, Field(ge=500)] = 10_000
    gate: list[str] = []


class Search(Strict):
    """What `make search` tries."""

    runs: Annotated[int, Field(ge=10)] = 12
    folds: Annotated[int, Field(ge=2)] = 4
    space: dict[str, dict[str, list[Any]]] = {}


class Reports(Strict):
    """What reports may show, and to whom."""

    examples: bool = False
    publish: bool = False


class Environment(Strict):
    """How an environment is deployed to."""

    auto: bool = False


class Least(Strict):
    """What a step must have had before the next one."""

    requests: Annotated[int, Field(ge=1)]
    hours: Annotated[float, Field(ge=0)]


LEAST = {
    "shadow": Least(requests=1000, hours=1),
    "canary-01": Least(requests=500, hours=1),
    "canary-05": Least(requests=1000, hours=4),
    "canary-25": Least(requests=5000, hours=12),
    "canary-50": Least(requests=10_000, hours=24),
}


class Limits(Strict):
    """What a challenger may do at most before it is rolled back."""

    failover: Share = 0.01
    errors: Share = 0.01
    p99: Annotated[float, Field(ge=1)] = 1.2
    p99_ms: Annotated[float, Field(ge=0)] = 2
    scores: Positive = 0.25
    agreement: Share = 0.9
    degradation: Positive = 0.02
    settle_minutes: Annotated[float, Field(ge=0, le=120)] = 5


class Delivery(Strict):
    """What bots do about environments, and what a step of a canary asks for."""

    paused: bool = False
    staging: Environment = Environment()
    steps: dict[Literal["shadow", "canary-01", "canary-05", "canary-25", "canary-50"], Least] = {}
    limits: Limits = Limits()

    def least(self, step: str) -> Least:
        """What `step` must have had."""
        return self.steps.get(step, LEAST[step])


class DriftLimits(Strict):
    """From which effect on a difference counts."""

    psi: Positive = 0.2
    ks: Share = 0.1
    wasserstein: Positive = 0.1
    cramers_v: Share = 0.15
    auc: Annotated[float, Field(gt=0.5, lt=1)] = 0.6
    performance: Positive = 0.02
    calibration: Positive = 0.05
    skew: Share = 0.01


class Drift(Strict):
    """How the rows that come are held against those that the champion was trained on."""

    every: Literal["day", "week", "month"] = "month"
    min_rows: Annotated[int, Field(ge=100)] = 500
    needed: Annotated[int, Field(ge=1)] = 2
    of: Annotated[int, Field(ge=1, le=24)] = 3
    alpha: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    limits: DriftLimits = DriftLimits()
    critical: Annotated[float, Field(ge=1)] = 3
    reference: Window | None = None

    @model_validator(mode="after")
    def _needs_no_more_than_there_are(self):
        if self.needed > self.of:
            raise ValueError(f"`needed` is {self.needed} windows of {self.of}: it should be {self.of} at most")
        return self


class Retrain(Strict):
    """When a retrained model is proposed."""

    min_gain: Positive = 0.005


class Params(Strict):
    """The whole of params.yaml."""

    data: Data
    split: Split
    train: Train
    gates: Gates = Gates()
    behaviour: Behaviour = Behaviour()
    deepchecks: Deepchecks = Deepchecks()
    search: Search = Search()
    reports: Reports = Reports()
    delivery: Delivery = Delivery()
    drift: Drift = Drift()
    retrain: Retrain = Retrain()


def read(root=".") -> Params:
    """Return the params of the tree at `root`; raises CannotRun with every fault, one a line."""
    return load(PARAMS, Params, root)
