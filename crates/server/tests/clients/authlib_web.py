"""Authlib, unmodified, as a web application would use it: metadata, code flow with PKCE, userinfo, refresh.

Gets its settings as one JSON argument. Prints {"openN": URL} when a browser should go to URL, and {"results": …}.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

settings = json.loads(sys.argv[1])
metadata = requests.get(settings["metadata"], timeout=30).json()
address = urlsplit(settings["redirect_uri"])


class Callback(BaseHTTPRequestHandler):
    """Keeps the address that a browser came to."""

    arrived = None

    def do_GET(self):
        if self.path.startswith(address.path):
            Callback.arrived = self.path
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>client</title><p id=client>back at the client")

    def log_message(self, *_):
        pass


listener = HTTPServer((address.hostname, address.port), Callback)


def say(**what):
    print(json.dumps(what), flush=True)


def session(**over):
    wanted = {
        "client_id": settings["client_id"],
        "client_secret": settings["client_secret"],
        "scope": settings["scope"],
        "redirect_uri": settings["redirect_uri"],
        "code_challenge_method": "S256",
        "token_endpoint_auth_method": "client_secret_basic",
    }
    wanted.update(over)
    return OAuth2Session(**wanted)


def authorize(number):
    """Sends a browser and waits for it. Gives the callback's address and the verifier, after checking state and iss."""
    verifier = generate_token(48)
    url, state = session().create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    Callback.arrived = None
    say(**{f"open{number}": url})
    while Callback.arrived is None:
        listener.handle_request()
    returned = parse_qs(urlsplit(Callback.arrived).query)
    assert returned["state"] == [state], returned
    assert returned["iss"] == [metadata["issuer"]], returned
    return settings["redirect_uri"] + "?" + urlsplit(Callback.arrived).query, state, verifier, returned["iss"][0]


def trade(client, back, state, verifier):
    return client.fetch_token(
        metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
    )


def refused(action):
    try:
        action()
    except OAuthError as error:
        return error.error
    return "was accepted"


results = {}

back, state, verifier, results["iss"] = authorize(0)
client = session()
token = trade(client, back, state, verifier)
results["token_type"] = token["token_type"]
results["userinfo"] = client.get(metadata["userinfo_endpoint"]).json()
old = token["refresh_token"]
renewed = client.refresh_token(metadata["token_endpoint"], refresh_token=old)
results["refreshed"] = renewed["access_token"] != token["access_token"] and renewed["refresh_token"] != old
# While the successor is unused, the same client is given the same answer again; once it is used, that is theft.
again = session().refresh_token(metadata["token_endpoint"], refresh_token=old)
results["given_again"] = all(again[name] == renewed[name] for name in ("access_token", "refresh_token"))
session().refresh_token(metadata["token_endpoint"], refresh_token=renewed["refresh_token"])
results["replayed_refresh_token"] = refused(lambda: session().refresh_token(metadata["token_endpoint"], refresh_token=old))

back, state, verifier, _ = authorize(1)
results["wrong_secret"] = refused(lambda: trade(session(client_secret="wrong"), back, state, verifier))

back, state, verifier, _ = authorize(2)
results["wrong_verifier"] = refused(lambda: trade(session(), back, state, generate_token(48)))

back, state, verifier, _ = authorize(3)
client = session()
trade(client, back, state, verifier)
results["replayed_code"] = refused(lambda: trade(session(), back, state, verifier))
results["userinfo_after_replay"] = client.get(metadata["userinfo_endpoint"]).status_code

say(results=results)
