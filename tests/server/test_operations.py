"""What an operator needs: who may use the server, health, metrics, copies, and trouble told clearly."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from durable_lambda.engine import Engine, FileClient
from durable_lambda.engine.api import Access, PortInUseError, Server
from durable_lambda.engine.backup import back_up, compact
from durable_lambda.engine.errors import FileInUseError, StoreError
from durable_lambda.engine.schema import VERSION
from durable_lambda.errors import ValidationError
from scripted import Invocation, Script
from server.conftest import connect

DURABLE = [sys.executable, "-c", "from durable_lambda.cli import main; main()"]


async def answers(run: Invocation):
    return run.input


def ask(url, method="GET", **headers):
    request = urllib.request.Request(url, method=method, headers=headers, data=b"" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_and_metrics_tell_how_it_stands(engine, server, client):
    engine.register(Script(answers))
    client.invoke(FunctionName="orders:$LATEST", Payload=b"1")
    assert json.loads(ask(f"{server.url}/health")[1])["status"] == "ok"
    metrics = ask(f"{server.url}/metrics")[1].splitlines()
    assert 'durable_executions{status="SUCCEEDED"} 1' in metrics
    assert 'durable_requests_total{operation="invoke",status="200"} 1' in metrics


def test_a_page_of_another_origin_and_a_name_that_is_not_ours_are_refused(server):
    url = f"{server.url}/2015-03-31/functions/orders/invocations"
    assert ask(url, "POST", Origin="https://evil.example")[0] == 403
    assert ask(url, "POST", Host="evil.example")[0] == 403
    assert ask(url, "POST")[0] == 404


def test_an_address_that_others_reach_needs_a_secret(engine):
    with pytest.raises(ValidationError, match="other machines"):
        Server(engine, host="0.0.0.0")


def test_a_token_opens_a_server_and_nothing_else_does(engine):
    engine.register(Script(answers))
    with Server(engine, host="0.0.0.0", port=0, access=Access(token="open sesame")) as server:
        url = f"http://127.0.0.1:{server.port}/2025-12-01/functions/orders/durable-executions"
        assert ask(url)[0] == 403
        assert ask(url, Authorization="Bearer close sesame")[0] == 403
        assert ask(url, Authorization="Bearer open sesame")[0] == 200


def test_aws_clients_prove_themselves_by_their_signature(engine):
    engine.register(Script(answers))
    access = Access(access_key_id="AKIDLOCAL", secret_access_key="s3cret/+")
    with Server(engine, port=0, access=access) as server:
        good = connect(server.url, key="AKIDLOCAL", secret="s3cret/+")
        answer = good.invoke(FunctionName="orders:$LATEST", Payload=b"1", DurableExecutionName="a")
        arn = answer["DurableExecutionArn"]
        assert good.get_durable_execution_history(DurableExecutionArn=arn, MaxItems=5, ReverseOrder=True)["Events"]
        assert good.list_durable_executions_by_function(FunctionName="orders", Statuses=["FAILED", "SUCCEEDED"])
        for key, secret in (("AKIDLOCAL", "wrong"), ("AKIDOTHER", "s3cret/+")):
            bad = connect(server.url, key=key, secret=secret)
            with pytest.raises(ClientError, match="AccessDenied"):
                bad.get_durable_execution(DurableExecutionArn=arn)
            bad.close()
        good.close()


def test_a_signed_request_whose_body_was_changed_is_refused(engine):
    engine.register(Script(answers))
    access = Access(access_key_id="AKIDLOCAL", secret_access_key="secret")
    with Server(engine, port=0, access=access) as server:
        client = boto3.client(
            "lambda",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id="AKIDLOCAL",
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 0}),
        )

        def change(request, **_):
            request.body = b"2"

        client.meta.events.register("before-send.lambda", change)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.invoke(FunctionName="orders:$LATEST", Payload=b"1")
        client.close()


def test_a_port_in_use_is_told(engine, server):
    with pytest.raises(PortInUseError, match=f"port {server.port} .* is in use"), Server(engine, port=server.port):
        pass


def test_serve_tells_a_port_and_a_database_in_use_in_one_line(tmp_path):
    with Engine(tmp_path / "a.db") as engine, Server(engine, port=0) as server:
        for arguments, status, told in (
            (["--port", str(server.port), "--db", str(tmp_path / "b.db")], 1, "is in use by another program"),
            (["--port", "0", "--db", str(tmp_path / "a.db")], 2, "is in use by the engine of process"),
        ):
            command = [*DURABLE, "serve", *arguments]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
            assert done.returncode == status
            assert done.stderr.startswith("durable: ")
            assert told in done.stderr
            assert done.stderr.count("\n") == 1


def test_serve_takes_other_limits_and_tells_which_there_are(tmp_path):
    def refused(limit):
        command = [*DURABLE, "serve", "--port", "0", "--db", str(tmp_path / "a.db"), "--limit", limit]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
        assert done.returncode == 2
        return done.stderr

    assert "operation-payload" in refused("steps=1")
    assert "a whole number from 1" in refused("operations=many")


def test_serve_logs_json_if_asked(tmp_path):
    (tmp_path / "app.py").write_text(
        "from durable_lambda import durable_execution\n"
        "@durable_execution\n"
        "async def handler(event, ctx):\n"
        "    raise SystemExit(3)\n"
    )
    from server.serving import Served

    with Served(tmp_path, "h=app.py:handler", "--log-format", "json") as served:
        arn = served.start("h", 1, "one")
        served.until(arn, lambda _: "InvocationCompleted" in served.events(arn))
    lines = [json.loads(line) for line in served.lines if line.startswith("{")]
    assert any(line["level"] == "WARNING" and arn in line["message"] for line in lines)


def test_a_copy_is_made_while_the_engine_is_at_work_and_its_executions_go_on_in_it(tmp_path):
    async def waits(run: Invocation):
        await run.wait("w", 1)
        return "done"

    with Engine(tmp_path / "a.db") as engine:
        engine.register(Script(waits))
        engine.start("orders", execution_name="one")
        assert back_up(str(tmp_path / "a.db"), str(tmp_path / "copy.db")) > 0
        with pytest.raises(StoreError, match="is there already"):
            back_up(str(tmp_path / "a.db"), str(tmp_path / "copy.db"))
    with Engine(tmp_path / "copy.db") as copy:
        copy.register(Script(waits))
        assert copy.execution("one").result(10) == "done"


def test_a_vacuum_gives_back_the_space_of_what_is_past_its_retention(tmp_path):
    path = str(tmp_path / "a.db")

    async def large(run: Invocation):
        return "x" * 500_000

    with Engine(path) as engine:
        engine.register(Script(large), retention=86_400)
        for _ in range(5):
            engine.start("orders").result(10)
        with pytest.raises(FileInUseError):
            compact(path, 0)
    before, after = compact(path, 4_000_000_000_000)
    assert before > 2_000_000 > after


WAYS_BACK = {  # from today's tables to those of an older version
    1: "DROP INDEX executions_by_function; DROP TABLE events",
    2: "DROP TABLE events",
}


def tables_of(path):
    """What there is in a file, and its version."""
    connection = sqlite3.connect(path)
    try:
        tables = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        return tables, connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


def test_every_older_version_is_tried():
    assert list(WAYS_BACK) == list(range(1, VERSION))


@pytest.mark.parametrize("version", WAYS_BACK)
def test_a_file_of_an_older_version_is_read_and_taken_forward(tmp_path, version):
    path = str(tmp_path / "a.db")
    with Engine(path) as engine:
        engine.register(Script(answers))
        engine.start("orders", 1, execution_name="old").result(10)
    today = tables_of(path)
    connection = sqlite3.connect(path)
    connection.executescript(f"{WAYS_BACK[version]}; PRAGMA user_version = {version}")
    connection.close()
    assert tables_of(path) != today
    with FileClient(path) as client:
        assert client.execution("old").result() == 1
    assert tables_of(path)[1] == version, "who only looks changes nothing"
    with Engine(path) as engine:
        assert engine.execution("old").result(10) == 1
    assert tables_of(path) == today
