"""Mail that is shown instead of sent: to try things out, and where no mail server is set."""

import sys
from typing import TextIO

from application.identity.person_ports import Message


class ConsoleMailer:
    """Writes messages, with the tokens in them, where whoever runs the server reads; nothing leaves the machine."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Take where to write; by default, stderr."""
        self._stream = stream

    async def send(self, message: Message) -> None:
        stream = self._stream or sys.stderr
        stream.write(f"\n--- mail to {message.to}: {message.subject}\n{message.text}---\n")
        stream.flush()
