"""The token side of OAuth: codes and refresh tokens become access tokens, once each; tokens are revoked and told of."""

from collections.abc import Callable, Sequence
from datetime import datetime

from application.identity.oauth_case import Case, Named, ToldToken
from application.identity.oauth_ports import OAuthExchange, OAuthExchanges
from application.identity.ports import Revocations, Secrets
from application.identity.token_ports import ACCESS_TOKENS_LIVE, AccessClaims, AccessTokens, Standings
from application.shared.ports import Clock, Ids
from application.shared.recording import record_event
from domain.identity.oauth import (
    REFRESH_TOKEN,
    IssuedRefreshToken,
    OAuthClient,
    OAuthGrant,
)
from domain.identity.oauth_events import OAuthGrantGiven, OAuthGrantRevoked
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.shared.chain import Author
from domain.shared.errors import NotAuthenticated, PermissionDenied


class OAuthTokens:
    """Exchanges, revokes and introspects tokens.

    A code or refresh token that is shown twice, even at once, is taken once; the second time ends its grant.
    """

    def __init__(
        self,
        exchanges: OAuthExchanges,
        tokens: AccessTokens,
        standings: Standings,
        revocations: Revocations,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
    ) -> None:
        self._exchanges = exchanges
        self._tokens = tokens
        self._standings = standings
        self._revocations = revocations
        self._clock = clock
        self._ids = ids
        self._secrets = secrets

    async def settle(self, named: Named, decide: Callable[[Case], None], *, author: Author) -> Case:
        """Lay the case before `decide`, do what it decides, and return it, with the access token if there is one.

        Where a token is named, `decide` is asked twice: first without the token, which is looked up only if it is
        wanted. The author is the client that is named, as what it causes is recorded.
        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        # Before anything is spent: a client that is told to try again must find its code or refresh token unused.
        issue = await self._tokens.issuing()
        claims = None
        if named.token is not None:
            case = await self._settle_without_token(named, decide)
            if not case.is_token_wanted:
                return case
            claims = await self._standing_claims(named)
        now = self._clock.now()
        async with self._exchanges.open(named.organisation_id) as exchange:
            case = Case(
                _working(await exchange.clients.get(named.client_id)),
                now,
                new_refresh_token=REFRESH_TOKEN.build(named.organisation_id, self._secrets.random_bytes(RANDOM_BYTES)),
                code=None if named.code is None else await exchange.codes.code(digest(named.code)),
                refresh_token=await _refresh_token(exchange, named.refresh_token),
                token=None if named.token is None else await _told(exchange, named.token, claims, now),
            )
            decide(case)
            issued_to = await self._write(exchange, case, now, author)
            if issued_to is not None and case.issue is not None:
                case.access_token = issue(
                    AccessClaims(
                        subject=issued_to.person or issued_to.client_id,
                        credential=issued_to.id,
                        organisation_id=named.organisation_id,
                        scopes=case.issue.scopes,
                        issued_at=now,
                        expires_at=now + ACCESS_TOKENS_LIVE,
                    )
                )
        if case.ended is not None:
            await self._revocations.announce(case.ended[0].id)
        return case

    async def _settle_without_token(self, named: Named, decide: Callable[[Case], None]) -> Case:
        """Have it decided whether the client may ask for the token at all, before anyone looks at that."""
        async with self._exchanges.open(named.organisation_id) as exchange:
            client = _working(await exchange.clients.get(named.client_id))
        case = Case(client, self._clock.now(), new_refresh_token="")
        decide(case)
        return case

    async def _standing_claims(self, named: Named) -> AccessClaims | None:
        """Return what an access token says that OAuth has made for the organisation, and that is good now."""
        if named.token is None or REFRESH_TOKEN.is_like(named.token):
            return None
        try:
            claims = await self._tokens.read(named.token)
            if claims.organisation_id != named.organisation_id or claims.is_of_session:
                return None
            await self._standings.grants(claims)
        except NotAuthenticated:
            return None
        return claims

    async def _write(self, exchange: OAuthExchange, case: Case, now: datetime, author: Author) -> OAuthGrant | None:
        client = case.client
        if client is None:
            return None
        if case.ended is not None:
            grant, reason = case.ended
            await exchange.log.hold()
            if await exchange.grants.revoke(grant.id, now) is not None:
                event = OAuthGrantRevoked(grant.id, grant.client_id, reason)
                await record_event(exchange.log, self._ids, event, author, now)
            return None
        if case.issue is None:
            return None
        grant = case.issue.grant or await kept_grant(
            exchange, client, None, client.scopes, now=now, ids=self._ids, author=author
        )
        if case.spent is not None:
            await exchange.codes.use(case.spent, now)
        if case.issue.refresh_token is not None:
            began_at = case.spent.began_at if isinstance(case.spent, IssuedRefreshToken) else now
            made = IssuedRefreshToken.issued(digest(case.issue.refresh_token), grant, now, began_at=began_at)
            await exchange.codes.add_refresh_token(made, now)
        return grant


async def kept_grant(
    exchange: OAuthExchange,
    client: OAuthClient,
    person: str | None,
    scopes: Sequence[str],
    *,
    now: datetime,
    ids: Ids,
    author: Author,
) -> OAuthGrant:
    """Return the grant of just these scopes that the client has for the person, or for itself; make it if needed.

    Raises `PermissionDenied` where the person is not a member any more.
    """
    known = await exchange.grants.of(client.id, person, scopes)
    if known is None:
        # Whoever else makes it, or ends the membership that it stands on, at the same moment is waited for.
        await exchange.clients.held(client.id)
        await exchange.log.hold()
        if person is not None and not await exchange.is_member(person):
            raise PermissionDenied(f"{person} is not a member of the organisation any more.")
        known = await exchange.grants.of(client.id, person, scopes)
    if known is not None:
        return known
    made = OAuthGrant(ids.new("gnt"), client.id, person, tuple(scopes), now)
    await exchange.grants.add(made)
    event = OAuthGrantGiven(made.id, client.id, person, made.scopes)
    await record_event(exchange.log, ids, event, author, now)
    return made


def _working(client: OAuthClient | None) -> OAuthClient | None:
    return None if client is None or client.revoked_at is not None else client


async def _refresh_token(exchange: OAuthExchange, text: str | None) -> IssuedRefreshToken | None:
    return None if text is None else await exchange.codes.refresh_token(digest(text))


async def _told(exchange: OAuthExchange, text: str, claims: AccessClaims | None, now: datetime) -> ToldToken | None:
    """Return what there is to tell of a token that is good now, whichever client of the organisation it is of."""
    if claims is not None:
        grant = await exchange.grants.get(claims.credential)
        if grant is None or claims.scopes is None:
            return None
        return ToldToken(grant, claims.scopes, True, claims.expires_at, claims.issued_at)
    shown = await _refresh_token(exchange, text)
    if shown is None or shown.used_at is not None or shown.expires_at <= now or not shown.is_of_member:
        return None
    return (
        None
        if shown.grant.revoked_at is not None
        else ToldToken(shown.grant, shown.grant.scopes, False, shown.expires_at)
    )
