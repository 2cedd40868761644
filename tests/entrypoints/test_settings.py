from pathlib import Path

import pytest

from entrypoints.cli.failures import WrongUsage
from entrypoints.cli.session import load_settings
from entrypoints.settings import Settings

URL = "postgresql://partita:s3cret@db.example.com/books"


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    settings = Settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert "s3cret" not in repr(settings)


def test_what_the_environment_says_itself_comes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("postgresql://of-the-file/")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("DATABASE_URL", URL)
    database_url = Settings().database_url
    assert database_url is not None
    assert database_url.get_secret_value() == URL


def test_only_secrets_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "port").write_text("81")
    monkeypatch.delenv("PARTITA_PORT", raising=False)
    monkeypatch.setenv("PARTITA_PORT_FILE", str(tmp_path / "port"))
    assert Settings().port == 8000


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(WrongUsage, match="nowhere"):
        load_settings()


@pytest.mark.parametrize(
    "issuer", ["http://id.example", "http://127.0.0.1.example:80/", "http://localhost@id.example/"]
)
def test_a_provider_that_anyone_could_pose_as_is_refused(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_OIDC_ISSUER", issuer)
    with pytest.raises(WrongUsage, match=r"PARTITA_OIDC_ISSUER is 'http://.*it takes https"):
        load_settings()


@pytest.mark.parametrize("issuer", ["https://id.example/realms/a", "http://127.0.0.1:9000", "http://[::1]:9000"])
def test_a_provider_is_reached_over_tls_or_on_this_machine(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_OIDC_ISSUER", issuer)
    assert Settings().oidc_issuer == issuer
