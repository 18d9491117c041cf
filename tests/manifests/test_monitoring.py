"""What Prometheus and Grafana are given: rules that Prometheus' own tool reads, each alert where it should and where it should not fire.

A case is a world in which all is well, with what is changed in it. It is told at 15 s a step, as Prometheus reads the pods.
"""

import json
import math
import os
import re
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from copies import ROOT
from mlops.delivery.render import rendered
from mlops.serve.metrics import SHARES, Metrics
from rendering import needs_kustomize
from router import Router, needs_envoy

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool") and not os.environ.get("CI"), reason="needs Prometheus' promtool; .ci/run has it"
)
FOLDER = ROOT / "manifests/monitoring"
SPEC = yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["spec"]
RULES = [rule for group in SPEC["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = {
    f"{panel['title']}, {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}
MADE = {"up", "ALERTS"}  # by Prometheus itself
NAME = re.compile(r"(?<![\w:])([a-z_][a-z0-9_:]*)(?=[{\[])|(?<![\w:])([a-z_]+:[a-z0-9_:]+)", re.IGNORECASE)
STEPS = 100
EDGES = [*map(str, SHARES), "+Inf"]
EVEN = [10] * 10 + [0]
HIGH = [0, 0, 0, 0, 0, 20, 20, 20, 20, 20, 0]
FAST = {"5": 90, "10": 10}
ENVOY = "envoy_cluster_upstream_rq"


def named(metric: str, namespace: str, **labels: str) -> str:
    """Return a series as PromQL writes it."""
    told = ",".join(f'{name}="{value}"' for name, value in {"namespace": namespace, **labels}.items())
    return f"{metric}{{{told}}}"


def grows(step: float, steps: int = STEPS) -> str:
    """Return the values of a counter."""
    return f"0+{step}x{steps}"


def requests(namespace: str, **arms: float) -> dict[str, str]:
    """Return what the router counts of requests that ended; arms: how many a step."""
    return {
        named(f"{ENVOY}_completed", namespace, component="router", envoy_cluster_name=arm.replace("_", "-")): grows(
            step
        )
        for arm, step in arms.items()
    }


def errors(namespace: str, **arms: float | str) -> dict[str, str]:
    """Return its 5xx."""
    return {
        named(
            f"{ENVOY}_xx", namespace, component="router",
            envoy_response_code_class="5", envoy_cluster_name=arm.replace("_", "-"),
        ): step if isinstance(step, str) else grows(step)
        for arm, step in arms.items()
    }  # fmt: skip


def failovers(namespace: str, values: str) -> dict[str, str]:
    """Return what the champion answered of the challenger's arm."""
    return {
        named("predict_requests_total", namespace, component="champion", arm="challenger", outcome="answered"): values
    }


def times(namespace: str, arm: str, steps: dict[str, float]) -> dict[str, str]:
    """Return the histogram of the router's times; steps: {edge in ms: requests between it and the edge before}."""
    found, below = {}, 0
    for edge in ("1", "2", "3", "5", "10", "12", "15", "18", "22", "+Inf"):
        below += steps.get(edge, 0)
        found[named(f"{ENVOY}_time_bucket", namespace, component="router", envoy_cluster_name=arm, le=edge)] = grows(
            below
        )
    return found


def scores(namespace: str, component: str, counts: list[float], edges: list[str] = EDGES) -> dict[str, str]:
    """Return the histogram of scores; counts: a step, between two edges."""
    said = {"component": component, "arm": component, "model_hash": component}
    buckets = {
        named("predict_score_bucket", namespace, le=edge, **said): grows(sum(counts[: place + 1]))
        for place, edge in enumerate(edges)
    }
    return buckets | {named("predict_score_count", namespace, **said): grows(sum(counts))}


def pods(namespace: str, component: str, values: str, pod: str = "a") -> dict[str, str]:
    """Return whether Prometheus reaches a pod."""
    return {named("up", namespace, component=component, pod=pod): values}


def well(namespace: str) -> dict[str, str]:
    """Return a world in which all is well, at step canary-05."""
    world = requests(namespace, champion=950, challenger=50, challenger_pods=0) | failovers(namespace, grows(0))
    for arm in ("champion", "challenger"):
        world |= times(namespace, arm, FAST) | scores(namespace, arm, EVEN) | pods(namespace, arm, f"1x{STEPS}")
    for cluster, step in (("champion", 950), ("challenger", 0), ("challenger-pods", 50)):
        world[named(f"{ENVOY}_total", namespace, component="router", envoy_cluster_name=cluster)] = grows(step)
    world |= {named("prediction_log_dropped_rows_total", namespace, component="champion"): grows(0)}
    return world | pods(namespace, "router", f"1x{STEPS}") | pods(namespace, "router", f"1x{STEPS}", "b")


def attempts(step: float) -> dict[str, str]:
    """Return what was sent to the challenger's pods."""
    return {named(f"{ENVOY}_total", PROD, component="router", envoy_cluster_name="challenger-pods"): grows(step)}


PROD = "model-prod"
DEAD = requests(PROD, challenger=50) | failovers(PROD, grows(50)) | attempts(0)
NO_SHARES = {name: None for role in ("champion", "challenger") for name in scores(PROD, role, EVEN)}
NUMBERS = [str(edge) for edge in range(100, 1100, 100)] + ["+Inf"]
SHADOW = requests(PROD, champion=1000, challenger=0, challenger_pods=1000)
# {alert: {what happens: the series that are other than where all is well}}
FIRES = {
    "ChallengerFailover": {
        "the challenger is dead": DEAD,
        "two of 100 of its requests fail": failovers(PROD, grows(1)),
    },
    "ChallengerSilent": {
        "the challenger is dead": DEAD,
        "it is dead at 1 % of little traffic": requests(PROD, champion=50, challenger=0.5)
        | failovers(PROD, grows(0.5)) | attempts(0),
        "it is dead, and so are copies to it": SHADOW | errors(PROD, **{"challenger-pods": 1000}) | attempts(0),
        "it died five minutes ago": failovers(PROD, "0x79 0+50x20"),
        "it hangs, and callers give up before the router does": requests(PROD, challenger=0) | attempts(5),
        "it is dead, and the champion fails too": requests(PROD, challenger=50) | errors(PROD, challenger=50) | attempts(0),
    },
    "ChallengerSlow": {
        "99 of 100 take 18 ms and not 10": times(PROD, "challenger", {"5": 90, "18": 10}),
        "three of 200 do, of many": times(PROD, "challenger", {"5": 98.5, "18": 1.5}) | requests(PROD, challenger=200),
    },
    "ChallengerErrors": {"two of 100 of its users get a 5xx": errors(PROD, challenger=1)},
    "ScoresApart": {
        "half of the buckets are empty": scores(PROD, "challenger", HIGH),
        "the champion's are": scores(PROD, "champion", HIGH),
        "a predicted number is twice as high": NO_SHARES | scores(PROD, "champion", EVEN, NUMBERS)
        | scores(PROD, "challenger", HIGH, NUMBERS),
        "a predicted number is higher, of which one edge is a share's too": NO_SHARES
        | scores(PROD, "champion", EVEN, ["0.1", *NUMBERS[1:]])
        | scores(PROD, "challenger", [10, 0, 0, 0, 0, 18, 18, 18, 18, 18, 0], ["0.1", *NUMBERS[1:]]),
    },
    "ChampionFailing": {"two of 100 of its users get a 5xx": errors(PROD, champion=19)},
    "RouterDown": {
        "no router answers": pods(PROD, "router", "1x20 0x80") | pods(PROD, "router", "1x20 0x80", "b"),
        "there is none any more": pods(PROD, "router", "1x80 stale") | pods(PROD, "router", "1x80 stale", "b"),
        "nobody is left": pods(PROD, "router", "1x80 stale") | pods(PROD, "router", "1x80 stale", "b")
        | pods(PROD, "champion", "1x80 stale"),
    },
    "PredictionLogDrops": {
        "rows are lost": {named("prediction_log_dropped_rows_total", PROD, component="champion"): "0x90 7x10"}
    },
}  # fmt: skip
QUIET = {
    "ChallengerFailover": {
        "all is well": {},
        "one of 200 of its requests fails": failovers(PROD, grows(0.25)),
        "a pod of it ends, and two requests are answered by the champion": failovers(PROD, "0x90 2x10")
        | requests(PROD, challenger=5),
        "fewer than 50 were assigned": requests(PROD, challenger=1) | failovers(PROD, grows(1)),
        "the champion starts again": failovers(PROD, "100x90 0x10"),
        "callers of the champion give up": {
            named(f"{ENVOY}_total", PROD, component="router", envoy_cluster_name="champion"): grows(1900)
        },
    },
    "ChallengerSilent": {
        "all is well": {},
        "one request is assigned, and answered": requests(PROD, challenger=0)
        | {named(f"{ENVOY}_completed", PROD, component="router", envoy_cluster_name="challenger"): "0x95 1x5"},
        "nothing is assigned": requests(PROD, challenger=0) | attempts(0),
        "copies are answered": SHADOW | attempts(1000),
        "half of the copies fail": SHADOW | attempts(1000) | errors(PROD, **{"challenger-pods": 500}),
        "half of its requests fail": failovers(PROD, grows(25)),
    },
    "ChallengerSlow": {
        "all is well": {},
        "it is slower by a fifth, but by less than 2 ms": times(PROD, "champion", {"1": 80, "2": 20})
        | times(PROD, "challenger", {"1": 80, "3": 20}),
        "it is slower by 2 ms, but by less than a fifth": times(PROD, "champion", {"5": 90, "18": 10})
        | times(PROD, "challenger", {"5": 90, "22": 2.7, "18": 7.3}),
        "too few requests": times(PROD, "challenger", {"5": 90, "18": 10}) | requests(PROD, challenger=20),
        "three of 200 take 18 ms, of few": times(PROD, "challenger", {"5": 98.5, "18": 1.5}),
    },
    "ChallengerErrors": {
        "all is well": {},
        "the champion's users get as many": errors(PROD, challenger=1, champion=19),
        "there were two": errors(PROD, challenger="0x90 2x10") | requests(PROD, challenger=5),
        "too few requests": errors(PROD, challenger=1) | requests(PROD, challenger=2),
    },
    "ScoresApart": {
        "all is well": {},
        "every second bucket is empty in both": scores(PROD, "challenger", [20, 0] * 5 + [0])
        | scores(PROD, "champion", [20, 0] * 5 + [0]),
        "too few scores of the challenger": scores(PROD, "challenger", [count / 50 for count in HIGH]),
        "too few scores of the champion": scores(PROD, "champion", [count / 50 for count in HIGH]),
        "a predicted number is as it was": NO_SHARES | scores(PROD, "champion", EVEN, NUMBERS)
        | scores(PROD, "challenger", EVEN, NUMBERS),
    },
    "ChampionFailing": {
        "all is well": {},
        "one of 200 of its users gets a 5xx": errors(PROD, champion=4),
        "there were two": errors(PROD, champion="0x90 2x10") | requests(PROD, champion=1),
    },
    "RouterDown": {"all is well": {}, "one of two is": pods(PROD, "router", "1x20 0x80", "b")},
    "PredictionLogDrops": {
        "all is well": {},
        "the service starts again": {named("prediction_log_dropped_rows_total", PROD, component="champion"): "7x90 0x10"},
    },
}  # fmt: skip


def begun_again(name: str, part: str) -> bool:
    """Return whether a series is a counter of that part of the world."""
    return part in name and not name.startswith("up")


def firing(folder: Path, world: dict[str, str], expression: str, samples: list[dict]) -> subprocess.CompletedProcess:
    """Let promtool hold the rules against a world, whose neighbour is well."""
    (folder / "rules.yml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    told = {name: values for name, values in (well("model-staging") | world).items() if values is not None}
    series = [{"series": name, "values": values} for name, values in told.items()]
    check = {"expr": expression, "eval_time": "25m", "exp_samples": samples}
    said = {"rule_files": ["rules.yml"], "evaluation_interval": "30s", "tests": [
        {"interval": "15s", "input_series": series, "promql_expr_test": [check]},
    ]}  # fmt: skip
    (folder / "test.yml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True)


def cases(table: dict) -> list:
    """Return the cases of a table as pytest takes them."""
    return [pytest.param(alert, case, id=f"{alert}: {what}") for alert in table for what, case in table[alert].items()]


def names(expression: str) -> set[str]:
    """Return the metrics that an expression names."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return {found[1] or found[2] for found in NAME.finditer(bare)}


@needs_promtool
@pytest.mark.parametrize(("alert", "case"), cases(FIRES))
def test_an_alert_fires(alert, case, tmp_path):
    """In the namespace where it should, and in no other."""
    labels = {"__name__": "ALERTS", "alertname": alert, "alertstate": "firing", "namespace": PROD}
    told = ", ".join(
        f'{name}="{value}"' for name, value in (labels | ALERTS[alert]["labels"]).items() if name[0] != "_"
    )
    done = firing(
        tmp_path,
        well(PROD) | case,
        f'ALERTS{{alertname="{alert}", alertstate="firing"}}',
        [{"labels": f"ALERTS{{{told}}}", "value": 1}],
    )
    assert 0 == done.returncode, done.stderr + done.stdout


@needs_promtool
@pytest.mark.parametrize(("alert", "case"), cases(QUIET))
def test_an_alert_is_quiet(alert, case, tmp_path):
    """It does not even wait."""
    done = firing(tmp_path, well(PROD) | case, f'ALERTS{{alertname="{alert}"}}', [])
    assert 0 == done.returncode, done.stderr + done.stdout


@needs_promtool
@pytest.mark.parametrize("case", [{}, SHADOW | attempts(1000)], ids=["canary", "shadow"])
def test_all_alerts_are_quiet(case, tmp_path):
    """Where all is well, at each kind of step."""
    done = firing(tmp_path, well(PROD) | case, "ALERTS", [])
    assert 0 == done.returncode, done.stderr + done.stdout


@needs_promtool
@pytest.mark.parametrize("part", ['"challenger"', '"champion"', 'component="router"', ""])
def test_counters_that_begin_again_raise_no_alert(part, tmp_path):
    """Pods of the challenger start again, or the champion's, or routers, or all of them at once."""
    world = {
        name: values.replace(f"x{STEPS}", "x91 ") + values.replace(f"x{STEPS}", "x8")
        if begun_again(name, part) else values
        for name, values in well(PROD).items()
    }  # fmt: skip
    done = firing(tmp_path, world, "ALERTS", [])
    assert 0 == done.returncode, done.stderr + done.stdout


@needs_promtool
def test_a_challenger_may_take_its_time_to_start(tmp_path):
    """Copies to pods that are not there for a minute and a half are no reason to go back."""
    copies = {"component": "router", "envoy_cluster_name": "challenger-pods"}
    world = well(PROD) | SHADOW | {
        named(f"{ENVOY}_completed", PROD, **copies): "0x60 0+1000x40",
        named(f"{ENVOY}_total", PROD, **copies): "0x66 0+1000x34",
    } | errors(PROD, **{"challenger-pods": "0x60 0+1000x6 6000x33"})  # fmt: skip
    begun = 'max_over_time(ALERTS{alertname="ChallengerSilent", alertstate="%s"}[20m])'
    labels = f'{{alertname="ChallengerSilent", alertstate="pending", namespace="{PROD}", severity="ticket", action="rollback"}}'
    waited = firing(tmp_path, world, begun % "pending", [{"labels": labels, "value": 1}])
    assert 0 == waited.returncode, waited.stderr + waited.stdout
    fired = firing(tmp_path, world, begun % "firing", [])
    assert 0 == fired.returncode, fired.stderr + fired.stdout


@needs_promtool
def test_the_index_is_that_of_the_shares(tmp_path):
    """To nine digits; an empty bucket counts as half a score of 1,000."""
    counts = [1, 2, 4, 8, 16, 32, 16, 8, 4, 0, 0]
    pairs = [(max(a / sum(counts), 0.0005), b / 100) for a, b in zip(counts[:10], EVEN[:10], strict=True)]
    psi = sum((a - b) * math.log(a / b) for a, b in pairs)
    world = well(PROD) | scores(PROD, "challenger", counts)
    close = f'abs(namespace:score_psi:1h{{namespace="{PROD}"}} - {psi}) < bool 1e-9'
    done = firing(tmp_path, world, close, [{"labels": f'{{namespace="{PROD}"}}', "value": 1}])
    assert 0 == done.returncode, done.stderr + done.stdout


def test_each_alert_has_a_case_of_both_kinds():
    """One where it fires, one where it is quiet."""
    assert set(ALERTS) == set(FIRES) == set(QUIET)


@needs_promtool
def test_prometheus_reads_the_rules(tmp_path):
    """As they are cut out of the PrometheusRule."""
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", "rules.yml"], cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)
    assert f"{len(RULES)} rules found" in done.stdout


@needs_promtool
def test_prometheus_refuses_a_rule_that_is_none(tmp_path):
    """A bracket that nobody closes."""
    groups = {"groups": [{"name": "a", "rules": [{"record": "a:b", "expr": "sum(up"}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups), encoding="utf-8")
    assert (
        0 != subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True).returncode
    )


@needs_promtool
def test_prometheus_reads_every_query_of_the_dashboard(tmp_path):
    """With a value for each of its variables."""
    rules = [
        {"record": f"a:{place}", "expr": query.replace("$namespace", PROD).replace("$__rate_interval", "1m")}
        for place, query in enumerate(QUERIES.values())
    ]
    assert not [rule for rule in rules if "$" in rule["expr"]]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "a", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr


def test_only_what_a_rollback_mends_asks_for_one():
    """All that is about the challenger, and nothing else; each alert says whom it wakes, where, how much, and what to do."""
    asked = {name for name, rule in ALERTS.items() if rule["labels"].get("action") == "rollback"}
    assert {name for name in ALERTS if name.startswith("Challenger")} | {"ScoresApart"} == asked
    for rule in ALERTS.values():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert "{{ $labels.namespace }}" in rule["annotations"]["summary"]
        assert "$value" in rule["annotations"]["summary"]
        assert re.fullmatch(r"docs/[a-z]+\.md#[a-z-]+", rule["annotations"]["runbook"])


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *QUERIES.values()])
def test_environments_stay_apart(expression):
    """A sum of a rule is one by namespace; a query of the dashboard is about one namespace alone."""
    sums = re.findall(r"\b(?:sum|count|min|max)\b(?! by \(namespace)", expression)
    assert not sums or 'namespace="$namespace"' in expression


def test_the_edges_of_scores_are_the_service_s():
    """The rules name them: without a name one edge does not know the one before."""
    (bucket,) = (rule["expr"] for rule in RULES if rule.get("record") == "namespace_component_le:scores:bucket1h")
    told = re.findall(r'"le", "([\d.]+)", "le", "([\d.]+)"', bucket)
    assert [*zip(EDGES[1:10], EDGES[:9], strict=True)] == told[::-1]
    assert all(re.fullmatch("0[.][1-9]|1[.]0", edge) for edge in EDGES[:10])


def of_service() -> set[str]:
    """Return the names in GET /metrics."""

    class Log:
        waiting = written = repeated = dropped = 0
        up = True

    metrics = Metrics("abc")
    metrics.watch(Log())
    return set(re.findall(r"^[a-z_]+", metrics.text().decode(), re.MULTILINE))


@pytest.fixture(scope="module")
def of_router(tmp_path_factory):
    """The names that a real router tells, after a request that failed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # it answers 501
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Router(tmp_path_factory.mktemp("router"), "canary-50", [server.server_port], [server.server_port]) as router:
        until, found = time.monotonic() + 30, set()
        while time.monotonic() < until and f"{ENVOY}_time_bucket" not in found:
            router.ask({})
            time.sleep(0.5)
            found = {name.partition("{")[0] for name in router.counts()}
    server.shutdown()
    return found


@needs_envoy
@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *QUERIES.values()])
def test_every_metric_is_one_that_somebody_tells(expression, of_router):
    """The service, a router, another rule, or Prometheus itself."""
    assert set() == names(expression) - of_service() - of_router - RECORDED - MADE


@needs_envoy
def test_a_metric_that_nobody_tells_is_found(of_router):
    """A letter too many."""
    assert {"model_infos"} == names('count(model_infos{a="b[c"}) + up{}') - of_service() - of_router - MADE


def test_the_dashboard_can_be_imported():
    """A name for ever, variables for data source and environment, panels that do not lie on one another."""
    assert ("mlops-canary", 42) == (DASHBOARD["uid"], DASHBOARD["schemaVersion"])
    assert ["datasource", "namespace"] == [each["name"] for each in DASHBOARD["templating"]["list"]]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    taken = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


@pytest.mark.parametrize(
    "panel", [each for each in DASHBOARD["panels"] if each["type"] != "row"], ids=lambda each: each["title"]
)
def test_a_panel_asks_the_chosen_source(panel):
    """And each of its queries too."""
    for each in (panel, *panel["targets"]):
        assert {"type": "prometheus", "uid": "${datasource}"} == each["datasource"]


@needs_kustomize
def test_grafana_finds_the_dashboard():
    """By the label that its sidecar looks for, under a name that stays, as a cluster is given it."""
    (found,) = (
        each for each in rendered(ROOT / "tests/manifests/fixtures/monitoring")
        if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
    )  # fmt: skip
    assert ("ConfigMap", "dashboard") == (found["kind"], found["metadata"]["name"])
    assert DASHBOARD == json.loads(found["data"]["model.json"])


@needs_kustomize
def test_what_is_read_is_a_port_that_a_pod_has():
    """Of each pod the monitors choose, and the network policy lets Prometheus in there alone."""
    objects = rendered(ROOT / "tests/manifests/fixtures/monitoring")
    ports = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: {
            port["name"]: port["containerPort"]
            for container in each["spec"]["template"]["spec"]["containers"]
            for port in container["ports"]
        }
        for each in objects if each["kind"] == "Deployment"
    }  # fmt: skip
    read = {
        each["metadata"]["name"]: each["spec"]["podMetricsEndpoints"][0]
        for each in objects
        if each["kind"] == "PodMonitor"
    }
    (policy,) = (each for each in objects if each["metadata"]["name"] == "allow-monitoring")
    wanted = {ports["champion"][read["model"]["port"]], ports["router"][read["router"]["port"]]}
    assert wanted == {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    assert ("/metrics", "/stats/prometheus") == (read["model"]["path"], read["router"]["path"])
