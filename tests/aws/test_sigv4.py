"""Signatures, held against botocore's for any request that there could be."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from aws.signatures import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, assert_signed
from durable_lambda.backends.messages import Request
from durable_lambda.backends.sigv4 import Keys, sign

KEYS = Keys(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN)
HEADERS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30)


@given(
    method=st.sampled_from(["GET", "POST"]),
    segments=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4),
    query=st.dictionaries(st.sampled_from(["CheckpointToken", "Marker", "MaxItems"]), st.text(max_size=20)),
    body=st.binary(max_size=100),
    header=HEADERS,
    moment=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),
)
def test_a_signature_is_the_one_of_botocore(
    *, method: str, segments: list[str], query: dict[str, str], body: bytes, header: str, moment: datetime
) -> None:
    target = "/" + "/".join(quote(segment, safe="") for segment in segments if segment not in (".", ".."))
    if query:
        target += "?" + urlencode(query, quote_via=quote)
    headers = [("Host", "lambda.eu-west-1.amazonaws.com"), ("X-Custom", header), ("User-Agent", "anything")]
    request = Request(method, target, headers, body)
    sign(request, KEYS, "eu-west-1", "lambda", moment.replace(tzinfo=UTC))
    assert_signed(method, f"https://lambda.eu-west-1.amazonaws.com{target}", dict(request.headers), body, "eu-west-1")
