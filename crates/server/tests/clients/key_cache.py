"""joserfc, unmodified, as a resource server would use it: a key set that is kept for as long as it may and never fetched sooner.

Gets its settings as one JSON argument. Reads one token a line, verifies each at once, and after the last line verifies those
that it kept with a key set of that moment. Prints {"results": …}.
"""

import json
import sys
import time
import warnings

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

# The name is that of RFC 8037, which every verifier in use knows.
warnings.simplefilter("ignore")
settings = json.loads(sys.argv[1])
ALGORITHMS = ["EdDSA", "ES256", "RS256"]
session = requests.Session()


def fetch():
    """The key set, and until when it may be kept: counted from when it was asked for."""
    asked = time.monotonic()
    answer = session.get(settings["jwks"], timeout=60)
    answer.raise_for_status()
    kept_for = int(answer.headers["cache-control"].removeprefix("public, max-age="))
    return KeySet.import_key_set(answer.json()), asked + kept_for


def check(token, keys):
    """What is wrong with the token, or nothing."""
    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        if decoded.header["typ"] != "at+jwt" or decoded.claims["iss"] != settings["issuer"]:
            return "of another kind or issuer"
    except Exception as why:
        return repr(why)


keys, until, kept_sets = None, 0.0, 0
verified, failed, kept = 0, [], []
for line in sys.stdin:
    token = line.strip()
    if time.monotonic() >= until:
        keys, until = fetch()
        kept_sets += time.monotonic() < until
    why = check(token, keys)
    if why:
        failed.append(why)
    verified += 1
    if verified % 10 == 1:
        kept.append(token)

keys, _ = fetch()
late = [why for why in (check(token, keys) for token in kept) if why]
results = {"verified": verified, "failed": failed[:5], "kept_sets": kept_sets, "kept": len(kept), "late": late[:5]}
print(json.dumps({"results": results}), flush=True)
