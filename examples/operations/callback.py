"""create_callback, callback_result: an answer from outside. A parcel is handed over when the courier says who signed.

    $ durable run callback.py:deliver --event '"parcel-7"'

It waits, and shows the command that answers. Give it from another terminal:

    $ durable callback success ID --result '{"signed_by": "Ada"}'

and the first one ends:

    ✓ signature  callback  succeeded
    ✓ send out  step  succeeded
    "parcel-7 is with Ada"

`create_callback` gives the id at once, so that the function can hand it out in whatever way it likes, and do other
things before it asks for the answer.
"""

from dataclasses import dataclass
from datetime import timedelta

from durable_lambda import CallbackTimeoutError, DurableContext, durable_execution


@dataclass
class Handover:
    signed_by: str


@durable_execution
async def deliver(parcel: str, ctx: DurableContext) -> str:
    signature = await ctx.create_callback("signature", timeout=timedelta(days=2), heartbeat_timeout=timedelta(hours=12))
    route = await ctx.step("send out", send_out, parcel, signature.callback_id)
    try:
        handover = await ctx.callback_result(signature, Handover)
    except CallbackTimeoutError:  # no answer for two days, or no heartbeat for twelve hours
        return f"{parcel} came back from {route}"
    return f"{parcel} is with {handover.signed_by}"


async def send_out(parcel: str, callback_id: str) -> str:
    """The id is all that the other side needs; a courier's app would answer with `CallbackClient`."""
    return f"route of {parcel}, to be signed under {len(callback_id)} characters"
