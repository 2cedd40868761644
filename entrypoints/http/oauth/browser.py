"""What a browser carries: who is logged in, and what tells our own forms from those of others."""

import hmac
import json
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from domain.shared.access import Person
from entrypoints.container import Services

SESSION_SECONDS: Final = 12 * 3600
_CSRF_SECONDS: Final = 24 * 3600


class Browser:
    """The cookies of one request, signed, and never readable for scripts.

    They are sent along when a link of another site is followed, as those of clients are, and with no other request
    that comes from elsewhere. On https, no other host and no page on http can set them.
    """

    def __init__(self, request: Request) -> None:
        services: Services = request.app.state.services
        self._request = request
        self._is_secure = services.settings.issuer.startswith("https://")
        self._key = services.signer.derive("browser cookies")

    def person(self) -> Person | None:
        """Return who logged in here less than twelve hours ago; whether the session goes on is another question."""
        held = self.opened("session", SESSION_SECONDS)
        return None if held is None else Person(held["person"], held["session"])

    def log_in(self, person: Person, response: Response) -> None:
        """Have the browser remember who logged in."""
        self.keep("session", {"person": person.id, "session": person.session}, SESSION_SECONDS, response)

    def log_out(self, response: Response) -> None:
        """Have the browser forget who was logged in."""
        self.drop("session", response)

    def keep(self, name: str, content: Any, seconds: int, response: Response) -> None:
        """Have the browser keep something for so long; nobody else can make it up."""
        self._set(name, self._sealed(name).dumps(content), seconds, response)

    def opened(self, name: str, seconds: int) -> Any:
        """Return what the browser was given to keep, not longer ago than that, or None."""
        text = self._request.cookies.get(self._named(name))
        if text is None:
            return None
        try:
            return self._sealed(name).loads(text, max_age=seconds)
        except (BadData, json.JSONDecodeError):
            return None

    def drop(self, name: str, response: Response) -> None:
        """Have the browser forget something."""
        response.delete_cookie(self._named(name), path="/", secure=self._is_secure, httponly=True, samesite="lax")

    def form_token(self, response_cookies: dict[str, str]) -> str:
        """Return what proves that a form is ours: good for this browser and for who is logged in there.

        A browser that has nothing yet to tell it by is given something, with the cookies of the response.
        """
        mark = self._request.cookies.get(self._named("forms"))
        if mark is None:
            mark = token_urlsafe(32)
            response_cookies["forms"] = mark
        return self._token(mark)

    def is_own_form(self, token: str) -> bool:
        """Whether a form that was sent is one that this browser was shown."""
        mark = self._request.cookies.get(self._named("forms"))
        if mark is None or self._request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        return hmac.compare_digest(self._token(mark).encode(), token.encode())

    def set_marks(self, response_cookies: dict[str, str], response: Response) -> None:
        """Give the browser what `form_token` wants it to have."""
        for name, mark in response_cookies.items():
            self._set(name, mark, _CSRF_SECONDS, response)

    def _token(self, mark: str) -> str:
        person = self.person()
        content = f"{mark}\n{'' if person is None else person.session}".encode()
        return hmac.new(self._key, content, sha256).hexdigest()

    def _sealed(self, name: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._key, salt=f"partita {name}", signer_kwargs={"digest_method": sha256})

    def _named(self, name: str) -> str:
        return f"__Host-partita_{name}" if self._is_secure else f"partita_{name}"

    def _set(self, name: str, value: str, seconds: int, response: Response) -> None:
        response.set_cookie(
            self._named(name),
            value,
            max_age=seconds,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )
