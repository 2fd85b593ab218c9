"""Which region and which endpoint: what was given, else the standard variables, else the shared configuration file.

The variables and their order are those of the AWS SDKs. The file is read only when no variable decides, which in Lambda
is never.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from durable_lambda.errors import ValidationError

_REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_PARTITIONS: Final = {
    "cn": "amazonaws.com.cn",
    "eusc": "amazonaws.eu",
    "us-iso": "c2s.ic.gov",
    "us-isob": "sc2s.sgov.gov",
    "us-isof": "csp.hci.ic.gov",
    "eu-isoe": "cloud.adc-e.uk",
}
"""Domains of the partitions that have one of their own, by how the names of their regions begin."""

_DUAL_STACK: Final = {"cn": "api.amazonwebservices.com.cn", "eusc": "api.amazonwebservices.eu"}


class Endpoint(msgspec.Struct, frozen=True):
    """Where requests are sent, and the region that they are signed for."""

    region: str
    scheme: str
    host: str
    port: int
    path: str
    """What stands before every path of the API; without a slash at its end."""

    @property
    def authority(self) -> str:
        """The `Host` header: without a port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in _LOOPBACK


def resolve_endpoint(region: str | None, endpoint_url: str | None, environ: Mapping[str, str]) -> Endpoint:
    """Where the API of Lambda is.

    Raises:
        ValidationError: No region is known, or the URL is none.
    """
    url = endpoint_url or _endpoint_variable(environ)
    name = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not name:
        name = profile_settings(environ).get("region")
    if not name and url and _parse("us-east-1", url).is_loopback:
        name = "us-east-1"  # a server on this machine belongs to no region
    if not name:
        raise ValidationError(
            "no AWS region is known: pass AwsBackend(region=…), set AWS_REGION, or give the profile a region"
        )
    if not _REGION.fullmatch(name):
        raise ValidationError(f"the AWS region {name!r} is not the name of a region, such as 'eu-west-1'")
    return _parse(name, url or f"https://{_host(name, environ)}")


def profile_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What the shared configuration file says of the profile in use; nothing where there is no file."""
    import configparser  # late, as its file: in Lambda there is none
    from pathlib import Path

    home = Path(environ.get("HOME") or "~").expanduser()
    file = Path(environ.get("AWS_CONFIG_FILE") or home / ".aws" / "config").expanduser()
    profile = environ.get("AWS_PROFILE") or "default"
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except configparser.Error as error:
        raise ValidationError(f"the AWS configuration file {file} cannot be read: {error}") from error
    for section in (f"profile {profile}", profile):
        if parser.has_section(section):
            return dict(parser.items(section))
    return {}


def _endpoint_variable(environ: Mapping[str, str]) -> str | None:
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return environ.get("AWS_ENDPOINT_URL_LAMBDA") or environ.get("AWS_ENDPOINT_URL")


def _host(region: str, environ: Mapping[str, str]) -> str:
    fips = "-fips" if environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" else ""
    if environ.get("AWS_USE_DUALSTACK_ENDPOINT", "").lower() == "true":
        domain = _DUAL_STACK.get(region.partition("-")[0], "api.aws")
    else:
        prefix = region.rsplit("-", 2)[0]
        domain = _PARTITIONS.get(prefix) or _PARTITIONS.get(prefix.partition("-")[0], "amazonaws.com")
    return f"lambda{fips}.{region}.{domain}"


def _parse(region: str, url: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        port = parts.port or _default_port(parts.scheme)
    except (ValueError, KeyError) as error:
        raise ValidationError(f"the endpoint {url!r} is not a URL: {error}") from error
    if not parts.hostname:
        raise ValidationError(f"the endpoint {url!r} has no host: give a URL such as 'http://127.0.0.1:9014'")
    if parts.query or parts.fragment or parts.username:
        raise ValidationError("the endpoint URL may have a host, a port and a path, and nothing else")
    return Endpoint(region, parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


def _default_port(scheme: str) -> int:
    if scheme not in ("http", "https"):
        raise ValueError(f"its scheme must be http or https, not {scheme!r}")
    return 443 if scheme == "https" else 80
