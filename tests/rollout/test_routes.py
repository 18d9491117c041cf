"""What the router's files say, read as they are."""

import pytest
import yaml

from mlops.serve.server import KEEP_ALIVE
from router import CANARIES, ROOT, STEPS, bootstrap, cluster, manager, read, routes

SPLIT = ("/predict", "/predict-batch")


def seconds(text: str) -> float:
    """A duration as Envoy writes it."""
    return float(text.removesuffix("s"))


def lines(step: str) -> list[str]:
    """A step's file as text."""
    return (ROOT / f"manifests/rollout/{step}/routes.yaml").read_text(encoding="utf-8").splitlines()


def routed(step: str) -> list[dict]:
    """A step's routes, in order."""
    return routes(step)["resources"][0]["virtual_hosts"][0]["routes"]


def connections(name: str) -> dict:
    """How a cluster speaks HTTP."""
    return cluster(bootstrap(), name)["typed_extension_protocol_options"][
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    ]


def arms(route: dict) -> list[tuple[str, int, str]]:
    """Cluster, weight and the arm that it is told, in order."""
    return [
        (arm["name"], arm["weight"], arm["request_headers_to_add"][0]["header"]["value"])
        for arm in route["route"]["weighted_clusters"]["clusters"]
    ]


@pytest.mark.parametrize(("step", "share"), CANARIES.items())
def test_the_champion_comes_first_and_the_weights_are_a_hundred(step, share):
    """So whoever is in the challenger's share is in every larger one too; the step's name says its share."""
    split = [route for route in routed(step) if route["match"].get("path") in SPLIT]
    expected = [("champion", 100 - share, "champion"), ("challenger", share, "challenger")]
    assert [expected, expected] == [arms(route) for route in split]
    assert int(step.removeprefix("canary-")) == share


@pytest.mark.parametrize("step", CANARIES)
def test_the_canary_steps_differ_in_their_shares_alone(step):
    """Beside the first line, which says the step in words."""
    different = [
        (one.strip(), other.strip())
        for one, other in zip(lines("canary-01")[1:], lines(step)[1:], strict=True)
        if one != other
    ]
    share = CANARIES[step]
    expected = [("weight: 99", f"weight: {100 - share}"), ("weight: 1", f"weight: {share}")]
    assert ([] if step == "canary-01" else expected) == different
    assert lines(step)[0].startswith(f"# Step {step}: of 100 users {share} ")


@pytest.mark.parametrize("step", STEPS)
def test_no_service_is_told_what_a_user_was_split_by(step):
    """The header is the router's own."""
    assert ["x-split"] == routes(step)["resources"][0]["request_headers_to_remove"]


@pytest.mark.parametrize("step", CANARIES)
def test_every_split_route_fails_over_to_the_champion(step):
    """A challenger that refuses, hangs, fails or is no model: another priority of its cluster is the champion."""
    split = [route["route"] for route in routed(step) if "weighted_clusters" in route["route"]]
    assert 2 == len(split)
    for route in split:
        retry = route["retry_policy"]
        assert {"connect-failure", "reset", "5xx", "retriable-headers"} <= {*retry["retry_on"].split(",")}
        assert "envoy.retry_priorities.previous_priorities" == retry["retry_priority"]["name"]
        assert 0 < seconds(retry["per_try_timeout"]) < seconds(route["timeout"])
    clusters = cluster(bootstrap(), "challenger")["cluster_type"]["typed_config"]["clusters"]
    assert ["challenger-pods", "champion"] == clusters


@pytest.mark.parametrize("step", CANARIES)
def test_a_slow_champion_is_waited_for(step):
    """A try that takes long is joined by another one, and not cut off: in step stable it is not either."""
    assert [True, True] == [
        route["route"]["hedge_policy"]["hedge_on_per_try_timeout"]
        for route in routed(step)
        if "weighted_clusters" in route["route"]
    ]


@pytest.mark.parametrize("step", CANARIES)
def test_what_is_no_prediction_goes_to_the_champion(step):
    """A page, or a GET, has no model's hash, and would look as if the challenger had failed."""
    *split, rest = routed(step)
    posted = [{"name": ":method", "string_match": {"exact": "POST"}}]
    assert [{"path": path, "headers": posted} for path in SPLIT] == [route["match"] for route in split]
    assert ({"prefix": "/"}, "champion") == (rest["match"], rest["route"]["cluster"])


def test_a_pod_of_the_champion_that_is_gone_is_not_asked_twice():
    """In every step, as its cluster says so; and an answer of its own, which the next pod would give too, is given as it is."""
    retry = connections("champion")["retry_policy"]
    assert "envoy.retry_host_predicates.previous_hosts" == retry["retry_host_predicate"][0]["name"]
    assert {"connect-failure", "refused-stream", "reset", "retriable-status-codes"} == {*retry["retry_on"].split(",")}
    assert [503] == retry["retriable_status_codes"]


@pytest.mark.parametrize("name", ["champion", "challenger-pods"])
def test_the_router_closes_idle_connections_before_the_service_does(name):
    """Else a request meets a closed one."""
    assert seconds(connections(name)["common_http_protocol_options"]["idle_timeout"]) < KEEP_ALIVE


def test_the_admin_listens_on_loopback_alone():
    """From there the router can be stopped."""
    assert "127.0.0.1" == bootstrap()["admin"]["address"]["socket_address"]["address"]


def test_every_caller_is_gone_before_a_router_ends():
    """Busy and rare ones: an old connection, then an idle one, then what is left of it, are shorter than preStop."""
    (container,) = read("base/router/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    said = manager(bootstrap())
    options = said["common_http_protocol_options"]
    parts = (options["max_connection_duration"], options["idle_timeout"], said["drain_timeout"])
    assert sum(map(seconds, parts)) < container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert said["http1_safe_max_connection_duration"] is True


def test_a_body_of_the_largest_size_is_kept_for_a_second_try():
    """The router holds more than the service reads."""
    environment = (ROOT / "manifests/base/model.env").read_text(encoding="utf-8")
    largest = yaml.safe_load(environment.split("MAX_BODY=")[1].splitlines()[0])
    assert largest < bootstrap()["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"]
