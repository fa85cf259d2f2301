"""Warp's kernels that draw, alike on a CPU and on a GPU.

Rasterised are candidates only: triangles claim the pixels that they may cover, a little more than they do, and each
pixel's own ray then decides with the arithmetic of Warp's ray queries. So an image is what tracing every ray gives, at
the price of projecting every triangle once. Distances are kept with what was hit in one number, smaller where nearer.
"""
