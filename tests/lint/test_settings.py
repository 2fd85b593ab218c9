"""Which rules apply where: `[tool.durable-lambda.lint]` and the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_lambda.lint import DEFAULT, RULES
from durable_lambda.lint.settings import SettingsError, load_settings


def write(folder: Path, table: str) -> None:
    (folder / "pyproject.toml").write_text(table, encoding="utf-8")


def test_without_a_table_every_rule_that_is_on_by_default_applies(tmp_path: Path) -> None:
    assert load_settings(tmp_path).selected == DEFAULT == set(RULES) - {"DUR014", "DUR015"}


def test_the_nearest_table_above_the_folder_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, "[tool.durable-lambda.lint]\nselect = ['DUR001', 'DUR014']\n")
    write(tmp_path / "a", "[tool.other]\nx = 1\n")
    assert load_settings(inner).selected == {"DUR001", "DUR014"}


def test_codes_may_be_beginnings_or_all_and_what_is_ignored_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "[tool.durable-lambda.lint]\nselect = ['ALL']\nignore = ['DUR01', 'dur002']\n")
    assert load_settings(tmp_path).selected == {f"DUR00{number}" for number in (1, 3, 4, 5, 6, 7, 8, 9)}


def test_the_command_line_stands_instead_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, "[tool.durable-lambda.lint]\nselect = ['DUR001']\nignore = ['DUR003']\n")
    assert load_settings(tmp_path, select=["DUR002,DUR003"]).selected == {"DUR002"}
    assert load_settings(tmp_path, select=["DUR002", "DUR003"], ignore=["DUR002"]).selected == {"DUR003"}


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("tests", "tests/a.py", True),
        ("tests/", "tests/deep/a.py", True),
        ("tests/*", "tests/a.py", True),
        ("test_*.py", "src/test_a.py", True),
        ("src/generated", "src/generated/a.py", True),
        ("generated", "src/generated/a.py", True),
        ("src", "tests/a.py", False),
        ("a.py", "src/ba.py", False),
    ],
)
def test_a_pattern_fits_a_path_a_folder_above_it_or_a_name_in_it(
    tmp_path: Path, pattern: str, path: str, fits: bool
) -> None:
    write(tmp_path, f"[tool.durable-lambda.lint.per-file-ignores]\n'{pattern}' = ['DUR001']\n")
    settings = load_settings(tmp_path)
    assert settings.for_file(tmp_path / path) == (DEFAULT - {"DUR001"} if fits else DEFAULT)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("selct = ['DUR001']", "knows select, ignore, exclude, per-file-ignores, not 'selct'"),
        ("select = 'DUR001'", "select in [tool.durable-lambda.lint] must be a list of strings, not 'DUR001'"),
        ("select = [1]", "must be a list of strings"),
        ("ignore = ['E501']", "'E501' is no rule: they are DUR001 to DUR019, or ALL"),
        ("ignore = ['']", "'' is no rule"),
        ("exclude = 5", "exclude in"),
        ("per-file-ignores = ['a']", "must be a table"),
        ("per-file-ignores = { a = 'DUR001' }", "per-file-ignores 'a'"),
    ],
)
def test_a_wrong_entry_is_told_with_the_file_and_what_may_stand_there(tmp_path: Path, table: str, told: str) -> None:
    write(tmp_path, f"[tool.durable-lambda.lint]\n{table}\n")
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path)
    assert told in str(error.value)
    assert str(tmp_path / "pyproject.toml") in str(error.value)


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    write(tmp_path, "[tool")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)


def test_a_wrong_option_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--select: 'X' is no rule"):
        load_settings(tmp_path, select=["X"])
