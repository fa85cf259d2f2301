from __future__ import annotations

import torch

from mimicgen.datagen.policies.training.windows import Windows, image_statistics, normalised, shifted

CPU = torch.device("cpu")
LENGTHS = torch.tensor([5, 3, 8])


def test_windows_stay_in_their_demonstration() -> None:
    torch.manual_seed(0)
    windows = Windows(LENGTHS, 0, CPU)
    (before, early), (after, late) = windows.draw(500, [range(-1, 1), range(-1, 6)])
    whose = torch.repeat_interleave(torch.arange(3), LENGTHS)
    drawn = before[:, 1]
    assert set(drawn.tolist()) == set(range(16))
    for indices, beyond in ((before, early), (after, late)):
        assert (whose[indices] == whose[drawn].unsqueeze(1)).all()
        moves = indices[:, 1:] - indices[:, :-1]
        assert (moves[~beyond[:, 1:] & ~beyond[:, :-1]] == 1).all()
        assert (moves[beyond[:, 1:] & beyond[:, :-1]] == 0).all(), "the last one is repeated"
    assert early[:, 0].equal((drawn == 0) | (drawn == 5) | (drawn == 8))
    assert not early[:, 1].any()
    assert late[drawn == 15].tolist()[0] == [False, False, True, True, True, True, True]


def test_the_last_steps_are_not_drawn_of_a_short_one_the_first_is() -> None:
    torch.manual_seed(0)
    ((drawn, _),) = Windows(LENGTHS, 4, CPU).draw(500, [[0]])
    assert set(drawn.flatten().tolist()) == {0, 5, 8, 9, 10, 11}


def test_images_are_shifted_each_by_its_own_and_the_edge_is_repeated() -> None:
    torch.manual_seed(0)
    rows = torch.arange(8, dtype=torch.uint8).reshape(8, 1, 1).expand(8, 8, 1)
    columns = rows.transpose(0, 1)
    image = torch.cat((rows, columns, rows), dim=-1)
    images = image.expand(64, 2, 8, 8, 3)
    moved = shifted(images, 2)
    assert moved.shape == images.shape
    assert (moved[:, 0] == moved[:, 1]).all(), "the steps of a sample move alike"
    down = moved[:, 0, 4, 0, 0].int() - 4
    right = moved[:, 0, 0, 4, 1].int() - 4
    assert set(down.tolist()) == set(right.tolist()) == {-2, -1, 0, 1, 2}
    assert len(set(zip(down.tolist(), right.tolist(), strict=True))) > 10
    expected = (torch.arange(8) + down[:, None]).clamp(0, 7)
    assert (moved[:, 0, :, 3, 0].int() == expected).all()
    assert shifted(images, 0) is images


def test_images_are_normalised_by_colour() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 200, (50, 6, 5, 3), dtype=torch.uint8)
    mean, std = image_statistics(images, at_once=7)
    values = images.double() / 255
    assert torch.allclose(mean.flatten().double(), values.mean(dim=(0, 1, 2)), atol=1e-6)
    assert torch.allclose(std.flatten().double(), values.std(dim=(0, 1, 2), correction=0), atol=1e-5)
    made = normalised(images.reshape(5, 10, 6, 5, 3), mean, std)
    assert made.shape == (5, 10, 3, 6, 5)
    assert made.mean(dim=(0, 1, 3, 4)).abs().max() < 1e-4
    assert (made.std(dim=(0, 1, 3, 4)) - 1).abs().max() < 1e-3
