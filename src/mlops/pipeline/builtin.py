"""The behavioural tests that a contract means, without a line of the owner's: stage `behaviour` runs them beside tests/model."""

import numpy as np
import pytest

from mlops import task


class TestMinimumFunctionality:
    """What every model worth serving does."""

    def test_every_score_is_what_the_task_says(self, rows, score, model, cases):
        """Probabilities lie between 0 and 1, those of several classes add up to 1, and numbers are finite."""
        found = score(rows).reshape(len(rows), -1)
        holds = np.isfinite(found).all(axis=1)
        if model.task != "regression":
            holds &= ((found >= 0) & (found <= 1)).all(axis=1)
        if model.task == "multiclass":
            holds &= np.abs(found.sum(axis=1) - 1) < 1e-4
        cases(holds)

    def test_it_knows_more_than_the_average(self, rows, targets, score, model):
        """On the test rows its squared error is smaller than that of the same answer to everybody."""
        said, target = score(rows), targets(rows)
        if model.task == "multiclass":
            target = np.eye(len(model.classes))[target]
        error, constant = (((each - target) ** 2).mean() for each in (said, target.mean(axis=0)))
        assert error < constant, f"mean squared error {error:.4g}, of the same answer to everybody {constant:.4g}"

    def test_a_row_with_nothing_in_it_gets_an_answer(self, rows, score, inputs, cases):
        """Every input missing: the score is still a number."""
        empty = rows.head(1).astype(dict.fromkeys(inputs, object)).assign(**dict.fromkeys(inputs, None))
        cases(np.isfinite(score(empty)).reshape(1, -1).all(axis=1), frame=empty)


class TestInvariance:
    """Changes that must not change a decision."""

    def test_swapping_a_protected_column_keeps_the_decision(
        self, protected_column, rows, decide, same, inputs, cases, by_construction, limits
    ):
        """Each row's value replaced by that of another group: the decision stays."""
        if protected_column not in inputs:
            by_construction(f"the model does not read {protected_column}")
        other = rows.assign(**{protected_column: np.roll(rows[protected_column].to_numpy(), 1)})
        cases(same(decide(other), decide(rows)), at_least=limits.invariance)


class TestDirectional:
    """Changes whose direction the contract names: `direction` of a column."""

    def test_a_larger_value_moves_the_score_as_the_contract_says(
        self, directed_column, rows, score, cases, limits, model
    ):
        """A tenth of the column's spread more: the score does not fall where the direction is up, nor rise where it is down."""
        name, sign = directed_column
        if model.task == "multiclass":
            pytest.fail("`direction` in data/contract.yaml means nothing for several classes: take it out")
        step = 0.1 * float(rows[name].std())
        before, after = score(rows), score(rows.assign(**{name: rows[name] + step}))
        cases(sign * (after - before) >= -1e-6 * task.spread(model.task, before), at_least=limits.directional)
