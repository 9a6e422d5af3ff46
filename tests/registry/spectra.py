"""Band energies, spectra and cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import mpmath
import numpy as np
import scipy.fft
import scipy.signal
from exact import NAN, Column, Pair, Window, as_exact, deviations, round_ratio
from families import FAMILIES, family
from numpy.lib.stride_tricks import sliding_window_view

from registry.inputs import Inputs, Matrix
from registry.kernel import Kernel
from registry.measure import CASES, FEW_CASES, Array, Worst, case_name, largest
from registry.references import Floats, blocks, rolled
from registry.row import Accuracy, Probe, frozen, public
from registry.timed import (
    BLOCK,
    RECORD,
    SCIPY,
    Call,
    Case,
    Peer,
    Target,
    adjacent,
    numpy_form,
    on_threads,
    over_sensors,
    windowed,
)
from registry.values import complete, history
from registry.whole import Matrix as Way
from registry.whole import Parts, Shape, Whole

DEFAULT_BANDS = ((0.0, 0.1), (0.1, 0.3), (0.3, 1.0))
BANDS = ((0.0, 0.05), (0.05, 0.15), (0.15, 0.5))
"""Bands in cycles a row: acm_rs' default bands at ``fs=1``."""

_COS_BITS = 160


# ---- exact ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _turn(n: int) -> tuple[list[int], list[int]]:
    """Cosine and sine of 2 pi j / n as integers over 2**_COS_BITS."""
    with mpmath.workprec(_COS_BITS + 40):
        one = mpmath.mpf(2) ** _COS_BITS
        angles = [2 * mpmath.pi * j / n for j in range(n)]
        return [int(mpmath.nint(one * mpmath.cos(a))) for a in angles], [
            int(mpmath.nint(one * mpmath.sin(a))) for a in angles
        ]


def band_energy(w: Window, bands: Sequence[tuple[float, float]] | None = None, fs: float = 1.0) -> list[Pair]:
    """Sum of |X_k|^2 over the bins of each band, of the mean-free window with missing values at its mean.

    The cosines are integers with 160 bits, so what they are multiplied with stays exact.
    """
    n = w.rows
    edges = band_edges(bands, fs)
    if w.count == 0:
        return [NAN] * len(edges)
    d = deviations(w)
    power: dict[int, int] = {}
    # A bin at the edge of a band is on the side where NumPy's rounded frequency lies.
    frequency = np.fft.rfftfreq(n, 1 / fs).tolist()
    out = []
    for lo, hi in edges:
        energy = 0
        for k in range(n // 2 + 1):
            if lo <= frequency[k] < hi:
                if k not in power:
                    cos, sin = _turn(n)
                    turns = [(j * k) % n for j in w.at]
                    re = sum(v * cos[t] for v, t in zip(d, turns, strict=True)) if k else 0
                    im = sum(v * sin[t] for v, t in zip(d, turns, strict=True)) if k else 0
                    power[k] = re * re + im * im
                energy += power[k]
        out.append(round_ratio(energy, (w.count * w.unit) ** 2 << (2 * _COS_BITS)))
    return out


def _energy(few: bool) -> Worst:
    found = []
    for name, missing in FEW_CASES if few else CASES:
        x = family(name, missing)[1450:1690]
        w = Column.of(x.tolist()).between(0, x.size)
        want = as_exact([band_energy(w)], 3)
        found.append((float(want.scaled_error(public("band_energy")(x)).max()), case_name(name, missing)))
    return largest(found)


def _density(x: Array, size: int) -> list[float]:
    """Welch's estimate with Hann's taper and segments half over each other, by its definition."""
    pi = mpmath.pi
    taper = [(1 - mpmath.cos(2 * pi * i / size)) / 2 for i in range(size)]
    turns = [mpmath.expj(-2 * pi * i / size) for i in range(size)]
    starts = range(0, x.size - size + 1, size // 2)
    power = [mpmath.mpf(0)] * (size // 2 + 1)
    for start in starts:
        values = [mpmath.mpf(v) for v in x[start : start + size].tolist()]
        mean = mpmath.fsum(values) / size
        tapered = [(v - mean) * w for v, w in zip(values, taper, strict=True)]
        for k in range(len(power)):
            power[k] += abs(mpmath.fsum(v * turns[k * i % size] for i, v in enumerate(tapered))) ** 2
    total = mpmath.fsum(w * w for w in taper) * len(starts)
    return [float((1 if k in (0, size // 2) else 2) * p / total) for k, p in enumerate(power)]


def _spectrum(few: bool) -> Worst:
    found = []
    with mpmath.workprec(200):
        for name in ("A-offset", "D-walk") if few else FAMILIES:
            x = family(name)[1450:1610]
            want = np.array(_density(x, 32))
            got = public("power_spectrum")(x, segment=32)[1]
            found.append((float(np.abs(got - want).max() / max(1.0, want.max())), case_name(name, False)))
    return largest(found)


# ---- references -----------------------------------------------------------------------------------------------------


def band_edges(bands: Sequence[tuple[float, float]] | None, fs: float) -> list[tuple[float, float]]:
    """Give the bands in the unit of ``fs``; the default ones are shares of the Nyquist frequency."""
    if bands is not None:
        return [(float(lo), float(hi)) for lo, hi in bands]
    return [(lo * (fs / 2), hi * (fs / 2)) for lo, hi in DEFAULT_BANDS]


def _energies(windows: Floats, edges: Sequence[tuple[float, float]], fs: float) -> Floats:
    """Band energies of full windows (rows of ``windows``)."""
    n = windows.shape[1]
    valid = np.isfinite(windows)
    windows = np.where(valid, windows, np.nan)
    first = np.take_along_axis(windows, valid.argmax(axis=1)[:, None], axis=1)
    d = np.where(valid, windows - first, 0.0)
    d = np.where(valid, d - d.sum(axis=1, keepdims=True) / np.maximum(valid.sum(axis=1), 1)[:, None], 0.0)
    power = np.abs(scipy.fft.rfft(d, axis=1)) ** 2
    power[:, 0] = 0.0
    f = np.fft.rfftfreq(n, 1 / fs)
    return np.column_stack([power[:, (f >= lo) & (f < hi)].sum(axis=1) for lo, hi in edges])


def scipy_band_energy(
    x: Floats,
    window: int,
    min_periods: int,
    bands: Sequence[tuple[float, float]] | None = None,
    fs: float = 1.0,
) -> Floats:
    """Energies of the windows' transforms, shorter ones first."""
    edges = band_edges(bands, fs)
    out = np.zeros((x.size, len(edges)))
    for row in range(min(window - 1, x.size)):
        if row + 1 >= window // 2:
            out[row] = _energies(x[None, : row + 1], edges, fs)[0]
    row = window - 1
    for block in blocks(x, window) if x.size >= window else []:
        part = block[window - 1 :] if row == window - 1 else block
        out[row : row + len(part)] = _energies(part, edges, fs)
        row += len(part)
    rows = np.minimum(np.arange(x.size) + 1, window)
    count = rolled(x, window, 0).count().to_numpy()
    out[(count < max(min_periods, 1)) & (rows >= window // 2)] = np.nan
    return out


def _band_energy(x: Floats, fs: float = 1.0, bands: Any = None, window: str = "boxcar") -> Floats:
    n = x.shape[0]
    d = (x - x.mean(axis=0)) * scipy.signal.get_window(window, n)[:, None]
    power = np.abs(scipy.fft.rfft(d, axis=0)) ** 2
    f = np.fft.rfftfreq(n, 1 / fs)
    return np.column_stack([power[(f >= lo) & (f < hi)].sum(axis=0) for lo, hi in band_edges(bands, fs)])


def _power_spectrum(
    x: Floats, fs: float = 1.0, segment: int | None = None, overlap: float = 0.5, window: str = "hann"
) -> Parts:
    size = min(256 if segment is None else segment, x.shape[0])
    freqs, psd = scipy.signal.welch(x, fs, window, nperseg=size, noverlap=int(overlap * size), axis=0)
    return freqs, psd


# ---- peers ----------------------------------------------------------------------------------------------------------


def bins_of_bands(window: int, bands: Iterable[tuple[float, float]] = BANDS) -> list[tuple[int, int]]:
    """First and last-plus-one FFT bin of each band, without bin 0: it is zero once the mean is taken off."""
    frequency = np.arange(window // 2 + 1) / window
    edges = []
    for low, high in bands:
        inside = np.flatnonzero((frequency >= low) & (frequency < high) & (frequency > 0.0))
        edges.append((int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, 0))
    return edges


def band_energy_fft(x: Matrix, window: int) -> Callable[[], list[Matrix]]:
    """Energy per band from a real FFT of every window, bands summed as dot products of contiguous bins."""
    from scipy.fft import rfft

    d, n = x.shape
    edges = bins_of_bands(window)

    def run() -> list[Matrix]:
        out = np.full((len(edges), d, n), np.nan)

        def work(sensors: Iterable[int]) -> None:
            for sensor in sensors:
                windows = sliding_window_view(x[sensor], window)
                for start in range(0, len(windows), BLOCK):
                    block = windows[start : start + BLOCK]
                    spectrum = rfft(block, axis=1).view(np.float64)
                    first = start + window - 1
                    for band, (low, high) in enumerate(edges):
                        part = spectrum[:, 2 * low : 2 * high]
                        np.einsum("ij,ij->i", part, part, out=out[band, sensor, first : first + len(block)])

        over_sensors(work, d)
        return list(out)

    return run


def _welch_scipy(inputs: Inputs, window: int) -> Call:
    from scipy.signal import welch

    x = np.ascontiguousarray(inputs.columns)
    segment = min(window, inputs.n)
    frequencies = np.arange(segment // 2 + 1) / segment
    run = on_threads(lambda part: welch(part, nperseg=segment)[1].T, x, len(frequencies))
    return Call(run, lambda result: [frequencies[None, :], result])


# ---- rows -----------------------------------------------------------------------------------------------------------


def bands_of(keywords: Mapping[str, Any]) -> int:
    """Count the bands of a call."""
    bands = keywords.get("bands")
    return 3 if bands is None else len(bands)


def _shape_of_spectrum(segment: int) -> Callable[[int, int], tuple[Shape, ...]]:
    return lambda n, d: ((min(segment, n) // 2 + 1,), (min(segment, n) // 2 + 1, d))


_CALLED: dict[str, Any] = {"fs": 2.0, "window": "hann"}

ROWS = (
    Kernel(
        "rolling_band_energy",
        "SciPy",
        scipy_band_energy,
        band_energy,
        variants=(
            frozen(bands=((0.0, 0.5), (0.2, 3.0)), fs=4.0),
            frozen(bands=[(1.0, 8.0), (0.0, 26.0), (7.0, 7.5), (5.0, 25.0)], fs=50.0),
        ),
        outputs=bands_of,
        own=lambda rows: {"bands": [(0.0, 0.2), (0.2, 0.5)], "fs": 1.0},
        constant=0.0,
        degree=2,
        heavy=True,
        leading_zeros=True,
        benchmarks=(
            Case(
                "band_energy",
                "rolling band energy, 3 bands",
                ("rolling_band_energy",),
                {64: (Target(7.0),)},
                1e-11,
                (Peer(*SCIPY, numpy_form(band_energy_fft), first_row=lambda window: window - 1),),
                call=partial(windowed("rolling_band_energy"), bands=BANDS, fs=1.0),
                split=adjacent(len(BANDS)),
            ),
        ),
    ),
    Whole(
        "band_energy",
        (Way(_band_energy, lambda n, d: ((d, 3),), frozen(fs=2.0), columns=0, gaps=False, least=2),),
        {"": lambda rows: {"x": complete(rows), "bands": [(0.0, 0.2), (0.2, 0.5)], **_CALLED}},
        (Probe(),),
        (Accuracy(_energy, 1e-12),),
    ),
    Whole(
        "power_spectrum",
        (
            Way(
                _power_spectrum,
                _shape_of_spectrum(64),
                frozen(fs=4.0, segment=64),
                columns=-1,
                shared=frozenset({0}),
                gaps=False,
                least=2,
            ),
        ),
        {"": lambda rows: {"x": complete(rows), "segment": min(64, rows), "overlap": 0.5, **_CALLED}},
        (Probe(result=lambda found: found[1], segments=True),),
        (Accuracy(_spectrum, 1e-12),),
        benchmarks=(
            Case(
                "welch",
                "Welch spectrum",
                ("power_spectrum",),
                {256: (RECORD,)},
                1e-11,
                (Peer(*SCIPY, _welch_scipy),),
                call=lambda module, x, window: tuple(module.power_spectrum(x, segment=window)),
                label="segment 256",
                linear=False,
            ),
        ),
    ),
    Whole(
        "seasonality",
        (Way(None, lambda n, d: ((d, 3),) * 4, columns=0),),
        {
            "": lambda rows: {"x": history(rows), "fs": 2.0, "max_periods": 2},
            "given": lambda rows: {"x": history(rows), "fs": 2.0, "periods": [8.0, 12.0]},
        },
        (Probe(frozen(max_periods=1), cycles=True),),
        accuracy=(),
    ),
)
