"""The kernel of `moves.py`."""

# No `from __future__ import annotations`: Warp reads the annotations of kernels.
import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def lead(
    base: wp.quat,
    targets: wp.array3d[wp.float32],
    positions: wp.array2d[wp.float32],
    quaternions: wp.array2d[wp.float32],
    moves: wp.array2d[wp.float32],
):
    """Say how hands get from where they are to their targets: move, and turn by axis times angle, in a base's axes."""
    row = wp.tid()
    here = wp.vec3(positions[row, 0], positions[row, 1], positions[row, 2])
    turned = wp.quat(quaternions[row, 0], quaternions[row, 1], quaternions[row, 2], quaternions[row, 3])
    there = wp.vec3(targets[row, 0, 3], targets[row, 1, 3], targets[row, 2, 3])
    wanted = wp.mat33()
    for i in range(3):
        for j in range(3):
            wanted[i, j] = targets[row, i, j]
    turn = wp.quat_from_matrix(wanted) * wp.quat_inverse(turned)
    if turn[3] < 0.0:
        turn = wp.quat(-turn[0], -turn[1], -turn[2], -turn[3])
    axis = wp.vec3(turn[0], turn[1], turn[2])
    sine = wp.length(axis)
    angle = wp.float32(2.0)
    if sine > 1.0e-6:
        angle = 2.0 * wp.atan2(sine, turn[3]) / sine
    move = wp.quat_rotate_inv(base, there - here)
    spin = wp.quat_rotate_inv(base, angle * axis)
    for i in range(3):
        moves[row, i] = move[i]
        moves[row, 3 + i] = spin[i]
