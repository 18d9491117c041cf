"""GET /: a form made from the contract, for a person who wants to see a score."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template

from mlops.contract import Column
from mlops.serve.scorer import Scorer

HTML = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def page(scorer: Scorer, about: dict) -> tuple[str, dict[str, str]]:
    """Return the page and its headers: a policy that runs this script and no other."""
    columns, optional = scorer.table.columns, scorer.rows.optional
    fields = [_field(name, columns[name], scorer.example[name], name in optional) for name in scorer.example]
    words = {name: escape(str(about[name])) for name in ("table", "target", "task", "model_hash")}
    said = f" (true: {scorer.table.target} is {scorer.table.positive})" if scorer.table.task == "binary" else ""
    words["means"] = escape(said)
    text = HTML.substitute(words, fields="\n".join(fields), script=SCRIPT, style=STYLE)
    policy = f"default-src 'none'; connect-src 'self'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; frame-ancestors 'none'"
    return text, {"content-security-policy": policy, "x-content-type-options": "nosniff"}


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _field(name: str, column: Column, example, optional: bool) -> str:
    """Return the label and input of one column; data-kind says how its text becomes JSON."""
    label = escape(name)
    about = f"<small>{escape(column.description)}</small>" if column.description else ""
    needed = "" if optional else " required"
    if column.type == "category" and column.open:  # other values are answered too
        items = "".join(f"<option>{escape(each)}</option>" for each in column.categories)
        field = f'<input name="{label}" data-kind="text" list="{label} values" value="{escape(str(example))}"{needed}>'
        field += f'<datalist id="{label} values">{items}</datalist>'
    elif column.type in ("category", "boolean"):
        options = column.categories if column.type == "category" else ["true", "false"]
        empty = ['<option value=""></option>'] if optional else []
        items = empty + [f"<option{' selected' * (each == example)}>{escape(each)}</option>" for each in options]
        field = f'<select name="{label}" data-kind="{column.type}"{needed}>{"".join(items)}</select>'
    else:
        ends = "".join(
            f' {end}="{value:g}"'
            for end, value in (("min", column.min), ("max", column.max))
            if value is not None and column.severity == "critical"
        )
        step = "1" if column.type == "integer" else "any"
        field = f'<input type="number" name="{label}" data-kind="number" step="{step}" value="{example}"{ends}{needed}>'
    return f"<label><span>{label}</span>{field}{about}</label>"
