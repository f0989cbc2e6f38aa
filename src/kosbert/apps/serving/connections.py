"""Connections that are bounded in time, in number and in memory, however slow their clients are."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from kosbert.apps.serving.guard import REQUEST_SECONDS

CLIENT_SECONDS = REQUEST_SECONDS + 5  # for each thing that a client does; a request that is too slow is told so before
MAX_CONNECTIONS = 100
BACKLOG = 64  # connections that are accepted at once; both fit into the 256 files that a process may open on macOS
PIECE = 1 << 14  # bytes that are read at once from a connection, before others have their turn
MAX_UNREAD = 256 << 20  # bytes of responses that clients have not read yet


class BoundedConnection(H11Protocol, asyncio.BufferedProtocol):
    """A connection that is closed when its client takes too long to send a request, or to read the response.

    If there are too many connections, or too many bytes that are not read, the connection is closed whose client has
    taken the longest. So slow clients never keep others out.
    """

    waiting_since: float | None = None  # by the loop's clock; None while the client waits for the server
    _phase: tuple[object, ...] | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, and make room for it."""
        super().connection_made(transport)
        self._buffer = bytearray(PIECE)
        self._watch()
        if len(self.connections) > MAX_CONNECTIONS:
            self._close_slowest(reading=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        super().connection_lost(exc)
        self._stop()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - of asyncio
        """Return where to put what comes: a little at a time, for thousands of tiny chunks take long."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, or several requests."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._watch()
        if sum(each.transport.get_write_buffer_size() for each in self._all()) > MAX_UNREAD:
            self._close_slowest(reading=True)

    def resume_writing(self) -> None:
        """Go on, for the client has read."""
        super().resume_writing()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; after the beginning of another response, only by closing the connection."""
        cycle = self.cycle
        if cycle is None or not cycle.response_started or (cycle.response_complete and not cycle.more_body):
            super().send_400_response(msg)
        else:
            self.transport.abort()
        if cycle is not None:
            cycle.disconnected = True  # at once: the application may be about to respond

    def _watch(self) -> None:
        """Start the clock when the client's turn begins, and stop it when it ends."""
        cycle, unread = self.cycle, self.flow.write_paused
        sends = cycle is None or cycle.more_body or cycle.response_complete
        phase = (cycle, cycle is not None and cycle.response_complete, sends, unread)
        if phase == self._phase:
            return
        self._phase = phase
        self._stop()
        if sends or unread:
            self.waiting_since = self.loop.time()
            self._timer = self.loop.call_later(CLIENT_SECONDS, self.transport.abort)

    def _stop(self) -> None:
        self.waiting_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _all(self) -> list["BoundedConnection"]:
        return [each for each in self.connections if isinstance(each, BoundedConnection)]

    def _close_slowest(self, *, reading: bool) -> None:
        """Close the other connection whose client has taken the longest, at reading or at anything."""
        slow = {
            each: each.waiting_since
            for each in self._all()
            if each is not self and each.waiting_since is not None and (each.flow.write_paused or not reading)
        }
        if slow:
            slowest = min(slow, key=slow.__getitem__)
            self.connections.discard(slowest)  # at once, for several may come before it is told of its end
            slowest.transport.abort()
