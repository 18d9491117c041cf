"""A real Prometheus is asked; what it cannot know is refused, and never taken for quiet."""

import socket
from threading import Thread

import pytest

from mlops.errors import CannotRun
from mlops.rollout import prometheus
from prometheus import Exposition, Prometheus, needs_prometheus, scraping


def router(champion: int, challenger: int, elsewhere: int, failed: int = 0, retries: int = 0) -> str:
    """What Envoy says; times of the challenger are twice the champion's."""
    counters = {
        ("upstream_rq_completed", "champion"): champion,
        ("upstream_rq_completed", "challenger"): challenger,
        ("upstream_rq_total", "challenger-pods"): challenger - elsewhere + retries,
        ("upstream_rq_retry", "challenger"): retries,
    }
    lines = [
        f'envoy_cluster_{name}{{envoy_cluster_name="{cluster}"}} {value}' for (name, cluster), value in counters.items()
    ]
    lines.append(
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",envoy_cluster_name="challenger"}} {failed}'
    )
    for cluster, count, edge in (("champion", champion, "5"), ("challenger", challenger, "10")):
        for le in ("5", "10", "+Inf"):
            upto = count if float(le) >= float(edge) else 0
            lines.append(f'envoy_cluster_upstream_rq_time_bucket{{envoy_cluster_name="{cluster}",le="{le}"}} {upto}')
    return "\n".join(lines)


def scores(component: str, arm: str, counts: list[int]) -> str:
    """What a service says of its scores; its role is what the scrape's configuration says."""
    upto = [sum(counts[: place + 1]) for place in range(len(counts))]
    edges = [*(str(round(0.1 * place, 1)) for place in range(1, len(counts))), "+Inf"]
    return "\n".join(
        f'predict_score_bucket{{component="{component}",arm="{arm}",le="{le}"}} {value}'
        for le, value in zip(edges, upto, strict=True)
    )


def answered(elsewhere: int, own: int) -> str:
    """What the services say of the challenger's arm."""
    counts = {"champion": elsewhere, "challenger": own}
    lines = 'predict_requests_total{{component="{}",arm="challenger",outcome="answered"}} {}'
    return "\n".join(lines.format(*each) for each in counts.items())


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A server of figures that has seen ten thousand requests go by, and its client."""
    with Exposition() as said, Prometheus(tmp_path_factory.mktemp("prometheus"), scraping({said.target: {}})) as server:
        said.text = f"{router(0, 0, 0)}\n{scores('champion', 'champion', [0] * 4)}\n{scores('challenger', 'challenger', [0] * 4)}\n"
        server.until(lambda: server.ask('count_over_time(predict_score_bucket{le="+Inf"}[1m]) > 2'))
        said.text = "\n".join(
            [router(9500, 500, 20, failed=5, retries=7), scores("champion", "champion", [4000, 3000, 2000, 500]),
             scores("challenger", "challenger", [100, 100, 100, 180]), ""]
        )  # fmt: skip
        server.until(lambda: server.ask("sum(increase(envoy_cluster_upstream_rq_completed[1m])) > 9000"))
        yield lambda: prometheus.Prometheus(server.url, "model-prod"), server


@pytest.mark.slow
@needs_prometheus
def test_figures_are_those_that_were_counted(asked):
    """To what Prometheus extrapolates at the ends of a span."""
    found = asked[0]().measured(60, "canary-05")
    ratio = found.champion.requests / 9500
    assert 0.9 < ratio < 3
    for expected, value in ((500, found.challenger.requests), (20, found.elsewhere), (5, found.challenger.failed)):
        assert pytest.approx(expected * ratio, rel=0.1, abs=2) == value
    assert [pytest.approx(each / 9500, abs=0.01) for each in (4000, 3000, 2000, 500)] == [
        each / sum(found.champion.scores) for each in found.champion.scores
    ]
    assert found.challenger.p99 > found.champion.p99 > 0


@pytest.mark.slow
@needs_prometheus
def test_a_namespace_without_a_router_is_refused(asked):
    """Nobody scrapes it, or its label is another one: that is no quiet step."""
    _, server = asked
    with pytest.raises(CannotRun, match="no counters of a router with the label namespace=model-staging"):
        prometheus.Prometheus(server.url, "model-staging").measured(60, "canary-05")


@pytest.mark.slow
@needs_prometheus
def test_what_the_services_count_themselves_goes_before_a_difference(tmp_path):
    """Callers who give up are counted by nobody as answered: the router's difference would be wrong about them."""
    with Exposition() as said, Prometheus(tmp_path, scraping({said.target: {}})) as server:
        client = lambda: prometheus.Prometheus(server.url, "model-prod")  # noqa: E731
        said.text = f"{router(0, 0, 0)}\n{answered(0, 0)}\n"
        server.until(lambda: server.ask("count_over_time(predict_requests_total[1m]) > 2"))
        said.text = f"{router(9500, 400, -100)}\n{answered(4, 396)}\n"
        server.until(lambda: server.ask("sum(increase(predict_requests_total[1m])) > 300"))
        found = client().measured(60, "canary-05")
    ratio = found.champion.requests / 9500
    assert [pytest.approx(each * ratio, abs=2) for each in (4, 396)] == [found.elsewhere, found.answered]
    assert ((), ()) == (found.champion.scores, found.challenger.scores)


@pytest.mark.slow
@needs_prometheus
def test_bins_of_another_contract_are_compared_with_nothing(tmp_path):
    """As many of them, and elsewhere: that would be a number without a meaning."""
    with Exposition() as said, Prometheus(tmp_path, scraping({said.target: {}})) as server:
        for counts in ([0] * 4, [100, 200, 300, 400]):
            other = scores("challenger", "challenger", counts).replace('le="0.2"', 'le="0.25"')
            said.text = f"{router(1, 1, 0)}\n{scores('champion', 'champion', counts)}\n{other}\n"
            server.until(lambda: server.ask("count_over_time(predict_score_bucket[1m]) > 2"))
        server.until(lambda: server.ask("sum(increase(predict_score_bucket[1m])) > 100"))
        found = prometheus.Prometheus(server.url, "model-prod").measured(60, "canary-05")
    assert ((), ()) == (found.champion.scores, found.challenger.scores)


def test_a_server_that_is_not_there_is_refused():
    """Named by its host."""
    client = prometheus.from_environment("model-prod", {"PROMETHEUS_URL": "http://127.0.0.1:1"})
    with pytest.raises(CannotRun, match="http://127.0.0.1:1 gives no answer"):
        client.measured(60, "canary-05")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PROMETHEUS_URL": "https://me:hush@host"}, "use PROMETHEUS_TOKEN"),
        ({"PROMETHEUS_URL": "http://host", "PROMETHEUS_TOKEN": "hush"}, "not sent over plain http"),
        ({"PROMETHEUS_URL": "http://host:port"}, "is no address"),
    ],
)
def test_nobody_else_sees_a_secret(variables, said):
    """Neither a log nor who listens on the way."""
    with pytest.raises(CannotRun, match=said) as error:
        prometheus.from_environment("x", variables)
    assert "hush" not in str(error.value)


def test_an_answer_that_breaks_off_is_one_that_was_not_given():
    """Whatever the library calls it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        Thread(target=lambda: server.accept()[0].sendall(b"nonsense\r\n\r\n"), daemon=True).start()
        client = prometheus.Prometheus(f"http://127.0.0.1:{server.getsockname()[1]}", "model-prod")
        with pytest.raises(CannotRun, match="gives no answer"):
            client.measured(60, "canary-05")


def test_a_server_that_is_none_is_refused():
    """It answers something else."""
    with Exposition() as said:
        said.text = "<html>"
        client = prometheus.Prometheus(f"http://{said.target.partition('/')[0]}", "model-prod")
        with pytest.raises(CannotRun, match="PROMETHEUS_URL"):
            client.measured(60, "canary-05")


def test_an_address_is_checked_before_it_is_asked():
    """None that is named is none."""
    assert prometheus.from_environment("x", {}) is None
    with pytest.raises(CannotRun, match="PROMETHEUS_URL is no address"):
        prometheus.from_environment("x", {"PROMETHEUS_URL": "prometheus:9090"})
