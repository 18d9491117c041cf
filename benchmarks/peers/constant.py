"""A FastAPI handler that validates the same row and returns a constant: all of it is overhead."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Row(BaseModel):
    """The sample's row, written out by hand."""

    income: float | None
    debt: float | None
    amount: float
    term_months: int
    history_months: int | None
    late_payments: int | None
    years_employed: float | None
    age: int
    employment: str
    purpose: str
    housing: str


@app.post("/predict")
async def predict(row: Row) -> dict:
    return {"score": 0.5}
