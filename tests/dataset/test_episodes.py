"""Episodes that are taken apart where they are used."""

from __future__ import annotations

import pickle

import numpy as np

from mimicgen.datagen.dataset.episodes import Block, PackedEpisode


def packed() -> PackedEpisode:
    rows = np.arange(24, dtype=np.float32).reshape(2, 12)
    columns = (("actions", (2,)), ("obs/datagen_info/pose", (3, 3)), ("obs/weight", ()))
    return PackedEpisode(
        [Block(rows=rows, columns=columns), Block(rows=np.array([[True], [False]]), columns=(("obs/grasped", ()),))]
    )


def test_quantities_have_their_names_shapes_and_types() -> None:
    episode = packed()
    assert list(episode) == ["actions", "obs"]
    assert len(episode) == 2
    np.testing.assert_array_equal(episode["actions"], [[0, 1], [12, 13]])
    np.testing.assert_array_equal(episode["obs"]["datagen_info"]["pose"][1], np.arange(14, 23).reshape(3, 3))
    np.testing.assert_array_equal(episode["obs"]["weight"], [11, 23])
    assert episode["obs"]["weight"].dtype == np.float32
    assert episode["obs"]["grasped"].tolist() == [True, False]


def test_it_travels_in_as_many_pieces_as_it_was_recorded_in() -> None:
    buffers: list[pickle.PickleBuffer] = []
    sent = pickle.dumps(packed(), protocol=5, buffer_callback=buffers.append)
    assert len(buffers) == 2
    received = pickle.loads(sent, buffers=buffers)
    np.testing.assert_array_equal(received["obs"]["datagen_info"]["pose"], packed()["obs"]["datagen_info"]["pose"])
