"""joserfc, unmodified, as a resource server would use it: a key set that is kept for a while and never fetched sooner.

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
    answer = session.get(settings["jwks"], timeout=30)
    answer.raise_for_status()
    return KeySet.import_key_set(answer.json())


def check(token, keys):
    """What is wrong with the token, or nothing."""
    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        if decoded.header["typ"] != "at+jwt" or decoded.claims["iss"] != settings["issuer"]:
            return "of another kind or issuer"
    except Exception as why:
        return repr(why)


keys, fetched, fetches = None, 0.0, 0
verified, failed, kept = 0, [], []
for line in sys.stdin:
    token = line.strip()
    if time.monotonic() - fetched >= settings["kept_for"]:
        keys, fetched, fetches = fetch(), time.monotonic(), fetches + 1
    why = check(token, keys)
    if why:
        failed.append(why)
    verified += 1
    if verified % 10 == 1:
        kept.append(token)

keys = fetch()
late = [why for why in (check(token, keys) for token in kept) if why]
results = {"verified": verified, "failed": failed[:5], "fetches": fetches, "kept": len(kept), "late": late[:5]}
print(json.dumps({"results": results}), flush=True)
