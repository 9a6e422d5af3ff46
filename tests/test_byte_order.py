"""Arrays of the other byte order, of any unit of time, unaligned: read by value, or refused by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import acm_rs
import numpy as np
import pytest
from calls import CALLS, Call
from digests import digest
from histories import history, same_bytes
from odd_values import NO_UNIT
from registry import WINDOWED, Kernel
from windows import DAY, ns

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", WINDOWED, ids=lambda k: k.name)


def arrays_of(call: Call) -> list[str]:
    """Name the arguments that are arrays of numbers."""
    _, arguments = call.prepare(60)
    return [
        name
        for name, value in arguments.items()
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiuM" and name != "out"
    ]


SWAPPED = [(call, name) for call in CALLS for name in arrays_of(call)]


def test_there_are_such_arguments() -> None:
    names = {name for _, name in SWAPPED}
    assert {"x", "times", "labels", "score"} <= names


@pytest.mark.parametrize(("call", "name"), SWAPPED, ids=str)
def test_the_other_byte_order_is_read_by_value_or_refused(call: Call, name: str) -> None:
    want = digest(call(60))
    function, arguments = call.prepare(60)
    value = arguments[name]
    other = value.astype(value.dtype.newbyteorder())
    assert not other.dtype.isnative
    np.testing.assert_array_equal(other, value)
    try:
        got = digest(function(**{**arguments, name: other}))
    except (TypeError, ValueError) as error:
        refusal = str(error)
    else:
        assert got == want
        return
    assert name != "times"
    assert f"`{name}`" in refusal


def forms(times: Any) -> dict[str, Any]:
    """The same stamps in other memory; every one of them is in order, whichever way its bytes are read."""
    dates = times.view("M8[ns]")
    raw = np.zeros(8 * times.size + 1, dtype=np.uint8)
    askew = raw[1:].view(np.int64)
    askew[:] = times
    table = np.zeros(times.size, dtype=[("flag", "i1"), ("time", ">M8[ns]")])
    table["time"] = dates
    found = {
        "big": times.astype(">i8"),
        "little": times.astype("<i8"),
        "big dates": dates.astype(">M8[ns]"),
        "big dates backwards": dates.astype(">M8[ns]")[::-1].copy()[::-1],
        "unaligned": askew,
        "big and unaligned": table["time"],
    }
    for unit in ("us", "ms", "s", "m", "h"):
        for order in "<>":
            found[order + unit] = dates.astype(f"{order}M8[{unit}]")
    return found


def functions() -> dict[str, Any]:
    """Every function that takes times, as a function of values and times."""
    found = {kernel.name: lambda x, t, k=kernel: k(x, "90min", times=t) for kernel in WINDOWED}
    found["ewm_mean"] = lambda x, t: acm_rs.ewm_mean(x, halflife="90min", times=t)
    found["ewm_std"] = lambda x, t: acm_rs.ewm_std(x, halflife="90min", times=t)
    found["slope of rows"] = lambda x, t: acm_rs.rolling_slope(x, 5, times=t)
    return found


@pytest.mark.parametrize("name", functions())
def test_stamps_of_every_form_are_the_same_stamps(name: str) -> None:
    x, function = history(70, 2), functions()[name]
    # Also where the swapped bytes are in order: 0, 1, 2, 3 hours are, as are counts below 256.
    for times in (np.arange(70) * 3600 * 10**9, (np.arange(70) // 3 * 2 + 400_000) * 3600 * 10**9):
        want = function(x, times)
        for form in forms(times).values():
            same_bytes(function(x, form), want)
    few = np.arange(70)
    same_bytes(function(x, few.astype(">i8")), function(x, few))


def test_a_sum_known_by_heart() -> None:
    x = np.array([1.0, 2, 4, 8])
    got = acm_rs.rolling_sum(x, "90min", times=np.array([0, 1, 2, 3], ">i8"))
    np.testing.assert_array_equal(got, [1, 3, 7, 15])
    got = acm_rs.rolling_sum(x, "90min", times=np.array([0, 1, 2, 3], ">M8[h]"))
    np.testing.assert_array_equal(got, [1, 3, 6, 12])


@pytest.mark.parametrize("unit", ["D", "W", "M", "Y", "10D", "3M", "100Y"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_calendar_units_are_their_first_instants(unit: str, order: str) -> None:
    first, last = np.array(["1678-01-01", "2262-04-01"], "M8[D]").astype(f"M8[{unit}]").view(np.int64).tolist()
    counts = np.unique(np.linspace(first + 1, last, 3000).astype(np.int64))
    times = counts.view(f"M8[{unit}]").astype(f"{order}M8[{unit}]")
    whole = times.astype("M8[ns]")
    # Of a column that counts rows, the slope per second tells each stamp.
    x = np.arange(float(times.size)) ** 1.5
    want = acm_rs.rolling_slope(x, 2, times=whole.view(np.int64))
    same_bytes(acm_rs.rolling_slope(x, 2, times=times), want)
    same_bytes(acm_rs.rolling_mean(x, ns(400 * DAY), times=times), acm_rs.rolling_mean(x, ns(400 * DAY), times=whole))


BOUND = "`times` must be from 1677-09-21T00:12:43.145224193 to 2262-04-11T23:47:16.854775807"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us"])
def test_dates_that_do_not_fit_are_refused_with_their_row(unit: str, order: str) -> None:
    for date in ("1500-06-01", "1677-01-01", "2262-06-01", "3000-01-01"):
        times = np.sort(np.array(["2000-01-01", "2001-01-01", date], "M8[D]")).astype(f"{order}M8[{unit}]")
        if unit == "Y" and date.startswith("2262"):
            continue
        row = 0 if date < "2000" else 2
        for function in (
            lambda t: acm_rs.rolling_mean(np.ones(3), "2d", times=t),
            lambda t: acm_rs.ewm_mean(np.ones(3), halflife="2d", times=t),
        ):
            with pytest.raises(ValueError, match=f"{BOUND}.* in row {row}"):
                function(times)
    for count in (2**62, -(2**62), 2**63 - 1, -(2**63) + 1):
        times = np.array([count]).view(f"M8[{unit}]").astype(f"{order}M8[{unit}]")
        with pytest.raises(ValueError, match=r"`times` must be from .* in row 0"):
            acm_rs.rolling_mean(np.ones(1), "2d", times=times)


@pytest.mark.parametrize("dtype", ["M8[ns]", ">M8[s]", "M8[D]", "M8[Y]", "i8", ">i8"])
def test_no_time_is_refused_with_its_row(dtype: str) -> None:
    for row in range(3):
        times = np.arange(3).astype(dtype)
        times[row] = np.array(-(2**63)).astype(times.dtype)
        with pytest.raises(ValueError, match=f"`times` must have no missing times, got NaT in row {row}"):
            acm_rs.rolling_mean(np.ones(3), "2d", times=times)


@pytest.mark.parametrize("dtype", ["M8", "M8[ps]", "M8[fs]", "M8[as]"])
def test_units_without_a_reading_are_refused(dtype: str) -> None:
    times = np.arange(3).view(dtype)
    with pytest.raises(TypeError, match="`times` must be a NumPy array of datetime64"):
        acm_rs.rolling_mean(np.ones(3), "2d", times=times)


# ---- windows at the ends of time ------------------------------------------------------------------------------------


def sums(values: list[int], times: list[int], window: int, center: bool) -> list[int]:
    """Sums over (t - window + after, t + after], in whole numbers of any size."""
    after = window // 2 if center else 0
    return [
        sum(v for v, s in zip(values, times, strict=True) if t + after - window < s <= t + after)
        if center
        else sum(v for v, s in zip(values[: row + 1], times, strict=False) if t - window < s)
        for row, t in enumerate(times)
    ]


@pytest.mark.parametrize("center", [False, True], ids=["trailing", "centred"])
@pytest.mark.parametrize("end", [2**63 - 1, -(2**63) + 1], ids=["2262", "1677"])
def test_windows_at_the_ends_of_time_are_exact(end: int, center: bool) -> None:
    rng = np.random.default_rng(5)
    for window in (2, 3, 10, 1000, 10**9 + 1, 86_400 * 10**9, 2**61 + 3, 2**62, 2**63 - 1):
        for span in (1, 3, 40):
            steps = rng.integers(0, max(2, window // 8 + 2), 60)
            offsets = np.concatenate([[0], np.cumsum(np.minimum(steps, 2**63 // 128))]) * span // 3
            times = np.sort(end - offsets if end > 0 else end + offsets)
            values = rng.integers(1, 1000, times.size)
            want = sums(values.tolist(), times.tolist(), window, center)
            x = values.astype(float)
            got = acm_rs.rolling_sum(x, ns(window), times=times, center=center)
            np.testing.assert_array_equal(got, want, err_msg=f"{window} {span}")
            stepped = acm_rs.rolling_sum(x, ns(window), times=times, center=center, step=7)
            np.testing.assert_array_equal(stepped, want[::7], err_msg=f"{window} {span}")


@OF_EVERY_KERNEL
def test_every_kernel_at_the_end_of_time_is_as_elsewhere(kernel: Kernel) -> None:
    x = history(80, 2)
    window = 64 * 10**9
    # A whole number of windows earlier: blocks are cut in the same places.
    late = 2**63 - 1 - np.arange(80)[::-1] ** 2 * 10**7
    early = late - 10**6 * window
    for center in (False, True):
        want = kernel(x, ns(window), times=early, center=center)
        same_bytes(kernel(x, ns(window), times=late, center=center), want)


# ---- durations ------------------------------------------------------------------------------------------------------

LIMIT = "of at most 106751 days 23:47:16.854775807"


def durations() -> list[tuple[Any, str]]:
    """Durations that cannot be, and what is said of them."""
    month = "of fixed length, which months and years have not"
    return [
        ("20000 weeks", LIMIT),
        ("106752d", LIMIT),
        ("99999999999999999999s", LIMIT),
        ("18446744073709551615s 1h", LIMIT),
        (dt.timedelta(days=106_752), LIMIT),
        (dt.timedelta.max, LIMIT),
        *((np.timedelta64(2**62, unit), LIMIT) for unit in ("W", "D", "h", "m", "s", "ms", "us")),
        (np.timedelta64(106_752, "D"), LIMIT),
        (np.timedelta64(2**62, "7D"), LIMIT),
        ("-2h", "above 0"),
        ("0s", "above 0"),
        (dt.timedelta(0), "above 0"),
        (dt.timedelta.min, "above 0"),
        (np.timedelta64(-(2**62), "W"), "above 0"),
        (np.timedelta64(0, "ns"), "above 0"),
        ("1 month", month),
        ("2y", month),
        ("1M", month),
        (np.timedelta64(1, "M"), month),
        (np.timedelta64(1, "Y"), month),
        (np.timedelta64(1500, "ps"), "of whole nanoseconds"),
        (NO_UNIT, "of fixed length such as"),
        (np.timedelta64("NaT", "s"), "of fixed length such as"),
        ("soon", "of fixed length such as"),
    ]


@pytest.mark.parametrize(("duration", "said"), durations(), ids=repr)
def test_a_duration_that_cannot_be_is_told_why(duration: Any, said: str) -> None:
    times = np.arange(3)
    with pytest.raises(ValueError, match=f"`window` must be a duration {said}"):
        acm_rs.rolling_mean(np.ones(3), duration, times=times)
    with pytest.raises(ValueError, match=f"`halflife` must be a duration {said}"):
        acm_rs.ewm_mean(np.ones(3), halflife=duration, times=times)


def test_the_longest_durations_are_taken() -> None:
    x, times = np.arange(5.0), np.array([-(2**63) + 1, -(2**62), 0, 2**62, 2**63 - 1])
    for duration in ("15250 weeks", "106751d", dt.timedelta(days=106_751), np.timedelta64(106_751, "D"), ns(2**63 - 1)):
        np.testing.assert_array_equal(acm_rs.rolling_sum(x, duration, times=times), [0, 1, 3, 5, 7])
    picoseconds = np.timedelta64(4_000, "ps")
    np.testing.assert_array_equal(acm_rs.rolling_sum(x, picoseconds, times=np.arange(5)), [0, 1, 3, 6, 10])
    for text in ("1h", "3600s"):
        swapped = np.array([1]).astype(">m8[h]")[0]
        same_bytes(acm_rs.rolling_sum(x, swapped, times=times), acm_rs.rolling_sum(x, text, times=times))
