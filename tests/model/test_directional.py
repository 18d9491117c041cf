"""YOURS: changes whose direction is known. The score is the probability of default."""


def test_more_income_never_raises_the_risk(rows, score, inputs, cases, by_construction, limits):
    """A fifth more income: the score is not higher."""
    if "income" not in inputs:
        by_construction("the model does not read income")
    cases(score(rows.assign(income=rows["income"] * 1.2)) <= score(rows) + 1e-6, at_least=limits.directional)


def test_more_late_payments_never_lower_the_risk(rows, score, inputs, cases, by_construction, limits):
    """Two more late payments: the score is not lower."""
    if "late_payments" not in inputs:
        by_construction("the model does not read late_payments")
    cases(
        score(rows.assign(late_payments=rows["late_payments"] + 2)) >= score(rows) - 1e-6, at_least=limits.directional
    )
