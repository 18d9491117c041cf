"""The tutorial's pipeline as an MLflow model, for `mlflow models serve`. Run: python -m peers.mlflow_model <folder to make>."""

import sys

import joblib
import mlflow.pyfunc
import pandas as pd

from mlops import contract
from mlops.encoding import encode, spec


class Pipeline(mlflow.pyfunc.PythonModel):
    """The pickled pipeline on a DataFrame."""

    def load_context(self, context) -> None:
        """Load once."""
        self.columns, self.pipeline = spec(contract.read()), joblib.load("models/pipeline.joblib")["pipeline"]

    def predict(self, context, model_input: pd.DataFrame, params=None) -> list[float]:
        """Return the score of each row."""
        return self.pipeline.predict_proba(encode(model_input, self.columns))[:, 1].tolist()


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Pipeline())
