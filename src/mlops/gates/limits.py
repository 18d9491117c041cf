"""Gate `limits`: would main's own limits say the same?"""

from collections.abc import Iterator
from dataclasses import replace

from mlops import dvc, gates
from mlops.config import parse
from mlops.errors import CannotRun
from mlops.gates import slices
from mlops.gates.result import Evidence, Gate
from mlops.params import Behaviour, Params
from mlops.paths import PARAMS

ID = "limits"
SHARES = ("invariance", "directional")  # what `behaviour` asks of the tests of a kind


def check(evidence: Evidence) -> Iterator[Gate]:
    """No gate fails under the sections gates and behaviour of main's params.yaml that does not fail under this tree's.

    A pull request may change the limits and the model, and be judged by both; whoever wants it to be judged by its own alone
    waives this gate. Main's waivers count for nothing here.
    """
    main = evidence.main_params
    if evidence.baseline is None and evidence.no_baseline:
        why = evidence.no_baseline
        yield _gate("neutral", why) if evidence.first_run else _gate("warn", f"main's limits did not judge: {why}")
    elif not isinstance(main, Params):
        yield _gate("warn" if main else "fail", main or "main's limits were not looked at")
    elif _limits(main) == _limits(evidence.params):
        yield _gate("pass", "the limits are main's")
    else:
        yield _judged(evidence, main)


def read(commit: str, root=".") -> Params | str:
    """Return the params of `commit`, or why its limits cannot judge."""
    name = f"{PARAMS} of main ({commit[:8]})"
    text = dvc.git("show", f"{commit}:{PARAMS}", root=root, check=False)
    if text is None:
        return f"main ({commit[:8]}) has no {PARAMS}, so its limits did not judge"
    try:
        return parse(text, Params, name)
    except CannotRun as error:
        return f"main's limits did not judge: {str(error).splitlines()[0]}"


def _gate(status: str, message: str, failing: int | None = None) -> Gate:
    return Gate(ID, "Main's limits", status, failing, None if failing is None else 0, message)


def _limits(knobs: Params) -> tuple:
    return knobs.gates.model_copy(update={"waivers": []}), knobs.behaviour


def _judged(evidence: Evidence, main: Params) -> Gate:
    hidden, this, other = _hidden(evidence, main), evidence.params.gates.primary, main.gates.primary
    if hidden:
        shown = ", ".join(gate.title for gate in hidden[:5])
        more = f" and {len(hidden) - 5} more" if len(hidden) > 5 else ""
        count = f"{len(hidden)} gate{'s fail' if len(hidden) > 1 else ' fails'}"
        words = "under main's limits and not under this pull request's"
        return _gate("fail", f"{count} {words}: {shown}{more}; the first: {hidden[0].message}", len(hidden))
    if this != other:
        return _gate(
            "warn", f"no other gate fails under main's limits, but groups were measured in {this}, not in {other}"
        )
    return _gate("pass", "this pull request changes limits; no gate fails under main's that does not under its own", 0)


def _hidden(evidence: Evidence, main: Params) -> list[Gate]:
    """Return the gates that fail under main's limits and not under this tree's; without `slices` where it has no figures."""
    without = {ID} if evidence.params.gates.primary == main.gates.primary else {ID, slices.ID}
    failing = _failing(_under(evidence, main), without)
    own = {(gate.id, gate.title) for gate in _failing(evidence, without)} if failing else set()
    return [gate for gate in failing if (gate.id, gate.title) not in own]


def _failing(evidence: Evidence, without: set[str]) -> list[Gate]:
    return [gate for gate in gates.judge(evidence, without) if gate.status == "fail"]


def _under(evidence: Evidence, main: Params) -> Evidence:
    """Return the evidence with main's limits, also where tests of behaviour took their share from this tree's."""
    knobs = evidence.params.model_copy(update={"gates": main.gates, "behaviour": main.behaviour})
    report = evidence.behaviour
    if report and "tests" in report:
        tests = [test | _required(test, evidence.params.behaviour, main.behaviour) for test in report["tests"]]
        report = report | {"tests": tests}
    return replace(evidence, params=knobs, behaviour=report)


def _required(test: dict, this: Behaviour, main: Behaviour) -> dict:
    kind = test.get("kind")
    asked = kind in SHARES and test.get("required") == getattr(this, kind)
    return {"required": getattr(main, kind)} if asked else {}
