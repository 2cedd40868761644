"""One of everything that a person can ask for, and that programs ask for in a person's name."""

import re
from dataclasses import dataclass
from typing import Any

from httpx2 import AsyncClient

from tests.entrypoints.http.auth.people import OTHER_PASSWORD, new_email
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.oauth.stage import CALLBACK, PASSWORD, Member, Program
from tests.entrypoints.http.queries.stage import Stage
from tests.entrypoints.http.tenant import Json, document


@dataclass
class Person:
    """Someone with an address, who sends an access token once there is one."""

    stage: Stage
    client: AsyncClient
    email: str

    async def ask(self, method: str, template: str, body: Any = None, **names: str) -> Any:
        """Ask for something that is done, and what follows from it is waited for."""
        path = template
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        given = {} if body is None else {"json": body}
        response = await self.stage.ask(f"{method} {template}", self.client, method, path, **given)
        assert response.status_code < 300, f"{method} {path}: {response.text}"
        persons = self.stage.container.services().persons
        await self.stage.watched(f"afterwards of {method} {template}", persons.letters.settle())
        await self.stage.watched(f"afterwards of {method} {template}", persons.afterwards.settle())
        return response.json() if response.content else None

    async def mailed(self, prefix: str) -> str:
        """The token in the last mail."""
        (token,) = re.findall(rf"{prefix}_[A-Za-z0-9_-]+", (await self.stage.mailbox.take(self.email)).text)
        return str(token)

    async def register(self) -> None:
        """Register, and show that the address is one's own."""
        await self.ask("POST", "/v1/auth/register", {"email": self.email, "password": PASSWORD})
        await self.ask("POST", "/v1/auth/verify-email", {"token": await self.mailed("ptm"), "password": PASSWORD})

    async def log_in(self, **more: str) -> Json:
        """Log in, perhaps for an organisation."""
        told: Json = await self.ask("POST", "/v1/auth/login", {"email": self.email, "password": PASSWORD, **more})
        self.client.headers["Authorization"] = f"Bearer {told['access_token']}"
        return told


async def ask_as_person(stage: Stage) -> None:
    """Register, join an organisation, look around, and leave again."""
    organisation_id = stage.planted.tenant.organisation_id
    async with connected(stage.app) as client:
        person = Person(stage, client, new_email())
        ask = person.ask
        await person.register()
        await person.log_in()
        told = await person.log_in()
        refreshed = await ask("POST", "/v1/auth/refresh", {"refresh_token": told["refresh_token"]})
        client.headers["Authorization"] = f"Bearer {refreshed['access_token']}"
        await ask("GET", "/v1/auth/me")
        sessions = await ask("GET", "/v1/auth/sessions")
        other = next(each["id"] for each in sessions["data"] if each["id"] != told["session"])
        await ask("DELETE", "/v1/auth/sessions/{id}", id=other)
        await ask("DELETE", "/v1/auth/sessions/others")
        await ask("GET", "/v1/auth/security-log")
        await ask("POST", "/v1/organisations", {"name": "Own Ltd"})
        await ask("GET", "/v1/organisations")
        invited = {"email": person.email, "assignments": [{"role": "accountant"}]}
        document(await stage.planted.tenant.client.post("/v1/invitations", json=invited), 201)
        await stage.container.services().persons.letters.settle()
        await ask("POST", "/v1/invitations/accept", {"token": await person.mailed("pti")})
        await person.log_in(organisation=str(organisation_id))
        await _ask_as_program(stage, person)
        await ask("DELETE", "/v1/members/me")
        await ask("POST", "/v1/auth/password/forgotten", {"email": person.email})
        await ask("POST", "/v1/auth/password/reset", {"token": await person.mailed("ptm"), "password": PASSWORD})
        await person.log_in()
        await ask("POST", "/v1/auth/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
        await ask("POST", "/v1/auth/password", {"current_password": OTHER_PASSWORD, "new_password": PASSWORD})
        await person.log_in()
        await ask("POST", "/v1/auth/logout")
        await person.log_in()
        await ask("DELETE", "/v1/auth/sessions")
    async with connected(stage.app) as client:
        person = Person(stage, client, new_email())
        await person.register()
        await person.log_in()
        await person.ask("POST", "/v1/auth/me/erasure", {"password": PASSWORD})


async def _ask_as_program(stage: Stage, person: Person) -> None:
    asked = {"name": "Expenses", "redirect_uris": [CALLBACK], "scopes": ["accounts:read", "ledgers:read"]}
    registered = document(await stage.planted.tenant.client.post("/v1/oauth-clients", json=asked), 201)
    member = Member("", person.email)
    async with connected(stage.app) as browser:
        program = Program(stage.planted.tenant, registered, browser)
        code = await stage.watched("OAuth authorize", program.code(member))
        tokens = document(await stage.watched("OAuth token", program.exchange(code)))
        tokens = document(await stage.watched("OAuth refresh", program.refresh(tokens["refresh_token"])))
        await stage.watched("OAuth introspect", program.introspected(tokens["access_token"]))
        await stage.watched("OAuth bearer", program.is_taken(tokens["access_token"]))
        await stage.watched("OAuth revoke", program.ask("/oauth/revoke", {"token": tokens["refresh_token"]}))
        for path, client in {"/v1/auth/grants": person.client, "/v1/oauth-grants": stage.planted.tenant.client}.items():
            await program.tokens(member)
            page = document(await stage.ask(f"GET {path}", client, "GET", path))
            await stage.ask(f"DELETE {path}/{{id}}", client, "DELETE", f"{path}/{page['data'][-1]['id']}")
