"""A real Envoy with manifests' files, and two real services behind it."""

import contextlib
import json
import signal
import sqlite3
import time

import pytest

from load import answers, post
from router import CANARIES, STEPS, bootstrap, free_port, needs_envoy, validate

pytestmark = needs_envoy
USERS = [f"user-{place}" for place in range(3000)]
SOME = USERS[:60]


def arms(router, body, users=USERS) -> dict[str, str]:
    """User: the hash of the model that answered."""
    given = answers(router.port, ((user, post("/predict", body, user)) for user in users))
    assert {200} == {answer.status for answer in given}
    return {answer.user: answer.model for answer in given}


def challenged(router, body, hashes, users=USERS) -> set[str]:
    """The users whom the challenger answered."""
    return {user for user, model in arms(router, body, users).items() if model == hashes[1]}


def rows(service, request_id: str) -> list[tuple[str, str]]:
    """Arm and model of a request's rows in a service's prediction log."""
    with contextlib.closing(sqlite3.connect(service.log)) as log:
        return log.execute("SELECT arm, model_hash FROM predictions WHERE request_id = ?", [request_id]).fetchall()


def logged(service, request_id: str) -> list[tuple[str, str]]:
    """The same, once there are any: they are written in batches."""
    until = time.monotonic() + 20
    while not (found := rows(service, request_id)) and time.monotonic() < until:
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def fifty(routed, body, hashes) -> set[str]:
    """The users of the challenger at 50 %."""
    return challenged(routed("canary-50"), body, hashes)


@pytest.fixture(scope="module")
def pair(fifty) -> tuple[str, str]:
    """A user of the champion and one of the challenger, at 50 %."""
    return next(user for user in USERS if user not in fifty), next(user for user in USERS if user in fifty)


@pytest.mark.parametrize("step", STEPS)
def test_envoy_takes_the_configuration(tmp_path, step):
    """As it is in manifests/."""
    done = validate(tmp_path, bootstrap(), step)
    assert 0 == done.returncode, done.stderr


def test_envoy_refuses_a_wrong_one(tmp_path):
    """So the test above can fail."""
    said = bootstrap()
    said["static_resources"]["clusters"][0]["lb_policy"] = "NONE_SUCH"
    assert 0 != validate(tmp_path, said, "stable").returncode


@pytest.mark.parametrize("step", STEPS)
def test_the_routes_of_every_step_are_taken(routed, row, step):
    """Envoy says that it loaded them, and a prediction is answered."""
    router = routed(step)
    said = router.counts()
    labels = '{envoy_rds_route_config="routes",envoy_http_conn_manager_prefix="router"}'
    assert (1, 0) == tuple(said[f"envoy_http_rds_update_{name}{labels}"] for name in ("success", "rejected"))
    assert 200 == router.ask(row, "someone")[0]


def test_routes_that_are_broken_are_seen(route, services, row):
    """Envoy starts without them, and says that it is ready: so the test above, and not a probe, is what finds them."""
    router = route("stable", [services[0].port])
    router.stop()
    (router.folder / "routes.yaml").write_text("resources: [broken")
    router.start()
    assert 404 == router.ask(row)[0]


@pytest.mark.parametrize("path", ["/stats/prometheus", "/ready", "/live"])
def test_the_stats_are_there_for_prometheus_and_probes(routed, path):
    """On a port of their own."""
    router = routed("stable")
    assert 200 == router.get(path, router.stats)[0]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path", ["/quitquitquit", "/config_dump", "/stats", "/clusters", "/", "/healthcheck/fail", "/ready/../quitquitquit"]
)
def test_nothing_else_of_the_admin_is(routed, path, method):
    """Nobody outside of the pod stops a router, or reads its configuration."""
    router = routed("stable")
    assert 404 == router.get(path, router.stats, method)[0]


def test_predictions_are_not_on_the_port_of_the_stats(routed):
    """Nor the stats on theirs."""
    router = routed("stable")
    assert (404, 404) == (router.get("/predict", router.stats, "POST")[0], router.get("/stats/prometheus")[0])


def test_a_user_meets_the_same_model_every_time(routed, body, hashes):
    """Whatever the connection."""
    first, again = (challenged(routed("canary-25"), body, hashes, SOME * 5) for _ in range(2))
    assert first == again
    assert 0 < len(first) < len(SOME)


def test_who_meets_the_challenger_stays_with_it_in_every_later_step(routed, body, hashes, fifty):
    """The users of 1 % are in the 5 %, those in the 25 %, those in the 50 %."""
    one, five, quarter = (challenged(routed(step), body, hashes) for step in list(CANARIES)[:3])
    assert one < five < quarter < fifty
    assert [0.01, 0.05, 0.25, 0.5] == [
        pytest.approx(len(users) / len(USERS), rel=0.15, abs=0.005) for users in (one, five, quarter, fifty)
    ]


def test_another_challenger_meets_other_users(routed, body, hashes, fifty):
    """Its image is the salt: of two halves that know nothing of each other a quarter is in both."""
    other = challenged(routed("canary-50", "b"), body, hashes)
    assert len(fifty & other) / len(USERS) == pytest.approx(0.25, abs=0.05)


def test_the_same_challenger_meets_the_same_users_after_a_restart(route, services, body, hashes, fifty):
    """The split is remembered by nobody."""
    router = route("canary-50", [services[0].port], [services[1].port])
    assert fifty == challenged(router, body, hashes)


@pytest.mark.parametrize("head", ["", "x-user-id:\r\n"], ids=["none", "empty"])
def test_who_names_no_user_is_split_at_random(routed, body, hashes, head):
    """Near the share, and not all to one."""
    request = post("/predict", body, "").replace(b"x-user-id: \r\n", head.encode())
    given = answers(routed("canary-25").port, (("", request) for _ in range(2000)))
    share = sum(answer.model == hashes[1] for answer in given) / len(given)
    assert share == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("place", [0, 1], ids=["champion", "challenger"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-assigned-arm", "champion"),
        ("x-assigned-arm", "challenger"),
        ("x-assigned-arm", "shadow"),
        ("x-split", "a user-0"),
        ("x-envoy-max-retries", "0"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-upstream-alt-stat-name", "mine"),
        ("x-forwarded-for", "10.0.0.1"),
    ],
)
def test_a_callers_header_does_not_choose_the_arm(routed, services, row, hashes, pair, place, name, value):
    """The user's own model answers, and the log says the arm that the router assigned."""
    request_id = f"forged-{name}-{value.replace(' ', '')}-{place}"
    status, said, _ = routed("canary-50").ask(row, pair[place], **{name: value, "x-request-id": request_id})
    assert (200, hashes[place]) == (status, said["x-model-hash"])
    assert [("champion", "challenger")[place]] == [arm for arm, _ in logged(services[place], request_id)]


def test_a_callers_header_does_not_cut_the_time(route, services, stands_in, row, pair):
    """Nor the tries: Envoy's own headers are not a caller's to send."""
    router = route("canary-50", [services[0].port], [stands_in("slow", 0.04)])
    for name in ("x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-rq-per-try-timeout-ms"):
        status, said, _ = router.ask(row, pair[1], **{name: "5"})
        assert (200, "0" * 64) == (status, said["x-model-hash"])


def test_a_name_that_looks_like_another_is_refused(routed, row):
    """x_assigned_arm is x-assigned-arm to many a server."""
    router = routed("canary-50")
    connection_headers = post("/predict", json.dumps(row).encode(), "u", "x_assigned_arm: shadow\r\n")
    assert [400] == [answer.status for answer in answers(router.port, [("u", connection_headers)])]


def test_a_callers_request_id_is_kept(routed, services, row, pair, hashes):
    """In the answer, and in the log of the model that gave it, with its arm."""
    for place, arm in enumerate(("champion", "challenger")):
        said = routed("canary-50").ask(row, pair[place], **{"x-request-id": f"mine-{arm}"})[1]
        assert f"mine-{arm}" == said["x-request-id"]
        assert [(arm, hashes[place])] == logged(services[place], f"mine-{arm}")


def test_a_request_without_an_id_is_given_one(routed, row):
    """By the router, each its own."""
    given = {routed("stable").ask(row)[1]["x-request-id"] for _ in range(5)}
    assert 5 == len(given)
    assert {36} == {*map(len, given)}


@pytest.mark.parametrize("head", [{"x-request-id": "seen-twice"}, {}], ids=["the caller's id", "the router's id"])
def test_a_shadow_sees_the_same_request_under_the_same_id(routed, services, row, hashes, head):
    """The champion answers; the challenger's answer is in its log alone."""
    status, said, _ = routed("shadow").ask(row, "someone", **head)
    assert (200, hashes[0]) == (status, said["x-model-hash"])
    assert [hashes[0]] == [model for _, model in logged(services[0], said["x-request-id"])]
    assert [("shadow", hashes[1])] == logged(services[1], said["x-request-id"])


def test_without_a_shadow_the_challenger_sees_nothing(routed, row, hashes, services):
    """In step stable: of a request and a later one that it does see, it logs the later one."""
    for step in ("stable", "shadow"):
        assert hashes[0] == routed(step).ask(row, "someone", **{"x-request-id": f"seen-in-{step}"})[1]["x-model-hash"]
    assert 1 == len(logged(services[1], "seen-in-shadow"))
    assert [] == rows(services[1], "seen-in-stable")


@pytest.mark.parametrize("kind", ["junk", "error"])
def test_the_champion_answers_for_a_challenger_that_cannot(route, services, stands_in, body, hashes, kind):
    """Garbage with status 200, or an error: no user sees either."""
    router = route("canary-50", [services[0].port], [stands_in(kind)])
    assert {hashes[0]} == {*arms(router, body, SOME).values()}


def test_nobody_answers_for_a_challenger_that_can(routed, body, hashes):
    """Both models answer."""
    assert {*hashes} == {*arms(routed("canary-50"), body, SOME).values()}


def test_a_challenger_without_a_pod_is_answered_for(route, services, body, hashes):
    """Its name is unknown to DNS, as that of a headless service without pods."""
    router = route("canary-50", [services[0].port], ["model-challenger.invalid"])
    assert {hashes[0]} == {*arms(router, body, SOME).values()}


@pytest.mark.parametrize("step", ["stable", "shadow", "canary-50"])
def test_one_pod_of_the_champion_that_refuses_is_nobodys_failure(route, services, body, step):
    """From the first request on: the next try goes to another pod."""
    router = route(step, [services[0].port, free_port()], [services[1].port])
    assert 60 == len(arms(router, body, SOME))


@pytest.mark.parametrize("step", ["stable", "canary-50"])
def test_a_slow_champion_is_waited_for_in_every_step(route, services, stands_in, body, row, pair, step):
    """Longer than a challenger is: a canary cuts off nobody whom the champion would have answered."""
    router = route(step, [stands_in("slow", 0.6)], [services[1].port])
    assert 200 == router.ask(row, pair[0])[0]


def test_a_large_batch_is_sent_again(route, services, stands_in, row, pair, hashes):
    """The router kept it: 2.9 MB, of which the challenger makes an error."""
    router = route("canary-50", [services[0].port], [stands_in("error")])
    rows = [row | {"application_id": "x" * 100}] * 6000
    status, said, _ = router.ask(json.dumps(rows).encode(), pair[1], "/predict-batch")
    assert (200, hashes[0]) == (status, said["x-model-hash"])


def test_a_call_that_is_no_prediction_is_no_failover(route, services, pair):
    """The champion answers it, whoever asks, and once."""
    router = route("canary-50", [services[0].port], [services[1].port])
    assert {405} == {router.get("/predict")[0] for _ in range(20)}
    assert (20, 0) == (
        router.count("upstream_rq_total", "champion"),
        router.count("upstream_rq_total", "challenger-pods"),
    )


def test_the_champions_error_is_given_as_it_is(route, services, stands_in, row, pair):
    """Not sent three times: another pod would say the same."""
    router = route("canary-50", [stands_in("error")], [services[1].port])
    assert 500 == router.ask(row, pair[0])[0]
    assert 1 == router.count("upstream_rq_total", "champion")


@pytest.mark.parametrize("kind", ["refuses", "error"])
def test_where_both_are_broken_the_caller_hears_of_it(route, stands_in, row, kind):
    """An error of the server's, for every user."""
    ports = [free_port() if kind == "refuses" else stands_in(kind) for _ in range(2)]
    router = route("canary-50", ports[:1], ports[1:])
    assert {5} == {router.ask(row, user)[0] // 100 for user in SOME[:10]}


def test_a_pod_of_the_champion_that_fails_is_put_out(route, services, models, stands_in, body):
    """One of three: the others answer on, and nobody meets it any more."""
    router = route("stable", [services[0].port, services[0].port, stands_in("error")])
    until = time.monotonic() + 20
    while not (out := router.count("outlier_detection_ejections_active", "champion")) and time.monotonic() < until:
        answers(router.port, [(user, post("/predict", body, user)) for user in SOME])
    assert 1 == out
    time.sleep(1.1)  # Envoy's workers hear of it within its merge window
    assert {200} == {*[answer.status for answer in answers(router.port, [("u", post("/predict", body, "u"))] * 60)]}


def test_the_counters_say_who_answered_instead(route, services, stands_in, body, hashes):
    """Attempts at the champion, less what was its own: as many as were the challenger's."""
    router = route("canary-50", [services[0].port], [stands_in("junk")])
    arms(router, body, SOME)
    own, tried, again = (router.count(f"upstream_rq_{name}", "champion") for name in ("completed", "total", "retry"))
    assert tried - own - again == router.count("upstream_rq_completed", "challenger") > 0


def test_a_router_that_is_told_to_end_ends(route, services):
    """At once, with exit code 0: who drains is preStop."""
    assert 0 == route("stable", [services[0].port]).stop(signal.SIGTERM)
