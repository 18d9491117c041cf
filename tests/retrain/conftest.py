"""A challenger of the sample, trained on months in which what a loan is for counts eight times."""

import numpy as np
import pytest

from champions import TABLE, knobs
from mlops import split
from mlops.encoding import spec
from mlops.export import to_onnx
from mlops.onnx_model import Model
from mlops.params import Window
from mlops.pipeline import ingest
from mlops.pipeline.train import described, fit
from mlops.retrain.retrain import Trained

MONTHS = Window(start="2026-05", end="2026-09")


@pytest.fixture(scope="session")
def trained() -> Trained:
    """The model, and the keys of the rows that it was trained on."""
    said = knobs()
    frame = ingest.given(said.data, TABLE, MONTHS.start, MONTHS.end)
    part = split.assign(frame, TABLE, said.split).to_numpy()
    fitted = fit(frame[part == "train"], frame[part == "validation"], TABLE, said.train)
    model = to_onnx(fitted["pipeline"], spec(TABLE), fitted["calibration"], described(TABLE, fitted["threshold"]))
    return Trained(Model(model), {*split.keys(frame[np.isin(part, ("train", "validation"))], TABLE)}, {})
