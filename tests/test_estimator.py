"""The owner's estimators: chosen by name, seeded, with their own arguments."""

import numpy as np
import pytest

from copies import SAMPLE
from mlops import params
from mlops.pipeline.train import unfitted
from model.estimator import SCALED, estimator

NAMES = ("logistic", "gradient_boosting")
COLUMNS = [{"name": "income", "type": "number", "categories": []}]
ROWS, TARGET = np.arange(40.0).reshape(-1, 1), np.arange(40) % 3 == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_gives_probabilities(name):
    """Unfitted when it is made; fitted it gives a probability for each of two classes."""
    made = estimator(name, {}, 0)
    assert not hasattr(made, "classes_")
    found = made.fit(ROWS, TARGET).predict_proba(ROWS)
    assert (40, 2) == found.shape
    assert pytest.approx(np.ones(40)) == found.sum(axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_has_the_seed_and_the_arguments_of_params(name):
    """What params.yaml says reaches scikit-learn."""
    options = params.read(SAMPLE).train.model_copy(update={"estimator": name}).options
    found = estimator(name, options, 3).get_params()
    assert options == {key: found[key] for key in options}
    assert 3 == found["random_state"]


def test_an_unknown_name_is_refused():
    """The name is in the sentence."""
    with pytest.raises(ValueError, match="no estimator is called 'forest'"):
        estimator("forest", {}, 0)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_argument_is_refused(name):
    """The argument is in the sentence, from which `train` makes the nearest one."""
    with pytest.raises(TypeError, match="'depht'"):
        estimator(name, {"depht": 3}, 0)


@pytest.mark.parametrize("name", NAMES)
def test_only_estimators_on_one_scale_get_a_scaler(name):
    """A scaler before trees moves thresholds between float64 and float32."""
    knobs = params.read(SAMPLE).train.model_copy(update={"estimator": name})
    steps = str(unfitted(COLUMNS, knobs).named_steps["features"].transformers)
    assert (name in SCALED) == ("StandardScaler" in steps)
