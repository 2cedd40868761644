"""The port for those who run the server: figures, and how it is. It is not for the world."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from entrypoints.container import Services
from entrypoints.http import health


def create_operations_app(services: Services) -> FastAPI:
    """Return what answers there: `/metrics` and `/health/…`, of a server or of a worker. Metrics must be on."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.services = services
    app.include_router(health.router)
    app.add_route("/metrics", _metrics)
    return app


async def _metrics(request: Request) -> Response:
    services: Services = request.app.state.services
    assert services.metrics is not None, "nobody listens where metrics are off"
    content, media_type = await services.metrics.page()
    return Response(content, media_type=media_type)
