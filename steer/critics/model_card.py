"""The model card: a critic's card in words, for whoever opens the directory."""

import json

from steer.critics.card import CriticCard
from steer.critics.measured import measured_text

__all__ = ["model_card"]


def model_card(card: CriticCard) -> str:
    """Return the text of `README.md`."""
    data, body = card.dataset, card.embodiment
    observations = ", ".join(f"`{item.name}` {list(item.shape)}" for item in body.observations)
    actions = ", ".join(
        f"`{dim.name}`" + (f" ({dim.unit})" if dim.unit else "") for dim in body.actions
    )
    failures = data.num_episodes - data.num_successes
    seen = (
        f"{data.name}: {data.num_episodes} episodes ({data.num_successes} successes, "
        f"{failures} failures), {data.num_chunks} chunks, {len(data.held_out)} episodes held out"
    )
    audit = "Not audited: run `steer audit` before any rollout."
    if card.audit is not None:
        # `failed` names the thresholds missed; an audit without it proves nothing.
        failed = card.audit.get("failed", ["no verdict in the card"])
        verdict = f"FAILED: {', '.join(failed)}" if failed else "passed"
        verdict += "".join(f". {text}" for text in card.audit.get("warnings", ()))
        audit = f"Audit {verdict}.\n\n```json\n{json.dumps(dict(card.audit), indent=2)}\n```"
    versions = ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))
    task = data.instruction or data.task or "a task without a name"
    tick = (1 - card.discount) * card.head.v_min  # what fails for ever is worth v_min
    found = measured_text(card.measured)
    weights = card.selection.weights.items()
    weighed = "".join(f", {name} {weight:g}" for name, weight in weights if weight)
    measured = f"\n## With robots\n\n{found}\n" if found else ""
    return f"""---
library_name: steer
tags: [robotics, offline-reinforcement-learning, critic]
---
# Critic for "{task}"

Scores the next {card.horizon} actions of `{body.name or "an unnamed robot"}` at
{body.control_hz:g} Hz: the expected discounted return ({tick:.3g} a tick until success, discount
{card.discount:g}; {card.head.v_min:g} to {card.head.v_max:g}).
Serve it with `steer serve --critic DIR`.

| | |
|---|---|
| algorithm | {card.algorithm}, {card.num_members} members on a shared encoder |
| observations | {observations} |
| actions | {actions} |
| selection | margin {card.selection.margin:g}, beta {card.selection.beta:g} (discounted return){weighed} |
| data | {seen} |
| fingerprint | `{data.fingerprint}` |
| weights | sha256 `{card.weights_sha256}` |
| made with | {versions} |

## Limits

It knows this robot, these observations and chunks like those in its data, and nothing else. Loading
refuses files that do not match the card; sessions refuse another embodiment.

## Audit

{audit}
{measured}"""
