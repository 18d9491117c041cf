"""The sample's promises: seeded, honest about its causes, learnable, fair by construction, with its planted pulses."""

import hashlib
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from model.estimator import SCALED, estimator
from model.features import transformer
from model.sample import CATEGORIES, COLUMNS, MISSING, PULSES, generate, true_probability
from model.source import read

FEATURES = COLUMNS[2:13]
OPTIONS = {
    "gradient_boosting": {"n_estimators": 120, "max_depth": 3, "min_samples_leaf": 50, "subsample": 0.8},
    "linear": {"max_iter": 1000},
}
PINNED = "9463244ab95f08e9427cad1cec1ce98f1b121287904707a4655c8227cb71dd3a"  # of 2024-10..2025-12, 40 rows a month
HASH = "import hashlib; from model.sample import generate; rows = generate('2024-10', '2025-12', rows_per_month=40)"


def digest(frame):
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def matrix(frame, columns):
    codes = {
        name: pd.Categorical(frame[name], categories=CATEGORIES[name]).codes for name in columns if name in CATEGORIES
    }
    return np.column_stack([codes.get(name, frame[name]) for name in columns]).astype(np.float32)


def fitted(rows, kind="gradient_boosting", columns=FEATURES, target=None, **options):
    """Return frame -> scores of the owner's own pipeline, fitted on `rows`."""
    categories = {place: len(CATEGORIES[name]) for place, name in enumerate(columns) if name in CATEGORIES}
    numbers = [place for place in range(len(columns)) if place not in categories]
    steps = [("features", transformer(numbers, categories, kind in SCALED))]
    pipeline = Pipeline([*steps, ("estimator", estimator(kind, OPTIONS[kind] | options, 0, "binary"))])
    pipeline.fit(matrix(rows, columns), rows["default"] if target is None else target)
    return lambda frame: pipeline.predict_proba(matrix(frame, columns))[:, 1]


def auc(frame, score):
    return roc_auc_score(frame["default"], score)


def standard_error(target, one, other):
    """Return the standard error of AUC(one) - AUC(other) on the same rows (DeLong 1988)."""
    positive = np.asarray(target) == 1
    gap = _placements(positive, one) - _placements(positive, other)
    return np.sqrt(sum(gap[rows].var() / rows.sum() for rows in (positive, ~positive)))


def _placements(positive, score):
    """Return, for each row, the share of the other class that it is ranked on the right side of."""
    ranks, result = pd.Series(score).rank().to_numpy(), np.empty(len(score))
    for rows in (positive, ~positive):
        result[rows] = (ranks[rows] - pd.Series(score[rows]).rank().to_numpy()) / (~rows).sum()
    return np.where(positive, result, 1 - result)


def months(frame):
    return frame["applied_at"].dt.strftime("%Y-%m")


@pytest.fixture(scope="module")
def window():
    """18 months, 60 % of each month for training, and a large quiet world that nobody trained on."""
    rows = generate("2023-07", "2024-12").sample(frac=0.6, random_state=0)
    return rows, generate("2025-01", "2025-01", rows_per_month=60_000)


@pytest.fixture(scope="module")
def model(window):
    return fitted(window[0])


# --- seeded


def test_same_seed_gives_same_bytes():
    """The same seed gives the same bytes, on this machine and on the one where they were pinned."""
    assert PINNED == digest(generate("2024-10", "2025-12", rows_per_month=40))


def test_other_seed_gives_other_bytes():
    """Another seed is another world."""
    assert digest(generate("2024-01", "2024-01", seed=8)) != digest(generate("2024-01", "2024-01", seed=7))


def test_processor_changes_no_byte():
    """With numpy's vector code switched off the bytes are the same."""
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}
    line = f"{HASH}; print(hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest())"
    found = subprocess.run([sys.executable, "-c", line], env=environment, capture_output=True, text=True, check=True)
    assert PINNED == found.stdout.strip()


@pytest.mark.parametrize("start", ["2023-01", "2024-11"])
def test_month_is_the_same_whatever_is_read_with_it(start):
    """A month's rows do not depend on the months before or after it."""
    longer = generate(start, "2025-04", rows_per_month=100)
    alone = generate("2025-03", "2025-03", rows_per_month=100)
    assert digest(alone) == digest(longer[months(longer) == "2025-03"])


def test_months_differ():
    """Two months are not the same rows under another date."""
    rows = generate("2024-01", "2024-02", rows_per_month=100)
    assert not np.array_equal(rows["income"][:100], rows["income"][100:], equal_nan=True)


# --- the table


def test_columns_and_types_are_as_written():
    """Columns, ids, dates, ranges and categories are those of the contract; the truth is none of them."""
    rows = generate("2023-01", "2025-01", rows_per_month=400)
    assert list(rows) == COLUMNS
    assert rows["application_id"].is_unique
    assert (rows["application_id"].str[:7] == months(rows)).all()
    assert (rows["applied_at"] == rows["applied_at"].dt.normalize()).all()
    assert {name: set(values) for name, values in CATEGORIES.items()} == {name: set(rows[name]) for name in CATEGORIES}
    assert set(rows["term_months"]) == {12, 24, 36, 48, 60}
    assert rows["age"].between(18, 90).all()
    assert rows["income"].min() > 1_000
    assert (rows["income"].dropna() % 1 == 0).all()


def test_only_documented_columns_have_gaps():
    """Some values are missing, few, and only where MISSING says so."""
    share = generate("2023-01", "2024-12").isna().mean()
    assert set(MISSING) == set(share.index[share > 0])
    assert share.max() < 0.05


# --- learnable, to a known limit


def test_world_is_as_hard_as_written(window):
    """The best possible AUC is about 0.8, and about one loan in six is not paid back."""
    _, quiet = window
    assert 0.78 < auc(quiet, true_probability(quiet)) < 0.82
    assert 0.15 < quiet["default"].mean() < 0.22


def test_true_probability_is_calibrated(window):
    """In every tenth of the rows the rate of defaults is the mean true probability, within 4 standard errors."""
    assert largest_miss(window[1], true_probability(window[1])) < 4


def test_another_worlds_probability_is_not_calibrated():
    """Where a pulse has changed what late payments cause, the quiet world's probability is refused."""
    rows = generate("2025-07", "2025-07", rows_per_month=20_000)
    assert largest_miss(rows, true_probability(rows)) < 4
    assert largest_miss(rows, true_probability(rows, pulses=False)) > 4


def largest_miss(rows, truth):
    tenth = pd.qcut(truth, 10, labels=False)
    error = (
        pd.Series(np.sqrt(truth * (1 - truth))).groupby(tenth).agg(lambda part: np.sqrt((part**2).sum()) / len(part))
    )
    return ((rows["default"] - truth).groupby(tenth).mean().abs() / error).max()


def test_gradient_boosting_comes_near_the_truth_and_not_above(window, model):
    """Trained on the window it stays within 0.03 of the best possible AUC, and is not above it but by luck."""
    _, quiet = window
    truth, score = true_probability(quiet), model(quiet)
    gain = auc(quiet, score) - auc(quiet, truth)
    assert -0.03 < gain < 2 * standard_error(quiet["default"], score, truth)


def test_answer_in_the_inputs_is_above_the_truth(window):
    """A leak of the answer stands out: it is above the best possible AUC by more than luck."""
    quiet = window[1][:20_000]
    truth = true_probability(quiet)
    leak = truth + 0.1 * quiet["default"].to_numpy()
    assert auc(quiet, leak) - auc(quiet, truth) > 2 * standard_error(quiet["default"], leak, truth)


@pytest.mark.slow
def test_gradient_boosting_on_500_000_rows_comes_within_a_hundredth(window):
    """With 500,000 rows the distance to the best possible AUC is below 0.01."""
    score = fitted(generate("2023-01", "2025-01", rows_per_month=20_000, seed=11))(window[1])
    truth = true_probability(window[1])
    gain = auc(window[1], score) - auc(window[1], truth)
    assert -0.01 < gain < 2 * standard_error(window[1]["default"], score, truth)


def test_line_is_a_bit_worse_than_trees(window, model):
    """The world is bent: a logistic regression loses a hundredth, and not much more."""
    rows, quiet = window
    loss = auc(quiet, model(quiet)) - auc(quiet, fitted(rows, "linear")(quiet))
    assert 0.007 < loss < 0.02


def test_two_strongest_columns_are_missed(window, model):
    """Without income and late payments a model loses more than 0.05."""
    rows, quiet = window
    poorer = fitted(
        rows, columns=[name for name in FEATURES if name not in ("income", "late_payments")], n_estimators=60
    )
    assert auc(quiet, model(quiet)) - auc(quiet, poorer(quiet)) > 0.05


def test_higher_income_never_raises_the_truth(window):
    """All else equal, a fifth more income raises nobody's true probability."""
    richer = window[1].assign(income=window[1]["income"] * 1.2)
    assert (true_probability(richer) <= true_probability(window[1])).all()


def test_model_respects_income(window, model):
    """The fitted model keeps that direction in at least 95 % of rows, and a fifth less income breaks it in most."""
    now, richer, poorer = (model(window[1].assign(income=window[1]["income"] * change)) for change in (1, 1.2, 0.8))
    assert (richer <= now).mean() >= 0.95
    assert (poorer <= now).mean() < 0.5


# --- fair by construction


def test_postcode_stands_for_race(window):
    """The rate of a race in each postcode, and nothing else, tells that race from the rest."""
    is_black = window[1]["race"] == "black"
    learned = is_black[:30_000].groupby(window[1]["postcode"][:30_000]).mean()
    assert roc_auc_score(is_black[30_000:], window[1]["postcode"][30_000:].map(learned)) >= 0.8


@pytest.mark.parametrize("name", ["race", "gender"])
def test_features_do_not_tell_a_protected_group(window, name):
    """No model of the features tells a group from the rest: AUC at most 0.55 for each."""
    rows, others = window[1][:12_000], window[1][30_000:]
    for group in CATEGORIES[name]:
        score = fitted(rows, target=rows[name] == group, n_estimators=10, subsample=0.3)(others)
        assert roc_auc_score(others[name] == group, score) <= 0.55


@pytest.mark.parametrize("name", ["race", "gender", "postcode"])
def test_default_does_not_depend_on_the_group(window, name):
    """Rates of default by race, gender and postcode learned on one half tell nothing on the other."""
    rate = window[1][:30_000].groupby(name)["default"].mean()
    other = window[1][30_000:]
    assert abs(auc(other, other[name].map(rate)) - 0.5) < 0.015


# --- pulses


def test_pulses_come_after_the_training_window_with_quiet_months_between():
    """The pulses are a covariate, a concept and a quality one, each followed by a quiet month, and a concept one that stays."""
    assert ["covariate", "concept", "quality", "concept"] == [pulse.kind for pulse in PULSES]
    assert PULSES[0].start > "2024-12"
    gaps = [pd.Period(later.start, "M") - pd.Period(earlier.end, "M") for earlier, later in pairwise(PULSES)]
    assert all(gap.n > 1 for gap in gaps)


def test_quiet_months_have_the_same_bytes_in_both_worlds():
    """Outside the pulses the world with them and the quiet world are byte for byte the same; inside they differ."""
    worlds = [generate("2024-12", "2026-06", rows_per_month=200, pulses=pulses) for pulses in (True, False)]
    changed = {
        month
        for month, rows in worlds[0].groupby(months(worlds[0]))
        if digest(rows) != digest(worlds[1].loc[rows.index])
    }
    assert {"2025-03", "2025-04", "2025-07", "2025-08", "2025-11", "2026-05", "2026-06"} == changed


def both(month):
    return [generate(month, month, rows_per_month=20_000, pulses=pulses) for pulses in (True, False)]


def test_debts_double_and_their_effect_stays(model):
    """The covariate shift doubles debt alone; defaults follow, as the model expects."""
    pulsed, quiet = both("2025-03")
    pd.testing.assert_series_equal(pulsed["debt"], quiet["debt"] * 2)
    others = [name for name in COLUMNS if name not in ("debt", "default")]
    assert digest(quiet[others]) == digest(pulsed[others])
    assert pulsed["default"].mean() > quiet["default"].mean() + 0.02
    assert abs(model(pulsed).mean() - pulsed["default"].mean()) < 0.015


def test_concept_shift_fools_the_model_and_changes_no_feature(model):
    """The concept shift leaves the features' bytes alone; AUC and calibration fall."""
    pulsed, quiet = both("2025-08")
    assert digest(quiet[COLUMNS[:-1]]) == digest(pulsed[COLUMNS[:-1]])
    assert auc(quiet, model(quiet)) - auc(pulsed, model(pulsed)) > 0.05
    assert abs(model(quiet).mean() - quiet["default"].mean()) < 0.015
    assert abs(model(pulsed).mean() - pulsed["default"].mean()) > 0.04


def test_a_concept_shift_that_stays_can_be_learned(model):
    """The features' bytes stay, AUC falls, and a model of the new months finds it again."""
    pulsed, quiet = both("2026-09")
    assert digest(quiet[COLUMNS[:-1]]) == digest(pulsed[COLUMNS[:-1]])
    lost = auc(quiet, model(quiet)) - auc(pulsed, model(pulsed))
    fresh = fitted(generate("2026-05", "2026-08", rows_per_month=5_000), "gradient_boosting")
    assert 0.01 < lost < auc(pulsed, fresh(pulsed)) - auc(pulsed, model(pulsed))


def test_quality_fault_spoils_the_value_and_not_the_world():
    """Income arrives in thousands; who defaults, and with which probability, stays as it was."""
    pulsed, quiet = both("2025-11")
    assert pulsed["income"].max() < 1_000 < quiet["income"].min()
    pd.testing.assert_series_equal(pulsed["default"], quiet["default"])
    np.testing.assert_array_equal(true_probability(pulsed), true_probability(quiet, pulses=False))


# --- the owner's hook, and what is refused


def test_source_gives_the_months_of_the_sample():
    """The hook returns both end months, with the options it is given."""
    rows = read("2024-01", "2024-03", {"seed": 3, "rows_per_month": 10})
    assert digest(generate("2024-01", "2024-03", seed=3, rows_per_month=10)) == digest(rows)
    assert ["2024-01", "2024-02", "2024-03"] == sorted(set(months(rows)))


def test_source_names_the_nearest_option():
    """An unknown key is refused with the key that was meant."""
    with pytest.raises(ValueError, match=r"option 'rows_per_moth' is unknown .*: did you mean 'rows_per_month'\?"):
        read("2024-01", "2024-01", {"rows_per_moth": 10})


@pytest.mark.parametrize(
    ("start", "end", "options", "sentence"),
    [
        ("2024-02", "2024-01", {}, "end 2024-01 is before start 2024-02: swap them"),
        ("2022-12", "2024-01", {}, "start 2022-12 is before the sample's first month: use 2023-01 or later"),
        ("2024-13", "2024-01", {}, "start '2024-13' is not a month: write it as \"2024-01\""),
        ("2024-01", 2024, {}, 'end 2024 is not a month: write it as "2024-01"'),
        (
            "2024-01",
            "2024-01",
            {"rows_per_month": 0},
            "rows_per_month 0 is out of range: use a whole number from 1 to 999999",
        ),
        (
            "2024-01",
            "2024-01",
            {"rows_per_month": 2.5},
            "rows_per_month 2.5 is out of range: use a whole number from 1 to 999999",
        ),
        ("2024-01", "2024-01", {"seed": -1}, f"seed -1 is out of range: use a whole number from 0 to {2**63 - 1}"),
    ],
)
def test_bad_input_is_refused_with_its_fix(start, end, options, sentence):
    """Months that the world lacks and numbers out of range are refused in one sentence that says the fix."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        read(start, end, options)
    assert sentence == str(refused.value)


def test_smallest_input_is_accepted():
    """One row of the first month is a table."""
    assert 1 == len(read("2023-01", "2023-01", {"rows_per_month": 1, "seed": 0}))
