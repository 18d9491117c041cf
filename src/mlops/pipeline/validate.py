"""Stage `validate`: the table against data/contract.yaml, by Great Expectations. Run: mlops validate.

Writes reports/validation.json and Data Docs (reports/data_docs/index.html), then stops the pipeline on a critical failure.
"""

import os
import re
from datetime import UTC, datetime

from mlops import contract, params
from mlops.errors import CannotRun
from mlops.files import read_table, write_json, write_text
from mlops.paths import DATA_DOCS, RAW, VALIDATION
from mlops.pipeline.expectations import expectations

# Great Expectations puts fresh ids and the time of day into its pages; equal results must give equal bytes.
FRESH = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\d{8}T\d{6}\.\d{6}Z")


def run(args) -> None:
    """Validate the raw table; raises CannotRun on a critical failure, naming column, rule and count."""
    knobs = params.read().reports
    rules, page = check(read_table(RAW), contract.read(), examples=knobs.examples)
    write_json(VALIDATION, {"schema": 1, "rules": rules})
    write_text(DATA_DOCS, page)
    broken = [rule for rule in rules if not rule["passed"]]
    for rule in broken:
        print(f"validate: {rule['severity']}: {sentence(rule)}")
    print(f"validate: {len(rules)} rules, {len(broken)} broken")
    critical = [rule for rule in broken if rule["severity"] == "critical"]
    if critical:
        raise CannotRun(
            f"{sentence(critical[0])} ({len(critical)} critical rules broken in all): "
            "correct the rows in src/model/source.py, or the rule in data/contract.yaml"
        )


def check(frame, table: contract.Contract, examples: bool = False) -> tuple[list[dict], str]:
    """Return the rules as `held` does, and the Data Docs page."""
    rules, result = held(frame, table, examples)
    return rules, _page(result)


def held(frame, table: contract.Contract, examples: bool = False) -> tuple[list[dict], object]:
    """Return one dict a rule (column, rule, severity, passed, count, share, error, examples), and Great Expectations' own result."""
    # of a column that is not there, only that is said
    rules = [rule for rule in expectations(table) if rule.column in frame or "to_exist" in rule.expectation_type]
    order = [(rule.column, rule.expectation_type) for rule in rules]
    result = _validate(frame, rules, examples)
    result.results.sort(key=lambda item: order.index(_key(item)))
    rules = [_rule(item) for item in result.results]
    rules += [_undeclared(name) for name in frame.columns if name not in table.columns]
    return rules, result


def sentence(rule: dict) -> str:
    """Return one broken rule as a person reads it."""
    shown = f", for example {', '.join(map(str, rule['examples']))}" if rule["examples"] else ""
    where = f" in {rule['count']:,} rows ({rule['share']:.2%})" if rule["count"] else ""
    return f"column '{rule['column']}' breaks '{rule['rule']}'{where}{shown}{rule['error']}"


def _validate(frame, rules, examples):
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    suite = context.suites.add(gx.ExpectationSuite(name="contract", expectations=rules))
    batch = (
        context.data_sources.add_pandas("table").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    )
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="contract", data=batch, suite=suite))
    shown = {"result_format": "BASIC", "partial_unexpected_count": 3 if examples else 0}
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name="contract", validation_definitions=[definition], result_format=shown)
    )
    run_id = gx.RunIdentifier(run_name="contract", run_time=datetime(2000, 1, 1, tzinfo=UTC))
    outcome = checkpoint.run(batch_parameters={"dataframe": frame}, run_id=run_id)
    return next(iter(outcome.run_results.values()))


def _key(item) -> tuple[str, str]:
    return item.expectation_config.kwargs["column"], item.expectation_config.type


def _rule(item) -> dict:
    config, result = item.expectation_config, item.result
    limits = {
        name: value for name, value in config.kwargs.items() if name not in ("batch_id", "column") and value is not None
    }
    if "type_list" in limits:
        limits = {"type": config.meta["type"]}
    detail = " ".join(f"{name}={value}" for name, value in limits.items())
    error = next((info["exception_message"] for info in _exceptions(item) if info.get("exception_message")), "")
    if not item.success and "observed_value" in result:
        error = f"it is {result['observed_value']}"
    return {
        "column": config.kwargs.get("column"),
        "rule": f"{config.type.removeprefix('expect_column_').removeprefix('values_')} {detail}".strip(),
        "severity": config.severity.value,
        "passed": bool(item.success),
        "count": int(result.get("unexpected_count") or 0),
        "share": round((result.get("unexpected_percent") or 0) / 100, 6),
        "error": f": {error}" if error else "",
        "examples": [str(value) for value in result.get("partial_unexpected_list") or []],
    }


def _exceptions(item):
    info = item.exception_info or {}
    return [info] if "raised_exception" in info else list(info.values())


def _undeclared(name: str) -> dict:
    return {
        "column": str(name), "rule": "is in data/contract.yaml", "severity": "warning", "passed": False,
        "count": 0, "share": 0.0, "error": "", "examples": [],
    }  # fmt: skip


def _page(result) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    html = DefaultJinjaPageView().render(ValidationResultsPageRenderer(run_info_at_end=False).render(result))
    seen: dict[str, str] = {}
    return FRESH.sub(lambda match: seen.setdefault(match[0], f"id-{len(seen)}"), html)
