"""A Redis that the tests of this folder may kill."""

from collections.abc import Iterator

import pytest

from tests.redis_server import RedisServer


@pytest.fixture(scope="module")
def redis_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.go_on()
    server.kill()


@pytest.fixture
def own_redis(redis_of_module: RedisServer) -> RedisServer:
    """A Redis that runs, and is empty."""
    redis_of_module.ensure()
    return redis_of_module
