"""Issues, and the artifacts of a whole repository, at the API's stub."""

from github_stub import BOT, GitHubStub


def issues(hub: GitHubStub, token: str) -> GitHubStub:
    """Let the stub keep issues in `hub.issues`, for a token that may write them and read main."""
    repo, hub.issues = f"/repos/{hub.repository}", []
    hub.tokens.setdefault(token, {}).setdefault("contents", "read")
    hub.tokens[token]["issues"] = "write"

    def listed(call):
        found = [each for each in hub.issues if call.query["state"] in (each["state"], "all")]
        found = [each for each in found if call.query["creator"] == each["user"]["login"]]
        return 200, sorted(found, key=lambda each: each["number"], reverse=call.query["direction"] != "asc")

    def opened(call):
        hub.issues.append({"number": 1 + len(hub.issues), "state": "open", "user": {"login": BOT}} | call.body)
        return 201, hub.issues[-1]

    def changed(call, number):
        (found,) = (each for each in hub.issues if each["number"] == int(number))
        found |= call.body
        return 200, found

    def commented(call, number):
        return 201, hub.comment(int(number), call.body["body"])

    hub.add(
        "GET", rf"{repo}/issues", "issues:read", listed, ("state", "creator", "sort", "direction", "per_page", "page")
    )
    hub.add("POST", rf"{repo}/issues", "issues:write", opened)
    hub.add("PATCH", rf"{repo}/issues/(\d+)", "issues:write", changed)
    hub.add("POST", rf"{repo}/issues/([1-6])/comments", "issues:write", commented)
    hub.routes.insert(0, hub.routes.pop())  # pull requests, whose numbers begin at 7 here, take another permission
    return hub


def artifacts(hub: GitHubStub, token: str) -> GitHubStub:
    """Let a token read the artifacts of all runs by their name: `hub.artifact(run, data, name)` adds one."""
    hub.tokens.setdefault(token, {})["actions"] = "write"

    def named(call):
        every = [each for run in hub.artifacts.values() for each in run if each["name"] == call.query["name"]]
        return 200, {"artifacts": [{k: v for k, v in each.items() if k != "data"} for each in every]}

    hub.add("GET", f"/repos/{hub.repository}/actions/artifacts", "actions:read", named, ("name", "per_page", "page"))
    return hub
