"""An OpenID provider in a process of its own, where anyone can log in as anyone."""

import socket
import ssl
import subprocess
import sys
import time

import httpx2

_START_SECONDS = 30
# It speaks plain HTTP; to read all authorities for each client takes longer than what is asked of it.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class MockProvider:
    """The provider of the package oidc-provider-mock, on a port of this machine."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            # Its own imports warn of what is old.
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "oidc_provider_mock",
                "--port",
                str(port),
                "--require-nonce",
                "true",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Return when it answers."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                httpx2.get(f"{self.issuer}/.well-known/openid-configuration", verify=_NO_TLS).raise_for_status()
                return
            except httpx2.HTTPError:
                assert time.monotonic() < deadline
                assert self._process.poll() is None, "it has ended"
                time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    async def know(self, subject: str, **claims: object) -> None:
        """Have it know a person, and say this of it."""
        async with httpx2.AsyncClient(verify=_NO_TLS) as client:
            (await client.put(f"{self.issuer}/users/{subject}", json=claims)).raise_for_status()

    async def log_in(self, url: str, subject: str, **form: str) -> str:
        """Log in where the browser was sent; return where it is sent back to."""
        async with httpx2.AsyncClient(verify=_NO_TLS) as client:
            response = await client.post(url, data={"sub": subject, **form})
        assert response.status_code == 302, response.text
        return response.headers["location"]
