"""The OpenAPI document: FastAPI's own, and the two prediction paths, whose schemas are those of the types that decode them."""

import msgspec

from mlops.serve.endpoint import Refusal
from mlops.serve.scorer import Scorer

REFUSALS = {
    "400": "The body is no JSON.",
    "413": "The body, or the batch, is too large.",
    "415": "The body is not said to be JSON.",
    "422": "A value is missing, unknown, of another type, out of range, or no category.",
}


def document(plain: dict, scorer: Scorer) -> dict:
    """Return FastAPI's document with POST /predict and /predict-batch."""
    types = [scorer.rows.row, scorer.rows.batch, scorer.answer, scorer.answers, Refusal]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    row, batch, answer, answers, refusal = schemas
    one = {"summary": "Score one row", "operationId": "predict"} | _call(row, answer, refusal, {"row": scorer.example})
    lists = {name: [value] for name, value in scorer.example.items()}
    examples = {"rows": [scorer.example], "lists, for many rows": lists}
    many = {"summary": "Score many rows", "operationId": "predict_batch"} | _call(batch, answers, refusal, examples)
    paths = {"/predict": {"post": one}, "/predict-batch": {"post": many}}
    known = plain.setdefault("components", {}).setdefault("schemas", {})
    return plain | {
        "paths": paths | plain["paths"],
        "components": plain["components"] | {"schemas": known | components},
    }


def _call(body: dict, answer: dict, refusal: dict, examples: dict) -> dict:
    json = lambda schema: {"application/json": {"schema": schema}}  # noqa: E731
    content = {
        "application/json": {"schema": body, "examples": {name: {"value": value} for name, value in examples.items()}}
    }
    refused = {status: {"description": about, "content": json(refusal)} for status, about in REFUSALS.items()}
    text = {"schema": {"type": "string"}, "in": "header", "required": False}
    return {
        "tags": ["predictions"],
        "parameters": [
            text
            | {"name": "x-request-id", "description": "Comes back in the answer; at most 64 of A-Z a-z 0-9 . _ : -"},
            text | {"name": "x-user-id", "description": "Logged as a keyed hash, never as it is"},
        ],
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "The model's answer", "content": json(answer)}, **refused},
    }
