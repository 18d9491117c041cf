"""A champion of the sample, trained as the pipeline trains, and the rows that it was trained on: what drift holds new rows against."""

from functools import cache

import numpy as np

from copies import SAMPLE
from mlops import contract, params, split
from mlops.contract import Contract
from mlops.drift.drift import Held
from mlops.drift.reference import Reference
from mlops.encoding import spec
from mlops.export import to_onnx
from mlops.onnx_model import Model
from mlops.params import Params
from mlops.pipeline import ingest
from mlops.pipeline.train import described, fit

TABLE: Contract = contract.read(SAMPLE)


def knobs(**drift) -> Params:
    """The sample's params with a model that is quick to train, and perhaps other knobs of drift."""
    said = params.read(SAMPLE)
    train = said.train.model_copy(update={"estimator": "linear"})
    changed = {"train": train, "drift": said.drift.model_copy(update=drift)}
    return said.model_copy(update=changed)


@cache
def reference() -> Reference:
    """The champion and its rows."""
    said = knobs()
    frame = ingest.read(said.data, TABLE)
    part = split.assign(frame, TABLE, said.split).to_numpy()
    fitted = fit(frame[part == "train"], frame[part == "validation"], TABLE, said.train)
    model = Model(
        to_onnx(fitted["pipeline"], spec(TABLE), fitted["calibration"], described(TABLE, fitted["threshold"]))
    )
    return Reference("a" * 40, model, frame, ~np.isin(part, ("train", "validation")), said.data.window, "b" * 64)


@cache
def held() -> Held:
    """The same, looked at."""
    return Held(reference(), TABLE, knobs())
