"""Keys of access tokens and the log of log-ins, on the command line."""

from tests.entrypoints.cli.conftest import Partita


def test_a_token_key_is_rotated_and_revoked(database: str, partita: Partita) -> None:
    assert partita("token-key", "list").out == ""
    first = partita("token-key", "rotate")
    assert (first.code, len(first.out.strip())) == (0, 43)  # the base64url of SHA-256
    second = partita("token-key", "rotate")
    shown = partita("token-key", "list").out.splitlines()
    assert [line.split()[0] for line in shown] == [first.out.strip(), second.out.strip()]
    assert shown[0].endswith("  signs")
    assert "  signs from " in shown[1]
    revoked = partita("token-key", "revoke", first.out.strip())
    assert revoked.code == 0
    assert "five seconds" in revoked.out
    listed = partita("token-key", "list").out
    assert first.out.strip() not in listed
    assert [line.split("  ")[2].split()[0] for line in listed.splitlines()].count("signs") == 2, "another one signs now"
    again = partita("token-key", "revoke", first.out.strip())
    assert (again.code, again.err) == (1, f"partita: There is no token key {first.out.strip()!r}.\n")


def test_what_is_of_no_use_is_tidied_away(database: str, partita: Partita) -> None:
    said = partita("tidy")
    assert said.code == 0
    assert said.out == (
        "Removed 0 entries of the security log, 0 sessions, 0 mailed tokens, 0 registrations, 0 invitations, "
        "0 tickets.\n"
    )
