"""requests-oauthlib, unmodified, on the Gitlife wire: code flow, user, emails, refresh, password mode.

Gets its settings as one JSON argument. Prints {"open": URL} when a browser should go to URL, and {"results": …}.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from oauthlib.oauth2 import LegacyApplicationClient
from requests_oauthlib import OAuth2Session

settings = json.loads(sys.argv[1])
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


def say(**what):
    print(json.dumps(what), flush=True)


client = OAuth2Session(
    settings["client_id"], redirect_uri=settings["redirect_uri"], scope=["user_info", "emails"]
)
listener = HTTPServer((address.hostname, address.port), Callback)
url, _ = client.authorization_url(settings["authorize"])
say(open=url)
while Callback.arrived is None:
    listener.handle_request()

token = client.fetch_token(
    settings["token"],
    authorization_response=settings["redirect_uri"] + "?" + urlsplit(Callback.arrived).query,
    client_secret=settings["client_secret"],
    include_client_id=True,
)
results = {"expires_in": token["expires_in"]}
results["login"] = client.get(settings["user"]).json()["login"]
results["emails"] = client.get(settings["emails"]).json()

# The documented refresh: the token alone, no client credentials.
renewed = client.refresh_token(settings["token"], refresh_token=token["refresh_token"])
results["refreshed"] = renewed["access_token"] != token["access_token"]
results["login"] = client.get(settings["user"]).json()["login"]

legacy = OAuth2Session(client=LegacyApplicationClient(settings["client_id"], scope=["user_info"]))
token = legacy.fetch_token(
    settings["token"],
    username=settings["email"],
    password=settings["password"],
    client_secret=settings["client_secret"],
    include_client_id=True,
)
results["password_mode"] = legacy.get(settings["user"]).status_code == 200

say(results=results)
