"""Candidates, selections and decisions: record <-> message."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.types import (
    Candidates,
    Decision,
    Provenance,
    Reason,
    Selection,
    Selector,
    Timings,
)
from steer.v1 import types_pb2
from steer.wire.tensors import (
    duration_to_seconds,
    fill_duration,
    fill_tensor,
    tensor_from_message,
)

__all__ = [
    "candidates_from_message",
    "candidates_to_message",
    "decision_from_message",
    "decision_to_message",
    "fill_candidates",
    "provenance_codes",
    "selection_from_message",
    "selection_to_message",
    "selector_from_code",
    "selector_to_code",
]

_PROVENANCE = {item: types_pb2.Provenance.Value("PROVENANCE_" + item.name) for item in Provenance}
_PROVENANCE_BY_CODE = {code: item for item, code in _PROVENANCE.items()}
_PROVENANCE_BY_CODE[types_pb2.PROVENANCE_UNSPECIFIED] = Provenance.POLICY
_CLIENT_REASONS = (Reason.LATE, Reason.UNREACHABLE, Reason.REFUSED)
_REASON: Mapping[Reason, Any] = {
    item: types_pb2.Reason.Value("REASON_" + item.name)
    for item in Reason
    if item not in _CLIENT_REASONS
}
_REASON_BY_CODE = {code: item for item, code in _REASON.items()}
_SELECTOR: Mapping[Selector, Any] = {
    name: types_pb2.Selector.Value("SELECTOR_" + name.upper()) for name in get_args(Selector)
}
_SELECTOR_BY_CODE: dict[int, Selector] = {code: name for name, code in _SELECTOR.items()}
_SELECTOR_BY_CODE[types_pb2.SELECTOR_UNSPECIFIED] = "argmax"
_TIMINGS = ("decode", "policy", "queue", "encode", "score", "total")


def provenance_codes(provenance: Sequence[Provenance]) -> list[Any]:
    """Return protobuf's values of provenances."""
    if provenance.count(Provenance.POLICY) == len(provenance):
        return [_PROVENANCE[Provenance.POLICY]] * len(provenance)
    return [_PROVENANCE[item] for item in provenance]


def _provenance_from_codes(codes: Sequence[int], what: str) -> tuple[Provenance, ...]:
    try:
        return tuple(map(_PROVENANCE_BY_CODE.__getitem__, codes))
    except KeyError as error:
        raise InvalidInputError.expected(what, "a known Provenance", error.args[0]) from None


def candidates_to_message(candidates: Candidates) -> types_pb2.Candidates:
    """Return the message of candidates."""
    message = types_pb2.Candidates()
    fill_candidates(message, candidates)
    return message


def fill_candidates(message: types_pb2.Candidates, candidates: Candidates) -> None:
    """Write candidates into an empty message that stands in its place."""
    fill_tensor(message.actions, candidates.actions)
    message.provenance.extend(provenance_codes(candidates.provenance))


def candidates_from_message(message: types_pb2.Candidates) -> Candidates:
    """Return the candidates of a message.

    Raises:
        InvalidInputError: The actions are not finite float32 of shape [N, H, A], or the provenance
            does not fit.
    """
    actions = tensor_from_message(message.actions, "candidates.actions")
    provenance = _provenance_from_codes(message.provenance, "candidates.provenance")
    return Candidates(actions, provenance)  # type: ignore[arg-type]  # the record checks the dtype


def selector_to_code(selector: Selector) -> Any:  # noqa: ANN401  # enum values of protobuf
    """Return protobuf's value of a selector."""
    return _SELECTOR[selector]


def selector_from_code(code: int) -> Selector:
    """Return the selector of protobuf's value; unset is argmax.

    Raises:
        InvalidInputError: There is no such selector.
    """
    if code not in _SELECTOR_BY_CODE:
        raise InvalidInputError.expected("selection.selector", "a known Selector", code)
    return _SELECTOR_BY_CODE[code]


def selection_to_message(selection: Selection) -> types_pb2.Selection:
    """Return the message of a selection."""
    return types_pb2.Selection(
        selector=_SELECTOR[selection.selector],
        gated=selection.gated,
        margin=selection.margin,
        beta=selection.beta,
        temperature=selection.temperature,
        tau=selection.tau,
        weights=selection.weights,
        num_fitted=selection.num_fitted,
        adaptive=selection.adaptive,
        continuation=selection.continuation,
        paraphrases=selection.paraphrases,
        commit_horizon=selection.commit_horizon,
    )


def selection_from_message(message: types_pb2.Selection) -> Selection:
    """Return the selection of a message; what is unset stays None or the record's default.

    Raises:
        InvalidInputError: A field is out of its range.
    """
    given = {
        name: getattr(message, name)
        for name in ("gated", "margin", "beta", "temperature", "tau", "commit_horizon")
        if message.HasField(name)
    }
    return Selection(
        selector=selector_from_code(message.selector),
        weights=dict(message.weights),
        num_fitted=message.num_fitted,
        adaptive=message.adaptive,
        continuation=message.continuation,
        paraphrases=tuple(message.paraphrases),
        **given,
    )


def decision_to_message(decision: Decision) -> types_pb2.Decision:
    """Return the message of a decision."""
    message = types_pb2.Decision(
        sequence=decision.sequence,
        index=decision.index,
        commit_horizon=decision.commit_horizon,
        reason=_REASON[decision.reason],
        overrode=decision.overrode,
        provenance=provenance_codes(decision.provenance),
        feasible=decision.feasible,
        num_scored=decision.num_scored,
        budget_hit=decision.budget_hit,
        critic_digest=decision.critic_digest,
        policy=decision.policy,
        left_out=decision.left_out,
    )
    fill_tensor(message.chunk, decision.chunk)
    fill_tensor(message.scores, decision.scores)
    fill_tensor(message.values, decision.values)
    for name in _TIMINGS:
        fill_duration(getattr(message.timings, name), getattr(decision.timings, name + "_s"))
    if decision.candidates is not None:
        fill_candidates(message.candidates, decision.candidates)
    return message


def decision_from_message(message: types_pb2.Decision) -> Decision:
    """Return the decision of a message.

    Raises:
        InvalidInputError: A field breaks its contract.
    """
    chunk = _float32_from_message(message.chunk, "decision.chunk", ("H", "A"))
    if not 1 <= message.commit_horizon <= len(chunk):
        raise InvalidInputError.expected(
            "decision.commit_horizon", f"1..{len(chunk)}", message.commit_horizon
        )
    if message.index < 0:
        raise InvalidInputError.expected("decision.index", ">= 0", message.index)
    if message.reason not in _REASON_BY_CODE:
        raise InvalidInputError.expected("decision.reason", "a known Reason", message.reason)
    has_candidates = message.HasField("candidates")
    timings = {
        name + "_s": duration_to_seconds(getattr(message.timings, name), f"timings.{name}")
        for name in _TIMINGS
    }
    return Decision(
        index=message.index,
        chunk=chunk,
        commit_horizon=message.commit_horizon,
        reason=_REASON_BY_CODE[message.reason],
        overrode=message.overrode,
        scores=_float32_from_message(message.scores, "decision.scores", ("N",)),
        values=_float32_from_message(message.values, "decision.values", ("K", "N")),
        provenance=_provenance_from_codes(message.provenance, "decision.provenance"),
        feasible=tuple(message.feasible),
        num_scored=message.num_scored,
        budget_hit=message.budget_hit,
        timings=Timings(**timings),
        critic_digest=message.critic_digest,
        policy=message.policy,
        candidates=candidates_from_message(message.candidates) if has_candidates else None,
        sequence=message.sequence,
        left_out=tuple(message.left_out),
    )


def _float32_from_message(
    message: types_pb2.Tensor, what: str, axes: tuple[str, ...]
) -> NDArray[np.float32]:
    array = tensor_from_message(message, what)
    if array.dtype != np.float32 or array.ndim != len(axes):
        got = f"{array.dtype} of shape {list(array.shape)}"
        raise InvalidInputError.expected(what, f"float32 of shape [{', '.join(axes)}]", got)
    return cast("NDArray[np.float32]", array)
