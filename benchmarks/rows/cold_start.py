"""A cold start against the API of Lambda: a fresh interpreter up to its first checkpoint, over TLS on this machine.

The server is a process of its own, and answers at once. Inside the interpreter that is measured: a clock around the
imports, the client and the first invocation, which has one step; the memory after it; then the time of further steps,
one checkpoint each, over the same connection. The floor is the same request with `http.client` alone.
"""

from __future__ import annotations

import http.server
import json
import os
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT
from benchmarks.figures import Line, Probe, Results, over, times, within

TITLE = "Cold start on Lambda"

STEPS = 300
_SUBJECTS = ("ours", "official", "bare")

EVENT = {
    "DurableExecutionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:1/durable-execution/a/id-1",
    "CheckpointToken": "dG9rZW4=",
    "InitialExecutionState": {
        "Operations": [
            {
                "Id": "id-1",
                "Name": "a",
                "Type": "EXECUTION",
                "Status": "STARTED",
                "StartTimestamp": 1_767_225_600_000,
                "ExecutionDetails": {"InputPayload": "1"},
            }
        ],
        "NextMarker": "",
    },
}

_HANDLERS = {
    "ours": """
from durable_lambda import DurableContext, durable_execution
imported = time.perf_counter()

@durable_execution
async def handler(steps: int, ctx: DurableContext) -> None:
    async def nothing() -> None:
        return None
    for number in range(steps):
        began = time.perf_counter()
        await ctx.step("s", nothing)
        took.append(time.perf_counter() - began)
""",
    "official": """
from aws_durable_execution_sdk_python import durable_execution
imported = time.perf_counter()

@durable_execution
def handler(steps, ctx):
    for number in range(steps):
        began = time.perf_counter()
        ctx.step(lambda _: None, name="s")
        took.append(time.perf_counter() - began)
""",
    "bare": """
import http.client, os, ssl
imported = time.perf_counter()
from urllib.parse import urlsplit
connection = None

def handler(event, context):
    global connection
    if connection is None:
        url = urlsplit(os.environ["AWS_ENDPOINT_URL_LAMBDA"])
        trust = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        connection = http.client.HTTPSConnection(url.hostname, url.port, context=trust)
    for number in range(int(event["InitialExecutionState"]["Operations"][0]["ExecutionDetails"]["InputPayload"])):
        began = time.perf_counter()
        connection.request("POST", "/checkpoint", b"{}")
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
""",
}

_AROUND = """
import time
started = time.perf_counter()
took = []
%s
import json, sys, statistics
event = json.loads(sys.argv[1])
class Context:
    aws_request_id = "r"
    invoked_function_arn = "a"
    function_name = "f"
    tenant_id = None
    def get_remaining_time_in_millis(self):
        return 60000
handler(event, Context())
first = time.perf_counter()
memory = int(open("/proc/self/statm").read().split()[1]) * 4096
event["InitialExecutionState"]["Operations"][0]["ExecutionDetails"]["InputPayload"] = sys.argv[2]
took.clear()
handler(event, Context())
print(json.dumps({"imports": imported - started, "first": first - started, "client": first - imported,
                  "memory": memory, "step": statistics.median(took)}))
"""


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 2 if quick else 9) for subject in _SUBJECTS]


def measure(subject: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        certificate = _make_certificate(Path(folder))
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, certificate, certificate.with_suffix(".key")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            done = subprocess.run(
                [sys.executable, "-c", _AROUND % _HANDLERS[subject], json.dumps(EVENT), str(STEPS)],
                env={**os.environ, **_environment(port, certificate)},
                check=True,
                capture_output=True,
                text=True,
            )
        finally:
            server.kill()
            server.communicate()
    return {**json.loads(done.stdout.splitlines()[-1]), "installed": _installed_bytes()}


def _environment(port: str, certificate: Path) -> dict[str, str]:
    return {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_ENDPOINT_URL_LAMBDA": f"https://127.0.0.1:{port}",
        "AWS_CA_BUNDLE": str(certificate),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_SESSION_TOKEN": "c",
    }


def _installed_bytes() -> int:
    """What a deployment package of this environment weighs, unpacked: all but the installer and byte code."""
    packages = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    return sum(
        file.stat().st_size
        for file in packages.rglob("*")
        if file.is_file()
        and file.suffix != ".pyc"
        and file.relative_to(packages).parts[0].partition("-")[0]
        not in ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    )


def _make_certificate(folder: Path) -> Path:
    certificate = folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", certificate.with_suffix(".key"), "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return certificate


def lines(results: Results) -> list[Line]:
    first = results.medians("first", _SUBJECTS, 1e3)
    client = results.medians("client", ("ours", "official"), 1e3)
    of_official = over(client["ours"], client["official"])
    return [
        Line("imports to the end of the first invocation", "ms", first),
        Line(
            "… of it the client and the invocation",
            "ms",
            client,
            f"≤ 1/3 of the official's: {times(of_official)}",
            within(of_official, 1 / 3),
            results.noise("ours", "client"),
        ),
        Line("memory after it", "MiB", results.medians("memory", _SUBJECTS, 1 / 2**20)),
        Line("a step, its checkpoint over the connection", "ms", results.medians("step", _SUBJECTS, 1e3)),
        Line("installed size", "MB", results.medians("installed", ("ours", "official"), 1e-6)),
    ]


class _Checkpoints(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True  # else a TLS session ticket delays the first answer by 40 ms

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"CheckpointToken":"dG9rZW4=","NewExecutionState":{"Operations":[]}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _serve(certificate: str, key: str) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Checkpoints)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
