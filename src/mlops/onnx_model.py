"""The served model: ONNX bytes that carry their own columns, codes, task and threshold; their sha256 is the model hash."""

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlops.errors import CannotRun
from mlops.files import sha256
from mlops.paths import MODEL
from mlops.task import decide

if TYPE_CHECKING:
    from mlops.metrics import Scores

KEY = "mlops"  # the metadata property that holds the spec


class Model:
    """One exported model.

    Attributes: hash (sha256 of the bytes), columns (see encoding.spec), task and classes (see mlops.task), threshold (binary:
    decision at score >= threshold), question ({table, target, positive} of the contract that it was trained on).
    """

    def __init__(self, data: bytes, name: str = MODEL):
        self.data, self.hash, self.name = data, sha256(data), name
        try:
            described = json.loads(self.session.get_modelmeta().custom_metadata_map[KEY])
            self.columns, self.threshold = described["columns"], float(described["threshold"])
            self.task, self.classes = described["task"], tuple(described["classes"])
            self.question = described.get("question", {})  # models of an older template do not say
        except Exception as error:
            reason = " ".join(str(error).split())[:160]
            raise CannotRun(
                f"{name} (sha256 {self.hash[:12]}) cannot be read as a model of this template ({reason}): train it again"
            ) from error

    @classmethod
    def read(cls, path=MODEL) -> "Model":
        """Return the model file at `path`."""
        try:
            return cls(Path(path).read_bytes(), str(path))
        except FileNotFoundError:
            raise CannotRun(f"{path} is not there: run `make train` first") from None
        except OSError as error:
            raise CannotRun(f"{path} cannot be read ({error.strerror}): it should be a file") from None

    @cached_property
    def session(self):
        """One onnxruntime session, one thread: a single row is faster without a pool, and sums keep their order."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(self.data, options, providers=["CPUExecutionProvider"])

    def score_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """Return the score of each row of a float32 matrix [rows, columns]: float32, see mlops.task."""
        return self.session.run(["score"], {"X": matrix})[0]

    def score(self, frame) -> np.ndarray:
        """Return the score of each row of a DataFrame: float64, see mlops.task; raises CannotRun where one is not a number."""
        from mlops.encoding import encode

        score = self.score_matrix(encode(frame, self.columns)).astype(np.float64)
        bad = int((~np.isfinite(score)).any(axis=tuple(range(1, score.ndim))).sum())
        if bad:
            raise CannotRun(
                f"{self.name} gives no number for {bad} of {len(score)} rows: "
                "see src/model/features.py for what a missing value becomes, and train again"
            )
        return score

    def decide(self, score: np.ndarray) -> np.ndarray:
        """Return the decision of each score, [rows]."""
        return decide(self.task, score, self.threshold)

    def said(self, score: np.ndarray, extra: dict | None = None) -> "Scores":
        """Return scores of this model as the metrics take them."""
        from mlops.metrics import Scores

        return Scores(score, self.threshold, extra or {}, self.task, self.classes)
