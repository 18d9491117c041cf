"""The model card: all that it says comes from contract, params and metrics.json."""

import pytest
from cmarkgfm import github_flavored_markdown_to_html

from judging import TABLE, TABLES, holding, knobs, table
from mlops.card import markdown_table, render

SUMMARY = holding().metrics


def card(summary: dict = SUMMARY, text: str = TABLE) -> str:
    return render(summary, table(text), knobs())


def test_names_the_model_and_what_it_was_made_of():
    """Hashes, estimator, rows and months are on the card."""
    text = card()
    assert text.startswith("# Model card: default\n")
    assert "Model `bbbbbbbbbbbb`, linear, trained on 6,000 rows of 2024-01 to 2024-12, data `cccccccccccc`." in text


def test_names_no_months_where_the_table_has_none():
    """A table without a window is read whole."""
    assert "linear, trained on 6,000 rows, data `cccccccccccc`." in card(SUMMARY | {"window": None})


def test_lists_inputs_and_what_is_not_read():
    """Features are a table; every other column is named, protected ones twice."""
    text = card()
    assert "| `amount` | number | the loan applied for |" in text
    assert "Not read by the model: `loan`, `note`, `gender`, `city`, `default`. Protected: `gender`." in text


def test_says_so_where_no_column_is_protected():
    """An empty list is a fact too."""
    assert "Protected: none named." in card(text=TABLE.replace("protected: true", "protected: false"))


def test_gives_metrics_and_groups():
    """Each metric with four digits, one that has no value in words, and the lowest groups."""
    text = card(SUMMARY | {"metrics": {"roc_auc": 0.81897, "f1": None}})
    assert "| roc_auc | 0.8190 |\n| f1 | not a number |" in text
    assert "| city=C00 | 500 | 0.8000 |" in text


@pytest.mark.parametrize(
    ("task", "gives", "worst"),
    [
        ("binary", "It gives the probability that `default` is 1; from 0.500 on the decision is positive.", "ROC AUC"),
        (
            "multiclass",
            "It gives the probability of each `default` (low, middle, high); the likeliest is the decision.",
            "Macro F1",
        ),
        ("regression", "It gives the expected `default`.", "RMSE"),
    ],
)
def test_says_what_the_model_gives(task, gives, worst):
    """A probability with its threshold, that of each class, or a number; groups by the first metric of the task."""
    text = card(holding(task).metrics, TABLES[task])
    assert f"\n{gives} It knows the population of its training rows only.\n" in text
    assert f"## Groups with the worst {worst}\n\n| group | rows | {worst} |" in text


def test_no_description_breaks_a_table():
    """A bar or a line break in a description stays in its cell."""
    text = card(text=TABLE.replace("the loan applied for", '"a | b \\\\\\\\| c\\n\\n# d"'))
    html = github_flavored_markdown_to_html(text)
    assert "<td>a | b | c # d</td>" in html
    assert 1 == html.count("<h1>")


def test_a_table_is_its_head_a_rule_and_its_rows():
    """Cells of any type are written as text."""
    assert ["| a | b |", "| --- | --- |", "| 1 | None |"] == markdown_table(("a", "b"), [(1, None)])
