"""The pages to log in and to consent: what they say, that they work without scripts, and that nobody else uses them."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from application.identity.admission import Attempts, Limits
from domain.identity.permission_words import WORDS
from domain.shared.access import Permission
from entrypoints.http.app import create_app
from tests.entrypoints.http.oauth.conftest import NewProgram
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import (
    PASSWORD,
    Member,
    Program,
    action_of,
    answered,
    form_token,
    submit,
)

EVIL = "<script>alert('&')</script>"


class _Elements(HTMLParser):
    """All elements of a page, in order, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.all if name == tag]


def accessible(html: str) -> _Elements:
    """The page's elements, of which those that people meet can be told apart without seeing them."""
    elements = _Elements(html)
    (root,) = elements.of("html")
    assert root["lang"] == "en"
    assert len(elements.of("title")) == len(elements.of("h1")) == len(elements.of("main")) == 1
    labels = {label["for"] for label in elements.of("label")}
    ids = [attributes["id"] for _, attributes in elements.all if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for field in elements.of("input"):
        assert field["type"] == "hidden" or field["id"] in labels
        assert field.get("aria-describedby", "") in {"", *ids}
    for name, attributes in elements.all:
        assert name not in ("script", "style", "iframe", "img")
        assert not any(each == "style" or each.startswith("on") for each in attributes)
    return elements


async def logged_in(program: Program, member: Member) -> Any:
    """The page that the program's user sees next after logging in."""
    shown = await program.browser.get(program.authorize_url())
    again = await submit(program.browser, shown, step="log-in", email=member.email, password=PASSWORD)
    assert again.status_code == 303
    return await program.browser.get(again.url.join(again.headers["location"]))


async def test_the_pages_work_without_scripts_and_can_be_heard(
    new_program: NewProgram, member: Member, people: People
) -> None:
    program = await new_program(name=EVIL, scopes=["ledgers:read", "accounts:read", "operator"])
    log_in = await program.browser.get(program.authorize_url())
    assert "alert(&#39;&amp;&#39;)" in log_in.text, "what stands there is text"
    elements = accessible(log_in.text)
    assert [(f["name"], f["type"], f["autocomplete"]) for f in elements.of("input") if f["type"] != "hidden"] == [
        ("email", "email", "username"),
        ("password", "password", "current-password"),
    ]
    wrong = await submit(program.browser, log_in, step="log-in", email=f'"{EVIL}', password="wrong wrong wrong")
    accessible(wrong.text)
    consent = await logged_in(program, member)
    accessible(consent.text)
    for text in ("Tests", "expenses.example", WORDS[Permission.LEDGERS_READ], WORDS[Permission.ACCOUNTS_READ]):
        assert text in consent.text
    assert "Act as operator" not in consent.text, "it was not asked for"
    outsider = await people.member(program.tenant.organisation_id, None)
    program.browser.cookies.clear()
    accessible((await logged_in(program, outsider)).text)
    accessible((await program.browser.get("/oauth/authorize")).text)
    style = await program.browser.get("/oauth/style.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_a_wrong_password_is_told_beside_the_fields(program: Program, member: Member) -> None:
    shown = await program.browser.get(program.authorize_url())
    answers = []
    for email in (member.email, "nobody@example.com"):
        answer = await submit(program.browser, shown, step="log-in", email=email, password="wrong wrong wrong")
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers
        email_field, password_field = [f for f in _Elements(answer.text).of("input") if f["type"] != "hidden"][:2]
        assert email_field["value"] == email
        assert "value" not in password_field
        for field in (email_field, password_field):
            assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "error")
        assert "<title>Error: " in answer.text
        answers.append(answer.text.replace(email, ""))
    assert answers[0] == answers[1], "it does not tell who is registered"


async def test_guessing_passwords_is_slowed_down(oauth_app: FastAPI, program: Program, member: Member) -> None:
    services = oauth_app.state.services
    limits = Limits(address=0, caller=0, organisation=0, failures=0, attempts=0, email=2)
    attempts = Attempts(limits, services.counting, bytes(32))
    app = create_app(replace(services, attempts=attempts))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://partita.test") as browser:
        shown = await browser.get(program.authorize_url())
        statuses = [
            (await submit(browser, shown, step="log-in", email=member.email, password="wrong wrong wrong")).status_code
            for _ in range(3)
        ]
        right = await submit(browser, shown, step="log-in", email=member.email, password=PASSWORD)
    assert statuses == [422, 422, 429]
    assert right.status_code == 429
    assert 0 < int(right.headers["retry-after"]) <= 900
    assert "alert" in right.text


@pytest.mark.parametrize("step", ["log-in", "consent", "deny", "log-out"])
async def test_a_form_that_is_not_of_this_browsers_page_is_refused(
    step: str, program: Program, member: Member, oauth_app: FastAPI
) -> None:
    consent = await logged_in(program, member)
    fields = {
        "log-in": {"step": "log-in", "email": member.email, "password": PASSWORD},
        "consent": {"step": "consent", "decision": "allow"},
        "deny": {"step": "consent", "decision": "deny"},
        "log-out": {"step": "log-out"},
    }[step]
    async with AsyncClient(transport=ASGITransport(oauth_app), base_url="http://partita.test") as other:
        of_other = form_token(await other.get(program.authorize_url()))
        bare = await other.post(action_of(consent), data=fields | {"form_token": form_token(consent)})
        assert bare.status_code == 403, "another browser's cookies"
    answers = [
        await program.browser.post(action_of(consent), data=fields),
        await submit(program.browser, consent, **fields, form_token=""),
        await submit(program.browser, consent, **fields, form_token="0" * 64),
        await submit(program.browser, consent, **fields, form_token=of_other),
        await submit(program.browser, consent, {"Sec-Fetch-Site": "cross-site"}, **fields),
        await submit(program.browser, consent, {"Sec-Fetch-Site": "same-site"}, **fields),
        await program.browser.post(action_of(consent), json=fields | {"form_token": form_token(consent)}),
    ]
    twice = f"form_token={form_token(consent)}&form_token=x&step=consent&decision=allow"
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    answers.append(await program.browser.post(action_of(consent), content=twice, headers=form_type))
    for answer in answers:
        assert answer.status_code == 403, answer.text
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers


async def test_a_form_from_before_the_log_in_is_of_no_use_after_it(program: Program, member: Member) -> None:
    before = await program.browser.get(program.authorize_url())
    await logged_in(program, member)
    assert (await submit(program.browser, before, step="consent", decision="allow")).status_code == 403


async def test_a_form_that_says_nothing_does_nothing(program: Program, member: Member) -> None:
    consent = await logged_in(program, member)
    for fields in ({}, {"step": "consent"}, {"step": "consent", "decision": "maybe"}):
        assert (await submit(program.browser, consent, **fields)).status_code == 400


async def test_pages_stand_in_nobodys_frame_and_let_nothing_in(program: Program, member: Member) -> None:
    policy = (
        "default-src 'none'; style-src 'self'; form-action 'self' https://expenses.example; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    log_in = await program.browser.get(program.authorize_url())
    consent = await logged_in(program, member)
    for shown in (log_in, consent):
        assert shown.headers["content-security-policy"] == policy
    bad = await program.browser.get("/oauth/authorize")
    assert "form-action 'self';" in bad.headers["content-security-policy"]
    allowed = await submit(program.browser, consent, step="consent", decision="allow")
    for shown in (log_in, consent, bad, allowed):
        assert shown.headers["x-frame-options"] == "DENY"
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["referrer-policy"] == "same-origin"
        assert shown.headers["x-content-type-options"] == "nosniff"


async def test_who_does_not_allow_it_is_sent_back_with_a_refusal(program: Program, member: Member) -> None:
    for is_first in (True, False):
        shown = await program.browser.get(program.authorize_url()) if is_first else await logged_in(program, member)
        response = await submit(program.browser, shown, step="consent", decision="deny")
        assert response.status_code == 303
        told = answered(response)
        assert (told["error"], told["state"]) == ("access_denied", "st&te=1")
        assert told["iss"] == "http://127.0.0.1:8000"


async def test_a_consent_is_remembered_for_just_what_it_was_given_for(program: Program, member: Member) -> None:
    assert "code" in await program.consented(member)
    assert "code" in answered(await program.browser.get(program.authorize_url()))
    assert "code" in answered(await program.browser.get(program.authorize_url(prompt="none")))
    for changes in ({"scope": "ledgers:read"}, {"prompt": "consent"}, {"scope": "ledgers:read", "prompt": "consent"}):
        assert "Allow Expenses" in (await program.browser.get(program.authorize_url(**changes))).text
    shown = await program.browser.get(program.authorize_url(prompt="login"))
    assert "Password" in shown.text
    again = await submit(program.browser, shown, step="log-in", email=member.email, password=PASSWORD)
    assert "code" in answered(await program.browser.get(again.url.join(again.headers["location"])))


@pytest.mark.parametrize(
    "prompt", ["login", "login consent", "consent login", "login login consent", "select_account login"]
)
async def test_whom_the_program_wants_to_log_in_does_so_once(program: Program, member: Member, prompt: str) -> None:
    assert "code" in await program.consented(member)
    shown = await program.browser.get(program.authorize_url(prompt=prompt))
    assert "Password" in shown.text
    again = await submit(program.browser, shown, step="log-in", email=member.email, password=PASSWORD)
    assert again.status_code == 303
    after = await program.browser.get(again.url.join(again.headers["location"]))
    if "consent" in prompt:
        assert "Allow Expenses" in after.text
        after = await submit(program.browser, after, step="consent", decision="allow")
    assert "code" in answered(after)


async def test_what_anyone_could_pose_as_is_asked_about_each_time(new_program: NewProgram, member: Member) -> None:
    program = await new_program(confidential=False, redirect_uris=["http://127.0.0.1/callback"])
    at = "http://127.0.0.1:7000/callback"
    shown = await program.browser.get(program.authorize_url(redirect_uri=at))
    again = await submit(program.browser, shown, step="log-in", email=member.email, password=PASSWORD)
    for _ in range(2):
        consent = await program.browser.get(again.url.join(again.headers["location"]))
        allowed = await submit(program.browser, consent, step="consent", decision="allow")
        assert "code" in answered(allowed, callback=at)


async def test_a_link_leads_nobody_elsewhere_without_a_page_before_it_lets_the_program_do_something(
    program: Program, member: Member, people: People
) -> None:
    wrong: list[dict[str, str | None]] = [
        {"scope": "owner"},
        {"response_type": "token"},
        {"code_challenge": None},
        {"prompt": "none"},
    ]
    urls = [program.authorize_url(**each) for each in wrong]
    stranger = await people.member(program.tenant.organisation_id, None)
    colleague = await people.member(program.tenant.organisation_id, "auditor")
    for who in (None, stranger, colleague):
        program.browser.cookies.clear()
        if who is not None:
            await logged_in(program, who)
        for url in urls:
            shown = await program.browser.get(url)
            assert shown.status_code in (200, 400, 403)
            assert "location" not in shown.headers
            assert "text/html" in shown.headers["content-type"]
    program.browser.cookies.clear()
    await program.consented(member)
    told = [answered(await program.browser.get(url)).get("error") for url in urls]
    assert told == ["invalid_scope", "unsupported_response_type", "invalid_request", None]
    more = program.authorize_url(prompt="none", scope="ledgers:read")
    assert answered(await program.browser.get(more))["error"] == "consent_required"
    await people.remove(program.tenant.organisation_id, member)
    for url in urls:
        assert "location" not in (await program.browser.get(url)).headers


async def test_who_is_not_a_member_can_allow_nothing(program: Program, people: People, member: Member) -> None:
    outsider = await people.member(program.tenant.organisation_id, None)
    shown = await logged_in(program, outsider)
    assert shown.status_code == 403
    assert "not a member of Tests" in shown.text
    forced = await submit(program.browser, shown, step="consent", decision="allow")
    assert (forced.status_code, "location" in forced.headers) == (403, False)
    other = await submit(program.browser, shown, step="log-out")
    page = await program.browser.get(other.url.join(other.headers["location"]))
    assert "Password" in page.text
    assert "code" in await program.consented(member)


async def test_a_session_that_was_ended_is_not_logged_in(program: Program, member: Member, people: People) -> None:
    consent = await logged_in(program, member)
    await people.end_sessions(member)
    assert "Password" in (await program.browser.get(program.authorize_url())).text
    allowed = await submit(program.browser, consent, step="consent", decision="allow")
    assert "Password" in (await program.browser.get(allowed.url.join(allowed.headers["location"]))).text


async def test_a_second_log_in_ends_the_session_of_the_first(program: Program, member: Member, people: People) -> None:
    other = await people.member(program.tenant.organisation_id, "auditor")
    await logged_in(program, member)
    shown = await program.browser.get(program.authorize_url(prompt="login"))
    wrong = await submit(program.browser, shown, step="log-in", email=other.email, password="wrong wrong wrong")
    assert (wrong.status_code, await people.sessions(member)) == (422, ["lasts"])
    await submit(program.browser, shown, step="log-in", email=other.email, password=PASSWORD)
    assert await people.sessions(member) == ["ended"]
    assert await people.sessions(other) == ["lasts"]


async def test_who_wants_to_use_another_account_is_logged_out_for_good(
    program: Program, member: Member, people: People
) -> None:
    consent = await logged_in(program, member)
    kept = program.browser.cookies["partita_session"]
    again = await submit(program.browser, consent, step="log-out")
    assert again.headers["set-cookie"].startswith('partita_session=""')
    assert await people.sessions(member) == ["ended"]
    program.browser.cookies.set("partita_session", kept, domain="partita.test")
    assert "Password" in (await program.browser.get(program.authorize_url())).text


async def test_cookies_are_for_this_server_alone(program: Program, member: Member) -> None:
    shown = await program.browser.get(program.authorize_url())
    again = await submit(program.browser, shown, step="log-in", email=member.email, password=PASSWORD)
    for response in (shown, again):
        cookie = response.headers["set-cookie"]
        assert re.match(r"partita_(forms|session)=[\w.-]+; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax$", cookie), (
            cookie
        )
    forged = program.browser.cookies["partita_session"][:-3] + "abc"
    program.browser.cookies.set("partita_session", forged, domain="partita.test")
    async with AsyncClient(transport=program.browser._transport, base_url="http://partita.test") as other:
        other.cookies.set("partita_session", forged)
        assert "Password" in (await other.get(program.authorize_url())).text


@pytest.fixture
async def over_tls(oauth_app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A browser of a server that is reached over https."""
    services = oauth_app.state.services
    settings = services.settings.model_copy(update={"public_url": "https://partita.test"})
    app = create_app(replace(services, settings=settings))
    async with AsyncClient(transport=ASGITransport(app), base_url="https://partita.test") as made:
        yield made


async def test_over_tls_no_other_host_can_set_the_cookies(
    over_tls: AsyncClient, program: Program, member: Member
) -> None:
    there = replace(program, browser=over_tls)
    shown = await over_tls.get(there.authorize_url())
    assert shown.headers["set-cookie"].startswith("__Host-partita_forms=")
    again = await submit(over_tls, shown, step="log-in", email=member.email, password=PASSWORD)
    assert again.headers["set-cookie"].startswith("__Host-partita_session=")
    assert again.headers["set-cookie"].endswith("; Path=/; SameSite=lax; Secure")
    assert (await there.consented(member))["iss"] == "https://partita.test"


async def test_a_redirect_after_a_form_is_not_sent_the_form(program: Program, member: Member) -> None:
    consent = await logged_in(program, member)
    assert (await submit(program.browser, consent, step="consent", decision="allow")).status_code == 303
    assert (await program.browser.get(program.authorize_url())).status_code == 302


def test_each_permission_is_told_in_words() -> None:
    assert set(WORDS) == set(Permission)
    assert len(set(WORDS.values())) == len(WORDS)
