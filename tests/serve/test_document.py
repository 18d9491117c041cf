"""The OpenAPI document is true: what it describes is what is accepted and sent."""

import json

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.serve.rows import BROKEN
from serving import anything, bodies
from tables import TASKS


@pytest.fixture(scope="module")
def described(served):
    """A function: task -> the document that its service serves."""
    return lambda task="binary": served(task).get("/openapi.json").json


def schema(document: dict, path: str, *, answer: str | None = None) -> dict:
    """The schema of a path's body, or of its answer with this status, with everything that it refers to."""
    call = document["paths"][path]["post"]
    content = call["responses"][answer]["content"] if answer else call["requestBody"]["content"]
    return {"components": document["components"], **content["application/json"]["schema"]}


def valid(value, kind: dict) -> bool:
    """Whether a reader of the document would take the value."""
    return jsonschema.Draft202012Validator(kind).is_valid(value)


def accepted(value, kind) -> bool:
    """Whether the service takes it."""
    try:
        msgspec.json.decode(json.dumps(value).encode(), type=kind)
    except BROKEN:
        return False
    return True


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_what_the_document_allows_is_what_is_accepted(scorer, described, data):
    """Values near a row, and any others, at both paths."""
    made, document = scorer(), described()
    value = data.draw(bodies(made) | anything)
    assert valid(value, schema(document, "/predict")) == accepted(value, made.rows.row)
    for batch in ([value], [made.example, value], {name: [each] for name, each in made.example.items()}):
        assert valid(batch, schema(document, "/predict-batch")) == accepted(batch, made.rows.batch)


@pytest.mark.parametrize("task", TASKS)
def test_examples_are_answered_as_described(served, described, task):
    """Each of both paths, and a refusal."""
    for path in ("/predict", "/predict-batch"):
        call = described(task)["paths"][path]["post"]
        for example in call["requestBody"]["content"]["application/json"]["examples"].values():
            said = served(task).post(path, example["value"])
            assert 200 == said.status
            assert valid(said.json, schema(described(task), path, answer="200"))
        refused = served(task).post(path, {"zzz": 1})
        assert 422 == refused.status
        assert valid(refused.json, schema(described(task), path, answer="422"))


def test_every_status_is_described(described):
    """What is refused, and how."""
    assert {"200", "400", "413", "415", "422"} == set(described()["paths"]["/predict"]["post"]["responses"])


def test_a_column_is_described_in_the_contracts_words(described, scorer):
    """Its description, its range, its categories, whether it may be missing."""
    row = described()["components"]["schemas"]["Row"]
    age, purpose = row["properties"]["age"], row["properties"]["purpose"]
    assert ("age in years", 18, 100, 1) == (age["description"], age["minimum"], age["maximum"], age["multipleOf"])
    assert scorer().table.columns["purpose"].categories == sorted(
        purpose["enum"], key=scorer().table.columns["purpose"].categories.index
    )
    assert ("age" in row["required"], "debt" in row["required"], row["additionalProperties"]) == (True, False, False)


def test_the_document_is_one_of_openapi(described):
    """Every reference leads somewhere, and FastAPI's own paths are there."""
    document = described()
    assert document["openapi"].startswith("3.1")
    assert {"/predict", "/predict-batch", "/health", "/ready", "/startup", "/version", "/metrics"} == set(
        document["paths"]
    )
    references = {text.split('"')[0] for text in json.dumps(document).split('"$ref": "#/components/schemas/')[1:]}
    assert references <= set(document["components"]["schemas"])
