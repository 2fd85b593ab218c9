"""What reaches a function from outside while its execution runs: answers, and the news of them."""

from __future__ import annotations

import asyncio

import pytest

from durable_lambda.protocol.backend import WatchableBackend
from durable_lambda.protocol.errors import (
    CallbackTimeoutException,
    ResourceNotFoundException,
)
from scripted import Blocked, Invocation, Mail, Script


def test_the_backend_is_one_that_can_be_watched(engine):
    async def body(run: Invocation):
        return isinstance(run.backend, WatchableBackend)

    engine.register(Script(body))
    assert engine.start("orders").result(10) is True


def test_who_watches_is_called_at_once_and_at_every_change_until_the_end(engine):
    mail, changes = Mail(), []

    async def body(run: Invocation):
        return (await run.callback("cb", mail.put)).status

    engine.register(Script(body))
    execution = engine.start("orders")
    callback_id = mail.get()
    unwatch = execution.watch(lambda: changes.append(1))
    with pytest.raises(ZeroDivisionError):
        execution.watch(lambda: 1 / 0)
    execution.watch(lambda: 1 / (len(changes) < 2))
    assert len(changes) == 1
    engine.send_callback_success(callback_id)
    execution.wait(10)
    assert len(changes) > 1
    unwatch()


def test_a_callback_is_answered_from_outside(engine):
    mail = Mail()

    async def body(run: Invocation):
        answered = await run.callback("approval", mail.put)
        return answered.callback_details.result

    engine.register(Script(body))
    execution = engine.start("orders")
    callback_id = mail.get()
    engine.send_callback_heartbeat(callback_id)
    engine.send_callback_success(callback_id, {"ok": True})
    assert execution.result(10) == '{"ok":true}'
    with pytest.raises(CallbackTimeoutException):
        engine.send_callback_success(callback_id)
    with pytest.raises(ResourceNotFoundException):
        engine.send_callback_success("AAAA")


def test_a_callback_fails_with_the_error_that_it_is_given(engine):
    mail = Mail()

    async def body(run: Invocation):
        return (await run.callback("approval", mail.put)).callback_details.error.error_type

    engine.register(Script(body))
    execution = engine.start("orders")
    engine.send_callback_failure(mail.get(), ValueError("declined"))
    assert execution.result(10) == "ValueError"


def test_an_answer_that_came_unseen_invokes_again_at_once(engine):
    mail, answered = Mail(), Mail()

    async def body(run: Invocation):
        try:
            return (await run.callback("approval", mail.put)).status
        except Blocked:
            await asyncio.to_thread(answered.get)
            raise

    script = Script(body)
    engine.register(script)
    execution = engine.start("orders")
    engine.send_callback_success(mail.get())
    answered.put()
    assert execution.result(10) == "SUCCEEDED"
    assert script.invocations == 2
