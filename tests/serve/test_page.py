"""The page is a form made from the contract, for a person with a browser."""

import base64
import hashlib
import re
import shutil

import pytest

from mlops.contract import Column
from mlops.serve import page
from tables import TASKS


@pytest.mark.parametrize("task", TASKS)
def test_every_input_has_a_field(served, scorer, task):
    """With the example in it, and nothing that the model does not read."""
    said = served(task).get("/")
    names = re.findall(r'name="([^"]+)" data-kind', said.body.decode())
    assert (200, list(scorer(task).rows.inputs)) == (said.status, names)


def test_the_page_runs_its_own_script_and_no_other(served):
    """The policy names the script by its hash."""
    said = served().get("/")
    script = re.search(r"<script>(.*)</script>", said.body.decode(), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in said.headers["content-security-policy"]
    assert "default-src 'none'" in said.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (
            {"type": "integer", "min": 1, "max": 9},
            'type="number" name="&lt;b&gt;" data-kind="number" step="1" value="3" min="1" max="9" required',
        ),
        ({"type": "number"}, 'step="any" value="3" required>'),
        ({"type": "boolean"}, "<option>true</option><option>false</option>"),
        ({"type": "category", "categories": ["<i>", "b"]}, "<option>&lt;i&gt;</option><option>b</option>"),
        (
            {"type": "category", "categories": ["<i>", "b"], "open": True},
            'list="&lt;b&gt; values" value="3" required><datalist id="&lt;b&gt; values"><option>&lt;i&gt;</option>',
        ),
        ({"type": "number", "min": 1, "severity": "warning"}, 'step="any" value="3" required>'),
        ({"type": "number", "description": "<u>"}, "<small>&lt;u&gt;</small>"),
    ],
)
def test_a_column_is_a_field_of_its_kind(column, expected):
    """Names, categories and descriptions are shown as text, never as markup."""
    assert expected in page._field("<b>", Column(**column), 3, optional=False)
    assert "required" not in page._field("x", Column(**column), 3, optional=True)


@pytest.fixture
def browser():
    """A real Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_person_sees_a_score_and_why_a_value_is_refused(served, scorer, browser, task):
    """In a browser: the form as it comes is scored; a value that the browser lets through and the contract does not is named."""
    tab = browser.new_page()
    faults = []
    tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    tab.goto(f"http://127.0.0.1:{served(task).port}/")
    tab.get_by_role("button", name="Score").click()
    answer = tab.get_by_role("status")
    answer.get_by_text("score").wait_for()
    score = served(task).predict(scorer(task).example).json["score"]
    assert float(f"{score:.6g}") == float(answer.inner_text().split()[1])
    assert [] == faults
    meaning = "decision true (true: default is 1)", "decision false (true: default is 1)"
    assert (task == "binary") == any(each in answer.inner_text() for each in meaning)
    if task == "multiclass":
        assert [*scorer(task).model.classes] == [line.split()[0] for line in answer.inner_text().splitlines()[2:-1]]
    tab.locator("[name=years_employed]").fill("75")
    tab.get_by_role("button", name="Score").click()
    answer.get_by_text("warning: years_employed is not as the contract says").wait_for()
    tab.locator("#row").evaluate("form => form.noValidate = true")
    tab.locator("[name=age]").fill("7")
    tab.get_by_role("button", name="Score").click()
    answer.get_by_text("age: must be a whole number from 18 to").wait_for()


@pytest.mark.slow
def test_a_value_out_of_range_is_stopped_by_the_browser(served, browser):
    """Before anything is sent."""
    tab = browser.new_page()
    tab.goto(f"http://127.0.0.1:{served().port}/")
    tab.locator("[name=age]").fill("7")
    tab.get_by_role("button", name="Score").click()
    assert "Value must be greater than or equal to 18" in tab.locator("[name=age]").evaluate(
        "field => field.validationMessage"
    )
    assert "" == tab.get_by_role("status").inner_text()
