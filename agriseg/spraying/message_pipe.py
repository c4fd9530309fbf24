"""Messages between two of our own processes over a socket, without ever waiting."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<I")
READ_BYTES = 65_536


class MessagePipe:
    """One end of a connection that carries pickled values both ways.

    Only for processes that this program started itself: pickles are trusted.

    Parameters
    ----------
    connection : socket.socket
        A connected stream socket; owned from here on.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._outbox = bytearray()
        self._inbox = bytearray()

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a message may be there."""
        return self._socket.fileno()

    @property
    def backlog(self) -> int:
        """Bytes that the other end has not taken yet."""
        return len(self._outbox)

    def send(self, message: object) -> None:
        """Queue a message and send what the other end takes now.

        Raises
        ------
        EOFError
            The other end is gone.
        """
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self._outbox += _LENGTH.pack(len(data)) + data
        self.flush()

    def flush(self) -> None:
        """Send what is queued, as far as the other end takes it.

        Raises
        ------
        EOFError
            The other end is gone.
        """
        while self._outbox:
            try:
                sent = self._socket.send(self._outbox)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise EOFError("the other process is gone") from error
            del self._outbox[:sent]

    def receive(self) -> list[Any]:
        """Return the messages that have arrived completely.

        Raises
        ------
        EOFError
            The other end is gone, and every message it sent has been returned.
        """
        gone = self._fill()
        messages = self._take()
        if gone and not messages:
            raise EOFError("the other process is gone")
        return messages

    def _fill(self) -> bool:
        """Read what is there; return whether the other end is gone."""
        while True:
            try:
                data = self._socket.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                return True
            if not data:
                return True
            self._inbox += data

    def _take(self) -> list[Any]:
        messages: list[Any] = []
        start = 0
        while len(self._inbox) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._inbox, start)
            end = start + _LENGTH.size + length
            if len(self._inbox) < end:
                break
            messages.append(pickle.loads(self._inbox[start + _LENGTH.size : end]))
            start = end
        del self._inbox[:start]
        return messages

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
