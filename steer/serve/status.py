"""Our errors as gRPC statuses, mapped at the outermost boundary of an RPC."""

import functools
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from steer.errors import OverloadedError, SteerError

__all__ = ["rpc"]

logger = logging.getLogger(__name__)

_MAX_DETAILS = 2000
"""Characters of a status text: trailers are limited to 8 KiB, and quoted input may be long."""

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[Any]])


def rpc(handler: _Handler) -> _Handler:
    """Turn what a handler raises into a status, `steer-error` naming its class.

    A SteerError becomes its own status with its text. Anything else is our fault: INTERNAL with an
    id, and the traceback in the log under that id.
    """

    @functools.wraps(handler)
    async def guarded(
        self: object, request: object, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> Any:  # noqa: ANN401  # the reply's type is the handler's
        try:
            return await handler(self, request, context)
        except SteerError as error:
            await _abort(context, error)
        except grpc.aio.AbortError:
            raise
        except Exception:
            incident = secrets.token_hex(4)
            logger.exception("request failed id=%s rpc=%s", incident, handler.__name__)
            await context.abort(
                grpc.StatusCode.INTERNAL,
                f"the server failed; its log has the reason under id {incident}",
                (("steer-error", "ServerError"),),
            )

    return guarded  # type: ignore[return-value]  # same signature, wrapped


async def _abort(context: "grpc.aio.ServicerContext[Any, Any]", error: SteerError) -> None:
    metadata = [("steer-error", type(error).__name__)]
    if isinstance(error, OverloadedError):
        metadata.append(("retry-after-ms", str(max(int(error.retry_after_s * 1000), 1))))
    details = str(error)[:_MAX_DETAILS]
    await context.abort(grpc.StatusCode[error.grpc_code], details, tuple(metadata))
