"""batch_checkpoints: many small steps, few checkpoints. The letters of a text are counted, word by word.

    $ durable run batch_checkpoints.py:count_letters --event '["the quick brown fox", "jumps over the lazy dog"]'
    {
      "words": 9,
      "letters": 35
    }

Inside the block the result of a step is there at once, and its checkpoint travels with others. A crash runs again what
was not stored yet, so it is for steps that may run twice. Before a wait, a callback or an invoke, and at the end of the
block, everything is stored.
"""

from dataclasses import dataclass

from durable_lambda import DurableContext, durable_execution


@dataclass
class Count:
    words: int = 0
    letters: int = 0


@durable_execution
async def count_letters(lines: list[str], ctx: DurableContext) -> Count:
    count = Count()
    async with ctx.batch_checkpoints():
        for line in lines:
            for word in line.split():
                count.letters += await ctx.step(word, length, word)
                count.words += 1
            await ctx.flush()  # a line that is counted is not counted again
    return count


async def length(word: str) -> int:
    return len(word)
