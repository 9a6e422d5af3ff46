"""Models as bytes: nothing damaged is taken, the header comes first, and what was saved before still loads."""

from __future__ import annotations

import array
import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pytest
from damaged_files import Saved, as_first_format, checksum, cut, everything, flipped, headed, header_of, lengthened

MODEL = acm_rs.KMeans(2, seed=1).fit(np.random.default_rng(3).standard_normal((50, 3)))
DATA = MODEL.to_bytes()


@pytest.mark.parametrize("saved", everything(), ids=str)
def test_no_damaged_file_is_taken(saved: Saved) -> None:
    assert saved.loads(saved.data)
    assert saved.kind.from_bytes(saved.data).to_bytes() == saved.data
    for tries in (flipped(saved.data, 400), cut(saved.data, 100), lengthened(saved.data)):
        assert not any(saved.loads(data) for data in tries)


def test_no_bit_of_a_small_file_counts_for_nothing() -> None:
    for saved in everything():
        if saved.name.startswith("EpisodeTracker"):
            assert not any(saved.loads(data) for data in flipped(saved.data, 8 * len(saved.data)))
            assert not any(saved.loads(data) for data in cut(saved.data, len(saved.data)))


def test_no_burst_and_no_exchanged_blocks_are_taken() -> None:
    saved = next(saved for saved in everything() if saved.name.startswith("OMR"))
    random = np.random.default_rng(5)
    for _ in range(300):
        start, length = (int(number) for number in (random.integers(len(saved.data) - 9), random.integers(1, 9)))
        piece = saved.data[start : start + length]
        changed = random.bytes(length)
        if changed != piece:
            assert not saved.loads(saved.data[:start] + changed + saved.data[start + length :])
    blocks = [saved.data[start : start + 512] for start in range(0, len(saved.data), 512)]
    assert not saved.loads(b"".join([blocks[1], blocks[0], *blocks[2:]]))
    for lost in range(len(blocks)):
        zeros = [bytes(len(block)) if number == lost else block for number, block in enumerate(blocks)]
        assert not saved.loads(b"".join(zeros))


@pytest.mark.parametrize("saved", [saved for saved in everything() if saved.name != "FadingMoments"], ids=str)
def test_the_last_eight_bytes_are_the_checksum_of_the_xz_format(saved: Saved) -> None:
    assert checksum(saved.data[:-8]) == saved.data[-8:]


def test_the_first_format_loads() -> None:
    assert "~crc64" in header_of(DATA)
    old = as_first_format(DATA)
    assert acm_rs.KMeans.from_bytes(old) == MODEL
    assert acm_rs.KMeans.from_bytes(old).to_bytes() == DATA


def _changed(change: Any) -> bytes:
    header, body = header_of(DATA), DATA[8 + int.from_bytes(DATA[:8], "little") :]
    change(header)
    return headed(header, body)


def _renamed(header: dict[str, Any]) -> None:
    header["__metadata__"]["acm_rs"] = "KMeans 1"
    header["~crc65"] = header.pop("~crc64")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["__metadata__"].update(acm_rs="KMeans 1"),
        lambda header: header["__metadata__"].update(acm_rs="KMeans 0"),
        lambda header: header["__metadata__"].update(acm_rs="KMeans 02"),
        lambda header: header["__metadata__"].update(acm_rs="KMeans +1"),
        lambda header: header["__metadata__"].update(acm_rs="KMeans 3"),
        lambda header: header["__metadata__"].update(acm_rs="PCADetector 2"),
        lambda header: header["__metadata__"].update(more="text"),
        lambda header: header.pop("__metadata__"),
        _renamed,
    ],
)
def test_no_changed_header_gets_past_the_checksum(change: Any) -> None:
    with pytest.raises(ValueError, match="`data` is not a saved KMeans"):
        acm_rs.KMeans.from_bytes(_changed(change))


def test_a_newer_version_is_named() -> None:
    data = _changed(lambda header: header["__metadata__"].update(acm_rs="KMeans 9"))
    with pytest.raises(ValueError, match="format version 9, newer than this acm_rs can read"):
        acm_rs.KMeans.from_bytes(data)


@pytest.mark.parametrize(
    "start",
    [
        (2**63).to_bytes(8, "little"),
        (2**64 - 1).to_bytes(8, "little"),
        (0).to_bytes(8, "little"),
        headed({}, b"")[:8] + b"[" * 65_000,
        (65_536).to_bytes(8, "little") + b"[" * 65_536,
        (65_536).to_bytes(8, "little") + b'{"a":' * 13_000,
        (1 << 24).to_bytes(8, "little") + b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},' * 300_000,
        headed({"a": {"dtype": "F64", "shape": [2**61], "data_offsets": [0, 2**64 - 1]}}, b""),
    ],
)
def test_hostile_headers_are_refused(start: bytes, tmp_path: Path) -> None:
    for data in (start, start + DATA, start + bytes(100_000)):
        with pytest.raises(ValueError, match="not a saved KMeans"):
            acm_rs.KMeans.from_bytes(data)
        (tmp_path / "model").write_bytes(data)
        with pytest.raises(ValueError, match="model: not a saved KMeans"):
            acm_rs.KMeans.load(tmp_path / "model")


def test_a_name_that_stands_twice_is_refused() -> None:
    length = int.from_bytes(DATA[:8], "little")
    header, body = DATA[8 : 8 + length].rstrip(), DATA[8 + length :]
    for more in (b',"tol":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}', b',"__metadata__":{"acm_rs":"KMeans 2"}}'):
        text = header[:-1] + more
        text += b" " * (-len(text) % 8)
        with pytest.raises(ValueError, match="not a saved KMeans"):
            acm_rs.KMeans.from_bytes(len(text).to_bytes(8, "little") + text + body)


_SPARSE = """
import resource, sys
import acm_rs
with open(sys.argv[1], "wb") as file:
    file.write(bytes.fromhex(sys.argv[2]))
    file.truncate(2 << 30)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
try:
    acm_rs.KMeans.load(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files and limits as Linux has them")
@pytest.mark.parametrize("start", [b"", DATA[: len(DATA) // 2], DATA, (2**30).to_bytes(8, "little")])
def test_a_huge_file_is_refused_after_its_header(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    done = subprocess.run([sys.executable, "-c", _SPARSE, str(path), start.hex()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{path}: not a saved KMeans")


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files as Linux has them")
def test_a_huge_mapping_is_refused_after_its_header(tmp_path: Path) -> None:
    with (tmp_path / "zeros").open("wb+") as file:
        file.truncate(1 << 40)
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            pytest.raises(ValueError, match="`data` is not a saved KMeans"),
        ):
            acm_rs.KMeans.from_bytes(mapped)


# ---- where bytes come from ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(data)),
        lambda data: memoryview(b"x" + data + b"y")[1:-1],
        lambda data: np.frombuffer(data, np.uint8),
        lambda data: np.frombuffer(data, np.uint8).reshape(2, -1) if len(data) % 2 == 0 else bytearray(data),
        lambda data: array.array("B", data),
    ],
)
def test_whatever_holds_bytes_is_taken(form: Any) -> None:
    assert acm_rs.KMeans.from_bytes(form(DATA)) == MODEL


def test_a_mapped_file_is_taken(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "model")
    with (tmp_path / "model").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert acm_rs.KMeans.from_bytes(mapped) == MODEL


class _Long:
    def __len__(self) -> int:
        return 2**62


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("text", TypeError),
        (None, TypeError),
        (5, TypeError),
        ([1, 2], TypeError),
        (_Long(), TypeError),
        (np.zeros(8), TypeError),
        (np.zeros(8, np.int8), TypeError),
        (memoryview(b"x" * 16).cast("I"), TypeError),
        (memoryview(DATA)[::2], ValueError),
        (memoryview(DATA)[::-1], ValueError),
        (np.broadcast_to(np.uint8(0), 2**40), ValueError),
        (np.zeros((100, 8), np.uint8).T, ValueError),
        (b"", ValueError),
        (bytearray(), ValueError),
        (np.zeros((0, 3), np.uint8), ValueError),
        (np.uint8(5), TypeError),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_holds_no_model_is_named(data: Any, error: type[Exception]) -> None:
    with pytest.raises((TypeError, ValueError), match="`data`") as caught:
        acm_rs.KMeans.from_bytes(data)
    assert isinstance(caught.value, error) or isinstance(data, np.generic)


def test_a_released_view_is_named() -> None:
    view = memoryview(DATA)
    view.release()
    with pytest.raises(ValueError, match=r"`data` cannot be read: .*released"):
        acm_rs.KMeans.from_bytes(view)


def test_bytes_that_change_meanwhile_do_no_harm() -> None:
    data = bytearray(DATA)
    model = acm_rs.KMeans.from_bytes(data)
    data[:] = bytes(len(data))
    assert model == MODEL
