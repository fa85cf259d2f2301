"""What evaluating a policy is made of: the environment, the policy, whether they fit, and what is varied."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import msgspec

from mimicgen.datagen.config.evaluating import A_SUBTASK, FLOOR, Evaluate
from mimicgen.datagen.config.varying import VaryConfig
from mimicgen.datagen.errors import ConfigError

if TYPE_CHECKING:
    from mimicgen.datagen.policies.policy import Contract
    from mimicgen.datagen.session.generator import Generator
    from mimicgen.datagen.session.opening import Opening


async def evaluate(job: Evaluate, opening: Opening) -> Generator:
    """Return what makes episodes with a policy; see `mimicgen.datagen.session.opening`.

    Raises:
        BadInputError: There is no such policy, or it does not fit the task.
    """
    async with opening.isaac_lab():
        from mimicgen.datagen.attempts.randomness import evaluation_seed
        from mimicgen.datagen.generation.machine import Ending
        from mimicgen.datagen.policies import acting, agreeing, applying, builtin, choosing, observing
        from mimicgen.datagen.policies.policy import rows_on
        from mimicgen.datagen.tasks import catalogue, motion
    async with opening.sources() as (cfg, note):
        if varied := _varied(job.vary):
            note(f"varied: {varied}")
    async with opening.environment(staged=True) as (opened, note):
        env: Any = opened.env
        found, by_file = catalogue.description_of(cfg), getattr(cfg, "described", None)
        body = motion.body_of(found, motion.commands_of(cfg.env_name, by_file))
        seen = observing.Observations(opened, body)
        applied = applying.Applying(env, body)
        offered = agreeing.Offered(
            task=cfg.env_name,
            observed=seen.shapes(),
            action_dims=applied.dims,
            rate=1.0 / env.step_dt,
            cameras=tuple(job.render.cameras),
        )
        if job.vary.look:
            opened.dress(job.render, job.seed, job.vary.look)
        device = job.policy_device or str(env.device)
        rows = rows_on(device)
        spared = job.num_envs + rows
        learned = await choosing.opened(
            job.policy, offered, by_file, device=device, num_envs=spared, python=job.policy_python
        )
        opening.closes(learned.close)
        names = agreeing.agreed(job.policy, learned.contract, offered)
        starts = learned if isinstance(learned, builtin.Replayed) else None
        if starts is not None and job.num_trials > starts.count:
            raise ConfigError(
                f"num_trials = {job.num_trials}: policy '{job.policy}' has {starts.count} demonstrations, and replays "
                f"one an episode; set num_trials = {starts.count} or less"
            )
        history = observing.History(
            seen,
            names,
            steps=learned.contract.history,
            num_envs=job.num_envs,
            noise=job.vary.observation_noise,
        )
        kind = learned.contract.actions or agreeing.RECORDED
        most = job.max_steps or max(FLOOR, A_SUBTASK * max(map(len, env.cfg.subtask_configs.values())))
        policy = acting.ActingPolicy(
            opened,
            learned,
            history,
            applied.of(kind),
            rows=rows,
            action_dim=applied.dims[kind],
            instruction=opened.facts["language"]["instruction"],
            max_steps=most,
            delay=job.vary.action_delay,
            starts=starts,
        )
        opened.facts["policy"] = {
            **_plain(learned.contract, names, kind),
            "policy": job.policy,
            "device": device,
            "effort": policy.effort,
        }
        opened.facts["episodes"] = {"max_steps": most, "hold_steps": job.hold_steps, "seeds": "evaluation"}
        note(f"the policy observes {', '.join(names) or 'nothing'}; its actions are {kind}")
        seed_of = functools.partial(evaluation_seed, job.seed)
        ending = Ending(hold_steps=job.hold_steps, max_steps=most)
        return opening.attempts(opened, policy, note, seed_of=seed_of, ending=ending)


def _varied(vary: VaryConfig) -> str:
    """Return what is varied: 'action_delay = 3'."""
    default = msgspec.structs.asdict(VaryConfig())
    told = msgspec.structs.asdict(vary)
    return ", ".join(f"{key} = {value}" for key, value in told.items() if value != default[key])


def _plain(contract: Contract, names: tuple[str, ...], kind: str) -> dict[str, Any]:
    """Return what the record says of a policy."""
    told = dataclasses.asdict(contract) | {"observed": list(names), "actions": kind}
    return {key: value for key, value in told.items() if value is not None and key != "alone"}
