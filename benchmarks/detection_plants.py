"""The synthetic sets: clean ones, and what plants do to their readings. Every seed makes the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.signal import lfilter

from benchmarks.detection_counts import (
    FAULT,
    HEALTHY,
    STATE,
    culprits_named,
    f1_and_false,
    false_and_told,
    false_only,
    found_and_false,
    with_state,
)
from benchmarks.detection_models import Matrix
from benchmarks.detection_sets import Loads, Row, Run, Set, Trial, faulty, generator, healthy

FOUND = ("rows with the fault found %", "healthy rows in alarm %")


def wear(seed: int) -> Iterator[Row]:
    """Fifty units; one of three hidden states creeps at the end of each."""
    random = generator("wear", seed)
    plant = Loads(random, 20, 3, noise=0.5, memory=0.0)
    train = plant.rows(2000)
    runs = []
    for unit in range(50):
        count = int(random.integers(150, 251))
        states = plant.states(count)
        states[-50:, unit % 3] += random.choice([-1.0, 1.0]) * np.linspace(0.0, 4.0, 50)
        runs.append(faulty(plant.read(states), count - 50))
    yield Row("2,000 healthy rows train", [Trial(train, runs)])
    yield Row("400 healthy rows train", [Trial(train[:400], runs)])


def _bad_rows(random: np.random.Generator, x: Matrix, share: float) -> Matrix:
    """Spoil rows in ways of many kinds, each row in one."""
    bad = x.copy()
    for row in random.choice(len(x), int(share * len(x)), replace=False):
        sensor = int(random.integers(x.shape[1]))
        kind = int(random.integers(6))
        if kind == 0:
            bad[row, sensor] = random.choice([-99.0, -999.0, -9999.0])
        elif kind == 1:
            bad[row, sensor] += 20.0 * random.standard_normal()
        elif kind == 2:
            bad[row] = 0.0
        elif kind == 3:
            bad[row] *= 3.0
        elif kind == 4:
            bad[row] = random.permutation(bad[row])
        else:
            bad[row] += 5.0 * random.standard_normal(x.shape[1])
    return bad


def _coded(random: np.random.Generator, x: Matrix, sensor: int, count: int, code: float) -> Matrix:
    """Put a code into some readings of a sensor."""
    bad = x.copy()
    bad[random.choice(len(x), count, replace=False), sensor] = code
    return bad


def _block(random: np.random.Generator, x: Matrix, sensors: list[int], count: int, code: float) -> Matrix:
    """Put a code into one stretch of some sensors."""
    bad = x.copy()
    start = int(random.integers(len(x) - count))
    bad[start : start + count, sensors] = code
    return bad


def _six(key: str, seed: int) -> tuple[np.random.Generator, Matrix, list[Run], int]:
    """Six sensors of two loads: 2,000 training rows, 4,000 healthy rows and 1,000 with one sensor off by 5."""
    random = generator(key, seed)
    plant = Loads(random, 6, 2)
    train, sensor = plant.rows(2000), int(random.integers(6))
    wrong = plant.rows(1000)
    wrong[:, sensor] += 5.0
    return random, train, [healthy(plant.rows(4000)), faulty(wrong)], sensor


def contamination(seed: int) -> Iterator[Row]:
    """What is wrong in the training rows of models.md's kind: codes, blocks, a shifted sensor, bad rows."""
    random, x, runs, sensor = _six("contamination", seed)
    yield Row("clean", [Trial(x, runs)])
    for code in (-99.0, -999.0, -9999.0):
        for count in (1, 10, 60):
            name = f"code {code:g} in {count} cell{'s' if count > 1 else ''}"
            yield Row(name, [Trial(_coded(random, x, sensor, count, code), runs)])
    for count in (100, 200):
        yield Row(f"block of {count} rows at -999", [Trial(_block(random, x, [sensor], count, -999.0), runs)])
    shifted = x.copy()
    shifted[900:1100, sensor] += 5.0
    yield Row("the sensor 5 too high in 200 rows", [Trial(shifted, runs)])
    yield Row("5 % bad rows of random kinds", [Trial(_bad_rows(random, x, 0.05), runs)])


def more_contamination(seed: int) -> Iterator[Row]:
    """Further kinds of what is wrong in training rows."""
    random, x, runs, sensor = _six("contamination", seed)
    yield Row("clean", [Trial(x, runs)])
    for code in (0.0, 65535.0, 1e6, 9.96921e36):
        yield Row(f"code {code:g} in 60 cells", [Trial(_coded(random, x, sensor, 60, code), runs)])
    full = x.copy()
    full[random.choice(len(x), 60, replace=False), sensor] = x[:, sensor].max()
    yield Row("stuck at its greatest value in 60 cells", [Trial(full, runs)])
    yield Row(
        "block of 60 rows at its greatest value", [Trial(_block(random, x, [sensor], 60, x[:, sensor].max()), runs)]
    )
    yield Row("block of 60 rows at 0", [Trial(_block(random, x, [sensor], 60, 0.0), runs)])
    everywhere = x.copy()
    everywhere[random.choice(len(x), 20, replace=False)] = -9999.0
    yield Row("all sensors at -9999 in 20 rows", [Trial(everywhere, runs)])
    yield Row("block of 100 rows with all sensors at 0", [Trial(_block(random, x, list(range(6)), 100, 0.0), runs)])
    each = x
    for other, code in enumerate((-99.0, -999.0, -9999.0, 0.0, 65535.0, 1e6)):
        each = _coded(random, each, other, 15, code)
    yield Row("another code in 15 cells of each sensor", [Trial(each, runs)])
    spiked = x.copy()
    rows = random.choice(len(x), 40, replace=False)
    spiked[rows, sensor] -= 20.0 * random.exponential(size=40)
    yield Row("40 spikes downwards, of random height", [Trial(spiked, runs)])
    opened = x.copy()
    opened[1200:1300, sensor] = 8.0 + random.standard_normal(100)
    yield Row("100 rows of noise about 8 (a broken wire)", [Trial(opened, runs)])
    crept = x.copy()
    crept[800:1000, sensor] += np.linspace(0.0, 5.0, 200)
    yield Row("the sensor creeps to 5 over 200 rows", [Trial(crept, runs)])


def rare_state(seed: int) -> Iterator[Row]:
    """A start-up that recurs: every sensor elsewhere, in a few stretches of the training rows."""
    random = generator("rare", seed)
    plant = Loads(random, 8, 2)
    offset = random.choice([-1.0, 1.0], 8) * random.uniform(4.0, 12.0, 8)
    healthy_rows, wrong = plant.rows(3000), plant.rows(1000)
    wrong[:, int(random.integers(8))] += 5.0
    back = plant.rows(2000)
    truth = np.full(len(back), HEALTHY, np.int8)
    for start in range(100, 2000, 200):
        back[start : start + 10] = _start_up(plant, offset, 10)
        truth[start : start + 10] = STATE
    for share in (0.005, 0.01, 0.02, 0.04):
        train = plant.rows(4000)
        stretches = int(share * 4000) // 10
        for start in np.linspace(200, 3800, stretches).astype(int):
            train[start : start + 10] = _start_up(plant, offset, 10)
        runs = [healthy(healthy_rows), faulty(wrong), Run(back, truth)]
        yield Row(f"in {100 * share:g} % of the training rows", [Trial(train, runs)])


def _start_up(plant: Loads, offset: Matrix, count: int) -> Matrix:
    return offset + plant.read(0.3 * plant.states(count))


def standstill(seed: int) -> Iterator[Row]:
    """A machine that rests in most of the training rows."""
    random = generator("standstill", seed)
    plant = Loads(random, 6, 2)
    levels = random.uniform(5.0, 50.0, 6)

    def drawn(count: int, share: float) -> tuple[Matrix, Matrix]:
        still, row = np.zeros(count, bool), 0
        while row < count:
            rest = int(random.integers(50, 250))
            row += int(rest * (1.0 / share - 1.0))
            still[row : row + rest] = True
            row += rest
        return np.where(still[:, None], 0.0, levels + plant.rows(count)), still

    for share in (0.4, 0.6, 0.8):
        (train, _), (rest, _), (wrong, still) = drawn(4000, share), drawn(4000, share), drawn(2000, share)
        wrong[~still, int(random.integers(6))] += 5.0
        truth = np.where(still, HEALTHY, FAULT).astype(np.int8)
        yield Row(f"exact zeros in {100 * share:g} %", [Trial(train, [healthy(rest), Run(wrong, truth)])])


def _holes(random: np.random.Generator, x: Matrix, share: float) -> Matrix:
    return np.where(random.random(x.shape) < share, np.nan, x)


def _eight(key: str, seed: int) -> tuple[np.random.Generator, Loads, Matrix, Matrix, Matrix, int]:
    """Eight sensors of two loads: training rows, healthy rows, and rows with one sensor off by five of its noise."""
    random = generator(key, seed)
    plant = Loads(random, 8, 2)
    train, rest, wrong = plant.rows(2000), plant.rows(4000), plant.rows(1000)
    sensor = int(random.integers(8))
    wrong[:, sensor] += 1.0
    return random, plant, train, rest, wrong, sensor


def gaps(seed: int) -> Iterator[Row]:
    """Missing values in what is scored; the training rows are complete."""
    random, _, train, rest, wrong, sensor = _eight("gaps", seed)
    yield Row("complete", [Trial(train, [healthy(rest), faulty(wrong)])])
    for share in (0.02, 0.1, 0.3):
        runs = [healthy(_holes(random, rest, share)), faulty(_holes(random, wrong, share))]
        yield Row(f"{100 * share:g} % of the values missing", [Trial(train, runs)])
    for dead in (1, 3):
        gone = [(sensor + 1 + other) % 8 for other in range(dead)]
        without, less = rest.copy(), wrong.copy()
        without[:, gone] = less[:, gone] = np.nan
        name = "one sensor dead" if dead == 1 else f"{dead} sensors dead"
        yield Row(name, [Trial(train, [healthy(without), faulty(less)])])
    outages = []
    for rows in (rest, wrong):
        cut = rows.copy()
        for start in range(50, len(rows), 200):
            cut[start : start + 20, int(random.integers(8))] = np.nan
        outages.append(cut)
    yield Row("outages of 20 rows of one sensor", [Trial(train, [healthy(outages[0]), faulty(outages[1])])])


def gaps_at_fit(seed: int) -> Iterator[Row]:
    """Missing values in the training rows; what is scored is complete."""
    random, _, train, rest, wrong, sensor = _eight("fit", seed)
    runs = [healthy(rest), faulty(wrong)]
    yield Row("complete", [Trial(train, runs)])
    for share in (0.02, 0.1, 0.3):
        yield Row(f"{100 * share:g} % of the values missing", [Trial(_holes(random, train, share), runs)])
    half = train.copy()
    half[:900, (sensor + 1) % 8] = np.nan
    yield Row("one sensor missing in the first 45 %", [Trial(half, runs)])
    late = train.copy()
    late[::4, ::2] = np.nan
    yield Row("every other sensor missing in each fourth row", [Trial(late, runs)])


def rounding(seed: int) -> Iterator[Row]:
    """Readings rounded more coarsely than in the training rows."""
    random = generator("rounding", seed)
    noise = 10.0 ** np.linspace(-2.7, -0.7, 8)
    plant = Loads(random, 8, 2, noise=random.permutation(noise))
    train, rest, wrong = plant.rows(4000), plant.rows(4000), plant.rows(1000)
    sensor = int(random.integers(8))
    wrong[:, sensor] += 0.5 * train[:, sensor].std()
    yield Row("as in the training rows", [Trial(train, [healthy(rest), faulty(wrong)])])
    for decimals in (3, 2, 1):
        runs = [healthy(np.round(rest, decimals)), faulty(np.round(wrong, decimals))]
        name = f"{decimals} decimal{'s' if decimals > 1 else ''}"
        yield Row(name, [Trial(train, runs)])
    alike = [healthy(np.round(rest, 1)), faulty(np.round(wrong, 1))]
    yield Row("1 decimal, in the training rows too", [Trial(np.round(train, 1), alike)])
    one, other = rest.copy(), wrong.copy()
    finest = int(np.argmin(plant.noise))
    one[:, finest], other[:, finest] = np.round(one[:, finest], 1), np.round(other[:, finest], 1)
    yield Row("1 decimal in the finest sensor alone", [Trial(train, [healthy(one), faulty(other)])])


SHAPES = ((400, 1), (400, 20), (400, 100), (2000, 1), (2000, 20), (2000, 100), (10000, 20))


def false_alarms(seed: int) -> Iterator[Row]:
    """What a nominal 1 % becomes on 2,000 healthy rows that were not seen."""
    for kind in ("related", "independent", "t(5)"):
        for count, sensors in SHAPES:
            random = generator(f"{kind} {count} {sensors}", seed)
            rows = count + 2000
            if kind == "t(5)":
                x = random.standard_t(5, (rows, sensors))
                x += random.standard_t(5, (rows, 1)) * random.standard_normal(sensors)
            else:
                x = Loads(random, sensors, 3 if kind == "related" else 0, noise=1.0, memory=0.0).rows(rows)
            name = f"{kind}, {count:,} rows, {sensors} sensor{'s' if sensors > 1 else ''}"
            yield Row(name, [Trial(x[:count], [healthy(x[count:])])])


def wandering(seed: int) -> Iterator[Row]:
    """Sensors without a level of their own: nothing bounds where they go after the training rows."""
    for count in (400, 2000):
        for walks, memory in ((1, 1.0), (8, 1.0), (8, 0.99)):
            random = generator(f"wandering {count} {walks} {memory}", seed)
            x = Loads(random, 8, 2).rows(count + 2000)
            kicks = random.standard_normal((len(x), walks))
            x[:, :walks] += 0.2 * lfilter([1.0], [1.0, -memory], kicks, axis=0)
            kind = "a random walk" if memory == 1.0 else f"a memory of {memory:g}"
            name = f"{count:,} rows, {kind} in {'one sensor' if walks == 1 else 'all'}"
            yield Row(name, [Trial(x[:count], [healthy(x[count:])])])
    x = Loads(generator("wandering none", seed), 8, 2).rows(4000)
    yield Row("2,000 rows, none", [Trial(x[:2000], [healthy(x[2000:])])])


def constants(seed: int) -> Iterator[Row]:
    """A sensor that stood still in all training rows moves later."""
    random = generator("constants", seed)
    plant = Loads(random, 6, 2)

    def with_constant(rows: Matrix, level: float) -> Matrix:
        return np.column_stack([rows, np.full(len(rows), level)])

    train, rest = with_constant(plant.rows(2000), 50.0), with_constant(plant.rows(4000), 50.0)
    yield Row("to another value", [Trial(train, [healthy(rest), faulty(with_constant(plant.rows(500), 51.0))])])
    shaky = with_constant(plant.rows(500), 50.0)
    shaky[:, -1] += 0.1 * random.standard_normal(500)
    yield Row("begins to waver by 0.1", [Trial(train, [healthy(rest), faulty(shaky)])])


def culprits(seed: int) -> Iterator[Row]:
    """Biases of three and of six sigma of a sensor's own noise."""
    random = generator("culprits", seed)
    plant = Loads(random, 20, 3)
    train = plant.rows(2000)
    for size in (3.0, 6.0):
        runs = []
        for sensor in range(20):
            rows = plant.rows(300)
            rows[100:, sensor] += size * 0.2
            runs.append(faulty(rows, 100, [sensor]))
        yield Row(f"a bias of {size:g} sigma in one of 20 sensors", [Trial(train, runs)])


PLANTS = (
    Set(
        "wear",
        "Wear along the plant's own correlations",
        "20 sensors of 3 hidden states, each with noise of half a state. 50 units of 150 to 250 rows; in the last 50 "
        "rows of each one state creeps from 0 to 4 sigma. All sensors move together as they always do, only farther. "
        "An exponentially weighted mean of the true states, at its best memory and with its limit where the other "
        "rows have 1 %, reaches an F1 of 80 %.",
        ("F1 of the rows that creep %", "other rows in alarm %"),
        wear,
        f1_and_false,
    ),
    Set(
        "contamination",
        "Bad readings in the training rows",
        "6 sensors of 2 loads and noise of 0.2, 2,000 training rows. The fault, 5 on one sensor, is in 1,000 later "
        "rows; 4,000 others are healthy. What is wrong in the training rows is in the sensor of the fault, where it "
        "has one. The first number is the share of what the same model finds after clean training rows (for the row "
        "*clean* itself: of the rows with the fault).",
        ("found, of clean %", FOUND[1]),
        contamination,
        found_and_false,
        of_first=True,
    ),
    Set(
        "more",
        "Bad readings in the training rows, further kinds",
        "As above, with other codes, several sensors at once, and what is wrong without a code.",
        ("found, of clean %", FOUND[1]),
        more_contamination,
        found_and_false,
        of_first=True,
    ),
    Set(
        "rare",
        "A rare state that comes back",
        "8 sensors of 2 loads, 4,000 training rows, in which the machine starts up now and then for 10 rows: every "
        "sensor is 4 to 12 elsewhere. Later it starts up again, which is healthy. The fault is 5 on one sensor.",
        (*FOUND, "rows of the state in alarm %"),
        rare_state,
        with_state,
    ),
    Set(
        "standstill",
        "Standstill",
        "6 sensors of 2 loads; in stretches of 50 to 250 rows all of them read exactly 0, in the 4,000 training rows "
        "and later. The fault is 5 on one sensor while the machine runs.",
        FOUND,
        standstill,
        found_and_false,
    ),
    Set(
        "gaps",
        "Missing values when scoring",
        "8 sensors of 2 loads and noise of 0.2, 2,000 complete training rows. The fault is 1 on one sensor, five "
        "times its noise. Peers know no missing values: they get the training median instead.",
        FOUND,
        gaps,
        found_and_false,
    ),
    Set(
        "gaps-fit",
        "Missing values in the training rows",
        "As before, with the gaps in the training rows.",
        FOUND,
        gaps_at_fit,
        found_and_false,
    ),
    Set(
        "rounding",
        "Coarser readings than in training",
        "8 sensors of 2 loads, noise from 0.002 to 0.2, 4,000 training rows with all decimals. The fault is half a "
        "standard deviation of one sensor.",
        FOUND,
        rounding,
        found_and_false,
    ),
    Set(
        "false",
        "What a nominal 1 % becomes",
        "Independent rows, 2,000 of them not seen. Related: three loads and noise of the same size. t(5): heavy "
        "tails, one load. Where sensors times rows exceed 100,000, KNN is left out: it takes minutes.",
        (FOUND[1],),
        false_alarms,
        false_only,
        best=("low",),
    ),
    Set(
        "wandering",
        "Sensors that wander",
        "8 sensors of 2 loads, with a random walk (or a memory of 0.99) added, 0.2 a row. No limit from the training "
        "rows can hold then. The second number is the share of fits that warned of it.",
        (FOUND[1], "told at fit %"),
        wandering,
        false_and_told,
        best=("low", "-"),
    ),
    Set(
        "constants",
        "Constants that move",
        "6 sensors of 2 loads, and one that reads 50 in all training rows.",
        FOUND,
        constants,
        found_and_false,
    ),
    Set(
        "culprits",
        "Which sensor",
        "20 sensors of 3 loads and noise of 0.2. A bias in each sensor in turn; counted is whether it is among the "
        "first three by contribution over the first 60 alarm rows. Peers name nobody.",
        ("culprit among the first three %",),
        culprits,
        culprits_named,
        names_sensors=True,
        best=("high",),
    ),
)
