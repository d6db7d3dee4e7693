"""Retry data: read so that nothing is lost, and sent back with nothing changed but ``data`` (P14, chapter 7)."""

from collections.abc import Callable
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, DecimalException
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from daemon.core.exceptions import ProtocolError
from daemon.core.records import RetryData

S = TypeVar("S")
T = TypeVar("T")

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EXACT = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CANONICAL = msgspec.json.Encoder(decimal_format="number", order="sorted")
_NO_ROUNDING = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def read(retry_key: str, body: bytes, where: str) -> RetryData:
    """Return the retry data in an answer.

    Raises:
        ProtocolError: it cannot be read without loss, or is not there; the record must be left alone.
    """
    envelope = _without_loss(_EXACT.decode, body, where)
    if not isinstance(envelope, dict):
        raise ProtocolError(f"{where}: the retry data is not a JSON object")
    data = envelope.get("data")
    return RetryData(
        retry_key=retry_key,
        envelope=body,
        data=data,
        digest=_without_loss(_digest, envelope, where),
        data_digest=_without_loss(_digest, data, where),
    )


def rewrite(before: RetryData, data: object, where: str) -> RetryData:
    """Return *before* with *data* in the place of its ``data``; every other member as it came, byte for byte.

    Raises:
        ProtocolError: the envelope has no ``data`` to replace, or *data* has a number that JSON cannot say.
    """
    members = _without_loss(_MEMBERS.decode, before.envelope, where)
    if "data" not in members:
        raise ProtocolError(f"{where}: the retry data has no data that could be changed")
    members["data"] = msgspec.Raw(_ENCODER.encode(data))
    return read(before.retry_key, _ENCODER.encode(members), where)  # a NaN is written as it is, but not read


def _without_loss(step: Callable[[S], T], value: S, where: str) -> T:
    try:
        return step(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DecimalException):
        raise ProtocolError(f"{where}: the retry data cannot be read or written without loss") from None


def _digest(value: Any) -> str:
    """Return a hash that two values share when they say the same: order, spaces and ``1.0`` for ``1`` do not count."""
    return blake2b(_CANONICAL.encode(_canonical(value)), digest_size=16).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_canonical(member) for member in value]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value).normalize(_NO_ROUNDING)
    return value
