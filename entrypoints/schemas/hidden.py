"""Hiding secrets in text that others may read: logs, and problems that tell what was sent."""

import re
from typing import Final

HIDDEN: Final = "[hidden]"

# Anyone can have a long text looked through, so none of these patterns may begin at more than one place of a run of
# characters that it goes through: the time that it takes grows with the text alone.

# What is a secret by how it looks. What is kept of each stands in its first group.
_BY_LOOKS: Final = (
    # What Partita itself gives out, a whole one whatever it stands in: `SecretKind`.
    re.compile(r"(pt[a-z]_)(?:[1-9][0-9]{0,17}_)?[0-9A-Za-z]{38,}"),
    # A part of one is a secret too.
    re.compile(r"(?<![A-Za-z_])(pt[a-z]_)[0-9A-Za-z_]{6,}"),
    # Secrets of webhooks: base 64.
    re.compile(r"(?<![A-Za-z_])(whsec_)[0-9A-Za-z+/=]{6,}"),
    # JSON web tokens: their header is JSON, in base 64.
    re.compile(r"(?<![0-9A-Za-z_-])()eyJ[0-9A-Za-z_-]{4,}+(?:\.[0-9A-Za-z_-]*+){1,4}+"),
)
# What is a secret by what stands before it.
_BY_PLACE: Final = (
    re.compile(r"(?i)\b((?:bearer|basic|digest)\s+)[0-9A-Za-z._~+/=-]{6,}"),
    re.compile(
        r"(?i)(\bauthorization\b[\"']?\s*[:=,]\s*(?:b(?=[\"']))?[\"']?)(?!(?:bearer|basic|digest)\b)[^\s\"',)\]}]{4,}"
    ),
    # The password in a URL.
    re.compile(r"((?<![a-z0-9+.-])[a-z][a-z0-9+.-]*+://[^\s/@:\"']*:)[^\s/@\"']+(?=@)"),
    # A member, a parameter or a setting that is called so.
    re.compile(
        r"(?i)((?:\b|_)(?:password|passwd|pwd|secret|token|code_verifier|api_key|cookie)[\"']?\s*[:=,]\s*b?[\"']?)"
        r"[^\s\"'&,)\]};]{3,}"
    ),
)


def without_credentials(text: str) -> str:
    """Return the text with everything hidden that looks like a credential, wherever it stands."""
    if "pt" in text or "eyJ" in text or "whsec_" in text:
        for pattern in _BY_LOOKS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def without_secrets(text: str) -> str:
    """Return the text with every credential hidden, and whatever else a log could name as a secret."""
    text = without_credentials(text)
    for pattern in _BY_PLACE:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text
