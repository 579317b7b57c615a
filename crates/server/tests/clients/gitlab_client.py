"""A published client of GitLab, unmodified, against a host that says it is GitLab; requests-oauthlib gets tokens for it.

Gets its settings as one JSON argument. Prints {"results": …}: what the library made of each call.
"""

import base64
import json
import sys
from urllib.parse import parse_qs, urlsplit

import gitlab
import requests
from oauthlib.oauth2 import OAuth2Error
from requests_oauthlib import OAuth2Session

settings = json.loads(sys.argv[1])
api = gitlab.Gitlab(settings["url"], private_token=settings["token"], per_page=2)
bearer = gitlab.Gitlab(settings["url"], oauth_token=settings["token"])


def refused(call):
    """What came of a call that should be refused."""
    try:
        return {"answer": str(call())}
    except gitlab.exceptions.GitlabError as error:
        return {"kind": type(error).__name__, "status": error.response_code, "words": str(error.error_message)}
    except OAuth2Error as error:
        return {"kind": type(error).__name__, "status": error.status_code, "words": error.description}


def signed_in():
    """Authorizes with PKCE, and takes each token to the API."""
    secret, at = {"client_secret": settings["client_secret"]}, settings["url"] + "/oauth/"
    session = OAuth2Session(settings["client_id"], redirect_uri=settings["redirect_uri"], scope="api read_user",
                            pkce="S256")
    address, state = session.authorization_url(at + "authorize")
    back = requests.get(address, allow_redirects=False, timeout=30).headers["Location"]
    query = parse_qs(urlsplit(back).query)
    assert query["state"] == [state], back

    def trade():
        return session.fetch_token(at + "token", code=query["code"][0], include_client_id=True, timeout=30, **secret)

    def user(access):
        client = gitlab.Gitlab(settings["url"], oauth_token=access)
        client.auth()
        return client.user.username

    token = dict(trade())
    told = session.get(at + "token/info", timeout=30).json()
    again = refused(trade)
    as_person = user(token["access_token"])
    own = {"client_id": settings["client_id"], **secret}
    fresh = dict(session.refresh_token(at + "token", refresh_token=token["refresh_token"], timeout=30, **own))
    renewed, old = user(fresh["access_token"]), refused(lambda: user(token["access_token"]))
    stale = refused(lambda: session.refresh_token(at + "token", refresh_token=token["refresh_token"], timeout=30, **own))
    ended = requests.post(at + "revoke", data={"token": fresh["access_token"], **own}, timeout=30).status_code
    return {
        "lives": [token["expires_in"], fresh["expires_in"]], "type": token["token_type"], "users": [as_person, renewed],
        "told": [told["scope"], told["application"]["uid"] == settings["client_id"]],
        "again": again, "old": old, "stale": stale, "ended": ended,
        "dead": refused(lambda: user(fresh["access_token"])),
    }


def names(items):
    return [item.name for item in items]


api.auth()
namespaces = api.namespaces.list(get_all=True)
project = api.projects.get(settings["path"])
made = api.projects.create({"name": "of-client", "path": "of-client", "visibility": "private"})
again = refused(lambda: api.projects.create({"name": "of-client", "path": "of-client"}))
tag = project.tags.create({"tag_name": "v9", "ref": "main", "message": "Nine"})
tags = names(project.tags.list(get_all=True))
taken = refused(lambda: project.tags.create({"tag_name": "v9", "ref": "main"}))
project.tags.delete("v9")
hook = project.hooks.create({"url": "https://ci.example/hook", "token": "s", "push_events": True})
hooks = [one.url for one in project.hooks.list(get_all=True)]
project.hooks.delete(hook.id)
file = project.files.create({"file_path": "of client/a.txt", "branch": "main", "commit_message": "Add",
                             "content": base64.b64encode(b"one").decode(), "encoding": "base64"})
read = project.files.get("of client/a.txt", ref="main")
facts = project.files.head("of client/a.txt", ref="main")
last, told = read.last_commit_id, [read.file_path, read.blob_id, read.size]
read.content = "two"
read.encoding = "text"
read.save(branch="main", commit_message="Change")
stale = refused(lambda: project.files.update("of client/a.txt", {
    "branch": "main", "commit_message": "Late", "content": "three", "last_commit_id": last}))
two = project.files.get("of client/a.txt", ref="main").decode().decode()
late = refused(lambda: project.commits.create({
    "branch": "main", "commit_message": "Late",
    "actions": [{"action": "delete", "file_path": "of client/a.txt", "last_commit_id": last}]}))
project.files.delete("of client/a.txt", branch="main", commit_message="Remove")
own_token = api.personal_access_tokens.get("self")
print(json.dumps({"results": {
    "signed_in": signed_in(), "own_token": [own_token.scopes, own_token.active, own_token.expires_at],
    "user": api.user.username,
    "bearer": [one.full_path for one in bearer.namespaces.list(get_all=True)],
    "namespaces": [one.full_path for one in namespaces],
    "projects": names(api.groups.get(settings["group"], lazy=True).projects.list(get_all=True)),
    "of_person": names(api.users.get(settings["person"], lazy=True).projects.list(get_all=True)),
    "project": [project.id, project.path_with_namespace, project.http_url_to_repo],
    "made": made.path_with_namespace, "again": again,
    "branches": names(project.branches.list(get_all=True)),
    "tag": [tag.name, tag.message], "tags": tags, "taken": taken, "left": names(project.tags.list(get_all=True)),
    "commits": [one.message for one in project.commits.list(get_all=True)],
    "hook": hook.url, "hooks": hooks, "no_hook": refused(lambda: project.hooks.delete(hook.id)),
    "tree": [[one["path"], one["type"], one["mode"]] for one in project.repository_tree(recursive=True, get_all=True)],
    "keyset": [one["path"] for one in project.repository_tree(recursive=True, pagination="keyset", per_page=2,
                                                              iterator=True)],
    "file": file.file_path, "read": told, "two": two, "stale": stale, "late": late,
    "facts": [facts["X-Gitlab-Blob-Id"], facts["X-Gitlab-Last-Commit-Id"] == last],
    "missing": refused(lambda: project.files.get("no-such-file", ref="main")),
    "nothing": refused(lambda: api.projects.get("lynx/nothing")),
    "stranger": refused(lambda: gitlab.Gitlab(settings["url"], private_token="no").namespaces.list(get_all=True)),
}}), flush=True)
