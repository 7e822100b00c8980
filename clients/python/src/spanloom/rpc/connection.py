"""One server, and calls to it in Connect's protocol: unary ones, and streams of answers."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Protocol, TypeVar, cast

from google.protobuf.message import DecodeError, Message

from ..errors import SpanloomError, invalid
from .call_errors import error_of_answer, error_of_json, unreachable
from .http_pool import CallScope, HttpPool, entered

DEFAULT_URL = "http://127.0.0.1:7171"
DEFAULT_TIMEOUT = 30.0

Answer = TypeVar("Answer", bound=Message)
Item = TypeVar("Item")

# The deadline travels with the call; the server has this much longer to say so before the socket gives up.
SLACK_SECONDS = 2.0
# Longest silence of a stream without a deadline of its own: watching a job tells nothing while nothing happens.
STREAM_SILENCE_SECONDS = 600.0
END_STREAM = 2
COMPRESSED = 1


class Readable(Protocol):
    """Where the bytes of a message come from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, fewer only at the end."""

    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        """Fills a buffer as far as bytes come."""


class Connection:
    """Calls to the server at ``url``.

    Units: timeouts in seconds.
    Errors: SpanloomError of every call; STORE_UNAVAILABLE when no server answers.
    Concurrency: safe from any thread; each call under way has a socket of its own.
    Source: https://connectrpc.com/docs/protocol.
    """

    def __init__(self, url: str | None = None, token: str | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        if token is not None and not (token.isascii() and token.isprintable()):
            why = "it has characters that no header may have; is there a line break at its end?"
            raise invalid("token", f"cannot connect with this token: {why}")
        self._pool = HttpPool(url or DEFAULT_URL)
        self.url = self._pool.url
        self.token = token
        self._timeout = timeout

    def close(self) -> None:
        """Closes idle sockets; safe to call twice."""
        self._pool.close()

    def unary(
        self,
        method: str,
        request: Message,
        answer: type[Answer],
        *,
        timeout: float | None = None,
        scope: CallScope | None = None,
    ) -> Answer:
        """One call, e.g. of ``JobService/GetJob``."""
        seconds = self._timeout if timeout is None else timeout
        body = request.SerializeToString()
        headers = self._headers("application/proto", seconds)
        status, data = self._post(method, body, headers, seconds, scope)
        if status != 200:
            raise error_of_answer(status, data, self.url)
        try:
            return answer.FromString(data)
        except DecodeError as error:
            raise SpanloomError("INTERNAL", f"cannot read the answer of {method} of {self.url}: {error}") from error

    def stream(
        self,
        method: str,
        request: Message,
        read: Callable[[Readable, int], Item],
        *,
        timeout: float | None = None,
        scope: CallScope | None = None,
    ) -> Iterator[Item]:
        """A call with many answers; ``read`` takes one message of so many bytes off the wire.

        Closing the iterator ends the call.
        """
        body = request.SerializeToString()
        headers = self._headers("application/connect+proto", timeout)
        silence = STREAM_SILENCE_SECONDS if timeout is None else timeout + SLACK_SECONDS
        connection, _ = self._pool.take(silence)
        done = False
        try:
            with entered(scope, connection):
                path = f"{self._pool.path}/spanloom.v1.{method}"
                connection.request("POST", path, b"\x00" + len(body).to_bytes(4, "big") + body, headers)
                with closing(connection.getresponse()) as response:
                    yield from self._messages(response, read)
                    done = response.isclosed() or response.read(1) == b""
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error, scope) from error
        finally:
            # What was not read to its end cannot serve another call; closing it ends the call.
            if done:
                self._pool.give_back(connection)
            else:
                connection.close()

    def _messages(self, response: http.client.HTTPResponse, read: Callable[[Readable, int], Item]) -> Iterator[Item]:
        if response.status != 200:
            raise error_of_answer(response.status, response.read(), self.url)
        while True:
            head = response.read(5)
            if len(head) < 5:
                raise ConnectionResetError("the answer broke off")
            flags, size = head[0], int.from_bytes(head[1:], "big")
            if flags & COMPRESSED:
                raise SpanloomError("INTERNAL", f"cannot read the answer of {self.url}: it is compressed, unasked")
            if flags & END_STREAM:
                end = json.loads(response.read(size) or b"{}")
                if isinstance(end, dict) and isinstance(end.get("error"), dict):
                    raise error_of_json(end["error"])
                return
            yield read(cast("Readable", response), size)

    def _headers(self, content_type: str, timeout: float | None) -> dict[str, str]:
        headers = {"content-type": content_type, "connect-protocol-version": "1", "accept-encoding": "identity"}
        if timeout is not None:
            headers["connect-timeout-ms"] = str(max(1, round(timeout * 1000)))
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return headers

    def _post(
        self, method: str, body: bytes, headers: Mapping[str, str], timeout: float, scope: CallScope | None
    ) -> tuple[int, bytes]:
        deadline = time.monotonic() + timeout + SLACK_SECONDS
        while True:
            connection, reused = self._pool.take(max(0.001, deadline - time.monotonic()))
            try:
                with entered(scope, connection):
                    connection.request("POST", f"{self._pool.path}/spanloom.v1.{method}", body, headers)
                    response = connection.getresponse()
                    data = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                cancelled = scope is not None and scope.cancelled
                # The server may close a connection that was idle just as it is used again.
                if reused and not cancelled and isinstance(error, (ConnectionError, http.client.BadStatusLine)):
                    continue
                raise self._failure(error, scope) from error
            if response.will_close:
                connection.close()
            else:
                self._pool.give_back(connection)
            return response.status, data

    def _failure(self, error: Exception, scope: CallScope | None) -> SpanloomError:
        if scope is not None and scope.cancelled:
            return SpanloomError("SHUTTING_DOWN", f"cannot go on with a call to {self.url}: it was cancelled here")
        if isinstance(error, TimeoutError):
            return SpanloomError("DEADLINE_EXCEEDED", f"cannot wait longer for the server at {self.url}: {error}")
        return unreachable(self.url, error)


def message_reader(answer: type[Answer]) -> Callable[[Readable, int], Answer]:
    """Reads whole messages of one type."""

    def read(source: Readable, size: int) -> Answer:
        return answer.FromString(read_exactly(source, size))

    return read


def read_exactly(source: Readable, size: int) -> bytes:
    """So many bytes. Errors: ConnectionResetError when there are fewer."""
    data = source.read(size)
    if len(data) < size:
        raise ConnectionResetError("the answer broke off within a message")
    return data
