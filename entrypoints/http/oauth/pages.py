"""The pages that people see: rendered here, without scripts, and with a policy that lets nothing else in."""

from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from entrypoints.http.oauth.browser import Browser

_PACKAGE: Final = "entrypoints.http.oauth"
_STYLE: Final = (files(_PACKAGE) / "templates" / "style.css").read_bytes()
_templates: Final = Environment(
    loader=PackageLoader(_PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(
    request: Request, template: str, *, status: int = 200, sends_to: str | None = None, **content: Any
) -> HTMLResponse:
    """Return a page; its forms may lead here, and to the origin of `sends_to`."""
    browser = Browser(request)
    marks: dict[str, str] = {}
    # Relative, as behind a proxy all of this may stand below some other path.
    style_url = "style.css" if request.scope["path"].startswith("/oauth/") else "../../oauth/style.css"
    made = _templates.get_template(template)
    html = made.render(form_token=browser.form_token(marks), style_url=style_url, **content)
    response = HTMLResponse(html, status, headers=protected(sends_to))
    browser.set_marks(marks, response)
    return response


def notice_page(request: Request, title: str, text: str, *, status: int = 400) -> HTMLResponse:
    """Return a page that says what went wrong, and leads nowhere."""
    return page(request, "notice.html", status=status, title=title, text=text)


def protected(sends_to: str | None = None) -> dict[str, str]:
    """Return the headers of every page: nothing from elsewhere, in nobody's frame, in no cache."""
    forms = "'self'" if sends_to is None else f"'self' {_origin(sends_to)}"
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'self'; form-action {forms}; base-uri 'none'; "
        "frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        # Forms say where they come from, to us; what stands in the address goes to nobody else.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def style() -> Response:
    """Return the style sheet."""
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _origin(uri: str) -> str:
    """Return what a policy calls the origin of a redirect URI: browsers ask it for each redirect after a form."""
    parts = urlsplit(uri)
    if parts.netloc.startswith("["):
        # A policy cannot name an IPv6 address; `[::1]` is a program on the person's own machine.
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"
