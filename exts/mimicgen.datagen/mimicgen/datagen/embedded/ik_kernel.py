"""The kernels of `cuda_ik.py`: where tools shall be, and joint targets by damped least squares, in every world."""

# No `from __future__ import annotations`: Warp reads the annotations of structs.
import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.struct
class Arm:
    """What moves a tool.

    Attributes:
        body: That the tool is fixed to.
        tool: Position of the tool in its frame [m].
        joints: The arm's.
        slides: Of each, whether it slides.
        coordinates: Where each is in the positions.
        actuators: That are told the positions of each.
        damping: Of the least squares, squared.
    """

    body: wp.int32
    tool: wp.vec3
    joints: wp.array[wp.int32]
    slides: wp.array[wp.int32]
    coordinates: wp.array[wp.int32]
    actuators: wp.array[wp.int32]
    damping: wp.float32


@wp.func
def motion(slides: wp.int32, axis: wp.vec3, anchor: wp.vec3, tool: wp.vec3):
    """Return how a tool moves, and turns, with a joint: a column of the Jacobian."""
    if slides == 1:
        return wp.spatial_vector(axis, wp.vec3())
    return wp.spatial_vector(wp.cross(axis, tool - anchor), axis)


@wp.func
def solved(matrix: wp.spatial_matrix, right: wp.spatial_vector):
    """Return the solution of a system whose matrix is symmetric and positive definite, by Cholesky's factors."""
    for column in range(6):
        for row in range(column, 6):
            value = matrix[row, column]
            for other in range(column):
                value -= matrix[row, other] * matrix[column, other]
            if row == column:
                matrix[row, column] = wp.sqrt(value)
            else:
                matrix[row, column] = value / matrix[column, column]
    for row in range(6):
        value = right[row]
        for other in range(row):
            value -= matrix[row, other] * right[other]
        right[row] = value / matrix[row, row]
    for index in range(6):
        row = 5 - index
        value = right[row]
        for other in range(row + 1, 6):
            value -= matrix[other, row] * right[other]
        right[row] = value / matrix[row, row]
    return right


@wp.kernel
def move_towards(
    arm: Arm,
    positions: wp.array[wp.vec3],
    quaternions: wp.array[wp.quat],
    xpos: wp.array2d[wp.vec3],
    xquat: wp.array2d[wp.quat],
    xanchor: wp.array2d[wp.vec3],
    xaxis: wp.array2d[wp.vec3],
    qpos: wp.array2d[wp.float32],
    ctrl: wp.array2d[wp.float32],
):
    """Set the position targets of all worlds' arms from where they are now; MuJoCo's quaternions are w, x, y, z."""
    world = wp.tid()
    stored = xquat[world, arm.body]
    turned = wp.quat(stored[1], stored[2], stored[3], stored[0])
    tool = xpos[world, arm.body] + wp.quat_rotate(turned, arm.tool)
    turn = quaternions[world] * wp.quat_inverse(turned)
    axis = wp.vec3(turn[0], turn[1], turn[2])
    angle = 2.0 * wp.atan2(wp.length(axis), turn[3])
    if angle > wp.pi:
        angle -= 2.0 * wp.pi
    error = wp.spatial_vector(positions[world] - tool, angle * wp.normalize(axis))
    matrix = arm.damping * wp.identity(n=6, dtype=wp.float32)
    for index in range(arm.joints.shape[0]):
        joint = arm.joints[index]
        column = motion(arm.slides[index], xaxis[world, joint], xanchor[world, joint], tool)
        matrix += wp.outer(column, column)
    forces = solved(matrix, error)
    for index in range(arm.joints.shape[0]):
        joint = arm.joints[index]
        column = motion(arm.slides[index], xaxis[world, joint], xanchor[world, joint], tool)
        ctrl[world, arm.actuators[index]] = qpos[world, arm.coordinates[index]] + wp.dot(column, forces)


@wp.kernel
def aim(
    relative: wp.bool,
    body: wp.int32,
    tool: wp.vec3,
    roots: wp.array[wp.transformf],
    bodies: wp.array2d[wp.transformf],
    told: wp.array2d[wp.float32],
    positions: wp.array[wp.vec3],
    quaternions: wp.array[wp.quat],
):
    """Set where tools shall be in the world from commands in the frames of the robots' roots.

    What `DifferentialIKController.set_command` makes of a pose, or of a move and a turn by axis times angle.
    """
    world = wp.tid()
    root = wp.transform_get_rotation(roots[world])
    hand = bodies[world, body]
    turned = wp.transform_get_rotation(hand)
    move = wp.quat_rotate(root, wp.vec3(told[world, 0], told[world, 1], told[world, 2]))
    if relative:
        turn = wp.vec3(told[world, 3], told[world, 4], told[world, 5])
        angle = wp.length(turn)
        delta = wp.quat(0.0, 0.0, 0.0, 1.0)
        if angle > 1.0e-6:
            delta = wp.quat_from_axis_angle(turn / angle, angle)
        positions[world] = wp.transform_get_translation(hand) + wp.quat_rotate(turned, tool) + move
        quaternions[world] = wp.normalize(root * delta * wp.quat_inverse(root) * turned)
    else:
        asked = wp.quat(told[world, 3], told[world, 4], told[world, 5], told[world, 6])
        positions[world] = wp.transform_get_translation(roots[world]) + move
        if wp.length(asked) > 0.0:
            turned = root * wp.normalize(asked)
        quaternions[world] = turned
