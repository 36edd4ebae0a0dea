"""`steer audit`: judge a critic on recorded episodes before any robot runs it."""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from steer.critics.artefact import load_critic, update_card
from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import Instructions, instructions_for
from steer.train.audit_compare import Comparison, check_comparable, differences
from steer.train.audit_config import AuditConfig
from steer.train.audit_data import Draw, Questions
from steer.train.audit_held import KeptBack, kept_back, kept_by_both
from steer.train.audit_judge import Judged, judge
from steer.train.audit_picture import draw_audits
from steer.train.audit_table import comparison_table, table
from steer.train.critic_data import load_for
from steer.train.datasets import Episodes
from steer.train.targets import build_chunks
from steer.train.visible import seen_chunks

__all__ = ["AuditConfig", "run"]

logger = logging.getLogger(__name__)


def run(config: AuditConfig, draw: Draw | None = None) -> bool:
    """Audit a critic, write what was found, and say whether it passed.

    Args:
        config: What to judge, and on what; with `against`, another critic beside it.
        draw: Candidates of the policy that `config.policy` names.

    Raises:
        ArtefactError: A critic or a sentence encoder cannot be loaded.
        ConfigError: The other critic is for another body, task or horizon, or a sentence encoder is
            missing.
        DatasetError: The data cannot be read, lack what a critic sees, hold no success or no
            failure, or no episode that both critics kept back.
    """
    critic = load_critic(config.critic)
    rival = load_critic(config.against) if config.against else None
    if rival:
        check_comparable(critic.card, rival.card)
    cards = {str(config.critic): critic.card}
    if rival:
        cards[str(config.against)] = rival.card
    instructions = instructions_for(cards, config.sentence_encoder)
    episodes = _told(_episodes(config, list(cards.values())), cards, instructions)
    kept = _kept(config.critic, critic, episodes)
    judged = _judge(config, critic, episodes, kept, draw)
    for warning in judged.audit.warnings:
        logger.warning("audit: %s", warning)
    tree: dict[str, Any] = json.loads(json.dumps(asdict(judged.audit)))
    text, names, shown = table(judged.audit), [config.critic.name], [judged.audit]
    beside: dict[str, Any] = {}
    if rival:
        found = _compare(config, (critic, rival), (episodes, kept, judged), draw)
        text = (text + "\n" if found.remark else "") + comparison_table(found)
        names, shown, beside = (
            [*found.names],
            [found.first, found.second],
            {"against": asdict(found)},
        )
    output = config.output or config.critic.with_name(config.critic.name + "-audit")
    output.mkdir(parents=True, exist_ok=True)
    fresh = output / "audit.json.partial"
    fresh.write_text(json.dumps({**tree, **beside}, indent=2) + "\n")
    draw_audits(shown, names, output / "audit.png")
    fresh.replace(output / "audit.json")
    update_card(config.critic, replace(critic.card, audit=tree))
    sys.stdout.write(text + f"picture: {output / 'audit.png'}\n")
    return not judged.audit.failed


def _told(
    episodes: Episodes, cards: Mapping[str, CriticCard], instructions: Mapping[str, Instructions]
) -> Episodes:
    """Return the episodes with the vectors of a sentence encoder, where a critic needs one."""
    for name, card in cards.items():
        if card.sentence_encoder:
            tasks = episodes.told()
            vectors = instructions[name].vectors(tasks.instructions)
            told = replace(tasks, vectors=vectors, encoder=card.sentence_encoder)
            return replace(episodes, tasks=told)
    return episodes


def _compare(
    config: AuditConfig,
    critics: tuple[Critic, Critic],
    own: tuple[Episodes, KeptBack, Judged],
    draw: Draw | None,
) -> Comparison:
    """Judge both critics on the episodes that both have kept back."""
    assert config.against is not None  # else there is nothing to compare with
    episodes, kept, first = own
    theirs = _kept(config.against, critics[1], episodes)
    names = (config.critic.name, config.against.name)
    if names[0] == names[1]:
        names = (str(config.critic), str(config.against))
    mask, remark = kept_by_both((kept, theirs), names)
    if remark:
        logger.warning("%s", remark)
    if (mask != kept.mask).any():
        first = _judge(config, critics[0], episodes, replace(kept, mask=mask), draw)
    second = _judge(config, critics[1], episodes, replace(theirs, mask=mask), draw)
    return Comparison(
        names=names,
        digests=(critics[0].digest, critics[1].digest),
        first=first.audit,
        second=second.audit,
        difference=differences(first, second, seed=config.seed),
        remark=remark,
    )


def _judge(
    config: AuditConfig, critic: Critic, episodes: Episodes, kept: KeptBack, draw: Draw | None
) -> Judged:
    card, judged_on = critic.card, episodes.select(np.flatnonzero(kept.mask))
    chunks = build_chunks(
        judged_on, horizon=card.horizon, discount=card.discount, worst=card.head.v_min
    )
    chunks = seen_chunks(chunks, judged_on, looks_ahead=False)
    questions = Questions(critic, judged_on, chunks)
    return judge(questions, config, draw=draw, is_held_out=kept.is_held_out)


def _kept(path: Path, critic: Critic, episodes: Episodes) -> KeptBack:
    found = kept_back(critic.card, episodes)
    if found.remark:
        logger.warning("%s: %s", path.name, found.remark)
    return found


def _episodes(config: AuditConfig, cards: list[CriticCard]) -> Episodes:
    return load_for(
        cards, config.dataset, tasks=config.task, success=config.success, frames=config.frames
    )
