"""A contract that somebody has to sign off. Who does not answer in time is passed over, and the next one is asked.

    $ durable run app.py:handler --event @contract.json --name contract-17 --skip-time

Grace is asked first. She has two seconds, since this is a demonstration; for the days that she would have, change
`contract.json`. She does not answer, her callback times out, and Edsger is asked. The command that answers for him is
shown. Give it from another terminal:

    $ durable callback success ID --result '{"approved": true, "reason": "the price is right"}'

and the first one goes on, waits for the two weeks in which the other side may withdraw (which `--skip-time` lets pass
at once; the time-out of a callback it does not), and ends:

    ✗ approval by grace  wait_for_callback  failed
    ✗ approval by grace create callback id  callback  timed out
    ✓ approval by edsger  wait_for_callback  succeeded
    ✓ time to withdraw  wait  succeeded  14 d 0 h
    ✓ sign  step  succeeded
    {
      "contract": "c-17",
      "signed_by": "edsger",
      "passed_over": [
        "grace"
      ]
    }

End the first process whenever you like, with Ctrl-C or `kill -9`, and run the same command again: it goes on where it
stood. Nobody is asked twice, and a time-out that has passed meanwhile has passed.
"""

from dataclasses import dataclass
from datetime import timedelta

from durable_lambda import CallbackTimeoutError, DurableContext, durable_execution


@dataclass
class Approver:
    who: str
    seconds: int
    """How long to wait for the answer."""


@dataclass
class Contract:
    id: str
    cents: int
    approvers: list[Approver]


@dataclass
class Decision:
    approved: bool
    reason: str


@dataclass
class Outcome:
    contract: str
    signed_by: str
    passed_over: list[str]


class NotApproved(Exception):
    """Somebody said no, or nobody said anything."""


@durable_execution(name="sign-off")
async def handler(contract: Contract, ctx: DurableContext) -> Outcome:
    passed_over: list[str] = []
    for approver in contract.approvers:
        try:
            decision = await ctx.wait_for_callback(
                f"approval by {approver.who}",
                ask,
                approver.who,
                contract,
                timeout=approver.seconds,
                result_type=Decision,
            )
        except CallbackTimeoutError:
            ctx.logger.warning("%s did not answer within %d s", approver.who, approver.seconds)
            passed_over.append(approver.who)
            continue
        if not decision.approved:
            raise NotApproved(f"{approver.who} does not approve {contract.id}: {decision.reason}")
        await ctx.wait("time to withdraw", timedelta(days=14))
        await ctx.step("sign", sign, contract, approver.who)
        return Outcome(contract.id, approver.who, passed_over)
    raise NotApproved(f"nobody has answered for {contract.id}: {', '.join(passed_over)}")


async def ask(callback_id: str, who: str, contract: Contract) -> str:
    """Stands for a mail: the id is all that is needed to answer, from wherever the reader is."""
    return f"Dear {who}, {contract.id} is about {contract.cents / 100:.2f}. Your answer goes to {callback_id}."


async def sign(contract: Contract, who: str) -> str:
    return f"{contract.id}, signed by {who}"
