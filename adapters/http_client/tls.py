"""Whom to trust over TLS: the authorities that the system trusts, or those that `SSL_CERT_FILE` names."""

import ssl
from functools import cache

import httpx2


@cache
def tls_context() -> ssl.SSLContext:
    """Return what connections of this process are made with. To read the authorities takes it about 20 ms."""
    return httpx2.create_ssl_context()
