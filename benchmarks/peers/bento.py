"""BentoML over onnxruntime: the same ONNX bytes, one worker. Imports nothing of the template, whose packages are not its own."""

import json

import bentoml
import numpy as np
import onnxruntime

from peers.row import Row


@bentoml.service(workers=1)
class Predict:
    """One model."""

    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession("models/model.onnx", options)
        columns = json.loads(self.session.get_modelmeta().custom_metadata_map["mlops"])["columns"]
        self.columns = [
            (column["name"], {name: code for code, name in enumerate(column["categories"] or [])}) for column in columns
        ]

    @bentoml.api
    def predict(self, row: Row) -> dict:
        """Score one row."""
        given = row.model_dump()
        values = [codes.get(given[name], np.nan) if codes else given[name] for name, codes in self.columns]
        (score,) = self.session.run(["score"], {"X": np.array([values], dtype=np.float32)})
        return {"score": float(score[0])}
