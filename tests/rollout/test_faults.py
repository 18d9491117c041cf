"""Canaries under load, and what goes wrong in them: nobody gets an error. How long callers wait is measured by rollout/measure.py."""

import signal
import time
from collections import defaultdict
from contextlib import ExitStack

import pytest

from load import Load, answers, post
from rollout import faults
from rollout.faults import ABSENT, FAULTS, World
from router import CANARIES, cluster, needs_envoy

pytestmark = [pytest.mark.slow, pytest.mark.load, needs_envoy]
MANY = 60_000  # users of a step, of whom the half of one percent is 300


@pytest.fixture
def world(models, body, tmp_path) -> World:
    """Four seconds of load before a fault, and four or more from it on."""
    return World(models, body, tmp_path, 4)


@pytest.mark.parametrize(("step", "share"), CANARIES.items())
def test_the_split_is_what_was_promised(route, services, body, hashes, step, share):
    """Of the distinct users within half a percent point, each with the same model both times, and nobody with an error.

    The challenger is waited for: on a busy machine the champion would answer for it now and then.
    """
    router = route(step, [services[0].port], [services[1].port]).reroute(
        "per_try_timeout: 0.1s", "per_try_timeout: 14s"
    )
    users = [f"customer-{place}" for place in range(MANY)]
    requests = ((user, post("/predict", body, user)) for user in users + users[:10_000])
    met = defaultdict(set)
    given = answers(router.port, requests)
    for answer in given:
        met[answer.user].add(answer.model)
    assert {200} == {answer.status for answer in given}
    assert {1} == {len(models) for models in met.values()}
    found = 100 * sum(models == {hashes[1]} for models in met.values()) / MANY
    assert abs(found - share) <= 0.5


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != ABSENT])
def test_nobody_gets_an_error_where_the_challenger_fails(world, hashes, fault):
    """Half of the users are its own; before the fault they hear from it, and nobody has half of an answer."""
    seen, _ = faults.challenger_fails(world, "canary-50", fault)
    assert [] == seen.failed[:5]
    assert [] == seen.broken[:5]
    assert {*hashes} == {answer.model for answer in seen.before}
    late = {answer.model for answer in seen.after[len(seen.after) // 2 :]}
    assert ({*hashes} if fault == "3 times slower" else {hashes[0]}) == late


def test_nobody_gets_an_error_where_the_challenger_never_starts(world, hashes):
    """From the first request on the champion answers all."""
    seen, counts = faults.challenger_absent(world, "canary-50")
    assert [] == [*seen.failed, *seen.broken][:5]
    assert {hashes[0]} == {answer.model for answer in seen.after}
    assert 1 == counts['envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="challenger-pods"}']


@pytest.mark.parametrize("step", ["stable", "canary-50"])
def test_nobody_gets_an_error_while_the_champion_restarts(world, step):
    """One pod after the other, with its drain."""
    seen = faults.champions_restart(world, step)
    assert [] == [*seen.failed, *seen.broken][:5]


@pytest.mark.parametrize("step", ["stable", "canary-50"])
def test_nobody_gets_an_error_where_all_stall_for_a_moment(world, step):
    """Longer than a challenger is waited for: a canary is as patient with its champion as step stable is."""
    seen = faults.champions_stall(world, step, 0.6)
    assert [] == [*seen.failed, *seen.broken][:5]


def test_nobody_gets_an_error_while_the_routers_restart(world):
    """Callers with busy connections and with rare ones; when a router ends, nobody is connected any more."""
    busy, rare, left = faults.routers_restart(world, "canary-50")
    assert [] == [*busy.failed, *busy.broken, *rare.failed, *rare.broken][:5]
    assert [0, 0] == left


def test_a_shadow_that_hangs_holds_nobody_up(world, hashes):
    """Its copies wait for it, up to the cluster's limit, and no longer than a request may last."""
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        few = lambda said: cluster(said, "challenger-pods")["circuit_breakers"]["thresholds"][0].update(  # noqa: E731
            max_requests=100, max_connections=100, max_pending_requests=100
        )
        router = world.router(stack, "shadow", [champion.port], [challenger.port], edit=few)
        challenger.process.send_signal(signal.SIGSTOP)
        with Load([router.port], world.body, world.rate) as load:
            time.sleep(world.seconds)
        waiting = router.count("upstream_rq_active", "challenger-pods")
        challenger.process.send_signal(signal.SIGCONT)
    assert {(200, hashes[0])} == {(answer.status, answer.model) for answer in load.answers}
    assert 0 < waiting <= 100
    assert max(answer.seconds for answer in load.answers) < 15  # the time after which its copies are given up


def test_where_both_hang_the_caller_hears_of_it(world):
    """With an error of the server's, in the time that a request may last: callers here wait for longer."""
    with ExitStack() as stack:
        champion, challenger = world.served(stack, 0), world.served(stack, 1)
        router = world.router(stack, "canary-50", [champion.port], [challenger.port])
        for service in (champion, challenger):
            service.process.send_signal(signal.SIGSTOP)
        given = answers(router.port, [(f"u{place}", post("/predict", world.body, f"u{place}")) for place in range(16)])
        for service in (champion, challenger):
            service.process.send_signal(signal.SIGCONT)
    assert {504} == {answer.status for answer in given}
