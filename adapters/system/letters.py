"""Mail for whoever runs the server to pass on, where no mail server is set."""

import sys


class ConsoleLetters:
    """Writes mail where the server's own messages go, for the one who runs it to pass on."""

    def post(self, to: str, subject: str, text: str) -> None:
        sys.stderr.write(f"\nTo: {to}\nSubject: {subject}\n\n{text}\n")
