"""The referee of signatures: what botocore would have signed, beside what was sent."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "token+of/the=session"


def assert_signed(method: str, url: str, headers: Mapping[str, str], body: bytes, region: str) -> None:
    """Fail unless a request has the signature that botocore computes for it."""
    sent = {name.lower(): value for name, value in headers.items()}
    algorithm, _, fields = sent["authorization"].partition(" ")
    assert algorithm == "AWS4-HMAC-SHA256"
    parts = dict(part.strip().split("=", 1) for part in fields.split(","))
    signed = parts["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(signed)
    assert sent["x-amz-security-token"] == SESSION_TOKEN
    request = AWSRequest(method, url, headers={name: sent[name] for name in signed}, data=body)
    request.context["timestamp"] = sent["x-amz-date"]
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN), "lambda", region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert parts["Credential"] == f"{ACCESS_KEY}/{signer.credential_scope(request)}"
    assert parts["Signature"] == signer.signature(text, request)
