"""The other side of the inbox: how a process that does not own the file leaves a request and fetches the answer."""

from __future__ import annotations

from types import TracebackType

from durable_lambda.engine.schema import connect


class Mailbox:
    """A connection that may write, for as long as it takes. SQLite lets it in between the engine's transactions."""

    def __init__(self, path: str) -> None:
        self._connection = connect(path)

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def post(self, request: bytes) -> int:
        """Leave a request. Returns its number."""
        number = self._connection.execute("INSERT INTO inbox (request) VALUES (?)", (request,)).lastrowid
        assert number is not None
        return number

    def fetch(self, number: int) -> bytes | None:
        """The answer, if there is one; the letter is gone then."""
        query = "DELETE FROM inbox WHERE id = ? AND response IS NOT NULL RETURNING response"
        row = self._connection.execute(query, (number,)).fetchall()
        return row[0][0] if row else None

    def take_back(self, number: int) -> bool:
        """Whether the request could be taken back before it was answered."""
        return self._connection.execute("DELETE FROM inbox WHERE id = ? AND response IS NULL", (number,)).rowcount > 0
