"""Columns, as tables are made of them."""

from decimal import Decimal

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, DateTime, MetaData, Numeric, Text, text

metadata = MetaData()


def organisation_column() -> "Column[int]":
    """Return the tenant that a row belongs to."""
    return Column("organisation_id", BigInteger, nullable=False)


def ledger_column(*, primary_key: bool = True) -> "Column[int]":
    """Return the ledger that a row belongs to."""
    return Column("ledger_id", BigInteger, primary_key=primary_key, autoincrement=False, nullable=False)


def key_column(name: str) -> "Column[int]":
    """Return a number that is a part of the key."""
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def number_column(name: str) -> "Column[int]":
    """Return a number."""
    return Column(name, BigInteger, nullable=False)


def positive_column(name: str, *, primary_key: bool = False) -> "Column[int]":
    """Return a number that is more than zero."""
    return Column(
        name,
        BigInteger,
        CheckConstraint(f"{name} > 0"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


def sum_column(name: str) -> "Column[Decimal]":
    """Return a sum of minor units."""
    return Column(name, Numeric, CheckConstraint(f"{name} >= 0"), nullable=False)


def ordered_text_column(name: str, *, primary_key: bool = False, nullable: bool = False) -> "Column[str]":
    """Return a text that is compared by its code points."""
    return Column(name, Text(collation="C"), primary_key=primary_key, nullable=nullable)


def text_column(name: str) -> "Column[str]":
    """Return a text."""
    return Column(name, Text, nullable=False)


def flag_column(name: str, *, added: bool = False) -> "Column[bool]":
    """A flag; one that was added to rows that were there is false in them."""
    return Column(name, Boolean, nullable=False, server_default=text("false") if added else None)


def moment_column(name: str, *, nullable: bool = False) -> "Column[object]":
    """Return an instant."""
    return Column(name, DateTime(timezone=True), nullable=nullable)
