"""Each way to deploy, checked by what its users would run; and that all of them deploy the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from benchmarks.environments import ROOT

from deploy.conftest import Tool

DEPLOY = ROOT / "deploy"
CALLBACKS = [f"lambda:SendDurableExecutionCallback{how}" for how in ("Success", "Failure", "Heartbeat")]

pytestmark = pytest.mark.timeout(400)  # the tools may have to be installed


@pytest.fixture(scope="module")
def synthesised(cdk: Tool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `cdk synth` writes: the template of the stack."""
    package = ROOT / "build" / "orders.zip"
    if not package.exists():  # any zip will do: what is in it is no matter of the template
        package.parent.mkdir(exist_ok=True)
        package.write_bytes(b"PK\x05\x06" + bytes(18))
    out = tmp_path_factory.mktemp("cdk.out")
    cdk("synth", "--quiet", "--output", out, cwd=DEPLOY / "cdk")
    return out / "orders.template.json"


def test_every_way_deploys_the_zip_that_has_the_package_in_it() -> None:
    """What SAM builds from a folder has what its `requirements.txt` names, and the example's has none."""
    package = ROOT / "build" / "orders.zip"
    (code,) = re.findall(r"CodeUri: (\S+)", (DEPLOY / "sam" / "template.yaml").read_text())
    assert (DEPLOY / "sam" / code).resolve() == package
    (default,) = re.findall(r'default += "(\S+\.zip)"', (DEPLOY / "terraform" / "main.tf").read_text())
    assert (DEPLOY / "terraform" / default).resolve() == package
    (place,) = re.findall(r"PACKAGE = (.+)", (DEPLOY / "cdk" / "app.py").read_text())
    assert place.endswith('/ "build" / "orders.zip"')
    commands = (ROOT / "docs" / "deploy.md").read_text()
    assert commands.count("python deploy/build_zip.py examples/order_processing build/orders.zip\n") == 3


def test_the_sam_template_is_valid(tool: Tool) -> None:
    template = DEPLOY / "sam" / "template.yaml"
    tool("cfn-lint", "--region", "eu-west-1", "--", template)
    assert "is a valid SAM Template" in tool("sam", "validate", "--lint", "--template", template)


def test_the_cdk_application_makes_a_valid_template(tool: Tool, synthesised: Path) -> None:
    tool("cfn-lint", "--region", "eu-west-1", "--ignore-checks", "W3005", "--", synthesised)


def test_the_cdk_application_gives_least_privilege(synthesised: Path) -> None:
    resources: dict[str, Any] = json.loads(synthesised.read_text())["Resources"]
    documents = [
        resource["Properties"]["PolicyDocument"]
        for resource in resources.values()
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    ]
    actions = sorted(
        action
        for document in documents
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    )
    assert actions == sorted(
        [
            "lambda:CheckpointDurableExecution",
            "lambda:GetDurableExecutionState",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            *CALLBACKS,
        ]
    )
    assert '"Resource": "*"' not in json.dumps(documents)


def test_terraform_asks_the_provider_for_what_it_has(tool: Tool) -> None:
    """Each attribute and block is one of the provider's (6.25 and newer), and none that is required is missing.

    `README.md` tells where the schema is from.
    """
    parsed = json.loads(tool("python", "-c", PARSE, DEPLOY / "terraform" / "main.tf"))
    schema = json.loads(Path(__file__).with_name("terraform_schema.json").read_text())
    seen = set()
    for resource in parsed["resource"]:
        for quoted, named in resource.items():
            kind = quoted.strip('"')
            seen.add(kind)
            for body in named.values():
                check_block(kind, body, schema[kind])
    assert seen == set(schema)


PARSE = "import hcl2, json, sys; print(json.dumps(hcl2.load(open(sys.argv[1]))))"


def check_block(where: str, body: dict[str, Any], schema: dict[str, Any]) -> None:
    blocks = schema.get("blocks", {})
    given = {key for key in body if not key.startswith("__")} - {"count", "lifecycle", "depends_on"}
    assert given <= {*schema["attributes"], *blocks}, f"{where} has no {given - {*schema['attributes'], *blocks}}"
    assert set(schema["required"]) <= given, f"{where} needs {set(schema['required']) - given}"
    for name in given & set(blocks):
        for block in body[name] if isinstance(body[name], list) else [body[name]]:
            check_block(f"{where}.{name}", block, blocks[name])


@pytest.mark.parametrize("file", ["sam/template.yaml", "terraform/main.tf", "cdk/app.py"])
def test_every_way_deploys_the_same(file: str) -> None:
    text = (DEPLOY / file).read_text()
    for said in (
        "app.handler",
        "live",
        "Durable Execution Status Change",
        "DurableExecutionTimedOut",
        "JSON",
        *CALLBACKS,
    ):
        assert said in text, said
    assert re.search(r"604800|days\(7\)", text)


@pytest.mark.parametrize("file", ["Dockerfile", "Dockerfile.slim"])
def test_a_dockerfile_copies_what_there_is(file: str) -> None:
    text = (DEPLOY / "container" / file).read_text()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
