"""Region and endpoint: which of the standard sources decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_lambda import ValidationError
from durable_lambda.backends.settings import resolve_endpoint


def url(region: str | None = None, endpoint_url: str | None = None, **environ: str) -> str:
    endpoint = resolve_endpoint(region, endpoint_url, {"HOME": "/nowhere", **environ})
    return f"{endpoint.region} {endpoint.scheme}://{endpoint.authority}{endpoint.path}"


def test_what_is_passed_comes_first() -> None:
    assert (
        url("eu-west-1", "http://box:9/", AWS_REGION="us-east-1", AWS_ENDPOINT_URL="http://x")
        == "eu-west-1 http://box:9"
    )


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_comes_from_the_environment(name: str) -> None:
    assert url(**{name: "eu-north-1"}) == "eu-north-1 https://lambda.eu-north-1.amazonaws.com"


def test_the_region_comes_from_the_profile_in_use(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "[default]\nregion = eu-west-1\n[profile work]\nregion = ap-south-1\ns3 =\n  addressing_style = path\n"
    )
    assert url(AWS_CONFIG_FILE=str(file)).startswith("eu-west-1 ")
    assert url(AWS_CONFIG_FILE=str(file), AWS_PROFILE="work").startswith("ap-south-1 ")


def test_the_endpoint_for_lambda_comes_before_the_one_for_everything() -> None:
    both = {"AWS_ENDPOINT_URL_LAMBDA": "http://one:1", "AWS_ENDPOINT_URL": "http://two:2"}
    assert url("eu-west-1", **both) == "eu-west-1 http://one:1"
    assert url("eu-west-1", AWS_ENDPOINT_URL="http://two:2") == "eu-west-1 http://two:2"


def test_endpoints_of_the_environment_can_be_switched_off() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://two:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    assert url("eu-west-1", **environ) == "eu-west-1 https://lambda.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"]
)
@pytest.mark.parametrize(
    "variant", [{}, {"AWS_USE_FIPS_ENDPOINT": "true"}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}], ids=repr
)
def test_the_address_of_a_region_is_the_one_that_boto3_takes(
    region: str, variant: dict[str, str], monkeypatch: pytest.MonkeyPatch, no_aws: None
) -> None:
    import boto3
    from botocore.exceptions import EndpointProviderError

    for name, value in variant.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("lambda", region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
    try:
        expected = client.meta.endpoint_url
    except EndpointProviderError:
        pytest.skip("no such endpoint")
    assert url(region, **variant) == f"{region} {expected}"


def test_an_address_of_ipv6_keeps_its_brackets() -> None:
    assert url(None, "http://[::1]:9014") == "us-east-1 http://[::1]:9014"


@pytest.mark.parametrize(
    "wrong", ["box:9", "ftp://box", "http://", "http://box:port", "http://box/?x=1", "http://u@box"]
)
def test_what_is_no_endpoint_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="endpoint"):
        url("eu-west-1", wrong)


def test_without_a_region_the_error_says_where_it_could_come_from() -> None:
    with pytest.raises(ValidationError, match=r"AwsBackend\(region=…\), set AWS_REGION"):
        url()


def test_what_is_no_name_of_a_region_is_refused() -> None:
    with pytest.raises(ValidationError, match="'eu/west' is not the name of a region"):
        url("eu/west")
