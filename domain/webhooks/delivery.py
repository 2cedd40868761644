"""Deliveries: that an endpoint is to get an event, and what has become of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class DeliveryState(Enum):
    """What has become of a delivery."""

    PENDING = "pending"  # to be tried, or to be tried again
    DELIVERED = "delivered"
    FAILED = "failed"  # tried as often as anything is


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event of a ledger on its way to an endpoint. Times are UTC; `due_at` says when it is tried next.

    `status` is that of the last answer, if there was one, and `error` what went wrong.
    """

    id: str
    ledger: str
    sequence: int
    event: str
    type: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    status: int | None
    error: str | None
