"""Access tokens that a server would make, whatever they say."""

from adapters.security.access_tokens import JwtAccessTokens
from adapters.security.key_sealing import ChaChaKeySealing
from application.identity.token_ports import AccessClaims
from entrypoints.container import Services


async def issued(services: Services, claims: AccessClaims) -> str:
    """A token that the server takes for its own."""
    return await maker(services).issue(claims)


def maker(services: Services) -> JwtAccessTokens:
    """What makes tokens with the server's own keys."""
    return JwtAccessTokens(
        services.token_keys,
        ChaChaKeySealing(services.signer.derive("token keys")),
        services.clock,
        services.ids,
        issuer=services.settings.issuer,
        audience=services.settings.audience,
    )
