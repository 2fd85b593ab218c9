"""JSON from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_lambda.cli.failure import CommandError
from durable_lambda.cli.payload import read_payload


def test_json_is_taken_as_it_is_written() -> None:
    assert read_payload("--event", '{"a":  1.50}') == '{"a":  1.50}'


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"name": "Ångström"}', encoding="utf-8")
    assert read_payload("--event", f"@{tmp_path / 'order.json'}") == '{"name": "Ångström"}'


def test_what_is_not_json_is_refused_with_its_place() -> None:
    with pytest.raises(CommandError, match=r"^--event is not JSON: .* at line 1, column 6$"):
        read_payload("--event", '{"a":}')


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_text('{\n"a": 1,\n}')
    with pytest.raises(CommandError, match=r"order\.json is not JSON: .* at line [23], column \d"):
        read_payload("--event", f"@{path}")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"--event: there is no file .*none\.json"):
        read_payload("--event", f"@{tmp_path / 'none.json'}")
    with pytest.raises(CommandError, match=r"--event: cannot read .*: Is a directory"):
        read_payload("--event", f"@{tmp_path}")
    (tmp_path / "latin").write_bytes(b'"\xe9"')
    with pytest.raises(CommandError, match="it is not UTF-8"):
        read_payload("--event", f"@{tmp_path / 'latin'}")
