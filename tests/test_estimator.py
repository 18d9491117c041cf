"""The owner's estimators: chosen by name, seeded, with their own arguments."""

import numpy as np
import pytest

from copies import SAMPLE
from mlops import params
from mlops.pipeline.train import unfitted
from model.estimator import SCALED, estimator
from tables import one_thread

NAMES = ("linear", "gradient_boosting", "hist_gradient_boosting")
COLUMNS = [{"name": "income", "type": "number", "categories": []}]
ROWS = np.arange(60.0).reshape(-1, 1)
TARGETS = {"binary": np.arange(60) % 3 == 0, "multiclass": np.arange(60) % 3, "regression": np.arange(60.0)}


@pytest.fixture(scope="module", autouse=True)
def _pinned():
    """On one thread."""
    with one_thread():
        yield


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("multiclass", 3)])
@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_gives_probabilities(name, task, classes):
    """Unfitted when it is made; fitted it gives a probability for each class."""
    made = estimator(name, {}, 0, task)
    assert not hasattr(made, "classes_")
    found = made.fit(ROWS, TARGETS[task]).predict_proba(ROWS)
    assert (60, classes) == found.shape
    assert pytest.approx(np.ones(60)) == found.sum(axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_of_numbers_gives_numbers(name):
    """It is a regressor, and learns that a larger number is more."""
    found = estimator(name, {}, 0, "regression").fit(ROWS, TARGETS["regression"]).predict(ROWS)
    assert (60,) == found.shape
    assert found[0] < found[-1]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_has_the_seed_and_the_arguments_of_params(name, task):
    """What params.yaml says reaches scikit-learn, whatever the task."""
    options = params.read(SAMPLE).train.model_copy(update={"estimator": name}).options
    found = estimator(name, options, 3, task).get_params()
    assert options == {key: found[key] for key in options}
    assert 3 == found["random_state"]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_an_unknown_name_is_refused(task):
    """The sentence has the name and those that there are."""
    with pytest.raises(ValueError, match=f"makes no 'forest': it has {', '.join(NAMES)}$"):
        estimator("forest", {}, 0, task)


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_argument_is_refused(name, task):
    """The argument is in the sentence, from which `train` makes the nearest one."""
    with pytest.raises(TypeError, match="'depht'"):
        estimator(name, {"depht": 3}, 0, task)


def test_every_name_of_params_is_one_that_can_be_made():
    """What params.yaml has arguments for can be chosen."""
    assert set(NAMES) == set(params.read(SAMPLE).train.estimators)


@pytest.mark.parametrize("name", NAMES)
def test_only_estimators_on_one_scale_get_a_scaler(name):
    """A scaler before trees moves thresholds between float64 and float32."""
    knobs = params.read(SAMPLE).train.model_copy(update={"estimator": name})
    steps = str(unfitted(COLUMNS, knobs, "binary").named_steps["features"].transformers)
    assert (name in SCALED) == ("StandardScaler" in steps)
