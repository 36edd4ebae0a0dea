"""What a client that holds candidates runs when nobody chooses for it: candidate 0."""

from steer.errors import LateError, SteerError, UnreachableError
from steer.types import Candidates, Decision, Reason
from steer.wire.session import SessionInfo

__all__ = ["own_decision"]


def own_decision(
    candidates: Candidates, error: SteerError, sequence: int, session: SessionInfo
) -> Decision:
    """Return candidate 0 with the reason why nobody else chose."""
    reasons = {LateError: Reason.LATE, UnreachableError: Reason.UNREACHABLE}
    reason = reasons.get(type(error), Reason.REFUSED)
    return Decision(
        index=0,
        chunk=candidates.actions[0],
        commit_horizon=session.commit_horizon,  # candidates are at least as long
        reason=reason,
        provenance=candidates.provenance,
        budget_hit=reason is Reason.LATE,
        sequence=sequence,
        detail=str(error),
    )
