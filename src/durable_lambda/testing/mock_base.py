"""What both mock contexts have in common: what is known without an operation, and each operation as a coroutine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, cast
from uuid import UUID

from durable_lambda.context_base import ContextBase
from durable_lambda.operations.callback import CallbackHandle
from durable_lambda.retry import DEFAULT_POLL
from durable_lambda.testing.mock_operations import ARN, Branch, MockOperations, checked, codec_of
from durable_lambda.values import UNSET, Codec, codec_for, result_codec

_LOGGER: Final = logging.LoggerAdapter(logging.getLogger("durable_lambda.function"), {})


class MockBase(ContextBase):
    """What is known without an operation."""

    def __init__(self, operations: MockOperations) -> None:
        self._mock = operations

    def uuid(self) -> UUID:
        return self._mock.uuid()

    def random(self) -> Random:
        return self._mock.draw()

    def patched(self, name: str) -> bool:
        return self._mock.patches.get(name, True)

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        return _LOGGER

    @property
    def is_replaying(self) -> bool:
        return bool(self._mock.script.left)

    @property
    def execution_arn(self) -> str:
        return ARN

    @property
    def execution_name(self) -> str:
        return ARN.rsplit("/", 2)[-2]

    @property
    def parent_id(self) -> str | None:
        return None

    @property
    def remaining_time(self) -> timedelta | None:
        return None

    @property
    def lambda_context(self) -> None:
        return None

    # Each operation, as a coroutine; what is prepared is taken when it is called.

    def _step(self, name: str | None, fn: Callable[..., Any], *args: Any, **options: Any) -> Coroutine[Any, Any, Any]:
        checked(name, "step", fn)
        codec = codec_of(fn, options.get("result_type", UNSET), options.get("codec"))
        taken = self._mock.script.take("step", name)
        return self._mock.step(taken, name, fn, args, retry=options.get("retry"), codec=codec)

    def _wait(self, name: str | None) -> Coroutine[Any, Any, Any]:
        checked(name, "wait")
        return self._mock.wait(self._mock.script.take("wait", name), name)

    def _create_callback(self, name: str | None) -> Coroutine[Any, Any, CallbackHandle]:
        checked(name, "create_callback")
        return self._mock.create_callback(self._mock.script.take("callback", name), name)

    def _callback_result(
        self, handle: CallbackHandle, result_type: Any, raw: bool, codec: Codec[Any] | None
    ) -> Coroutine[Any, Any, Any]:
        return self._mock.callback_result(handle, None if raw else codec or codec_for(result_type))

    def _wait_for_callback(
        self,
        name: str | None,
        submitter: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        result_type: Any,
        codec: Codec[Any] | None,
    ) -> Coroutine[Any, Any, Any]:
        checked(name, "wait_for_callback", submitter)
        taken = self._mock.script.take("wait_for_callback", name, also="callback")
        return self._mock.wait_for_callback(taken, name, submitter, args, codec or codec_for(result_type))

    def _condition(self, name: str | None, check: Callable[..., Any], **options: Any) -> Coroutine[Any, Any, Any]:
        checked(name, "wait_for_condition", check)
        options.setdefault("poll", DEFAULT_POLL)
        return self._mock.condition(self._mock.script.take("wait_for_condition", name), name, check, **options)

    def _invoke(
        self, name: str | None, function_name: str, result_type: Any, codec: Codec[Any] | None
    ) -> Coroutine[Any, Any, Any]:
        checked(name, "invoke")
        return self._mock.invoke(
            self._mock.script.take("invoke", name), name, function_name, codec or codec_for(result_type)
        )

    def _child(
        self, name: str | None, fn: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        checked(name, "run_in_child_context", fn)
        codec = codec_of(fn, options.get("result_type", UNSET), options.get("codec"))
        taken = self._mock.script.take("child_context", name)
        return self._mock.child(taken, name, fn, args, codec=codec, virtual=options.get("virtual", False))

    def _with_retry(
        self, name: str | None, fn: Callable[..., Any], args: tuple[Any, ...], retry: Any
    ) -> Coroutine[Any, Any, Any]:
        checked(name, "with_retry", fn)
        taken = self._mock.script.take("with_retry", name, also="child_context")
        return self._mock.with_retry(taken, name, fn, args, retry)

    def _timeout(self, name: str | None, fn: Callable[..., Any], args: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
        checked(name, "timeout", fn)
        taken = self._mock.script.take("timeout", name, also="child_context")
        return self._mock.child(taken, name, fn, args, codec=result_codec(fn))

    def _parallel(self, name: str | None, branches: Any, options: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        listed: list[Branch] = [(None, fn, ()) for fn in branches]
        if isinstance(branches, dict):
            named = cast("dict[str, Callable[..., Any]]", branches)
            listed = [(key, fn, ()) for key, fn in named.items()]
        taken = self._mock.script.take("parallel", name)
        return self._mock.batch(taken, "parallel", name, listed, options.get("completion"))

    def _map(
        self, name: str | None, items: Sequence[Any], fn: Callable[..., Any], options: dict[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        checked(name, "map", fn)
        item_name = options.get("item_name")
        listed = [(item_name(item, index) if item_name else None, fn, (item,)) for index, item in enumerate(items)]
        return self._mock.batch(self._mock.script.take("map", name), "map", name, listed, options.get("completion"))

    def _first(self, name: str | None, branches: dict[str, Callable[..., Any]]) -> Coroutine[Any, Any, Any]:
        return self._mock.first(self._mock.script.take("first", name), name, branches)
