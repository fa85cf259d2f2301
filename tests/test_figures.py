"""The figures of README and docs are those of `docs/measured/`, and those say how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripts.measure_recovery import SETTINGS

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.tasks.catalogue import names
from tests.conftest import PROJECT

MEASURED = PROJECT / "docs" / "measured"
SAYING = (
    *("success.json", "success_h100.json", "success_physx.json", "engines_h100.json", "replays_engines.json"),
    *("engines_cpu.json", "throughput_h100_1024.json", "images_cpu.json", "states_cpu.json"),
    *("recovery_cpu.json", "tasks.json", "tasks_physx.json", "throughput_two_arms_16.json", "two_arms_h100.json"),
    *("contacts.json", "evaluation_cpu.json", "evaluation_h200.json", "driver.json"),
    *("merging.json", "merging_parallel.json", "watching.json"),
)


def read(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((MEASURED / name).read_text())
    return told


def text_of(*path: str) -> str:
    return " ".join(Path(PROJECT, *path).read_text().split())


def kept(row: dict[str, Any]) -> str:
    """'263 of 300, 88% (83 to 91)': count, rate and 95% interval."""
    low, high = (f"{100 * value:.0f}" for value in row["interval"])
    return f"{row['successes']} of {row['attempts']}, {100 * row['rate']:.0f}% ({low} to {high})"


@pytest.mark.parametrize("name", SAYING)
def test_a_measured_figure_says_how_it_was_made(name: str) -> None:
    told = read(name)
    assert told["command"].startswith("python -m scripts.")
    assert len(told["commit"]) >= 7
    assert not told["commit"].endswith("+"), "measured on a commit"
    assert {"isaaclab", "newton", "mimicgen.datagen"} <= set(told["versions"])
    assert {"processor", "cores", "memory_gb"} <= set(told["machine"])


def test_every_rate_has_its_count_and_interval_from_seeds_that_nothing_was_tuned_on() -> None:
    for name in SAYING[:5]:
        for row in read(name)["rows"].values():
            assert row["interval"] == [round(value, 4) for value in wilson(row["successes"], row["attempts"])]
            assert row.get("seed", 20261201) >= 20261201
    for name in ("success.json", "success_physx.json"):
        rows = read(name)["rows"]
        assert len(rows) == 4
        assert all(row["attempts"] >= 300 for row in rows.values())


@pytest.mark.parametrize("document", [("README.md",), ("docs", "physics.md")])
def test_success_is_told_as_it_was_measured(document: tuple[str, ...]) -> None:
    text = text_of(*document)
    for row in read("success.json")["rows"].values():
        assert kept(row) in text


def test_policies_are_told_as_they_were_evaluated() -> None:
    text, told = text_of("docs", "policies.md"), read("policies.json")
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in told["rows"]:
        assert row["attempts"] >= 200
        assert row["interval"] == [round(value, 4) for value in wilson(row["successes"], row["attempts"])]
        of = (row["task"], row["data"], str(row["demonstrations"]), row["preset"], *row["set"])
        alike.setdefault(of, []).append(row)
    for rows in alike.values():
        assert sorted(row["training_seed"] for row in rows) == [1, 2, 3]
        each = ", ".join(kept(row).partition(", ")[2] for row in rows)
        counts = ", ".join(str(row["successes"]) for row in rows)
        assert f"{counts}: {each}" in text
        mean = 100 * sum(row["successes"] for row in rows) / sum(row["attempts"] for row in rows)
        assert f"**{mean:.0f}%**" in text
    for row in told["turned"]:
        assert row["interval"] == pytest.approx(wilson(row["successes"], row["attempts"]), abs=1e-4)
        assert kept(row) in " ".join(text.split())
    sources, on_cuda, *others = told["single"]
    for row in (sources, *others):
        assert kept(row) in text
    assert f"succeeds {told['rows'][0]['successes']} times on the CPU's engine and {on_cuda['successes']} times" in text
    for successes, attempts in told["kept"].values():
        own = {"successes": successes, "attempts": attempts, "rate": successes / attempts}
        assert kept(own | {"interval": wilson(successes, attempts)}) in text


def test_steps_on_a_cpu_take_what_is_told() -> None:
    text = " ".join(text_of("docs", "policies.md").split())
    few, many = (row["medians"] for row in read("training_cpu.json")["rows"])
    assert f"takes {many['bfloat16']:.0f} ms instead of {many['float32']:.0f} with 128 samples" in text
    assert f"and {few['bfloat16']:.0f} instead of {few['float32']:.0f} with 64" in text


def test_disturbed_and_retried_attempts_are_kept_as_it_is_told() -> None:
    text = text_of("docs", "recovery.md")
    rows = read("recovery_cpu.json")["rows"]
    both = (f"{source}_{how}" for source in ("human", "shipped") for how in SETTINGS)
    assert sorted(rows) == sorted([*both, "human_left_out"])
    assert kept(rows["human_left_out"]) in text_of("README.md")
    for row in rows.values():
        assert kept(row) in text
        tries, disturbed = row["tries"]["tries"], row["perturbed"]
        of = [(row["successes"], tries)] * (tries > row["attempts"])
        of += [(disturbed["successes"], disturbed["attempts"])] * (disturbed["attempts"] > 0)
        for successes, attempts in of:
            own = {"interval": wilson(successes, attempts), "rate": successes / attempts}
            assert kept(own | {"successes": successes, "attempts": attempts}) in text


def test_tasks_by_file_succeed_as_it_is_told() -> None:
    text = text_of("docs", "tasks.md")
    for name, engine in (("tasks.json", "mujoco"), ("tasks_physx.json", "physx")):
        rows = read(name)["rows"]
        assert sorted(rows) == names()
        for row in rows.values():
            assert kept(row) in text
            assert (row["physics"], row["attempts"]) == (engine, 100)
            assert row["seed"] >= 20261201
            assert row["interval"] == [round(value, 4) for value in wilson(row["successes"], row["attempts"])]


def test_contacts_are_as_firm_as_it_is_told() -> None:
    text, rows = text_of("docs", "physics.md"), read("contacts.json")["rows"]
    shipped = [row for row in rows if row["inertia_of_drives"]]
    assert [row["step_ms"] for row in shipped] == [2.0]
    for row in rows:
        own = "yes" if row["inertia_of_drives"] else "no"
        told = f"| {row['step_ms']:g} ms | {own} | {row['held']} of {row['grasps']} |"
        assert told in text
        if row["held"] == row["grasps"]:
            slips, drifts = (
                f"{row[f'{key}_mm_median']:.2f}, {row[f'{key}_mm_most']:.2f} mm" for key in ("slip", "drift")
            )
            assert f"{told} {row['fingers_in_cube_mm']:.2f} mm | {slips} | {drifts} |" in text
    calibrated = next(row for row in rows if row["step_ms"] == 1.0)
    assert shipped[0]["held"] == shipped[0]["grasps"]
    for key in ("fingers_in_cube_mm", "slip_mm_most", "drift_mm_most"):
        assert shipped[0][key] <= calibrated[key], "not softer than what was calibrated"


def test_the_engines_are_compared_as_they_were_measured() -> None:
    text = text_of("docs", "physics.md")
    for name in ("success_physx.json", "engines_h100.json"):
        for row in read(name)["rows"].values():
            assert kept(row) in text
    for row in (*read("engines_h100.json")["rows"].values(), *read("engines_cpu.json")["rows"].values()):
        assert f"| {row['ms_a_step_median']} |" in text
    for row in read("replays_engines.json")["rows"].values():
        assert kept(row | {"rate": row["successes"] / row["attempts"]}) in text


def test_what_the_order_costs_is_told_as_it_was_measured() -> None:
    costs = [row["order_costs"] for row in read("success_h100.json")["rows"].values()]
    assert max(costs) <= 0.05
    told = f"{100 * min(costs):.1f} to {100 * max(costs):.1f}%"
    assert told in text_of("docs", "throughput.md")


def test_rates_an_hour_are_told_with_images_and_without() -> None:
    states = read("states_cpu.json")["rows"]["shipped_default"]
    images = read("images_cpu.json")["rows"]["shipped_default"]
    assert states["num_envs"] == images["num_envs"] == 16
    for row, kind in ((states, "states only"), (images, "with images")):
        rounded = f"{row['kept_an_hour'] / 100:.0f}00" if row["kept_an_hour"] > 1000 else f"{row['kept_an_hour']:.0f}"
        assert f"{rounded} an hour {kind}" in text_of("README.md")


def test_two_arms_are_as_fast_as_it_is_told() -> None:
    stock, ours = (read("throughput_two_arms_16.json")["sides"][side]["ms_a_step"] for side in ("stock", "ours"))
    assert stock / ours >= 20
    told = f"{stock:.0f} ms a step against **{ours:.1f}**, a ratio of {stock / ours:.0f}"
    assert told in text_of("docs", "throughput.md")


def test_two_arms_on_a_gpu_are_told_as_they_were_measured() -> None:
    one, two = (read("two_arms_h100.json")["rows"][task] for task in ("stack", "two_arm_lift"))
    ratio = one["ms_a_step_median"] / two["ms_a_step_median"]
    assert ratio >= 0.4
    text = text_of("docs", "throughput.md")
    assert f"{one['ms_a_step_median']} ms with one arm" in text
    assert f"{two['ms_a_step_median']} ms with two" in text
    assert f"{ratio:.2f} times" in text
    hours = (f"{row['kept_an_hour']:,}".replace(",", " ") for row in (one, two))
    assert " and ".join(hours) + " kept demonstrations an hour" in text


def test_evaluation_is_as_fast_as_it_was_measured() -> None:
    told, text = read("evaluation_cpu.json"), text_of("docs", "policies.md")
    on_cuda = read("evaluation_h200.json")
    assert min(told["ratio"], on_cuda["ratio"]) >= 0.5, "what was asked of it"
    assert f"it was {on_cuda['ratio']:.2f} times as many" in text
    assert f"made {told['ratio']:.2f} times as many environment steps a second" in text
    assert f"and {told['processor_ratio']:.2f} times as many a second of processor time" in text


def test_the_driver_of_shards_costs_what_is_told_and_keeps_up() -> None:
    text, told = text_of("docs", "scale.md"), read("driver.json")
    assert (told["workers"], told["attempts_committed"] >= 10_000_000) == (1000, True)
    assert told["share_of_a_core"] < 1
    assert told["peak_memory_mb"] < 2000
    assert 60 * told["shards_a_second_at_most"] > 1000
    assert f"{told['shards_a_second_at_most']} shards a second at most" in text
    assert f"{100 * told['share_of_a_core']:.1f}% of a core" in text
    assert f"{told['peak_memory_mb']} MB of memory; the slowest commit took {told['slowest_commit_ms']:.0f} ms" in text
    assert f"{told['made_beyond_the_target']} attempts of ten million" in text


def test_merging_in_several_processes_would_not_pay() -> None:
    text, told = text_of("docs", "scale.md"), read("merging_parallel.json")
    whole, alone, parts, joining = (
        told[f"{name}_processor_seconds"] for name in ("merging", "copying_alone", "parts", "joining_parts")
    )
    assert parts / told["processes"] + joining >= whole, "otherwise it is to be done"
    assert f"merging takes {whole:.1f} s of processor time, {alone:.1f} s of it the copying itself" in text
    assert f"take {parts:.1f} s, and joining the halves another {joining:.1f} s" in text


def test_putting_shards_together_takes_what_is_told() -> None:
    text, told = text_of("docs", "scale.md"), read("merging.json")
    assert f"{told['shards']} shards with {told['demonstrations']} demonstrations" in text
    assert f"{told['stored_mb']:.0f} MB, take {told['merging_seconds']:.0f} s and {told['peak_memory_mb']} MB" in text
    assert f"{told['demonstrations_a_second']} demonstrations a second" in text


def test_watching_workers_keeps_kit_within_its_bound() -> None:
    text, told = text_of("docs", "scale.md"), read("watching.json")
    watched = told["watched"]
    assert watched["update_ms_99th"] <= told["allowed_ms"]
    assert told["putting_together"]["update_ms_median"] <= told["allowed_ms"]
    assert sum(told[phase]["updates_without_a_turn_for_others"] for phase in ("watched", "putting_together")) == 0
    assert f"takes {watched['update_ms_median']} ms in the median, where {told['allowed_ms']:.0f} ms are" in text
    assert f"{watched['update_ms_99th']:.2f} ms in the 99th of a hundred" in text
    assert f"{watched['update_ms_longest']:.0f} ms in the longest of {watched['updates']}" in text
    assert f"all of them took {watched['processor_seconds']:.1f} s of processor time" in text


def test_a_gpu_is_as_fast_as_it_is_told() -> None:
    told, text = read("throughput_h200_step.json"), text_of("docs", "throughput.md")
    for row in told["rows"]:
        rate, kept_an_hour = (f"{row[key]:,.0f}".replace(",", " ") for key in ("env_steps_a_second", "kept_an_hour"))
        assert rate in text
        assert kept_an_hour in text
        assert f"{row['kept']:.0f} of {row['attempts']:.0f}" in text
    readme = text_of("README.md")
    for row, key in ((told["rows"][2], "kept_an_hour"), (told["rows"][3], "env_steps_a_second")):
        assert f"{row[key]:,.0f}".replace(",", " ") in readme
    two, scale = read("two_gpus_h200.json"), text_of("docs", "scale.md")
    assert f"**{two['ratio']:.1f} times**" in scale
    for rate in two["attempts_a_second"].values():
        assert f"{rate} a second" in scale
