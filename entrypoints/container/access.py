"""Who may do what."""

from dependency_injector import providers

from adapters.http_client.openid_provider import openid_provider
from adapters.mail import mailer
from adapters.postgres.identity.keys import PostgresIdentity, PostgresKeyUses
from adapters.postgres.identity.oauth import PostgresOAuth, PostgresOAuthExchanges
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.identity.origins import PostgresOrigins
from adapters.postgres.identity.people import PostgresPeopleLookup
from adapters.postgres.identity.persons import PostgresPersons
from adapters.postgres.identity.quotas import PostgresQuotas
from adapters.postgres.identity.standings import PostgresStandings
from adapters.postgres.identity.team import PostgresTeam
from adapters.postgres.identity.tickets import PostgresTickets
from adapters.postgres.identity.token_keys import PostgresTokenKeys
from adapters.postgres.work import PostgresWork
from adapters.redis.permits import RedisPermits
from adapters.redis.revocations import RedisRevocations
from adapters.security.access_tokens import JwtAccessTokens
from adapters.security.common_passwords import CommonPasswords
from adapters.security.key_sealing import ChaChaKeySealing
from adapters.security.passwords import Argon2Passwords
from adapters.security.sealing import ChaChaSealing
from application.identity.admission import Limits, invitation_rate
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
from application.identity.registration import Registration
from application.identity.roles import RoleKeeping
from application.identity.tickets import Tickets
from application.identity.token_keys import TokenKeyring
from application.shared.rate_limits import Counting
from entrypoints.container.ledger import LedgerParts
from entrypoints.ready_made import OAuth, Persons


class AccessParts(LedgerParts):
    """Who may do what: callers, persons, organisations, OAuth."""

    origin_work = providers.Singleton(
        PostgresWork, LedgerParts.service_engine, reads=PostgresOrigins, changes=PostgresOrigins
    )
    identity_work = providers.Singleton(
        PostgresWork, LedgerParts.service_engine, reads=PostgresIdentity, changes=PostgresIdentity
    )
    organisations = providers.Singleton(PostgresOrganisations, LedgerParts.service_engine)
    key_sealing = providers.Singleton(ChaChaKeySealing, LedgerParts.signer.provided.derive.call("token keys"))
    token_keys = providers.Singleton(
        TokenKeyring, providers.Singleton(PostgresTokenKeys, LedgerParts.service_engine), key_sealing, LedgerParts.clock
    )
    access_tokens = providers.Singleton(
        JwtAccessTokens,
        token_keys,
        key_sealing,
        LedgerParts.clock,
        LedgerParts.ids,
        issuer=LedgerParts.settings.provided.issuer,
        audience=LedgerParts.settings.provided.audience,
    )
    standings = providers.Singleton(PostgresStandings, LedgerParts.service_engine)
    key_uses = providers.Singleton(
        KeyUseMarks, providers.Singleton(PostgresKeyUses, LedgerParts.service_engine), LedgerParts.clock
    )
    allowances = providers.Singleton(Allowances, providers.Singleton(PostgresQuotas, LedgerParts.service_engine))
    authenticate = providers.Singleton(
        Authenticate,
        organisations,
        access_tokens,
        standings,
        LedgerParts.clock,
        allowances=allowances,
        key_uses=key_uses,
    )
    tickets = providers.Singleton(
        Tickets,
        providers.Singleton(PostgresTickets, LedgerParts.service_engine),
        providers.Singleton(ChaChaSealing, LedgerParts.signer.provided.derive.call("tickets")),
        LedgerParts.clock,
        LedgerParts.secrets,
    )
    permits = providers.Singleton(RedisPermits, LedgerParts.redis_url, telemetry=LedgerParts.telemetry)
    counting = providers.Singleton(Counting, permits)
    limits = providers.Singleton(
        Limits,
        address=LedgerParts.settings.provided.rate_limit_address,
        caller=LedgerParts.settings.provided.rate_limit_caller,
        organisation=LedgerParts.settings.provided.rate_limit_organisation,
        failures=LedgerParts.settings.provided.rate_limit_failures,
        attempts=LedgerParts.settings.provided.rate_limit_attempts,
        email=LedgerParts.settings.provided.rate_limit_email,
    )
    # Given as a provider: what is closed at the end need not make, for that, all that access tokens take.
    forget = providers.Callable(Authenticate.forget, authenticate)
    revocations = providers.Singleton(RedisRevocations, LedgerParts.channels, forget.provider)
    api_keys = providers.Singleton(
        ApiKeys, identity_work, LedgerParts.clock, LedgerParts.ids, LedgerParts.secrets, revocations
    )
    mailer = providers.Singleton(
        mailer, LedgerParts.settings.provided.mail_server, LedgerParts.settings.provided.mail_from
    )
    letters = providers.Singleton(Letters, mailer, LedgerParts.settings.provided.issuer)
    team_work = providers.Singleton(PostgresWork, LedgerParts.service_engine, reads=PostgresTeam, changes=PostgresTeam)
    people = providers.Singleton(PostgresPeopleLookup, LedgerParts.service_engine)
    member_keeping = providers.Singleton(
        MemberKeeping, team_work, LedgerParts.clock, LedgerParts.ids, revocations, people
    )
    inviting_rate = providers.Singleton(invitation_rate, LedgerParts.settings.provided.rate_limit_invitations, counting)
    inviting = providers.Singleton(
        Inviting,
        team_work,
        LedgerParts.clock,
        LedgerParts.ids,
        revocations,
        people,
        LedgerParts.secrets,
        letters,
        allowances,
        inviting_rate,
    )
    role_keeping = providers.Singleton(RoleKeeping, team_work, LedgerParts.clock, LedgerParts.ids, revocations)
    is_open = LedgerParts.settings.provided.is_registration_open
    organisation_keeping = providers.Singleton(
        OrganisationKeeping,
        team_work,
        LedgerParts.clock,
        LedgerParts.ids,
        revocations,
        people,
        organisations,
        is_open,
        LedgerParts.settings.provided.founding_quotas,
    )
    oauth_work = providers.Singleton(
        PostgresWork, LedgerParts.service_engine, reads=PostgresOAuth, changes=PostgresOAuth
    )
    exchanges = providers.Singleton(PostgresOAuthExchanges, LedgerParts.service_engine)
    oauth = providers.Singleton(
        OAuth,
        clients=providers.Singleton(
            OAuthClients, oauth_work, LedgerParts.clock, LedgerParts.ids, LedgerParts.secrets, revocations
        ),
        consents=providers.Singleton(
            OAuthConsents, exchanges, standings, revocations, LedgerParts.clock, LedgerParts.ids, LedgerParts.secrets
        ),
        tokens=providers.Singleton(
            OAuthTokens,
            exchanges,
            access_tokens,
            standings,
            revocations,
            LedgerParts.clock,
            LedgerParts.ids,
            LedgerParts.secrets,
        ),
        provider=providers.Singleton(openid_provider, LedgerParts.settings.provided.openid_client, LedgerParts.clock),
    )
    person_work = providers.Singleton(PostgresPersons, LedgerParts.service_engine)
    passwords = providers.Singleton(Argon2Passwords)
    common_passwords = providers.Singleton(CommonPasswords)
    erasure = providers.Singleton(Erasure, person_work, member_keeping, revocations, LedgerParts.clock)
    person_keeping = providers.Singleton(
        PersonKeeping, person_work, erasure, revocations, LedgerParts.clock, LedgerParts.ids
    )
    own_accounts = providers.Singleton(
        OwnAccounts,
        person_work,
        passwords,
        letters,
        erasure,
        revocations,
        LedgerParts.clock,
        LedgerParts.ids,
        common_passwords,
    )
    later = providers.Singleton(Afterwards)
    registration = providers.Singleton(
        Registration,
        person_work,
        passwords,
        letters,
        inviting,
        LedgerParts.clock,
        LedgerParts.ids,
        LedgerParts.secrets,
        is_open,
        common_passwords,
        later,
    )
    forgotten_password = providers.Singleton(
        ForgottenPassword,
        person_work,
        passwords,
        letters,
        revocations,
        LedgerParts.clock,
        LedgerParts.ids,
        LedgerParts.secrets,
        common_passwords,
        later,
    )
    persons = providers.Singleton(
        Persons,
        registration=registration,
        log_in=providers.Singleton(
            LogIn,
            person_work,
            passwords,
            access_tokens,
            revocations,
            LedgerParts.clock,
            LedgerParts.ids,
            LedgerParts.secrets,
        ),
        accounts=own_accounts,
        forgotten_password=forgotten_password,
        letters=letters,
        afterwards=later,
    )
