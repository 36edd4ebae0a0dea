"""Our errors as gRPC statuses."""

import asyncio

import grpc
import pytest

from steer.errors import InvalidInputError, OverloadedError, SessionError
from steer.serve.status import rpc


class Context:
    """Notes what it is aborted with."""

    async def abort(self, code, details, metadata):
        self.code, self.details, self.metadata = code, details, dict(metadata)
        raise grpc.aio.AbortError


def aborted(error):
    @rpc
    async def handler(self, request, context):
        raise error

    context = Context()
    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(handler(None, None, context))
    return context


def test_an_error_carries_its_status_its_class_and_its_text():
    """The client builds the same error again."""
    context = aborted(SessionError("session: gone"))

    assert context.code is grpc.StatusCode.FAILED_PRECONDITION
    assert context.details == "session: gone"
    assert context.metadata == {"steer-error": "SessionError"}


def test_overload_says_when_to_come_back():
    """In milliseconds, at least one."""
    assert aborted(OverloadedError("x", retry_after_s=0.25)).metadata["retry-after-ms"] == "250"
    assert aborted(OverloadedError("x", retry_after_s=1e-6)).metadata["retry-after-ms"] == "1"


def test_a_long_text_is_cut():
    """Trailers are limited to 8 KiB; a longer one would hide the status."""
    assert len(aborted(InvalidInputError("x" * 100_000)).details) == 2000


def test_a_reply_passes_unchanged():
    """Nothing is done where nothing is wrong."""

    @rpc
    async def handler(self, request, context):
        return request

    assert asyncio.run(handler(None, "reply", None)) == "reply"
