"""params.yaml: every knob typed, every mistake one sentence."""

import pytest

from copies import SAMPLE
from mlops.config import parse
from mlops.errors import CannotRun
from mlops.params import Params, read

TEXT = """
data: {window: {start: "2024-01", end: "2024-12"}}
split: {salt: "loans", train: 60}
train: {estimator: linear, estimators: {linear: {}}, threshold: f1}
gates: {min_rows: 1000, max_degradation: 0.01, waivers: []}
"""
WAIVER = '{gate: slices, reason: "known since May", approver: "@ann", expires: "2026-12-31"}'


def params(old: str = "", new: str = "") -> Params:
    """The params above with one place changed."""
    assert old in TEXT
    return parse(TEXT.replace(old, new, 1), Params, "params.yaml")


def test_the_repositorys_own_params_are_right():
    """What a fresh copy starts with is read."""
    assert 100 == sum(getattr(read(SAMPLE).split, part) for part in ("train", "validation", "test", "holdout"))


def test_what_is_not_said_has_its_default():
    """Only window, salt and estimator are required."""
    assert ("roc_auc", 50, "warn") == (
        params().gates.primary,
        params().gates.slices.min_class_rows,
        params().gates.undecided,
    )


@pytest.mark.parametrize("name", ["linear", "gradient_boosting", "forest"])
def test_the_chosen_estimators_arguments_are_its_options(name):
    """The others' are kept for a change of mind; which names there are, src/model/estimator.py knows."""
    of = "{linear: {C: 2}, gradient_boosting: {n_estimators: 9}, forest: {}}"
    found = parse(TEXT.replace("{linear: {}}", of).replace("estimator: linear", f"estimator: {name}"), Params, "")
    assert {"linear": {"C": 2}, "gradient_boosting": {"n_estimators": 9}, "forest": {}}[name] == found.train.options


def test_the_other_metrics_have_margins_only_where_they_are_said():
    """Each task has metrics of its own, so none is named in advance."""
    assert {} == params().gates.margins
    assert {"mae": 0.1} == params("waivers: []", "margins: {mae: 0.1}").gates.margins


@pytest.mark.parametrize("kinds", [[], ["invariance"], ["minimum functionality", "invariance", "directional"]])
def test_the_owner_says_which_kinds_of_tests_there_must_be(kinds):
    """All three where nothing is said."""
    assert kinds == params("gates:", f"behaviour: {{require: {kinds}}}\ngates:").behaviour.require
    assert 3 == len(params().behaviour.require)


@pytest.mark.parametrize("threshold", ["f1", 0.3])
def test_a_threshold_is_chosen_or_given(threshold):
    """A word or a number."""
    assert threshold == params("threshold: f1", f"threshold: {threshold}").train.threshold


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", (False, False)),
        ("delivery: {}", (False, False)),
        ("delivery: {paused: true}", (True, False)),
        ("delivery: {staging: {auto: true}}", (False, True)),
    ],
)
def test_bots_deploy_to_no_environment_by_themselves_unless_it_is_said(said, found):
    """And where it is said that they are to pause, they propose nothing."""
    delivery = params("gates:", f"{said}\ngates:").delivery
    assert found == (delivery.paused, delivery.staging.auto)


def test_a_waiver_names_gate_reason_approver_and_expiry():
    """All four are kept for the report."""
    (waiver,) = params("waivers: []", f"waivers: [{WAIVER}]").gates.waivers
    assert ("slices", "@ann", "2026-12-31") == (waiver.gate, waiver.approver, str(waiver.expires))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("max_degradation:", "max_degradaton:", "unknown key 'gates.max_degradaton'; did you mean 'max_degradation'?"),
        ("gates:", "gate:", "unknown key 'gate'; did you mean 'gates'?"),
        ('end: "2024-12"', 'end: "2023-12"', "`start` 2024-01 is after `end` 2023-12: the window is empty"),
        (
            'end: "2024-12"',
            'end: "2024-13"',
            """'data.window.end' is '2024-13': must be a month in quotes, like "2024-12\"""",
        ),
        (
            'end: "2024-12"',
            "end: 2024-12-31",
            "'data.window.end' is datetime.date(2024, 12, 31): it should be a valid str",
        ),
        ('"loans"', "1", "'split.salt' is 1: it should be a valid string"),
        ('"loans"', '""', "'split.salt' is '': String should have at least 1 character"),
        ("train: 60", "train: 61", "'split': train, validation, test and holdout add up to 101, not 100"),
        ("train: 60", "by: time", "'split': `by: time` needs `cut`, the first month of the test rows"),
        (
            "train: 60",
            'cut: "2024-10"',
            "'split': `by: time` needs `cut`, the first month of the test rows, and only it",
        ),
        (
            "estimator: linear",
            "estimator: liner",
            "'train': `estimator` is 'liner', which `estimators` has no arguments for; did you mean 'linear'?",
        ),
        ("{linear: {}}", "{}", "`estimator` is 'linear', which `estimators` has no arguments for; name it there"),
        ("{linear: {}}", "{linear: }", "'train.estimators.linear' is None: it should be a valid dictionary"),
        (", estimators: {linear: {}}", ", linear: {}", "unknown key 'train.linear'; known here: estimator, seed"),
        (", estimators: {linear: {}}", "", "'train.estimators' is missing; it is required"),
        (
            "gates:",
            "behaviour: {require: [speed]}\ngates:",
            "'behaviour.require.0' is 'speed': it should be 'minimum func",
        ),
        ("threshold: f1", "threshold: 1.5", "'train.threshold' is 1.5: it should be 'f1' or less than or equal to 1"),
        ("min_rows: 1000", "min_rows: 10", "'gates.min_rows' is 10: it should be greater than or equal to 100"),
        ("0.01", ".nan", "'gates.max_degradation' is nan: it should be a finite number"),
        ("gates:", "delivery: {pause: true}\ngates:", "unknown key 'delivery.pause'; did you mean 'paused'?"),
        (
            "gates:",
            "delivery: {prod: {auto: true}}\ngates:",
            "unknown key 'delivery.prod'; known here: paused, staging",
        ),
        (
            "gates:",
            "delivery: {staging: {aut: true}}\ngates:",
            "unknown key 'delivery.staging.aut'; did you mean 'auto'?",
        ),
        ("gates:", "delivery: {paused: soon}\ngates:", "'delivery.paused' is 'soon': it should be a valid boolean"),
        ("waivers: []", "waivers: [{gate: slices}]", "'gates.waivers.0.reason' is missing; it is required"),
    ],
)
def test_a_wrong_knob_is_refused(old, new, sentence):
    """The sentence names the file, the key, the value and what it should be."""
    with pytest.raises(CannotRun) as refused:
        params(old, new)
    assert str(refused.value).startswith("params.yaml: ")
    assert sentence in str(refused.value)
