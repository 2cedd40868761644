"""A member of an organisation in front of a browser, and a program that wants to act for it."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from httpx2 import AsyncClient, Response

from tests.entrypoints.http.tenant import Json, Tenant, document

CALLBACK = "https://expenses.example/callback"
VERIFIER = "a" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Member:
    """A person that belongs to an organisation; the password is the same for all."""

    person_id: str
    email: str


@dataclass(frozen=True)
class Program:
    """A registered client, and how it speaks to the server; `browser` is the one that its user sits in front of."""

    tenant: Tenant
    registered: Json
    browser: AsyncClient

    @property
    def client_id(self) -> str:
        return str(self.registered["client_id"])

    @property
    def basic(self) -> tuple[str, str]:
        return self.client_id, self.registered["client_secret"]

    def authorize_url(self, **changes: str | None) -> str:
        """The address that the program sends the browser to; None leaves a parameter out."""
        return authorize_url({"client_id": self.client_id} | changes)

    async def consented(self, member: Member, **changes: str | None) -> dict[str, str]:
        """What the program gets to know when the member logs in, if needed, and allows what is asked for."""
        url = self.authorize_url(**changes)
        shown = await self.browser.get(url)
        if "Password" in shown.text:
            again = await submit(self.browser, shown, step="log-in", email=member.email, password=PASSWORD)
            assert again.status_code == 303, again.text
            shown = await self.browser.get(again.url.join(again.headers["location"]))
        if shown.status_code == 200:
            shown = await submit(self.browser, shown, step="consent", decision="allow")
        return answered(shown)

    async def code(self, member: Member, **changes: str | None) -> str:
        """A code for the member."""
        return (await self.consented(member, **changes))["code"]

    async def ask(self, path: str, form: Mapping[str, str], **given: Any) -> Response:
        """POST a form as the client, with its secret if it has one."""
        if "auth" not in given and self.registered["confidential"]:
            given["auth"] = self.basic
        elif "auth" not in given:
            form = {"client_id": self.client_id, **form}
        given = {name: value for name, value in given.items() if value is not None}
        return await self.browser.post(path, data=dict(form), **given)

    async def exchange(self, code: str, form: Mapping[str, str] | None = None, **given: Any) -> Response:
        """Exchange a code."""
        asked = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
        return await self.ask("/oauth/token", {**asked, **(form or {})}, **given)

    async def refresh(self, refresh_token: str, **form: str) -> Response:
        """Use a refresh token."""
        return await self.ask("/oauth/token", {"grant_type": "refresh_token", "refresh_token": refresh_token} | form)

    async def tokens(self, member: Member, **changes: str | None) -> Json:
        """Tokens to act for the member."""
        tokens: Json = document(await self.exchange(await self.code(member, **changes)))
        return tokens

    async def introspected(self, token: str) -> Json:
        """What the server tells of a token."""
        told: Json = document(await self.ask("/oauth/introspect", {"token": token}))
        return told

    async def is_taken(self, access_token: str) -> bool:
        """Whether the interface takes an access token."""
        response = await self.browser.get("/v1/ledgers", headers={"Authorization": f"Bearer {access_token}"})
        assert response.status_code in (200, 401), response.text
        return response.status_code == 200


def authorize_url(changes: Mapping[str, str | None]) -> str:
    """An address of the authorisation endpoint, in order but for the changes."""
    asked: dict[str, str | None] = {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "ledgers:read accounts:read",
        "state": "st&te=1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return "/oauth/authorize?" + urlencode({k: v for k, v in (asked | dict(changes)).items() if v is not None})


async def submit(
    browser: AsyncClient, shown: Response, headers: Mapping[str, str] | None = None, /, **fields: str
) -> Response:
    """Send the page's form, with the hidden token that stands in it."""
    assert "form_token" not in fields or fields["form_token"] is not None
    return await browser.post(action_of(shown), data={"form_token": form_token(shown)} | fields, headers=headers)


def form_token(shown: Response) -> str:
    """The hidden token of a page's forms."""
    found = re.search(r'name="form_token" value="([^"]+)"', shown.text)
    assert found is not None, shown.text
    return found.group(1)


def action_of(shown: Response) -> str:
    """Where a page's forms lead."""
    found = re.search(r'action="([^"]+)"', shown.text)
    assert found is not None, shown.text
    return str(shown.url.join(unescape(found.group(1))))


def answered(response: Response, *, callback: str = CALLBACK) -> dict[str, str]:
    """What the client is told through the browser."""
    assert response.status_code in (302, 303), f"{response.status_code}: {response.text}"
    parts = urlsplit(response.headers["location"])
    assert parts._replace(query="").geturl() == callback
    assert not parts.fragment
    pairs = parse_qsl(parts.query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def refused(response: Response, error: str, status: int = 400) -> Json:
    """What a client is told that is refused something."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["cache-control"] == "no-store"
    told: Json = response.json()
    assert told["error"] == error, told
    assert "access_token" not in told
    return told
