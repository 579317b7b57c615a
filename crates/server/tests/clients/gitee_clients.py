"""Two published clients of Gitee, unmodified, against a host that says it is Gitee; requests-oauthlib gets the tokens.

Gets its settings as one JSON argument. Prints {"results": …}: what each library made of each call.
"""

import base64
import json
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from gitee import GiteeClient as OpenApi
from gitee.exceptions import APIError
from gitee_client import GiteeClient
from gitee_client.error import GiteeAPIError
from gitee_client.models.common import Namespace, UserDetail, UserEmail
from gitee_client.models import repo as models
from gitee_client.models.repo import Project
from oauthlib.oauth2 import LegacyApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

settings = json.loads(sys.argv[1])
web, scope = settings["web"], settings["scope"]
own = {"client_id": settings["client_id"], "client_secret": settings["client_secret"]}


def names(error):
    """What a library's exception tells its user."""
    status = getattr(error, "status_code", None)
    return {"kind": type(error).__name__, "status": status, "words": str(error)}


def refused(call, *kinds):
    """What came of a call that should be refused."""
    try:
        return {"answer": call()}
    except kinds as error:
        return names(error)


def misfits(value, model, at):
    """What of an answer the first library's models do not have, or have of another type; null may stand anywhere."""
    found = []
    for name, part in value.items():
        kind = model.__annotations__.get(name)
        if kind is None:
            found.append(f"{at}.{name} is in no model")
        text = getattr(kind, "__forward_arg__", str(kind))
        for plain, known in (("bool", bool), ("int", int), ("str", str)):
            if text == plain and part is not None and type(part) is not known:
                found.append(f"{at}.{name} is no {plain}")
    return found


def by_code():
    """The code flow: the person's browser is only followed, because the host was authorized before."""
    session = OAuth2Session(settings["client_id"], redirect_uri=settings["redirect_uri"], scope=scope)
    address, state = session.authorization_url(web + "/oauth/authorize")
    back = requests.get(address, allow_redirects=False, timeout=30).headers["Location"]
    query = parse_qs(urlsplit(back).query)
    assert query["state"] == [state], back
    token = session.fetch_token(web + "/oauth/token", authorization_response=back, include_client_id=True,
                                client_secret=settings["client_secret"], timeout=30)
    again = refused(lambda: session.fetch_token(web + "/oauth/token", code=query["code"][0], include_client_id=True,
                                                client_secret=settings["client_secret"], timeout=30), OAuth2Error)
    fresh = session.refresh_token(web + "/oauth/token", timeout=30)
    stale = refused(lambda: session.refresh_token(web + "/oauth/token", refresh_token=token["refresh_token"],
                                                  timeout=30), OAuth2Error)
    return token, fresh, again, stale


def by_password():
    session = OAuth2Session(client=LegacyApplicationClient(settings["client_id"], scope=scope))
    return session.fetch_token(web + "/oauth/token", username=settings["email"], password=settings["password"],
                               include_client_id=True, client_secret=settings["client_secret"], timeout=30)


def first_library(token):
    """gitee-client puts the token into the query."""
    client = GiteeClient(token, base_url=web + "/api")
    user, emails, namespaces = client.users.list_user(), client.emails.list_emails(), client.users.list_user_namespaces()
    repositories = list(client.list_all("/v5/user/repos"))
    found = misfits(user, UserDetail, "user")
    for several, model in ((emails, UserEmail), (namespaces, Namespace), (repositories, Project)):
        found += [misfit for one in several for misfit in misfits(one, model, model.__name__)]
    return {
        "user": user,
        "emails": emails,
        "namespaces": namespaces,
        "repositories": [repository["full_name"] for repository in repositories],
        "pages": [len(page) for page in client.paginate("/v5/user/repos", per_page=2)],
        "misfits": found,
        "check": misfits({"id": "1", "no": 1}, UserDetail, "user"),
        "missing": refused(lambda: client.users.get_users("nobody"), GiteeAPIError),
        "stranger": refused(lambda: GiteeClient("no", base_url=web + "/api").users.list_user(), GiteeAPIError),
    }


def of_repositories(token, owner):
    """gitee-client on a repository of the person's: what it reads, and what its models do not have of it.

    It asks for contents at an address with parentheses in it, and names its own address in place of a webhook's: the
    other one does these.
    """
    client, repo = GiteeClient(token, base_url=web + "/api"), "demo-1"
    reader = OpenApi(token=token, base_url=web + "/api/v5").repositories
    content = base64.b64encode("größe\n".encode()).decode()
    made = client.repos.create_user_repos("of-client", path="of-client", private=True)
    again = refused(lambda: client.repos.create_user_repos("of-client", path="of-client"), GiteeAPIError)
    file = client.repos.create_repos_contents(content, "Add", owner, "a b/ü.txt", repo, branch="main")
    taken = refused(lambda: client.repos.create_repos_contents(content, "Add", owner, "a b/ü.txt", repo), GiteeAPIError)
    read = reader.get_contents(owner, repo, "a b/ü.txt", ref="main")
    changed = client.repos.update_repos_contents("dHdvCg==", "Change", owner, "a b/ü.txt", repo, read["sha"], branch="main")
    late = refused(lambda: client.repos.update_repos_contents("dHdvCg==", "Late", owner, "a b/ü.txt", repo, read["sha"]),
                   GiteeAPIError)
    two = reader.get_contents(owner, repo, "a b/ü.txt")
    tag = client.repos.create_repos_tags(owner, "main", repo, "v1", tag_message="One")
    no_tag = refused(lambda: client.repos.create_repos_tags(owner, "main", repo, "v1"), GiteeAPIError)
    hooks = OpenApi(token=token, base_url=web + "/api/v5").webhooks
    hook = hooks.create_webhook(owner, repo, "https://ci.example/hook", secret="s")
    hooks = client.webhooks.list_repos_hooks(owner, repo)
    client.webhooks.delete_repos_hooks(hook["id"], owner, repo)
    branches, tags = client.repos.list_repos_branches(owner, repo), client.repos.list_repos_tags(owner, repo)
    commits, own = client.repos.list_repos_commits(owner, repo), client.repos.get_repos(owner, repo)
    tree = client.git_data.get_repos_git_trees(owner, repo, "main", recursive=1)
    blob = client.git_data.get_repos_git_blobs(owner, repo, two["sha"])
    client.repos.delete_repos_contents("Remove", owner, "a b/ü.txt", repo, two["sha"], branch="main")
    found = []
    for one, model in ((made, models.Project), (own, models.Project), (read, models.Content), (tag, models.Tag),
                       (hook, models.Hook), (blob, models.Blob), (branches[0], models.Branch), (tags[0], models.Tag),
                       (commits[0], models.RepoCommit), (file["content"], models.ContentBasic)):
        # Of these models some say text of what is an object; a member that none of them has is a misfit all the same.
        found += [misfit for misfit in misfits(one, model, model.__name__) if misfit.endswith("in no model")]
    return {
        "made": made["full_name"], "again": again, "taken": taken, "late": late, "no_tag": no_tag, "misfits": found,
        "read": [read["path"], base64.b64decode(read["content"]).decode()], "two": base64.b64decode(two["content"]).decode(),
        "written": [file["content"]["sha"] == read["sha"], changed["content"]["sha"] == two["sha"]],
        "blob": base64.b64decode(blob["content"]).decode(), "tree": [[one["path"], one["type"]] for one in tree["tree"]],
        "names": [[one["name"] for one in branches], [one["name"] for one in tags]], "tag": tag["message"],
        "hooks": [one["url"] for one in hooks], "no_hook": refused(
            lambda: client.webhooks.delete_repos_hooks(hook["id"], owner, repo), GiteeAPIError),
        "messages": [one["commit"]["message"] for one in commits],
        "gone": reader.get_contents(owner, repo, "a b/ü.txt"),
        "empty": refused(lambda: client.repos.list_repos_commits(owner, "demo-2"), GiteeAPIError),
    }


def second_library(token):
    """gitee-openapi sends it as a bearer token."""
    client = OpenApi(token=token, base_url=web + "/api/v5")
    return {
        "user": client.users.get(),
        "missing": refused(lambda: client.users.get("nobody"), APIError),
        "stranger": refused(lambda: OpenApi(token="no", base_url=web + "/api/v5").users.get(), APIError),
    }


token, fresh, again, stale = by_code()
of_password = by_password()
print(json.dumps({"results": {
    "token": token, "fresh": fresh, "again": again, "stale": stale, "password": of_password,
    "first": first_library(fresh["access_token"]),
    "second": second_library(of_password["access_token"]),
    "of_repositories": of_repositories(fresh["access_token"], "cat-of-clients"),
}}), flush=True)
