"""`invoke`: have another function do something, durable or not, and get its result.

One START with the name and the payload; then the service has the target run, and nothing runs here meanwhile. The
outcome is read from the history alone, so a replay sends nothing. What the target raised is not rebuilt as itself, even
where its class is known here: it comes from another program, and is told as data.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from durable_lambda.arguments import check_name
from durable_lambda.errors import (
    DeserializationError,
    InvokeError,
    InvokeStoppedError,
    InvokeTimeoutError,
    SerializationError,
    ValidationError,
)
from durable_lambda.failures import fields_of
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.limits import MAX_FUNCTION_NAME, MAX_OPERATION_PAYLOAD, MAX_TENANT_ID
from durable_lambda.protocol.updates import ChainedInvokeOptions
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec, JsonCodec, check_codec, codec_for, to_json, told

_FUNCTION_NAME: Final = (  # NamespacedFunctionName of the service model
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_TENANT_ID: Final = r"[a-zA-Z0-9._:/=+\-@ ]+"

_FAILURES: Final = {"TIMED_OUT": InvokeTimeoutError, "STOPPED": InvokeStoppedError}


class Invoke(Call[Any]):
    """A CHAINED_INVOKE of a function."""

    __slots__ = ("_is_sent", "_options", "_payload", "codec", "function_name", "payload", "payload_codec", "tenant_id")

    type = "CHAINED_INVOKE"
    sub_type = "ChainedInvoke"
    verb = "invoke"
    kind = "invoke"

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        function_name: str,
        payload: Any,
        *,
        result_type: Any,
        tenant_id: str | None,
        payload_codec: Codec[Any] | None,
        codec: Codec[Any] | None,
    ) -> None:
        super().__init__(scope, name)
        self.function_name = function_name
        self.payload = payload
        self.tenant_id = tenant_id
        for each in (payload_codec, codec):
            if each is not None:
                check_codec(each, f"{self.verb}()")
        self.payload_codec = payload_codec
        self.codec: Codec[Any] = codec or codec_for(result_type)
        self._is_sent = False
        """Whether the history has its START: the payload is not written a second time."""

    def prepare(self) -> None:
        check_name(self.name, self.verb)
        _check_function_name(self.function_name)
        _check_tenant_id(self.tenant_id)
        self._options = ChainedInvokeOptions(self.function_name, self.tenant_id)
        self._payload = None if self._is_sent or self.payload is None else self._encode()

    def replay(self, recorded: wire.Operation) -> Operation[Any] | None:
        if not recorded.is_terminal:
            self._is_sent = True
            return None
        try:
            return Operation(self._read(recorded))
        except (InvokeError, DeserializationError) as error:
            return Operation.failed(error)

    async def execute(self, recorded: wire.Operation | None) -> Any:
        journal = self.scope.journal
        self.watch(recorded)
        state = recorded
        if state is None:
            start = self.update("START", payload=self._payload, chained_invoke_options=self._options)
            await self.store(start)
            state = journal.state(self.id)
        while state is None or not state.is_terminal:
            state = await self.change(self.suspended(f" (function: {self.function_name})"))
        return self._read(state)

    def _encode(self) -> str:
        try:
            codec = self.payload_codec
            encoded = to_json(self.payload) if codec is None else codec.encode(self.payload).encode()
        except SerializationError as error:
            raise self._unsendable(f"cannot be written: {error}") from error
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise self._unsendable(f"cannot be written as JSON: {error}; pass plain data") from error
        if len(encoded) > MAX_OPERATION_PAYLOAD:
            raise self._unsendable(
                f"is {len(encoded)} bytes, the limit is {MAX_OPERATION_PAYLOAD} (operation payload, AWS Lambda "
                "quotas): store it elsewhere and pass where it is"
            )
        return encoded.decode()

    def _unsendable(self, why: str) -> SerializationError:
        return SerializationError(
            f"the payload of {self.label} (function: {self.function_name}) {why}",
            operation_name=self.name,
            operation_id=self.id,
        )

    def _read(self, state: wire.Operation) -> Any:
        details = state.chained_invoke_details or wire.ChainedInvokeDetails()
        if state.status != "SUCCEEDED":
            self._fail(state, details.error or wire.ErrorObject())
        try:
            if not details.result and not isinstance(self.codec, JsonCodec):
                return None
            return self.codec.decode(details.result or "null")
        except Exception as error:  # also of a codec of the user's
            raise DeserializationError(
                f"the result of {self.label} (function: {self.function_name}): {told(error)}",
                operation_name=self.name,
                operation_id=self.id,
            ) from error

    def _fail(self, state: wire.Operation, error: wire.ErrorObject) -> NoReturn:
        said = error.error_data if error.error_message is None else error.error_message
        cause = [error.error_type or (None if said else state.status), said]
        raise _FAILURES.get(state.status, InvokeError)(
            f"invoke failed for operation {self.name!r} (function: {self.function_name}): "
            + ": ".join(text for text in cause if text),
            operation_name=self.name,
            operation_id=self.id,
            **fields_of(error),
        )


def _check_function_name(name: object) -> None:
    if not isinstance(name, str):
        raise ValidationError(
            f'invoke() takes the name of a function after its own, a str, not {name!r}: ctx.invoke("charge", '
            '"payments:live", payload); to run a function of this program use ctx.step or ctx.run_in_child_context'
        )
    if not 0 < len(name) <= MAX_FUNCTION_NAME:
        raise ValidationError(
            f"the function name of invoke() must have 1 to {MAX_FUNCTION_NAME} characters, not {len(name)}"
        )
    if re.fullmatch(_FUNCTION_NAME, name) is None:
        raise ValidationError(
            f"{name!r} is no function's name for invoke(): write a name, a name and a version or alias "
            '("payments:live"), or an ARN'
        )


def _check_tenant_id(tenant_id: object) -> None:
    if tenant_id is None:
        return
    if (
        not isinstance(tenant_id, str)
        or not 0 < len(tenant_id) <= MAX_TENANT_ID
        or not re.fullmatch(_TENANT_ID, tenant_id)
    ):
        raise ValidationError(
            f"the tenant_id of invoke() must be 1 to {MAX_TENANT_ID} letters, digits, spaces or any of "
            f". _ : / = + - @, not {tenant_id!r}"
        )
