"""The tools of those who deploy, in an environment of their own, which is made when it is first needed.

The CDK's command line is a package of npm: `node` and `npm` have to be on the path.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from benchmarks.environments import ROOT, SUBJECTS, clean_environment, prepare, python_of

CDK = "aws-cdk@2.1148.1"

Tool = Callable[..., str]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """`tool("cfn-lint", …)`: runs a tool, which must succeed, and gives what it prints."""
    prepare("deployment", print)
    folder = python_of("deployment").parent

    def run(name: str | Path, *arguments: str | Path, cwd: Path | None = None, **environ: str) -> str:
        done = subprocess.run(
            [folder / name, *arguments],
            cwd=cwd,
            env={
                **clean_environment(),
                "AWS_DEFAULT_REGION": "eu-west-1",
                "SAM_CLI_TELEMETRY": "0",
                "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
        return done.stdout

    return run


@pytest.fixture(scope="session")
def cdk(tool: Tool) -> Callable[..., str]:
    """`cdk("synth", …)`: runs the CDK's command line."""
    folder = ROOT / SUBJECTS["deployment"].directory / CDK
    program = folder / "node_modules" / ".bin" / "cdk"
    if not program.exists():
        subprocess.run(
            ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", CDK],
            capture_output=True,
            timeout=200,
            check=True,
        )
    return partial(
        tool,
        program,
        "--no-notices",  # which it would fetch
        CI="true",
        CDK_DISABLE_CLI_TELEMETRY="true",
        AWS_EC2_METADATA_DISABLED="true",
    )
