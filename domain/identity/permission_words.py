"""What permissions and scopes allow, in words for those who are asked to give them."""

from collections.abc import Mapping
from typing import Final

from domain.identity.role import BUILT_IN_ROLES
from domain.shared.access import Permission

WORDS: Final[Mapping[Permission, str]] = {
    Permission.LEDGERS_READ: "See ledgers and how they are set",
    Permission.LEDGERS_CREATE: "Create ledgers",
    Permission.LEDGERS_CHANGE: "Change the settings of ledgers",
    Permission.LEDGERS_FREEZE: "Freeze and unfreeze whole ledgers",
    Permission.LEDGERS_ARCHIVE: "Archive and restore ledgers",
    Permission.ASSETS_REGISTER: "Register assets, such as currencies",
    Permission.CHART_SET: "Set the chart of accounts",
    Permission.ACCOUNTS_READ: "See accounts and their balances",
    Permission.ACCOUNTS_OPEN: "Open accounts",
    Permission.ACCOUNTS_CHANGE: "Change the settings and limits of accounts",
    Permission.ACCOUNTS_FREEZE: "Freeze and unfreeze accounts",
    Permission.ACCOUNTS_ARCHIVE: "Archive and restore accounts",
    Permission.TRANSACTIONS_READ: "See transactions",
    Permission.TRANSACTIONS_POST: "Post transactions, which moves money",
    Permission.TRANSACTIONS_CHANGE: "Change the metadata of transactions",
    Permission.TRANSACTIONS_REVERSE: "Reverse transactions, which moves money back",
    Permission.TRANSACTIONS_FORCE: "Post past the limits of accounts",
    Permission.HOLDS_READ: "See holds",
    Permission.HOLDS_PLACE: "Place holds, which reserves money",
    Permission.HOLDS_RESOLVE: "Capture and release holds",
    Permission.PERIODS_READ: "See closed periods",
    Permission.PERIODS_CLOSE: "Close periods",
    Permission.PERIODS_REOPEN: "Reopen closed periods",
    Permission.ATTACHMENTS_READ: "See and download files that are attached",
    Permission.ATTACHMENTS_ADD: "Attach files",
    Permission.ATTACHMENTS_REMOVE: "Remove files that are attached",
    Permission.REPORTS_READ: "See reports, such as the balance sheet",
    Permission.EVENTS_READ: "See everything that has happened in ledgers",
    Permission.ORGANISATION_READ: "See how the organisation is set",
    Permission.ORGANISATION_CHANGE: "Change the settings of the organisation",
    Permission.MEMBERS_READ: "See who belongs to the organisation",
    Permission.MEMBERS_INVITE: "Invite people to the organisation",
    Permission.MEMBERS_CHANGE: "Change what members may do",
    Permission.MEMBERS_REMOVE: "Remove members from the organisation",
    Permission.ROLES_READ: "See roles",
    Permission.ROLES_CHANGE: "Change roles",
    Permission.OWNERS_CHANGE: "Make and unmake owners",
    Permission.API_KEYS_READ: "See which API keys there are",
    Permission.API_KEYS_CREATE: "Make API keys",
    Permission.API_KEYS_REVOKE: "Revoke API keys",
    Permission.OAUTH_CLIENTS_READ: "See which applications are registered",
    Permission.OAUTH_CLIENTS_CHANGE: "Register, change and revoke applications",
    Permission.AUDIT_LOG_READ: "See who did what",
    Permission.WEBHOOKS_READ: "See which webhooks there are, and what was sent to them",
    Permission.WEBHOOKS_MANAGE: "Make, change and delete webhooks",
    Permission.JOBS_READ: "See jobs, such as imports, and how far they are",
    Permission.JOBS_MANAGE: "Cancel jobs, and have them tried again",
}


def words_of(scope: str) -> str:
    """Return what a scope allows: a permission, or a built-in role with all of its permissions."""
    role = BUILT_IN_ROLES.get(scope)
    if role is not None:
        return f"Act as {role.name}: {role.description[0].lower()}{role.description[1:]}"
    return WORDS[Permission(scope)]
