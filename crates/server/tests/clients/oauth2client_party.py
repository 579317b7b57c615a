"""requests-oauth2client, unmodified, as an application would use it: discovery, code with PKCE by form_post, userinfo, refresh,
two rotations of the provider's keys, logout, and the provider's word of it behind the browser's back.

Gets its settings as one JSON argument. Prints {"openN": URL} when a browser should go to URL, {"rotateN": …} when the
provider should change its keys before that, {"logout": URL}, {"silent": URL} and {"results": …}.
"""

import json
import queue
import secrets
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from jwskate import SignedJwt
from requests_oauth2client import (
    AuthorizationResponse,
    InvalidIdToken,
    LoginRequired,
    MismatchingIdTokenNonce,
    OAuth2Client,
)

settings = json.loads(sys.argv[1])
address = urlsplit(settings["redirect_uri"])
arrivals = {}


class Callback(BaseHTTPRequestHandler):
    """Keeps what is brought, by the method and path that it is brought to."""

    def do_GET(self):
        self.keep(urlsplit(self.path).query)

    def do_POST(self):
        self.keep(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def keep(self, parameters):
        arrivals.setdefault((self.command, urlsplit(self.path).path), queue.Queue()).put(parameters)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>client</title><p id=client>back at the client")

    def log_message(self, *_):
        pass


listener = ThreadingHTTPServer((address.hostname, address.port), Callback)
listener.daemon_threads = True
threading.Thread(target=listener.serve_forever, daemon=True).start()


def say(**what):
    print(json.dumps(what), flush=True)


def brought_to(name, method):
    """What is brought to the address that the settings call `name`."""
    return arrivals.setdefault((method, urlsplit(settings[name]).path), queue.Queue()).get(timeout=60)



def discovered():
    """The provider as it is now, with its keys of now."""
    return OAuth2Client.from_discovery_endpoint(
        issuer=settings["issuer"],
        client_id=settings["client_id"],
        client_secret=settings["client_secret"],
        redirect_uri=settings["redirect_uri"],
        id_token_signed_response_alg=settings["algorithm"],
        # The library insists on https otherwise.
        testing=True,
    )


client = discovered()
# The library has no name for this endpoint.
metadata = requests.get(settings["issuer"] + "/.well-known/openid-configuration", timeout=30).json()
fetched = 0


def request(**more):
    return client.authorization_request(
        scope="openid email offline_access",
        response_mode="form_post",
        authorization_response_iss_parameter_supported=metadata["authorization_response_iss_parameter_supported"],
        **more,
    )


def sign_in(number):
    """Sends a browser to sign in, and trades the code that it brings: the tokens, and what they must answer to."""
    asked = request(max_age=3600)
    say(**{f"open{number}": asked.uri})
    answer = asked.validate_callback(settings["redirect_uri"] + "?" + brought_to("redirect_uri", "POST"))
    return client.authorization_code(answer, validate=False), answer


def verified(token, answer):
    """The library's verdict on the ID token; a key that it does not know makes it fetch the keys, once."""
    global fetched
    try:
        return token.validate_id_token(client, answer)
    except InvalidIdToken as why:
        if "there is no key" not in str(why):
            raise
    client.update_authorization_server_public_keys()
    fetched += 1
    return token.validate_id_token(client, answer)


def refused(token, **other):
    """Whether the ID token is refused as the answer to a request with another nonce."""
    try:
        token.validate_id_token(client, AuthorizationResponse(code="any", issuer=settings["issuer"], **other))
    except MismatchingIdTokenNonce:
        return True
    return False


results = {}

# Signs in, and looks at everything that came.
first, first_answer = sign_in(0)
claims = verified(first, first_answer).id_token
results["sub"], results["issuer"], results["alg"] = claims.subject, claims.issuer, claims.alg
results["auth_time"] = claims.auth_datetime is not None
results["at_hash"] = "at_hash" in claims.claims
results["wrong_nonce"] = refused(first, nonce="another")
person = client.userinfo(first)
results["email"], results["userinfo_sub"] = person["email"], person["sub"]

# A refresh gives tokens for the same person; an ID token beside them is verified without a nonce to compare.
refreshed = client.refresh_token(first)
results["refreshed"] = refreshed.access_token != first.access_token and refreshed.refresh_token != first.refresh_token
answer = AuthorizationResponse(code="any", issuer=settings["issuer"])
results["refreshed_sub"] = refreshed.id_token and verified(refreshed, answer).id_token.subject
results["refreshed_userinfo"] = client.userinfo(refreshed)["sub"]

# The next key was in the key set already, so that a client that holds the old set verifies what it signs.
say(rotate0=True)
second, answer = sign_in(1)
results["another_key"] = second.id_token.kid != first.id_token.kid
verified(second, answer)
results["fetched_after_one_rotation"] = fetched

# A rotation at once is another matter: the key is unknown, and the keys must be fetched again.
say(rotate1=True)
third, answer = sign_in(2)
results["third_key"] = third.id_token.kid not in (first.id_token.kid, second.id_token.kid)
verified(third, answer)
results["fetched_after_a_rotation_at_once"] = fetched
# What was signed before verifies with the keys of now: its application may have started a moment ago.
client = discovered()
results["old_tokens_verify"] = all(
    token.validate_id_token(client, answer).id_token.subject == results["sub"]
    for token, answer in ((first, first_answer), (third, answer))
)

# Out at the provider, and back with the state.
state = secrets.token_urlsafe()
wish = {
    "id_token_hint": str(third.id_token),
    "client_id": client.client_id,
    "post_logout_redirect_uri": settings["after_logout"],
    "state": state,
}
say(logout=metadata["end_session_endpoint"] + "?" + urlencode(wish))
results["logged_out"] = parse_qs(brought_to("after_logout", "GET")) == {"state": [state]}

# The provider tells it too, in a token that is signed as ID tokens are and is none.
told = SignedJwt(parse_qs(brought_to("told_of_logout", "POST"))["logout_token"][0])
told.verify(client.authorization_server_jwks.get_jwk_by_kid(told.kid), alg=settings["algorithm"])
results["told"] = {"typ": told.typ, "aud": told.audiences, "sub": told.subject, "nonce": "nonce" in told.claims}
results["told"]["events"] = list(told.events)

# Whoever asks whether somebody is signed in is told that nobody is.
asked = request(prompt="none")
say(silent=asked.uri)
try:
    asked.validate_callback(settings["redirect_uri"] + "?" + brought_to("redirect_uri", "POST"))
except LoginRequired as why:
    results["afterwards"] = why.error

say(results=results)
