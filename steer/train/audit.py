"""`steer audit`: judge a critic on recorded episodes before any robot runs it."""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from steer.critics.artefact import load_critic, update_card
from steer.train.audit_config import AuditConfig, Thresholds
from steer.train.audit_data import Draw, Questions
from steer.train.audit_judge import Audit, judge, reached
from steer.train.audit_picture import draw_audit
from steer.train.datasets import load_episodes
from steer.train.targets import build_chunks

__all__ = ["AuditConfig", "run", "table"]

logger = logging.getLogger(__name__)


def run(config: AuditConfig, draw: Draw | None = None) -> bool:
    """Audit a critic, write what was found, and say whether it passed.

    Args:
        config: What to judge, and on what.
        draw: Candidates of the policy that `config.policy` names.

    Raises:
        ArtefactError: The critic cannot be loaded.
        DatasetError: The data cannot be read, or hold no success or no failure.
    """
    critic = load_critic(config.critic)
    episodes = load_episodes(
        config.dataset,
        task=config.task or critic.card.dataset.task or None,
        success=config.success,
        observations=tuple(item.name for item in critic.card.embodiment.observations),
    )
    same_data = episodes.fingerprint() == critic.card.dataset.fingerprint
    if same_data and critic.card.dataset.held_out:
        kept = np.isin(episodes.episode, critic.card.dataset.held_out)
        episodes = episodes.select(np.flatnonzero(kept))
    elif same_data:
        logger.warning("the critic was trained on all of these episodes; none are held out")
    else:
        logger.warning(
            "these are not the data that the critic was trained on, so all %d episodes count as "
            "held out; where it has learnt from some of them, as of data that have grown or been "
            "labelled anew, the audit flatters it",
            len(episodes),
        )
    chunks = build_chunks(episodes, horizon=critic.card.horizon, discount=critic.card.discount)
    is_held_out = bool(critic.card.dataset.held_out) or not same_data
    audit = judge(Questions(critic, episodes, chunks), config, draw=draw, is_held_out=is_held_out)
    output = config.output or config.critic.with_name(config.critic.name + "-audit")
    output.mkdir(parents=True, exist_ok=True)
    tree = asdict(audit)
    fresh = output / "audit.json.partial"
    fresh.write_text(json.dumps(tree, indent=2) + "\n")
    draw_audit(audit, output / "audit.png")
    fresh.replace(output / "audit.json")
    update_card(config.critic, replace(critic.card, audit=json.loads(json.dumps(tree))))
    sys.stdout.write(table(audit, config.thresholds) + f"picture: {output / 'audit.png'}\n")
    return not audit.failed


def table(audit: Audit, thresholds: Thresholds) -> str:
    """Return the numbers as text, those with a threshold first."""
    least = asdict(thresholds)
    where = "held-out" if audit.is_held_out else "NOT held-out"
    lines = [f"{audit.num_episodes} {where} episodes, {audit.num_successes} successes", ""]
    for name, value in reached(audit).items():
        mark = "failed" if name in audit.failed else "passed"
        lines.append(f"{name:24}{value:7.3f}   at least {least[name]:g}: {mark}")
    others: Sequence[tuple[str, float]] = (
        ("expert_over_perturbed", audit.expert_over_perturbed.value),
        ("executed_rank", audit.executed_rank.value),
        ("executed_top1", audit.executed_top1.value),
        ("override_rate", audit.override_rate),
        ("calibration error", audit.calibration.error),
        ("calibration slope", audit.calibration.slope),
    )
    lines += [f"{name:24}{value:7.3f}" for name, value in others]
    lines += [f"candidates: {audit.candidates}", ""]
    lines += [
        f"regret N={n:<3} {mine:6.2f}   random {blind:6.2f}" for n, mine, blind in audit.regret
    ]
    verdict = "passed" if not audit.failed else f"FAILED: {', '.join(audit.failed)}"
    return "\n".join([*lines, "", f"audit {verdict}", ""])
