"""Answers that wait for a client: first in, first out, in memory and beyond, and bounded."""

import asyncio
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoints.http.v1.answer_spool import MEMORY_BYTES_MAX, READ_BYTES, AnswerSpool, SpoolFull


@pytest.fixture
def spool() -> Iterator[AnswerSpool]:
    made = AnswerSpool(bytes_max=100 * MEMORY_BYTES_MAX)
    yield made
    made.close()


async def all_of(spool: AnswerSpool) -> bytes:
    chunks = []
    while chunk := await spool.read():
        assert len(chunk) <= READ_BYTES
        chunks.append(chunk)
    return b"".join(chunks)


async def test_what_is_written_is_read_in_order_however_much_it_is(spool: AnswerSpool) -> None:
    written = b"".join(b"%08d" % number for number in range(400_000))
    assert len(written) > 3 * MEMORY_BYTES_MAX
    read = b""
    for start in range(0, len(written), 10_000):
        spool.write(written[start : start + 10_000])
        if start % 50_000 == 0:
            read += await spool.read()
    spool.complete(b"last")
    assert read + await all_of(spool) == written + b"last"
    assert await spool.read() == b""


async def test_a_reader_waits_for_answers_and_for_the_end(spool: AnswerSpool) -> None:
    reading = asyncio.create_task(all_of(spool))
    for word in (b"one ", b"two ", b"three"):
        await asyncio.sleep(0.01)
        assert not reading.done()
        spool.write(word)
    await asyncio.sleep(0.01)
    assert not reading.done()
    spool.complete()
    assert await reading == b"one two three"


async def test_no_more_waits_than_is_allowed_and_a_reader_makes_room() -> None:
    spool = AnswerSpool(bytes_max=10)
    spool.write(b"12345678")
    with pytest.raises(SpoolFull, match="8 bytes"):
        spool.write(b"9ab")
    assert await spool.read() == b"12345678"
    spool.write(b"9ab")
    spool.complete(b"the end always finds room")
    assert await all_of(spool) == b"9abthe end always finds room"
    spool.close()


async def test_a_reader_who_is_always_a_little_behind_needs_little_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = AnswerSpool(bytes_max=3 * MEMORY_BYTES_MAX)
    block = bytes(range(256)) * (READ_BYTES // 256)
    for _ in range(2 * MEMORY_BYTES_MAX // READ_BYTES):
        spool.write(block)
    # 20 MiB go through, six times what may wait, and 2 MiB wait all the time.
    for number in range(20 * MEMORY_BYTES_MAX // READ_BYTES):
        spool.write(number.to_bytes(4, "big") + block[4:])
        await spool.read()
        assert on_disk(tmp_path) <= 4 * MEMORY_BYTES_MAX
    with pytest.raises(SpoolFull, match="2,097,152 bytes of answers are waiting"):
        spool.write(bytes(MEMORY_BYTES_MAX + 1))
    spool.complete()
    rest = await all_of(spool)
    numbers = [int.from_bytes(rest[start : start + 4], "big") for start in range(0, len(rest), READ_BYTES)]
    assert numbers == list(range(320 - 32, 320))
    assert on_disk(tmp_path) == 0
    spool.close()


def on_disk(folder: Path) -> int:
    """How many bytes the files have that are open in a folder, where they have no name."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        descriptor = f"/proc/self/fd/{name}"
        if os.path.lexists(descriptor) and os.readlink(descriptor).startswith(str(folder)):
            found += os.stat(descriptor).st_size
    return found


async def test_a_full_disk_is_told_before_it_is_too_late(spool: AnswerSpool) -> None:
    spool.write(b"x" * MEMORY_BYTES_MAX)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MEMORY_BYTES_MAX, limits[1]))
    try:
        spool.write(b"y" * MEMORY_BYTES_MAX)
        spool.write(b"y" * (MEMORY_BYTES_MAX // 2))
        with pytest.raises(SpoolFull, match="the disk takes no more answers"):
            spool.write(b"z" * MEMORY_BYTES_MAX)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    spool.complete(b"end")
    written = 3 * MEMORY_BYTES_MAX // 2
    assert await all_of(spool) == b"x" * MEMORY_BYTES_MAX + b"y" * written + b"end"
