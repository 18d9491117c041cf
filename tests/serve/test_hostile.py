"""Whatever is sent, the answer is one of those that are described: never a server error, never a stack trace."""

import http.client
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import anything, bodies, repeating

pytestmark = pytest.mark.slow
DESCRIBED = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def fuzzed(port: int, *words: str) -> str:
    """What schemathesis says of the service; its last lines where it found something. What it keeps goes with a folder."""
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"http://127.0.0.1:{port}/openapi.json", *words]
    options = ["--seed", "1", "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_every_answer_is_as_described(served):
    """Thousands of requests made from the document, right and wrong ones, at every path."""
    said = fuzzed(served().port, "--max-examples", "4000", "--workers", "2", "--checks", DESCRIBED)
    assert int(re.search(r"([\d,]+) generated", said)[1].replace(",", "")) > 4000


def test_a_row_is_taken_where_the_document_allows_it_and_refused_where_not(served):
    """Of a batch the document cannot say that its lists have one length."""
    fuzzed(served().port, "--max-examples", "500", "--checks", "all", "--include-path", "/predict")


heads = st.fixed_dictionaries({}, optional={
    name: st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80)
    for name in ("x-request-id", "x-user-id", "x-assigned-arm", "traceparent", "content-type", "accept")
})  # fmt: skip


def test_nothing_that_is_sent_is_an_error_of_the_server(served, scorer):
    """16,000 bodies and heads, near a row and far from one, on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", served().port, timeout=30)
    sent = 0
    raw = st.binary(max_size=300) | (bodies(scorer()) | anything).map(lambda value: json.dumps(value).encode())
    raw |= repeating(scorer()).flatmap(lambda text: st.sampled_from([text.encode(), f"[{text}]".encode()]))

    @settings(max_examples=8000, deadline=None, database=None, derandomize=True)
    @given(body=raw, headers=heads)
    def send(body, headers):
        nonlocal sent
        for path in ("/predict", "/predict-batch"):
            connection.request("POST", path, body, {"content-type": "application/json"} | headers)
            said = connection.getresponse()
            text = said.read()
            sent += 1
            assert said.status in (200, 400, 413, 415, 422), text
            assert b"Traceback" not in text

    send()
    assert sent >= 16_000
    assert 'outcome="failed"} 0.0' in served().get("/metrics").body.decode()
