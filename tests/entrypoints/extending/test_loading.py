"""Extensions that are installed take part; what is wrong with one is told, and no other's matter."""

import logging
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from application.interchange.foreign_formats import ForeignFormat, ForeignFormats
from application.interchange.found import Remark
from domain.ledger.policy import PolicyFailed
from entrypoints.extending import Extension, LedgerJob
from entrypoints.extending.environment import BadSettings, read_settings
from entrypoints.extending.loading import Extensions, load_extensions
from tests.entrypoints.extending.installed import SAMPLE, installed
from tests.entrypoints.extending.sample import SampleFile

HERE = "tests.entrypoints.extending.test_loading"

elsewhere = Extension(name="elsewhere")
same_format = Extension(name="same-format", export_formats={"csv": None})  # type: ignore[dict-item] # never looked at
twice = Extension(name="twice", jobs=(LedgerJob("a", None, frozenset()),) * 2)  # type: ignore[arg-type] # likewise
nothing = "no extension"
no_permission = Extension(name="no-permission", commands=(int,))  # type: ignore[arg-type] # which is what is wrong
no_policy = Extension(name="no-policy", policies=(lambda settings: 7,))  # type: ignore[arg-type,return-value] # likewise
exploding = Extension(name="exploding", policies=(lambda settings: 1 // 0,))  # type: ignore[arg-type,return-value] # likewise


def loaded(folder: Path, *packages: dict[str, str], **environment: str) -> Extensions:
    with installed(folder, *packages):
        return load_extensions((), environment)


def test_where_none_is_installed_there_are_none() -> None:
    assert load_extensions((), {}) == Extensions()


def test_one_that_is_installed_is_found_with_its_settings(tmp_path: Path) -> None:
    extensions = loaded(tmp_path, {"sample": SAMPLE}, PARTITA_SAMPLE_FEE="0.20")
    assert extensions.failed == {}
    sample = extensions.loaded["sample"]
    assert sample.source == "package-0 1.0"
    assert sample.settings.fee == "0.20"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("gone", "no.such.module:extension", "ModuleNotFoundError"),
        ("attribute", f"{HERE}:missing", "AttributeError"),
        ("nothing", f"{HERE}:nothing", "is a str, and no Extension"),
        ("other", f"{HERE}:elsewhere", "it calls itself elsewhere, and its entry point other"),
        ("same-format", f"{HERE}:same_format", "there is a format csv already"),
        ("twice", f"{HERE}:twice", "two have the same name"),
        ("no-permission", f"{HERE}:no_permission", "names no permission"),
        ("no-policy", f"{HERE}:no_policy", "no PostingPolicy"),
        ("exploding", f"{HERE}:exploding", "ZeroDivisionError"),
        ("leaving", "tests.entrypoints.extending.leaving:extension", "SystemExit"),
        ("panicking", "tests.entrypoints.extending.panicking:extension", "Panic()"),
    ],
)
def test_one_with_which_something_is_wrong_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, value: str, why: str
) -> None:
    extensions = loaded(tmp_path, {name: value, "sample": SAMPLE})
    assert list(extensions.loaded) == ["sample"]
    assert list(extensions.failed) == [name]
    assert why in extensions.failed[name]
    assert f"the extension {name}: " in caplog.text


def test_of_two_with_one_name_none_is_loaded(tmp_path: Path) -> None:
    extensions = loaded(tmp_path, {"sample": SAMPLE}, {"sample": f"{HERE}:nothing"})
    assert extensions.loaded == {}
    assert extensions.failed == {"sample": "several packages have it: package-0 1.0, package-1 1.1"}


def test_one_that_is_required_and_missing_accepts_no_postings(tmp_path: Path) -> None:
    extensions = loaded(tmp_path, {"sample": SAMPLE})
    assert [each.name for each in extensions.policies(())] == ["sample"]
    _, missing = extensions.policies(("sample", "limits"))
    with pytest.raises(PolicyFailed) as refusal:
        missing.policy.check(None, None)  # type: ignore[arg-type] # whatever it is asked
    assert refusal.value.facts == {"extension": "limits"}


def test_its_formats_to_import_are_watched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    formats = ForeignFormats(loaded(tmp_path, {"sample": SAMPLE}).import_formats)
    file = formats.named("sample").reader({}, "UTC")
    assert list(file.read(BytesIO(b"fine"))) == [Remark("line 1", "it begins")]
    with pytest.raises(RuntimeError):
        list(file.read(BytesIO(b"a bug")))
    assert "the extension sample failed in its format sample" in caplog.text


@pytest.mark.parametrize(("name", "media_type"), [("sample", "text/x-other"), ("other", "text/x-sample")])
def test_a_format_to_import_that_is_there_already_is_told_and_no_server_stops(
    tmp_path: Path, name: str, media_type: str
) -> None:
    own = ForeignFormat(name, "Our own", (media_type,), lambda options, time_zone: SampleFile())
    with installed(tmp_path, {"sample": SAMPLE}):
        extensions = load_extensions((own,), {})
    assert extensions.failed == {"sample": "there is a format sample already, or one that is sent likewise"}
    assert extensions.import_formats == ()


def test_one_that_takes_long_to_load_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.extending.loading.SLOW_SECONDS", 0)
    with caplog.at_level(logging.WARNING):
        loaded(tmp_path, {"elsewhere": f"{HERE}:elsewhere"})
    assert "the extension elsewhere took" in caplog.text


class Model(BaseModel):
    """Settings."""

    rate: int
    pool: str = ""
    token: SecretStr | None = None


def test_settings_come_from_variables_that_begin_with_the_name(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    given = {
        "partita_my_own_rate": "7",  # as Partita's own, whatever the case
        "PARTITA_MY_OWN_TOKEN_FILE": str(file),
        "PARTITA_MY_OWN_THING_RATE": "of another extension",
        "PARTITA_PORT": "80",
        "OTHER": "",
    }
    settings = read_settings("my-own", Model, given, installed=["my-own", "my-own-thing"])
    assert isinstance(settings, Model)
    assert (settings.rate, settings.token and settings.token.get_secret_value()) == (7, "s3cret")


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("own", {}, "PARTITA_OWN_RATE: Field required"),
        ("own", {"PARTITA_OWN_RATE": "much"}, "PARTITA_OWN_RATE: Input should be a valid integer"),
        ("own", {"PARTITA_OWN_RATE": "1", "PARTITA_OWN_RAET": "2"}, "PARTITA_OWN_RAET sets nothing"),
        ("own", {"PARTITA_OWN_RATE": "1", "PARTITA_OWN_TOKEN_FILE": "/no/such/file"}, "TOKEN_FILE cannot be read"),
    ],
)
def test_bad_settings_are_named_without_what_they_are(name: str, given: dict[str, str], why: str) -> None:
    with pytest.raises(BadSettings, match=why) as refusal:
        read_settings(name, Model, given)
    assert "much" not in str(refusal.value)


class Size(BaseModel):
    """Settings whose variable, of an extension `pool`, is one of Partita's."""

    size: int = 1


def test_a_setting_of_partita_itself_is_not_taken() -> None:
    with pytest.raises(BadSettings, match="PARTITA_POOL_SIZE is a setting of Partita itself"):
        read_settings("pool", Size, {})
    assert read_settings("pool", None, {"PARTITA_POOL_SIZE": "10"}) is None
