"""A `libcuda.so.1` for machines without a CUDA driver: a library that holds nothing.

NVIDIA's `omni.ui` for Python (package ovui) is linked to the driver's library, and calls it only where images come from
a GPU. Loaded with lazy binding, a library of that name without a single symbol satisfies the linker, and whoever looks
a function up in it finds none, as on any machine without a driver. So no compiler is needed, only an ELF header.
Format: System V ABI, https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
"""

from __future__ import annotations

import struct

_HEADER, _SEGMENT, _SYMBOL, _ENTRY = 64, 56, 24, 16
"""Sizes of ELF's structures [bytes]."""

_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_READ_WRITE = 6
_HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT, _SONAME = 4, 5, 6, 10, 11, 14


def empty_library(name: str) -> bytes:
    """Return a shared library for x86-64 Linux that has a name (its SONAME) and no symbols."""
    strings = b"\0" + name.encode() + b"\0"
    strings += bytes(-len(strings) % 8)
    strings_at = _HEADER + 3 * _SEGMENT
    symbols_at = strings_at + len(strings)
    hash_at = symbols_at + _SYMBOL
    dynamic_at = hash_at + 16
    entries = [
        (_SONAME, 1),
        (_STRTAB, strings_at),
        (_SYMTAB, symbols_at),
        (_STRSZ, len(strings)),
        (_SYMENT, _SYMBOL),
        (_HASH, hash_at),
        (0, 0),
    ]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    # 64 bits, little endian, version 1; a shared object (3) for x86-64 (62); no entry point, no sections.
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = identity + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, 3, 64, 0, 0)
    segments = (
        _segment(_LOAD, 0, dynamic_at + len(dynamic), align=4096)
        + _segment(_DYNAMIC, dynamic_at, len(dynamic), align=8)
        + _segment(_STACK, 0, 0, align=16)  # without it, the loader would want an executable stack
    )
    # One symbol, the undefined one that every table begins with, and a hash table of one empty bucket.
    return header + segments + strings + bytes(_SYMBOL) + struct.pack("<4I", 1, 1, 0, 0) + dynamic


def _segment(kind: int, at: int, size: int, *, align: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, _READ_WRITE, at, at, at, size, size, align)
