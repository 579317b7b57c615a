"""Two published clients of Gitee, unmodified, against a host that says it is Gitee; requests-oauthlib gets the tokens.

Gets its settings as one JSON argument. Prints {"results": …}: what each library made of each call.
"""

import json
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from gitee import GiteeClient as OpenApi
from gitee.exceptions import APIError
from gitee_client import GiteeClient
from gitee_client.error import GiteeAPIError
from gitee_client.models.common import Namespace, UserDetail, UserEmail
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
}}), flush=True)
