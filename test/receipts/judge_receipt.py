"""Judges a receipt by RFC 7515, 7638 and 8037 alone: judge_receipt.py RECEIPT KEYS. Prints what it says, or ends with status 1."""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def thumbprint(jwk):
    members = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()


def verified(jws, jwk):
    header, payload, signature = jws.split(".")
    key = Ed25519PublicKey.from_public_bytes(decode(jwk["x"]))
    key.verify(decode(signature), f"{header}.{payload}".encode())
    return json.loads(decode(header)), json.loads(decode(payload))


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        receipt = file.read().strip()
    with open(sys.argv[2], encoding="utf8") as file:
        published = json.load(file)
    keys = {thumbprint(jwk): jwk for jwk in published["keys"]}
    assert list(keys) == [jwk["kid"] for jwk in published["keys"]]
    kid = json.loads(decode(receipt.split(".")[0]))["kid"]
    header, statement = verified(receipt, keys[kid])
    assert (header["alg"], header["typ"]) == ("EdDSA", "dync-receipt")
    assert thumbprint(header["jwk"]) == kid
    links = header.get("chain", [])
    for link in links:
        before = json.loads(decode(link.split(".")[0]))["kid"]
        about, change = verified(link, keys[before])
        assert about["typ"] == "dync-key"
        assert thumbprint(change["successor"]) in keys
    assert links == published["successions"][-len(links):] if links else True
    print(json.dumps({"statement": statement, "kid": kid, "links": len(links)}))


try:
    main()
except (InvalidSignature, AssertionError, KeyError, ValueError) as error:
    sys.exit(f"refused: {error!r}")
