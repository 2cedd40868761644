"""Which limits are in force for an account."""

from domain.ledger.account import Account, AccountType
from domain.ledger.chart import Chart, Rule
from domain.ledger.limit import Limit
from domain.ledger.limiting import limits_in_force
from domain.shared.patterns import Pattern
from tests.builders import EUR, JPY, POINTS


def wallet(*limits: Limit) -> Account:
    return Account(2, "users:42:wallet", AccountType.LIABILITY, limits={limit.asset.code: limit for limit in limits})


def charted(*limits: Limit, pattern: str = "users:*:wallet") -> Chart:
    return Chart((Rule(Pattern(pattern), AccountType.LIABILITY, limits),))


def test_an_accounts_own_limit_goes_before_that_of_the_chart_asset_by_asset() -> None:
    own, of_chart, other = Limit(EUR, minimum=-100), Limit(EUR, minimum=0), Limit(POINTS, maximum=5)
    assert limits_in_force(wallet(own), charted(other, of_chart)) == (own, other)


def test_a_limit_without_bounds_is_none_and_lifts_that_of_the_chart() -> None:
    assert limits_in_force(wallet(Limit(EUR)), charted(Limit(EUR, minimum=0), Limit(JPY))) == ()


def test_only_the_rule_that_fits_gives_limits() -> None:
    assert limits_in_force(wallet(), charted(Limit(EUR, minimum=0), pattern="users:*:vault")) == ()
    assert limits_in_force(wallet(), Chart()) == ()
