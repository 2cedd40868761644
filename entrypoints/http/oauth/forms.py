"""What people send with the forms of our pages."""

from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from entrypoints.http.oauth.browser import Browser
from entrypoints.http.oauth.pages import notice_page
from entrypoints.http.oauth.parameters import read_fields, read_form

_FIELDS_MAX: Final = 10


async def own_form(request: Request) -> dict[str, str] | Response:
    """Return the fields of a form that this browser was shown, or what to answer to anything else."""
    form = await _form(request)
    if form is None or not Browser(request).is_own_form(form.get("form_token", "")):
        text = "It was too old, or did not come from the page that you were shown. Go back to it, load it anew, and "
        text += "see that your browser takes cookies."
        return notice_page(request, "This form could not be taken", text, status=403)
    return form


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form of ours, or None for what is none."""
    with suppress(ValueError):
        text = await read_form(request)
        return read_fields(text, _FIELDS_MAX) if text.isascii() else None
    return None
