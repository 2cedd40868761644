"""The composition root: the only place that knows which adapter stands behind which port."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from dependency_injector import containers, providers

from adapters.embedded import EmbeddedServersError, ServerUrls, chosen_servers
from adapters.http_client.bulk_destination import BulkDestination, UnusableServer
from adapters.http_client.openid_provider import openid_provider
from adapters.mail import mailer
from adapters.postgres.engine import BadDatabaseUrl, journal_engine, owner_engine, service_engine
from adapters.postgres.failures import database_trouble
from adapters.postgres.health import PostgresHealth
from adapters.postgres.identity.directory import PostgresDirectory
from adapters.postgres.identity.keys import PostgresIdentity, PostgresKeyUses
from adapters.postgres.identity.oauth import PostgresOAuth, PostgresOAuthExchanges
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.identity.origins import PostgresOrigins
from adapters.postgres.identity.people import PostgresPeopleLookup
from adapters.postgres.identity.persons import PostgresPersons
from adapters.postgres.identity.quotas import PostgresQuotas
from adapters.postgres.identity.standings import PostgresStandings
from adapters.postgres.identity.team import PostgresTeam
from adapters.postgres.identity.token_keys import PostgresTokenKeys
from adapters.postgres.ledger.agenda import PostgresAgenda
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.postgres.schema import SchemaNotReady, require_ready, upgrade
from adapters.postgres.work import PostgresWork
from adapters.redis.channels import RedisChannels
from adapters.redis.health import RedisHealth
from adapters.redis.permits import RedisPermits
from adapters.redis.revocations import RedisRevocations
from adapters.redis.wake_ups import RedisWakeUps
from adapters.security.access_tokens import JwtAccessTokens
from adapters.security.common_passwords import CommonPasswords
from adapters.security.key_sealing import ChaChaKeySealing
from adapters.security.passwords import Argon2Passwords
from adapters.security.secrets import SystemSecrets
from adapters.security.signer import FileSigner, SigningKeyUnusable, is_signed
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.identity.admission import Admission, Attempts, Limits, invitation_rate
from application.identity.afterwards import Afterwards
from application.identity.allowances import Allowances
from application.identity.api_keys import ApiKeys
from application.identity.authenticate import Authenticate
from application.identity.erasure import Erasure
from application.identity.forgotten_password import ForgottenPassword
from application.identity.invitations import Inviting
from application.identity.key_uses import KeyUseMarks
from application.identity.letters import Letters
from application.identity.log_in import LogIn
from application.identity.members import MemberKeeping
from application.identity.oauth_clients import OAuthClients
from application.identity.oauth_consents import OAuthConsents
from application.identity.oauth_tokens import OAuthTokens
from application.identity.organisations import OrganisationKeeping
from application.identity.own_account import OwnAccounts
from application.identity.person_keeping import PersonKeeping
from application.identity.refusal_log import RefusalLog
from application.identity.registration import Registration
from application.identity.roles import RoleKeeping
from application.identity.token_keys import TokenKeyring
from application.interchange.import_transactions import Destination
from application.ledger.expiry import Expiry
from application.ledger.journal import Journal
from application.ledger.relay import Relay
from application.ledger.verification import Verifications
from application.shared.ports import SignatureCheck
from application.shared.rate_limits import Counting
from application.shared.remembered_health import RememberedHealth
from entrypoints.ready_made import Maintenance as Maintenance  # noqa: PLC0414 # given from here
from entrypoints.ready_made import OAuth, Persons
from entrypoints.ready_made import Services as Services  # noqa: PLC0414 # given from here
from entrypoints.settings import Settings


class Container(containers.DeclarativeContainer):
    """Everything a server is made of, each thing once."""

    settings = providers.Dependency(instance_of=Settings)
    database_url = providers.Dependency(instance_of=str)
    redis_url = providers.Dependency(instance_of=str)

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TypeIds)
    secrets = providers.Singleton(SystemSecrets)
    signer = providers.Singleton(FileSigner, settings.provided.signing_key_path)

    journal_engine = providers.Singleton(journal_engine, database_url, pool_size=settings.provided.pool_size)
    service_engine = providers.Singleton(service_engine, database_url, pool_size=settings.provided.pool_size)
    owner_engine = providers.Singleton(owner_engine, database_url)
    database_health = providers.Singleton(PostgresHealth, service_engine)
    redis_health = providers.Singleton(RedisHealth, redis_url)

    ledger_work = providers.Singleton(
        PostgresWork, service_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges
    )
    channels = providers.Singleton(RedisChannels, redis_url)
    relay = providers.Singleton(Relay, ledger_work, providers.Singleton(RedisWakeUps, channels))
    books = providers.Singleton(PostgresBooks, journal_engine, snapshots=service_engine)
    journal = providers.Singleton(Journal, books, clock, ids, committed=relay.provided.committed)
    expiry = providers.Singleton(Expiry, providers.Singleton(PostgresAgenda, service_engine), journal, clock, ids)
    origin_work = providers.Singleton(PostgresWork, service_engine, reads=PostgresOrigins, changes=PostgresOrigins)
    identity_work = providers.Singleton(PostgresWork, service_engine, reads=PostgresIdentity, changes=PostgresIdentity)
    organisations = providers.Singleton(PostgresOrganisations, service_engine)
    key_sealing = providers.Singleton(ChaChaKeySealing, signer.provided.derive.call("token keys"))
    token_keys = providers.Singleton(
        TokenKeyring, providers.Singleton(PostgresTokenKeys, service_engine), key_sealing, clock
    )
    access_tokens = providers.Singleton(
        JwtAccessTokens,
        token_keys,
        key_sealing,
        clock,
        ids,
        issuer=settings.provided.issuer,
        audience=settings.provided.audience,
    )
    standings = providers.Singleton(PostgresStandings, service_engine)
    key_uses = providers.Singleton(KeyUseMarks, providers.Singleton(PostgresKeyUses, service_engine), clock)
    allowances = providers.Singleton(Allowances, providers.Singleton(PostgresQuotas, service_engine))
    authenticate = providers.Singleton(
        Authenticate,
        organisations,
        access_tokens,
        standings,
        clock,
        allowances=allowances,
        key_uses=key_uses,
    )
    permits = providers.Singleton(RedisPermits, redis_url)
    counting = providers.Singleton(Counting, permits)
    limits = providers.Singleton(
        Limits,
        address=settings.provided.rate_limit_address,
        caller=settings.provided.rate_limit_caller,
        organisation=settings.provided.rate_limit_organisation,
        failures=settings.provided.rate_limit_failures,
        attempts=settings.provided.rate_limit_attempts,
        email=settings.provided.rate_limit_email,
    )
    # Given as a provider: what is closed at the end need not make, for that, all that access tokens take.
    forget = providers.Callable(Authenticate.forget, authenticate)
    revocations = providers.Singleton(RedisRevocations, channels, forget.provider)
    api_keys = providers.Singleton(ApiKeys, identity_work, clock, ids, secrets, revocations)
    mailer = providers.Singleton(mailer, settings.provided.mail_server, settings.provided.mail_from)
    letters = providers.Singleton(Letters, mailer, settings.provided.issuer)

    team_work = providers.Singleton(PostgresWork, service_engine, reads=PostgresTeam, changes=PostgresTeam)
    people = providers.Singleton(PostgresPeopleLookup, service_engine)
    member_keeping = providers.Singleton(MemberKeeping, team_work, clock, ids, revocations, people)
    inviting_rate = providers.Singleton(invitation_rate, settings.provided.rate_limit_invitations, counting)
    inviting = providers.Singleton(
        Inviting, team_work, clock, ids, revocations, people, secrets, letters, allowances, inviting_rate
    )
    role_keeping = providers.Singleton(RoleKeeping, team_work, clock, ids, revocations)
    is_open = settings.provided.is_registration_open
    organisation_keeping = providers.Singleton(
        OrganisationKeeping,
        team_work,
        clock,
        ids,
        revocations,
        people,
        organisations,
        is_open,
        settings.provided.founding_quotas,
    )

    oauth_work = providers.Singleton(PostgresWork, service_engine, reads=PostgresOAuth, changes=PostgresOAuth)
    exchanges = providers.Singleton(PostgresOAuthExchanges, service_engine)
    oauth = providers.Singleton(
        OAuth,
        clients=providers.Singleton(OAuthClients, oauth_work, clock, ids, secrets, revocations),
        consents=providers.Singleton(OAuthConsents, exchanges, standings, revocations, clock, ids, secrets),
        tokens=providers.Singleton(OAuthTokens, exchanges, access_tokens, standings, revocations, clock, ids, secrets),
        provider=providers.Singleton(openid_provider, settings.provided.openid_client, clock),
    )

    person_work = providers.Singleton(PostgresPersons, service_engine)
    passwords = providers.Singleton(Argon2Passwords)
    common_passwords = providers.Singleton(CommonPasswords)
    erasure = providers.Singleton(Erasure, person_work, member_keeping, revocations, clock)
    person_keeping = providers.Singleton(PersonKeeping, person_work, erasure, revocations, clock, ids)
    own_accounts = providers.Singleton(
        OwnAccounts, person_work, passwords, letters, erasure, revocations, clock, ids, common_passwords
    )
    later = providers.Singleton(Afterwards)
    registration = providers.Singleton(
        Registration, person_work, passwords, letters, inviting, clock, ids, secrets, is_open, common_passwords, later
    )
    forgotten_password = providers.Singleton(
        ForgottenPassword, person_work, passwords, letters, revocations, clock, ids, secrets, common_passwords, later
    )
    persons = providers.Singleton(
        Persons,
        registration=registration,
        log_in=providers.Singleton(LogIn, person_work, passwords, access_tokens, revocations, clock, ids, secrets),
        accounts=own_accounts,
        forgotten_password=forgotten_password,
        letters=letters,
        afterwards=later,
    )

    services = providers.Singleton(
        Services,
        settings=settings,
        clock=clock,
        ids=ids,
        journal=journal,
        expiry=expiry,
        ledgers=ledger_work,
        verifications=providers.Singleton(Verifications, ledger_work),
        organisations=organisations,
        api_keys=api_keys,
        oauth=oauth,
        key_uses=key_uses,
        member_keeping=member_keeping,
        inviting=inviting,
        role_keeping=role_keeping,
        organisation_keeping=organisation_keeping,
        authenticate=authenticate,
        news=channels,
        relay=relay,
        refusals=providers.Singleton(RefusalLog),
        admission=providers.Singleton(Admission, authenticate, limits, counting),
        attempts=providers.Singleton(Attempts, limits, counting, signer.provided.derive.call("attempts")),
        counting=counting,
        token_keys=token_keys,
        persons=persons,
        signer=signer,
        cursor_key=signer.provided.derive.call("cursors"),
        database_health=providers.Singleton(RememberedHealth, database_health),
        redis_health=providers.Singleton(RememberedHealth, redis_health),
    )
    maintenance = providers.Singleton(
        Maintenance,
        directory=providers.Singleton(PostgresDirectory, owner_engine),
        rebuilding=providers.Singleton(PostgresRebuilding, owner_engine),
        migrate=providers.Callable(partial, upgrade, owner_engine),
        require_migrated=providers.Callable(partial, require_ready, service_engine),
    )


@asynccontextmanager
async def opened(settings: Settings, urls: ServerUrls) -> AsyncIterator[Container]:
    """Open what a server or a command needs, when it needs it; close all of it afterwards."""
    container = Container(settings=settings, database_url=urls.database_url, redis_url=urls.redis_url)
    try:
        yield container
    finally:
        for engine in (container.journal_engine(), container.service_engine(), container.owner_engine()):
            await engine.dispose()
        await container.redis_health().close()
        await container.channels().close()
        await container.permits().close()


@contextmanager
def servers(settings: Settings, *, shared: bool = True) -> Iterator[ServerUrls]:
    """Give the servers of the settings, or else start those in the data folder for as long as they are needed.

    With `shared`, those that another process runs in the data folder will do. Only from the main thread.
    Raises what `failure_text` knows.
    """
    database_url, redis_url = (
        None if url is None else url.get_secret_value() for url in (settings.database_url, settings.redis_url)
    )
    with chosen_servers(settings.data_dir, database_url, redis_url, shared=shared) as urls:
        yield urls


@asynccontextmanager
async def remote_ledger(url: str, slug: str, api_key: str) -> AsyncIterator[Destination]:
    """Open a ledger of a running server, for transactions to go to."""
    destination = BulkDestination(url, slug, api_key)
    try:
        yield destination
    finally:
        await destination.close()


check_signature: SignatureCheck = is_signed


def failure_text(error: Exception) -> str | None:
    """Return what to say of a failure of what Partita stands on, or None for one that is a bug of ours."""
    if isinstance(error, EmbeddedServersError | BadDatabaseUrl | SchemaNotReady | SigningKeyUnusable | UnusableServer):
        return str(error)
    return database_trouble(error)
