"""wait_for_condition: look again and again, less and less often. A video is published once it is encoded.

    $ durable run wait_for_condition.py:publish --event '"holidays.mov"' --skip-time
    ✓ encoded  wait_for_condition  succeeded  attempt 4
    "holidays.mov was at 100 % after 4 looks"

Each look gets the state of the last one, and what it returns is recorded. Between two looks nothing runs.
"""

from dataclasses import dataclass, replace

from durable_lambda import DurableContext, Poll, WaitForConditionError, durable_execution


@dataclass
class Encoding:
    video: str
    percent: int = 0
    looks: int = 0


@durable_execution
async def publish(video: str, ctx: DurableContext) -> str:
    try:
        done = await ctx.wait_for_condition(
            "encoded",
            look,
            initial_state=Encoding(video),
            until=lambda encoding: encoding.percent == 100,
            poll=Poll(max_attempts=20, initial_delay=30, backoff=1.5, max_delay=600),
        )
    except WaitForConditionError:
        return f"{video} is not encoded after 20 looks"
    return f"{done.video} was at {done.percent} % after {done.looks} looks"


async def look(encoding: Encoding) -> Encoding:
    """Stands for a call of the encoder's API."""
    return replace(encoding, percent=min(100, encoding.percent + 30), looks=encoding.looks + 1)
