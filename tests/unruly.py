"""A server on loopback that does to its clients whatever a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable


class Server:
    """Answers each connection with what its path's script sends; counts connections."""

    def __init__(self) -> None:
        self.scripts: dict[str, Callable[[socket.socket], None]] = {}
        self.otherwise: Callable[[socket.socket], None] | None = None  # for paths without a script
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def says(self, path: str, answer: bytes | Callable[[socket.socket], None]) -> str:
        """Let a path answer with bytes, or do what a function does with the connection."""
        self.scripts[path] = answer if callable(answer) else lambda connection: connection.sendall(answer)
        return self.url(path)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake the thread that accepts
        self._listener.close()
        self._thread.join(timeout=5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                request = b""
                while b"\r\n\r\n" not in request and (piece := connection.recv(65536)):
                    request += piece
                if not request:
                    return
                self.requests.append(request)
                path = request.split(b" ")[1].decode("latin-1")
                script = self.scripts.get(path) or self.otherwise
                if script is None:
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                else:
                    script(connection)
            except OSError:
                return  # the client has had enough: that is what is tested
