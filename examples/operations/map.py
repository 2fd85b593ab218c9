"""map: the same thing for each item, a few at a time. Pictures get their thumbnails, three at once.

    $ durable run map.py:thumbnails --event '["cat.png", "sea.png", "notes.txt", "hut.png"]'
    ✓ thumbnails  map  succeeded
    ✗ notes.txt  item  failed … notes.txt is no picture
    {
      "made": [
        "cat-small.png",
        "sea-small.png",
        "hut-small.png"
      ],
      "skipped": [
        "notes.txt is no picture"
      ]
    }

The results are in the order of the items. Items that wait count for `max_concurrency`, too. A thousand items: see
`../fan_out`.
"""

from dataclasses import dataclass

from durable_lambda import Completion, DurableContext, Retry, durable_execution


@dataclass
class Album:
    made: list[str]
    skipped: list[str]


class NoPicture(Exception):
    """It never will be one."""


@durable_execution
async def thumbnails(pictures: list[str], ctx: DurableContext) -> Album:
    batch = await ctx.map(
        "thumbnails",
        pictures,
        thumbnail,
        max_concurrency=3,
        item_name=lambda picture, index: picture,
        completion=Completion.tolerate(percentage=50),
    )
    return Album(batch.results(), [str(error) for error in batch.errors()])


async def thumbnail(picture: str, ctx: DurableContext) -> str:
    """One item, with a context of its own: it may have as many operations as it likes."""
    return await ctx.step("shrink", shrink, picture, retry=Retry(retry_on=OSError))


def shrink(picture: str) -> str:
    """A `def`: it runs on a thread, beside those of other items."""
    stem, _, kind = picture.rpartition(".")
    if kind != "png":
        raise NoPicture(f"{picture} is no picture")
    return f"{stem}-small.{kind}"
