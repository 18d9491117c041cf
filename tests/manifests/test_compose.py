"""compose.yaml: a canary on one machine. Its router, scrape configuration and alerts are run for real here, with processes for containers."""

import json
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from copies import ROOT
from mlops.delivery.overlay import DIGEST
from mlops.onnx_model import Model
from mlops.serve.scorer import Scorer
from prometheus import Prometheus, needs_prometheus
from router import STEPS, Router, bootstrap, needs_envoy
from serving import Served

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
SETTINGS = ROOT / "manifests/monitoring/compose"
SCRAPE = (SETTINGS / "prometheus.yaml").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "manifests/monitoring/dashboard.json").read_text(encoding="utf-8"))
DEPLOYMENT = yaml.safe_load((ROOT / "manifests/base/router/deployment.yaml").read_text(encoding="utf-8"))
(POD,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
FROM_OUTSIDE = ("champion", "challenger")  # whose image the environment names
needs_uv = pytest.mark.skipif(not shutil.which("uv"), reason="needs uv, which brings the schema of compose files")


def scraping(folder: Path, targets: dict[str, int]) -> str:
    """Return compose's configuration of Prometheus, with its rules; targets: {address there: port here}."""
    config = SCRAPE.replace("/prometheus/rules.yml", str(rules(folder)))
    for address, port in targets.items():
        assert address in config
        config = config.replace(address, f"127.0.0.1:{port}")
    return config


class Callers:
    """One after the other asks the router, until they are stopped; statuses: what they were told."""

    def __init__(self, router: Router, row: dict, pause: float = 0.04):
        self.router, self.row, self.pause, self.statuses = router, row, pause, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self.ended.wait(self.pause):
            self.statuses.append(self.router.ask(self.row, user=str(random.randrange(1000)))[0])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(60)


def rules(folder: Path) -> Path:
    """Return the rules as compose's own command cuts them out of the PrometheusRule."""
    (command,) = SERVICES["prometheus"]["command"]
    cut = command.partition(" && ")[0].replace("/prometheus/rules.yml", f"{folder}/rules.yml")
    cut = cut.replace("/etc/prometheus/model.yaml", str(ROOT / "manifests/monitoring/rules.yaml"))
    subprocess.run(["sh", "-c", cut], check=True)
    return folder / "rules.yml"


def wait(seconds: float, holds) -> bool:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not holds():
        time.sleep(0.5)
    return holds()


@pytest.fixture
def canary(answered, scorer_row, tmp_path):
    """The router at step canary-50, champion, challenger, callers and Prometheus."""
    logs = [{"PREDICTION_LOG": f"sqlite:///{tmp_path}/{name}.db"} for name in FROM_OUTSIDE]
    path = answered("binary").path
    with Served(path, **logs[0]) as champion, Served(path, **logs[1]) as challenger:
        router = Router(tmp_path / "router", "canary-50", [champion.port], [challenger.port])
        targets = {"model-champion:8000": champion.port, "model-challenger:8000": challenger.port}
        with (
            router,
            Prometheus(tmp_path, scraping(tmp_path, targets | {"router:9902": router.stats})) as prometheus,
            Callers(router, scorer_row) as callers,
        ):
            prometheus.until(lambda: len(prometheus.ask("up == 1")) == SCRAPE.count("targets"))
            yield prometheus, challenger, callers


@pytest.fixture
def scorer_row(answered):
    """A row that a caller may send."""
    folder = answered("binary")
    return Scorer(Model.read(folder.path / "models/model.onnx"), folder.table, max_rows=10).example


@needs_envoy
@needs_prometheus
@pytest.mark.slow
def test_a_dead_challenger_is_an_alert_and_no_user_notices(canary):
    """While it lives no alert even waits, and every panel of the dashboard has something to show."""
    prometheus, challenger, callers = canary
    assert wait(60, lambda: len(callers.statuses) >= 1000)
    assert wait(60, lambda: prometheus.ask('namespace_arm:requests:increase5m{envoy_cluster_name="challenger"} > 100'))
    assert {} == prometheus.alerts("pending") | prometheus.alerts("firing")
    assert {"Errors that users got", "Alerts", "Distance of the two, 1 hour"} >= empty_panels(prometheus)
    challenger.stop(signal.SIGKILL)
    assert wait(240, lambda: "ChallengerFailover" in prometheus.alerts("firing"))
    alert = prometheus.alerts("firing")["ChallengerFailover"]
    assert {"namespace": "compose", "action": "rollback", "severity": "ticket"}.items() <= alert["labels"].items()
    assert re.fullmatch(
        r"In compose the champion answered [\d.]+% of the requests that were the challenger's\.",
        alert["annotations"]["summary"],
    )
    assert not {"ChampionFailing", "ChallengerErrors", "RouterDown"} & set(prometheus.alerts("firing"))
    assert {200} == set(callers.statuses)


def empty_panels(prometheus: Prometheus) -> set[str]:
    """Return the titles of the panels that show nothing."""
    return {
        panel["title"]
        for panel in DASHBOARD["panels"]
        if panel["type"] != "row"
        and not any(
            prometheus.ask(each["expr"].replace("$namespace", "compose").replace("$__rate_interval", "1m"))
            for each in panel["targets"]
        )
    }


def test_the_router_is_the_cluster_s():
    """Its image, its arguments, its files, and the names under which it looks for pods."""
    router = SERVICES["router"]
    assert (POD["image"], POD["args"]) == (router["image"], router["command"])
    mounted = {Path(each.split(":")[-2]).name: each.split(":")[0] for each in router["volumes"][:1]}
    assert {"envoy.yaml": "./manifests/base/router/envoy.yaml"} == mounted
    assert "./manifests/rollout/${STEP:-canary-05}/routes.yaml:/etc/router/routes.yaml:ro" == router["volumes"][1]
    assert "canary-05" in STEPS
    asked = {
        end["endpoint"]["address"]["socket_address"]["address"]
        for cluster in bootstrap()["static_resources"]["clusters"]
        for locality in cluster.get("load_assignment", {}).get("endpoints", ())
        for end in locality["lb_endpoints"]
    }
    aliases = {alias for name in FROM_OUTSIDE for alias in SERVICES[name]["networks"]["default"]["aliases"]}
    assert asked - {"127.0.0.1"} == aliases


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_capability(name):
    """And gains no privilege; what listens does so for this machine alone."""
    service = SERVICES[name]
    assert (["ALL"], ["no-new-privileges:true"]) == (service["cap_drop"], service["security_opt"])
    assert name == "grafana" or service["read_only"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_named_by_its_digest(name):
    """Those of the model by whoever starts them: without a name compose says which is missing."""
    image = SERVICES[name]["image"]
    if name in FROM_OUTSIDE:
        assert re.match(rf"\$\{{{name.upper()}_IMAGE:\?name the image of the {name}, such as .*\}}", image)
    else:
        assert DIGEST.fullmatch(image.partition("@")[2]), image


def test_the_salt_of_the_split_is_the_challenger():
    """Its image, as in a cluster."""
    assert SERVICES["challenger"]["image"] == SERVICES["router"]["environment"]["CHALLENGER"]


def test_champion_and_challenger_differ_by_name_alone():
    """Each has a prediction log of its own in the one volume."""
    champion, challenger = (json.dumps(SERVICES[name]) for name in FROM_OUTSIDE)
    told = champion.replace("champion", "challenger").replace("CHAMPION", "CHALLENGER")
    assert json.loads(challenger) == json.loads(told)
    assert "champion.db" in champion


def test_prometheus_reads_what_listens():
    """Each target is a service's, at the port where it tells its counts, with the labels that the rules go by."""
    jobs = yaml.safe_load(SCRAPE)["scrape_configs"]
    found = {config["labels"]["component"]: config for job in jobs for config in job["static_configs"]}
    (stats,) = (port["containerPort"] for port in POD["ports"] if port["name"] == "stats")
    told = {name: config["targets"] for name, config in found.items()}
    assert {
        "champion": ["model-champion:8000"],
        "challenger": ["model-challenger:8000"],
        "router": [f"router:{stats}"],
    } == told
    assert {"compose"} == {config["labels"]["namespace"] for config in found.values()}


def test_prometheus_has_the_cluster_s_alerts(tmp_path):
    """All of them, as they stand under `spec`."""
    spec = yaml.safe_load((ROOT / "manifests/monitoring/rules.yaml").read_text(encoding="utf-8"))["spec"]
    assert spec == yaml.safe_load(rules(tmp_path).read_text(encoding="utf-8"))


def test_grafana_has_the_cluster_s_dashboard():
    """Where its provider looks, and a source of the kind that it asks for; the rest of it starts without Grafana."""
    mounted = dict(each.split(":")[:2] for each in SERVICES["grafana"]["volumes"])
    (provider,) = yaml.safe_load((SETTINGS / "dashboards.yaml").read_text(encoding="utf-8"))["providers"]
    (data,) = yaml.safe_load((SETTINGS / "datasource.yaml").read_text(encoding="utf-8"))["datasources"]
    target = Path(mounted["./manifests/monitoring/dashboard.json"])
    assert provider["options"]["path"] == str(target.parent)
    assert ("prometheus", "http://prometheus:9090") == (data["type"], data["url"])
    assert ["grafana"] == [name for name, each in SERVICES.items() if each.get("profiles")]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    """Of this repository, and for reading alone."""
    for each in SERVICES[name].get("volumes", ()):
        if each.startswith("."):
            source, _, access = each.replace("${STEP:-canary-05}", "canary-05").split(":")
            assert ((ROOT / source).is_file(), access) == (True, "ro"), each


@needs_uv
@pytest.mark.slow
@pytest.mark.parametrize(("line", "code"), [("", 0), ("    imaeg: a\n", 1)])
def test_the_schema_of_compose_files_is_kept(line, code, tmp_path):
    """And refuses a word that is none."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8").replace("  router:\n", f"  router:\n{line}", 1)
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    words = ["uv", "tool", "run", "check-jsonschema@0.39.0", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*words, str(tmp_path / "compose.yaml")], capture_output=True, text=True)
    if "validation" not in done.stdout + done.stderr:
        pytest.skip(f"its checker cannot be had here: {done.stderr}")
    assert code == done.returncode, done.stdout
