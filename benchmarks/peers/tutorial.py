"""FastAPI + pandas + scikit-learn, as most tutorials have it: the pipeline from a pickle, a DataFrame a request."""

import joblib
import pandas as pd
from fastapi import FastAPI

from mlops import contract
from mlops.encoding import encode, spec
from peers.row import Row

app = FastAPI()
columns = spec(contract.read())
model = joblib.load("models/pipeline.joblib")["pipeline"]


@app.post("/predict")
def predict(row: Row) -> dict:
    frame = pd.DataFrame([row.model_dump()])
    return {"score": float(model.predict_proba(encode(frame, columns))[0, 1])}


@app.post("/predict-batch")
def predict_batch(rows: list[Row]) -> dict:
    frame = pd.DataFrame([row.model_dump() for row in rows])
    return {"score": model.predict_proba(encode(frame, columns))[:, 1].tolist()}
