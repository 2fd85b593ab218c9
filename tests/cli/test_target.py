"""Finding the function that TARGET names, and telling what is wrong with it in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_lambda.cli.failure import CommandError
from durable_lambda.cli.target import hosted_name, invocable, load_target

HANDLERS = """
from durable_lambda import DurableContext, durable_execution

@durable_execution
async def handler(event: int, ctx: DurableContext) -> int:
    return event

@durable_execution
async def other(event: int, ctx: DurableContext) -> int:
    return event

async def plain(event: int, ctx: DurableContext) -> int:
    return event
"""


@pytest.fixture(autouse=True)
def _imports_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def refusal(target: str) -> str:
    with pytest.raises(CommandError) as info:
        load_target(target)
    assert info.value.exit_code == 2
    assert "\n" not in str(info.value)
    return str(info.value)


def test_a_file_is_loaded_under_its_stem_with_its_folder_on_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "prices_of_shop.py").write_text("FACTOR = 2\n")
    (folder / "shop_app.py").write_text("import prices_of_shop\n" + HANDLERS)
    assert load_target("shop/shop_app.py:other").name == "other"
    assert sys.modules["shop_app"].__name__ == "shop_app"


def test_a_module_of_a_package_is_found_from_the_working_folder(tmp_path: Path) -> None:
    package = tmp_path / "bakery"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "orders.py").write_text(HANDLERS)
    assert load_target("bakery.orders:other").name == "other"


def test_the_attribute_is_handler_unless_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "app_default.py").write_text(HANDLERS)
    assert load_target("app_default.py").name == "handler"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal("nope.py:handler") == "the target file nope.py is not there"
    (tmp_path / "folder.py").mkdir()
    assert refusal("folder.py:handler") == "the target file folder.py is a folder"


def test_a_module_that_is_not_there() -> None:
    assert "there is no module 'nopackage'" in refusal("nopackage.orders:handler")
    assert "there is no module 'nomodule'" in refusal("nomodule:handler")
    assert "names no module" in refusal(":handler")


def test_a_missing_attribute_lists_the_durable_functions(tmp_path: Path) -> None:
    (tmp_path / "app_missing.py").write_text(HANDLERS)
    assert refusal("app_missing.py:handlr") == "app_missing.py has no 'handlr'; durable functions there: handler, other"


def test_a_function_without_the_decorator_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "app_plain.py").write_text(HANDLERS)
    message = refusal("app_plain.py:plain")
    assert message.startswith("'plain' in app_plain.py is a function, not a durable function")
    assert "@durable_execution" in message


def test_the_class_of_a_function_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "app_class.py").write_text(
        "from durable_lambda import DurableHandler\n"
        "class Orders(DurableHandler):\n"
        "    def handle(self, event, ctx): ...\n"
        "orders = Orders()\n"
    )
    message = refusal("app_class.py:Orders")
    assert message == "'Orders' in app_class.py is a class: use an instance of it; durable functions there: orders"


def test_an_error_of_the_users_module_shows_its_line(tmp_path: Path) -> None:
    (tmp_path / "app_raises.py").write_text("x = 1\ny = x / 0\n")
    message = refusal("app_raises.py")
    assert "ZeroDivisionError: division by zero" in message
    assert message.endswith("app_raises.py, line 2: y = x / 0)")


def test_a_missing_import_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "app_imports.py").write_text("import durable_lambda\nimport no_such_module\n")
    message = refusal("app_imports.py")
    assert "No module named 'no_such_module'" in message
    assert "line 2: import no_such_module" in message
    assert "No module named 'no_such_module'" in refusal("app_imports:handler")


def test_a_syntax_error_shows_its_line(tmp_path: Path) -> None:
    (tmp_path / "app_syntax.py").write_text("def f(:\n    pass\n")
    message = refusal("app_syntax.py")
    assert "SyntaxError" in message
    assert "line 1: def f(:" in message


def test_a_module_that_exits_is_told(tmp_path: Path) -> None:
    (tmp_path / "app_exits.py").write_text("raise SystemExit(3)\n")
    assert "SystemExit: 3" in refusal("app_exits.py")


def test_a_file_may_not_shadow_a_module_in_use(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(HANDLERS)
    assert "rename the file" in refusal("json.py:handler")


def test_in_a_file_a_function_is_known_by_its_module_and_name_or_by_the_name_that_it_is_given(tmp_path: Path) -> None:
    named = (
        "\n@durable_execution(name='orders')\nasync def named(event: int, ctx: DurableContext) -> int:\n    return 1\n"
    )
    package = tmp_path / "grocery"
    package.mkdir()
    (package / "till.py").write_text(HANDLERS + named)
    assert hosted_name(load_target("grocery.till:handler")) == "grocery-till-handler"
    assert hosted_name(load_target("grocery.till:named")) == "orders"
    assert hosted_name(load_target("grocery/till.py:handler")) == "till-handler"


def test_a_class_is_known_by_its_module_and_name_too(tmp_path: Path) -> None:
    of_class = (
        "\nfrom durable_lambda import DurableHandler\n"
        "class Orders(DurableHandler{}):\n"
        "    async def handle(self, event: int, ctx: DurableContext) -> int:\n        return event\n"
        "orders = Orders()\n"
    )
    (tmp_path / "shop_of_class.py").write_text(HANDLERS + of_class.format(""))
    (tmp_path / "shop_of_named_class.py").write_text(HANDLERS + of_class.format(', name="orders"'))
    assert hosted_name(load_target("shop_of_class.py:orders")) == "shop_of_class-Orders"
    assert hosted_name(load_target("shop_of_named_class.py:orders")) == "orders"


def test_what_may_be_invoked_are_the_durable_functions_of_the_module_by_their_own_names(tmp_path: Path) -> None:
    (tmp_path / "parts_of_app.py").write_text(HANDLERS.replace("def other", "def part"))
    more = "\nfrom parts_of_app import part\nalias = other\n@durable_execution(name='orders')\n" + (
        "async def named(event: int, ctx: DurableContext) -> int:\n    return 1\n"
    )
    (tmp_path / "app_whole.py").write_text(HANDLERS + more)
    handler = load_target("app_whole.py:handler")
    found = invocable("app_whole.py:handler")
    assert sorted(found) == ["handler", "orders", "other", "part"]
    assert found["handler"] is handler


def test_two_functions_of_one_name_are_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "first_of_two.py").write_text(HANDLERS)
    (tmp_path / "app_two.py").write_text("from first_of_two import handler as first\n" + HANDLERS)
    load_target("app_two.py:other")
    with pytest.raises(CommandError) as info:
        invocable("app_two.py:other")
    assert str(info.value) == (
        "'first' and 'handler' in app_two.py are both called 'handler', so ctx.invoke cannot tell them apart; give one "
        "another name with @durable_execution(name=…)"
    )
