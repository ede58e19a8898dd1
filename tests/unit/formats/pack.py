"""Packed content, as tests write it."""

import pyarrow as pa


def zstd(content: bytes) -> bytes:
    """A frame of zstd as most writers make it, without a checksum."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return bytes(sink.getvalue())
