"""A model that knows no more than a constant answer is a person's to decide about."""

import numpy as np
import pytest

from mlops.adopt.chance import hardly_better
from mlops.files import read_table, write_table
from mlops.paths import PART
from tables import TASKS


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_model_that_knows_something_is_no_matter(copied, task):
    """Its interval stays above what a constant answer has."""
    copied(task)
    assert "" == hardly_better()


@pytest.mark.parametrize("task", TASKS)
def test_a_model_of_noise_is_told(copied, task):
    """With its figure, its interval, and what a constant answer has."""
    folder = copied(task)
    draw = np.random.default_rng(0)
    for name in ("train", "validation", "test"):
        rows = read_table(PART.format(name))
        write_table(
            PART.format(name), rows.assign(**{folder.table.target: draw.permutation(rows[folder.table.target])})
        )
    folder.run("train")
    found = hardly_better()
    assert found.startswith("the model may be no better than one that reads nothing: ")
    assert "95 % interval" in found
