"""The sample's row as a tutorial writes it: by hand."""

from pydantic import BaseModel


class Row(BaseModel):
    """One loan application."""

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
