"""Registering, logging in, and a password that was forgotten: for whoever comes."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.responses import Response
from typing_extensions import TypedDict

from application.identity.log_in import IssuedTokens
from entrypoints.http.openapi import FOR_EVERYONE, described_problems
from entrypoints.http.persons import OpenRoute, VisitorDependency
from entrypoints.schemas.forms import Form

router = APIRouter(prefix="/auth", route_class=OpenRoute, tags=["auth"])

MAILED_EXAMPLE = "ptm_fqRHAbBMsxRRnm5LjHwxhosO0qJEpB2Pyo9Ca0"

Email = Annotated[str, Described(description="An e-mail address, in ASCII.", examples=["ada@example.com"])]
NewPassword = Annotated[str, Described(description="From 12 to 256 characters, of any kind; the obvious are refused.")]
MailedToken = Annotated[str, Described(description="The token in the mail: `ptm_…`.", max_length=128)]
Organisation = Annotated[
    str | None,
    Described(
        description="The number of the organisation that the access token is for; without it, the one that the person "
        "is a member of, if that is only one, and else none.",
        pattern="^[1-9][0-9]{0,17}$",
        examples=["1"],
    ),
]


class RegistrationIn(Form):
    """Who wants to register."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "the sluice opens at 9"}]}
    )

    email: Email
    password: NewPassword
    invitation: Annotated[
        str | None,
        Described(description="The token of an invitation that was sent to this address: `pti_…`.", max_length=256),
    ] = None


class VerificationIn(Form):
    """What shows that an address is one's own: what was sent there, and the password that was registered."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": MAILED_EXAMPLE, "password": "the sluice opens at 9"}]}
    )

    token: MailedToken
    password: Annotated[str, Described(description="The password that was registered.")]


class LogInIn(Form):
    """Who wants to log in, and for which organisation."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "the sluice opens at 9"}]}
    )

    email: Email
    password: str
    organisation: Organisation = None


class RefreshIn(Form):
    """A refresh token, which is used up by this, and for which organisation the next access token is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refresh_token": "pts_fqRHAbBMsxRRnm5LjHwxhosO0qJEpB2P8ReJY0"}]}
    )

    refresh_token: Annotated[str, Described(max_length=256)]
    organisation: Organisation = None


class ForgottenIn(Form):
    """Who has forgotten a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Email


class ResetIn(Form):
    """Another password, and the token that was sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": MAILED_EXAMPLE, "password": "the sluice closes at 10"}]}
    )

    token: MailedToken
    password: NewPassword


class AcceptedDocument(TypedDict):
    """What was asked for is done, if it can be: the mail says more, to whom it belongs."""

    status: Literal["accepted"]


class TokensDocument(TypedDict):
    """Tokens of a session. The access token is the credential of requests for `expires_in` seconds.

    The refresh token gets the next ones, once. `organisation` is the number of the one that the access token is for.
    """

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    session: str
    organisation: str | None


def tokens_document(tokens: IssuedTokens, response: Response) -> TokensDocument:
    """Return tokens as they are shown, in an answer that nobody may keep."""
    response.headers["Cache-Control"] = "no-store"
    return {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": int(tokens.lives.total_seconds()),
        "refresh_token": tokens.refresh_token,
        "session": tokens.session_id,
        "organisation": None if tokens.organisation_id is None else str(tokens.organisation_id),
    }


def _number(organisation: str | None) -> int | None:
    return None if organisation is None else int(organisation)


@router.post(
    "/register",
    status_code=202,
    summary="Register a person",
    openapi_extra=FOR_EVERYONE,
    responses=described_problems(403),
)
async def post_registration(body: RegistrationIn, who: VisitorDependency) -> AcceptedDocument:
    """Register a person, who then verifies the address with what is sent there.

    The answer is the same where someone has registered with the address before. Who shows an invitation, which was sent
    to the address, can log in at once.
    """
    await who.services.attempts.admit("register", who.origin.address, body.email, is_mailed=True)
    await who.services.persons.registration.register(
        body.email, body.password, invitation=body.invitation, origin=who.origin
    )
    return {"status": "accepted"}


@router.post(
    "/verify-email",
    status_code=204,
    summary="Verify an e-mail address",
    openapi_extra=FOR_EVERYONE,
    responses=described_problems(),
)
async def post_verification(body: VerificationIn, who: VisitorDependency) -> None:
    """Show that the address is one's own, after which one can log in."""
    await who.services.attempts.admit("verify", who.origin.address)
    await who.services.persons.registration.verify(body.token, body.password, origin=who.origin)


@router.post("/login", summary="Log in", openapi_extra=FOR_EVERYONE, responses=described_problems(403))
async def post_login(body: LogInIn, who: VisitorDependency, response: Response) -> TokensDocument:
    """Begin a session. Every refusal is the same, so that it does not tell who is registered."""
    await who.services.attempts.admit("log-in", who.origin.address, body.email)
    tokens = await who.services.persons.log_in.log_in(
        body.email, body.password, organisation_id=_number(body.organisation), origin=who.origin
    )
    return tokens_document(tokens, response)


@router.post(
    "/refresh",
    summary="Get the next tokens of a session",
    openapi_extra=FOR_EVERYONE,
    responses=described_problems(403),
)
async def post_refresh(body: RefreshIn, who: VisitorDependency, response: Response) -> TokensDocument:
    """Use a refresh token up, and get new ones.

    A token that is shown again is in two hands, and ends its session at once. Whoever loses the answer logs in again.
    """
    log_in = who.services.persons.log_in
    async with who.services.attempts.counting_refusals("refresh", who.origin.address):
        tokens = await log_in.refresh(body.refresh_token, organisation_id=_number(body.organisation), origin=who.origin)
    return tokens_document(tokens, response)


@router.post(
    "/password/forgotten",
    status_code=202,
    summary="Ask for a new password",
    openapi_extra=FOR_EVERYONE,
    responses=described_problems(),
)
async def post_forgotten(body: ForgottenIn, who: VisitorDependency) -> AcceptedDocument:
    """Have a token sent that sets another password. The answer is the same for an address that nobody has."""
    await who.services.attempts.admit("reset", who.origin.address, body.email, is_mailed=True)
    who.services.persons.forgotten_password.ask(body.email, origin=who.origin)
    return {"status": "accepted"}


@router.post(
    "/password/reset",
    status_code=204,
    summary="Set a password that was forgotten",
    openapi_extra=FOR_EVERYONE,
    responses=described_problems(),
)
async def post_reset(body: ResetIn, who: VisitorDependency) -> None:
    """Set another password with the token of the mail.

    It ends all sessions of the person, and all that it lets OAuth clients do.
    """
    await who.services.attempts.admit("reset", who.origin.address)
    await who.services.persons.forgotten_password.reset(
        body.token, body.password, origin=who.origin, request_id=who.request_id
    )
