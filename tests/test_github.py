"""The client against a strict server on loopback."""

import time

import pytest

from github_stub import Fault, GitHubStub, pull
from mlops.errors import CannotRun
from mlops.github import GitHub, GitHubError, TooLarge, from_environment, report, summary

SHA = "a" * 40


@pytest.fixture
def stub():
    with GitHubStub() as running:
        running.tokens["ghs_all"] = {"pull-requests": "write", "actions": "read"}
        running.pulls.append(pull(7, SHA))
        yield running


@pytest.fixture
def hub(stub):
    return GitHub(stub.repository, "ghs_all", stub.url, backoff=0)


def refusal(call, *args) -> str:
    with pytest.raises(GitHubError) as caught:
        call(*args)
    return str(caught.value)


def test_get_reads_a_document(hub):
    """A path is below the repository, or below the API where it opens with a slash."""
    assert hub.get("pulls/7") == hub.get("/repos/acme/loans/pulls/7") == pull(7, SHA)


def test_pages_reads_all_of_them(stub, hub):
    """The items of every page come in order, 100 a page."""
    stub.files[7] = [{"filename": f"f{n}"} for n in range(250)]
    assert stub.files[7] == list(hub.pages("pulls/7/files"))
    assert stub.calls() == ["GET pulls/7/files"] * 3


def test_pages_refuses_too_many(stub, hub):
    """A list longer than the caller allows is an error, never a part taken for the whole."""
    stub.files[7] = [{"filename": f"f{n}"} for n in range(250)]
    assert "more than 2 pages" in refusal(lambda: list(hub.pages("pulls/7/files", most=2)))


def test_post_and_patch_write(stub, hub):
    """What is written arrives as JSON."""
    made = hub.post("issues/7/comments", {"body": "one"})
    hub.patch(f"issues/comments/{made['id']}", {"body": "two"})
    assert [comment["body"] for comment in stub.comments[7]] == ["two"]


def test_put_does_something_once(stub, hub):
    """It arrives as JSON, and is not repeated after a 502: it may have been done."""
    stub.add("PUT", "/repos/acme/loans/pulls/7/merge", "pull-requests:write", lambda call: (200, call.body))
    assert {"sha": SHA} == hub.put("pulls/7/merge", {"sha": SHA})
    stub.faults.append(Fault("PUT", 502))
    assert "502" in refusal(hub.put, "pulls/7/merge", {"sha": SHA})
    assert ["PUT pulls/7/merge"] * 2 == stub.calls()


@pytest.mark.parametrize(("api", "graphql"), [("", "/graphql"), ("/api/v3", "/api/graphql")])
def test_graphql_is_asked_beside_the_rest_api(stub, api, graphql):
    """Its path is another on GitHub Enterprise Server; query and variables arrive, and the data comes back."""
    stub.add("POST", graphql, "pull-requests:read", lambda call: (200, {"data": call.body}))
    hub = GitHub(stub.repository, "ghs_all", f"{stub.url}{api}", backoff=0)
    assert {"query": "query { a }", "variables": {"id": 7}} == hub.graphql("query { a }", id=7)


def test_what_graphql_refuses_is_an_error(stub, hub):
    """Its status is 200 all the same, and the reason is GitHub's own."""
    errors = [{"type": "UNPROCESSABLE", "message": "is in clean status"}, {"message": "and more"}]
    stub.add("POST", "/graphql", "pull-requests:read", lambda call: (200, {"data": {"a": None}, "errors": errors}))
    with pytest.raises(GitHubError, match="GraphQL query: is in clean status; and more") as caught:
        hub.graphql("mutation { a }")
    assert (200, "is in clean status; and more") == (caught.value.status, caught.value.reason)


def test_download_leaves_the_token_behind(stub, hub):
    """The redirect to the storage is followed without the token; the stub refuses one."""
    artifact = stub.artifact(12, b"zip")
    assert hub.download(f"actions/artifacts/{artifact['id']}/zip", 100) == b"zip"
    assert "authorization" not in stub.log[-1].headers


def test_download_refuses_more_than_its_limit(stub, hub):
    """One byte above the limit is an error, whatever the API said of the size."""
    artifact = stub.artifact(12, b"x" * 101, size_in_bytes=3)
    with pytest.raises(TooLarge, match="larger than 100 bytes"):
        hub.download(f"actions/artifacts/{artifact['id']}/zip", 100)


def test_a_redirect_to_plain_http_elsewhere_is_refused(stub, hub):
    """Not even without the token."""
    stub.faults.append(Fault("zip", 302, headers={"Location": "http://evil.test/x"}))
    assert "not https" in refusal(hub.download, "actions/artifacts/1/zip", 100)


def test_a_next_page_elsewhere_is_refused(stub, hub):
    """The token goes nowhere but to the API."""
    stub.faults.append(Fault("files", 200, headers={"Link": '<https://evil.test/2>; rel="next"'}, body=b"[]"))
    assert "not below" in refusal(lambda: list(hub.pages("pulls/7/files")))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_passing_failure_is_tried_again(stub, hub, status):
    """A gateway that fails three times is asked a fourth time."""
    stub.faults.append(Fault("pulls/7", status, times=3))
    assert hub.get("pulls/7")["number"] == 7


def test_a_lasting_failure_ends(stub, hub):
    """After four tries it is an error."""
    stub.faults.append(Fault("pulls/7", 502, times=9))
    assert "502" in refusal(hub.get, "pulls/7")
    assert stub.calls() == ["GET pulls/7"] * 4


def test_a_post_is_not_repeated(stub, hub):
    """A POST that met a 502 may have been done, so it is not done twice."""
    stub.faults.append(Fault("POST", 502))
    assert "502" in refusal(hub.post, "issues/7/comments", {"body": "x"})
    assert len(stub.log) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_is_waited_for(stub, hub, status):
    """A limit that ends soon is waited for, a POST too: it was refused, not done."""
    stub.faults.append(Fault("POST", status, headers={"Retry-After": "0"}))
    assert hub.post("issues/7/comments", {"body": "x"})["body"] == "x"


def test_a_primary_rate_limit_is_waited_for(stub, hub):
    """The hour's limit names the moment it ends."""
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()))}
    stub.faults.append(Fault("pulls/7", 403, headers=spent))
    assert hub.get("pulls/7")["number"] == 7


def test_a_long_rate_limit_is_an_error(stub, hub):
    """A limit that ends in an hour is not slept through."""
    stub.faults.append(Fault("pulls/7", 429, headers={"Retry-After": "3600"}))
    assert "rate limit ends in 3600 s" in refusal(hub.get, "pulls/7")


def test_a_missing_grant_is_named(stub, hub):
    """A 403 says which permission to grant."""
    stub.tokens["ghs_all"] = {}
    assert "grant pull_requests=read" in refusal(hub.get, "pulls/7")
    stub.refused.clear()


def test_a_wrong_token_is_named(stub, hub):
    """A 401 speaks of GITHUB_TOKEN."""
    stub.tokens.clear()
    assert "GITHUB_TOKEN is not valid" in refusal(hub.get, "pulls/7")
    stub.refused.clear()


def test_what_is_not_there_is_named(hub):
    """A 404 carries its status, and speaks of GITHUB_REPOSITORY."""
    with pytest.raises(GitHubError, match="GITHUB_REPOSITORY") as caught:
        hub.get("pulls/8")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"message": "Validation Failed", "errors": [{"code": "x"}, {"message": "It exists."}]}', "Validation Failed; It exists."),
        (b'{"message": "No."}', "No."),
        (b'{"message": 7}', '{"message": 7}'),
        (b"<html>\n no", "<html> no"),
        (b"[]", "[]"),
        (b"", "no reason given."),
    ],
)  # fmt: skip
def test_a_refusal_says_githubs_reason(stub, hub, body, reason):
    """The messages of its JSON, or the text of a proxy."""
    stub.faults.append(Fault("pulls/7", 422, body=body))
    with pytest.raises(GitHubError) as caught:
        hub.get("pulls/7")
    assert (422, reason) == (caught.value.status, caught.value.reason)


def test_no_answer_is_named():
    """A server that is not there is an error that names the variable."""
    hub = GitHub("acme/loans", "t", "http://127.0.0.1:9", backoff=0)
    assert "GITHUB_API_URL" in refusal(hub.get, "pulls/7")


def test_an_answer_that_is_no_json_is_named(stub, hub):
    """A proxy's own page is not taken for the API."""
    stub.faults.append(Fault("pulls/7", 200, body=b"<html>"))
    assert "not JSON" in refusal(hub.get, "pulls/7")


def test_the_environment_describes_the_client():
    """The three variables of a workflow step are enough, and the token is not printed."""
    hub = from_environment({"GITHUB_REPOSITORY": "acme/loans", "GITHUB_TOKEN": "ghs_x"})
    assert GitHub("acme/loans", "ghs_x", "https://api.github.com") == hub
    assert "ghs_x" not in repr(hub)


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ({"GITHUB_REPOSITORY": "acme"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN"),
        ({"GITHUB_API_URL": "http://api.github.com"}, "not https"),
        ({"GITHUB_API_URL": "file:///etc/passwd"}, "not https"),
    ],
)
def test_a_wrong_environment_is_named(fault, names):
    """Each missing or unsafe variable is an error that names it."""
    with pytest.raises(CannotRun, match=names):
        from_environment({"GITHUB_REPOSITORY": "acme/loans", "GITHUB_TOKEN": "ghs_x", **fault})


def test_report_writes_summary_and_outputs(tmp_path, capsys):
    """A sentence goes to the log and the summary, values to the outputs."""
    env = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    report("Done.", env, number=7)
    assert capsys.readouterr().out == "Done.\n"
    assert (tmp_path / "summary").read_text() == "Done.\n\n"
    assert (tmp_path / "output").read_text() == "number=7\n"


def test_report_refuses_a_second_line():
    """A line break in a value would set another output."""
    with pytest.raises(ValueError, match="one line"):
        report("Done.", {}, number="7\nhead_sha=x")


def test_summary_adds_markdown_to_what_is_there(tmp_path, capsys):
    """Several steps of a job may write; the log has it not, and no output is set."""
    env = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    report("Done.", env)
    summary("# Verdict: pass ✓\n\n| a |\n|---|", env)
    summary("more", env)
    assert "Done.\n\n# Verdict: pass ✓\n\n| a |\n|---|\n\nmore\n\n" == (tmp_path / "summary").read_text(
        encoding="utf-8"
    )
    assert "Done.\n" == capsys.readouterr().out
    assert "" == (tmp_path / "output").read_text()


@pytest.mark.parametrize("env", [{}, {"GITHUB_STEP_SUMMARY": ""}])
def test_without_a_step_there_is_no_summary(tmp_path, monkeypatch, env):
    """As on a laptop."""
    monkeypatch.chdir(tmp_path)
    summary("text", env)
    assert [] == [*tmp_path.iterdir()]


def test_the_stub_refuses_what_no_route_declares():
    """A request that nobody declared fails the test that made it."""
    with pytest.raises(AssertionError, match="GET /user"), GitHubStub() as stub:
        refusal(GitHub("acme/loans", "t", stub.url, backoff=0).get, "/user")
