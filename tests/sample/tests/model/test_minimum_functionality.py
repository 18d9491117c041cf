"""YOURS: cases so plain that every model worth serving gets them right."""

PLAIN = {
    "debt": 2_000,
    "amount": 8_000,
    "term_months": 36,
    "age": 45,
    "years_employed": 10,
    "employment": "employed",
    "purpose": "car",
    "housing": "own",
}


def test_an_applicant_with_everything_in_order_is_not_refused(rows, score, decide):
    """High income, long history and no late payment: the decision is not 'default'."""
    good = rows.head(1).assign(**PLAIN | {"income": 120_000, "history_months": 240, "late_payments": 0})
    assert not decide(good)[0], f"score {score(good)[0]:.3f}"


def test_an_applicant_with_everything_against_them_is_refused(rows, score, decide):
    """Low income, heavy debt, short history and many late payments: the decision is 'default'."""
    against = {"income": 12_000, "debt": 60_000, "amount": 30_000, "history_months": 6, "late_payments": 6}
    bad = rows.head(1).assign(**PLAIN | against | {"employment": "unemployed", "years_employed": 0})
    assert decide(bad)[0], f"score {score(bad)[0]:.3f}"
