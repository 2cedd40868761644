"""Problems that are kept, and shown later: those of jobs."""

from typing import Any

from domain.shared.errors import DomainError
from entrypoints.schemas.hidden import without_credentials


def kept_problem(refusal: DomainError) -> dict[str, Any]:
    """Return the members of RFC 9457 that are kept of a refusal, without credentials that were sent by mistake."""
    told: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": refusal.title,
        "code": refusal.code,
        "detail": without_credentials(refusal.detail),
        **{name: without_credentials(fact) for name, fact in refusal.facts.items()},
    }
    if refusal.blames:
        told["errors"] = [
            {"pointer": without_credentials(blame.pointer), "detail": without_credentials(blame.detail)}
            for blame in refusal.blames
        ]
    return told
