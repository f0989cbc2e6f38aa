"""Damage of the kind that a broken disk does."""

import os


def flip(path):
    """Change one bit, and leave size and times as they were."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
