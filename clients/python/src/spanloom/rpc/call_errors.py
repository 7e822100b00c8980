"""Failures of calls as SpanloomErrors: the one place where the wire's errors end."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError

from ..errors import CATALOGUE, REASON_BY_CODE, ErrorFacts, SpanloomError
from ..v1 import error_pb2

DETAIL_TYPE = "spanloom.v1.ErrorDetail"

# Source: https://connectrpc.com/docs/protocol, HTTP to Error Code.
CODE_BY_STATUS: Mapping[int, str] = {
    400: "internal",
    401: "unauthenticated",
    403: "permission_denied",
    404: "unimplemented",
    408: "deadline_exceeded",
    413: "invalid_argument",
    429: "unavailable",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}


def error_of_answer(status: int, body: bytes, url: str) -> SpanloomError:
    """The error of an answer that is none; one that no server of ours made is told by its HTTP status."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict) and isinstance(parsed.get("code"), str):
        return error_of_json(parsed)
    code = CODE_BY_STATUS.get(status, "unknown")
    text = body[:200].decode("utf-8", "replace").strip()
    message = f"cannot call the server at {url}: it answered HTTP {status}{f': {text}' if text else ''}"
    return SpanloomError(REASON_BY_CODE.get(code, "INTERNAL"), message)


def error_of_json(error: Mapping[str, Any]) -> SpanloomError:
    """The error that Connect's JSON tells."""
    code = str(error.get("code", "unknown"))
    message = str(error.get("message") or code)
    detail = _find_detail(error.get("details"))
    if detail is None:
        return SpanloomError(REASON_BY_CODE.get(code, "INTERNAL"), message)
    name = reason_name(detail.reason)
    reason = name if name in CATALOGUE else REASON_BY_CODE.get(code, "INTERNAL")
    return SpanloomError(reason, message, facts_of(detail))


def reason_name(reason: int) -> str:
    """Name of a reason without the enum's prefix; empty for one that is not known here."""
    value = error_pb2.ErrorReason.DESCRIPTOR.values_by_number.get(reason)
    return str(value.name).removeprefix("ERROR_REASON_") if value else ""


def facts_of(detail: error_pb2.ErrorDetail) -> ErrorFacts:
    """What a detail tells beside the reason."""
    return ErrorFacts(
        field=detail.field or None,
        limit=detail.limit if detail.HasField("limit") else None,
        actual=detail.actual if detail.HasField("actual") else None,
        retry_after=detail.retry_after_ms / 1000 if detail.HasField("retry_after_ms") else None,
        metadata=dict(detail.metadata),
    )


def unreachable(url: str, cause: BaseException) -> SpanloomError:
    """The error of a call that no server answered."""
    why = str(cause) or type(cause).__name__
    return SpanloomError("STORE_UNAVAILABLE", f"cannot reach the server at {url}: {why}")


def _find_detail(details: object) -> error_pb2.ErrorDetail | None:
    for each in details if isinstance(details, list) else []:
        if not isinstance(each, dict) or each.get("type") != DETAIL_TYPE:
            continue
        text = str(each.get("value", ""))
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4))
            return error_pb2.ErrorDetail.FromString(data)
        except (binascii.Error, DecodeError):
            # A detail that cannot be read: the code still tells the kind of failure.
            return None
    return None
