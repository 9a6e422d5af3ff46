"""What a Monitor has learnt, and what it remembers, as settings and arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.decisions import EwmaChart
from acm_rs.detectors import FusedDetector
from acm_rs.monitor.cleaning import Rules
from acm_rs.monitor.constants import Constants
from acm_rs.monitor.counters import Counters, Tally
from acm_rs.monitor.flagging import Rule
from acm_rs.monitor.holding import Holding
from acm_rs.monitor.lacking import CHARTS as LACKING
from acm_rs.monitor.leaning import CHARTS
from acm_rs.monitor.parts import LEVEL_NAMES, PARTS, SHIFTS, SLOWLY
from acm_rs.monitor.rebasing import Rebase
from acm_rs.monitor.regimes import Phase, Regimes
from acm_rs.monitor.relations import Relations
from acm_rs.monitor.steps import Steps
from acm_rs.monitor.watches import State, Watches

__all__ = ["put_state", "put_watches", "take_about", "take_state", "take_watches"]

Arrays = dict[str, NDArray[Any]]

LEANING = ("leans", "leant", "gaps")
"""What tells who leans on whom."""


def _bytes(model: Any) -> NDArray[np.uint8]:
    return np.frombuffer(model.to_bytes(), np.uint8)


def put_watches(rules: Rules, watches: Watches) -> tuple[dict[str, Any], Arrays]:
    """Everything that a fit has learnt."""
    regimes = watches.regimes
    kept: list[Relations] = []
    which = []
    for relations in watches.relations:
        place = next((number for number, one in enumerate(kept) if one is relations), len(kept))
        if place == len(kept):
            kept.append(relations)
        which.append(place)
    arrays: Arrays = {f"rules.{name}": getattr(rules, name) for name in Rules.fields()}
    arrays |= {f"regimes.{name}": getattr(regimes, name) for name in Regimes.fields()}
    there = {"lets_go": watches.releases, **dict.fromkeys(("follows", "pace"), bool(watches.follows.any()))}
    there["roam"] = bool(np.isfinite(watches.roam).any())
    there["stops"] = bool(np.isfinite(watches.stops).any())
    there |= dict.fromkeys(LEANING, bool(watches.leans.size))
    own = (name for name in Watches.fields() if there.get(name, True))
    arrays |= {f"watches.{name}": getattr(watches, name) for name in own}
    arrays |= {f"spreads.{name}": values for name, values in watches.spreads.items()}
    for number, relations in enumerate(kept):
        arrays |= {f"relations.{number}.{name}": values for name, values in relations.arrays().items()}
    arrays |= {f"needs.{name}": values for name, values in watches.needs.items()}
    # The others follow from what is needed and from the limit.
    arrays |= {"wide.calm": watches.wide["calm"]} if "calm" in watches.wide else {}
    arrays |= {f"constants.{name}": getattr(rules.constants, name) for name in Constants.fields()}
    arrays |= {f"steps.{name}": getattr(watches.steps, name) for name in watches.steps.fields()}
    if watches.fused is not None:
        arrays["fused"] = _bytes(watches.fused)
    settings = {
        "names": rules.names,
        "codes": rules.codes,
        "votes": regimes.votes,
        "counts": regimes.counts,
        "still_rows": regimes.still_rows,
        "settle": regimes.settle,
        "gap": regimes.gap,
        "relations": which,
        "constants": rules.constants.names,
        "rebased": [one.put() for one in rules.rebased],
    }
    if watches.bridges:
        settings["bridges"] = True
    if watches.traces:
        settings["traces"] = True
    if watches.tells_apart:
        settings["tells_apart"] = True
    if watches.joint:
        settings["joint"] = True
    if watches.zeros:
        settings["zeros"] = True
    if watches.nearly_zeros:
        settings["nearly_zeros"] = True
    if regimes.holds.any():
        settings["holds"] = regimes.holds.tolist()
    if any(rules.stays):
        settings["stays"] = [[list(one) for one in own] for own in rules.stays]
    if rules.counters.names:
        settings["counters"] = rules.counters.put()
    return settings, arrays


def take_watches(settings: dict[str, Any], arrays: Arrays) -> tuple[Rules, Watches]:
    """What `put_watches` put."""
    rules = Rules(
        names=list(settings["names"]),
        codes=[list(codes) for codes in settings["codes"]],
        **{name: arrays[f"rules.{name}"] for name in Rules.fields()},
    )
    if rules.state.shape != (len(rules.names),):
        raise ValueError("states are not one for each column")
    if not all(isinstance(code, int | float) for codes in rules.codes for code in codes):
        raise TypeError("a code is no number")
    rules.stays = [[(value, rows) for value, rows in own] for own in settings.get("stays", rules.stays)]
    if len(rules.stays) != len(rules.names):
        raise ValueError("what may stay is not told for each column")
    if not all(isinstance(end, int | float) for own in rules.stays for pair in own for end in pair):
        raise TypeError("for how long a code may stay is no number")
    regimes = Regimes(
        **{name: settings[name] for name in ("votes", "counts", "still_rows", "settle", "gap")},
        **{name: arrays[f"regimes.{name}"] for name in Regimes.fields()},
    )
    if "holds" in settings:
        regimes.holds = np.array(settings["holds"])
        if regimes.holds.shape != (len(rules.names),) or regimes.holds.dtype != np.int64:
            raise ValueError("how long readings stand is not told for each column")
    watches = Watches(regimes, arrays["watches.watched"])
    watches.bridges = settings.get("bridges", False)
    if not isinstance(watches.bridges, bool):
        raise TypeError("whether outages are bridged is not told")
    watches.zeros, watches.nearly_zeros = settings.get("zeros", False), settings.get("nearly_zeros", False)
    if not (isinstance(watches.zeros, bool) and isinstance(watches.nearly_zeros, bool)):
        raise TypeError("whether zeros alarm is not told")
    watches.traces, watches.tells_apart = settings.get("traces", False), settings.get("tells_apart", False)
    if not isinstance(watches.traces, bool) or not isinstance(watches.tells_apart, bool):
        raise TypeError("how shares are told is not known")
    watches.joint = settings.get("joint", False)
    if not isinstance(watches.joint, bool):
        raise TypeError("how missing sensors are looked at is not told")
    for name in Watches.fields():
        # Files of format 1 do not have what slow means let go of, those of format 2 no sensors that are followed and no
        # ends of scales, the first of format 3 not who leans on whom.
        if name not in ("lets_go", "follows", "pace", "roam", "stops", *LEANING) or f"watches.{name}" in arrays:
            setattr(watches, name, arrays[f"watches.{name}"])
    if watches.follows.shape != watches.scale.shape or watches.pace.shape != (1,):
        raise ValueError("sensors that are followed are not those that are watched")
    if watches.roam.shape != (2, len(watches.scale)) or not (watches.roam[0] <= watches.roam[1]).all():
        raise ValueError("where levels may be is not told for each sensor")
    if not ((watches.follows >= 0.0).all() and 0.0 <= watches.pace[0] <= 1.0):
        raise ValueError("how levels follow is not what was written")
    if watches.stops.shape != (2, len(watches.scale)) or (watches.stops[0] >= watches.stops[1]).any():
        raise ValueError("ends of scales are not those of the sensors")
    _check_leaning(watches)
    kept = {
        number: Relations(**{name: arrays[f"relations.{number}.{name}"] for name in Relations.fields()})
        for number in set(settings["relations"])
    }
    watches.relations = [kept[number] for number in settings["relations"]]
    watches.spreads = {
        name.removeprefix("spreads."): values for name, values in arrays.items() if name.startswith("spreads.")
    }
    for name, values in arrays.items():
        first, _, rest = name.partition(".")
        if first in ("needs", "wide"):
            if values.ndim != 1 or (rest not in PARTS and name != "wide.calm"):
                raise ValueError("what was accepted is not what was written")
            getattr(watches, first)[rest] = values
    if watches.lets_go.shape != (len(SLOWLY),):
        raise ValueError("what slow means let go of is not what was written")
    own = {name: arrays[f"constants.{name}"] for name in Constants.fields()}
    if not isinstance(settings["constants"], list) or not all(isinstance(name, str) for name in settings["constants"]):
        raise TypeError("a constant has no name")
    if any(values.shape != (len(settings["constants"]),) for values in own.values()):
        raise ValueError("constants are not one for each column")
    rules.constants = Constants(names=settings["constants"], **own)
    rules.rebased = [Rebase.take(one) for one in settings["rebased"]]
    if "counters" in settings:
        rules.counters = Counters.take(settings["counters"])
    if "steps.digits" in arrays:
        steps = {name.removeprefix("steps."): own for name, own in arrays.items() if name.startswith("steps.")}
        watches.steps = Steps.take(steps, len(watches.scale), len(watches.driving))
    if "fused" in arrays:
        watches.fused = FusedDetector.from_bytes(arrays["fused"].tobytes())
    return rules, watches


def _check_leaning(watches: Watches) -> None:
    """Refuse what does not tell who leans on whom."""
    d, kinds = len(watches.scale), 1 + len(SHIFTS)
    allowed = (kinds + watches.joint) * d + len(LEVEL_NAMES) * watches.axes.shape[1]
    shapes = (kinds, 2 * d, 2 * d), (2 * d,), (allowed,)
    parts = [getattr(watches, name) for name in LEANING]
    if not any(part.size for part in parts):
        return
    whole = all(part.shape == shape and part.dtype == np.float64 for part, shape in zip(parts, shapes, strict=True))
    if not whole or not all(np.isfinite(part).all() for part in parts):
        raise ValueError("who leans on whom is not told for each sensor")
    if any((np.diag(one) < 0.0).any() for one in watches.leans) or (watches.gaps < 0.0).any():
        raise ValueError("how far off sensors are that lean on others is below nothing")


ABOUT: dict[str, type | tuple[type, ...]] = {
    "columns": list,
    "texts": list,
    "left_out": dict,
    "quality": list,
    "mended": list,
    "far": list,
    "far_rows": int,
    "unlike": dict,
    "constants": dict,
    "rows": int,
    "span": (list, type(None)),
    "step": (float, type(None)),
    "slow": list,
    "utc": bool,
    "units": dict,
    "alarms": list,
    "version": str,
}
"""What is told of the history that was learnt."""


def take_about(about: dict[str, Any]) -> dict[str, Any]:
    """The same where each entry is there and of its type."""
    # Files of former versions do not have it.
    if not 0.0 <= about.get("leaves", 0.0) <= 1.0:
        raise ValueError("a share is none")
    if not 0.0 <= about.get("lasts", 0.0) < 2.0**40:
        raise ValueError("how long readings last is not told")
    for name, kind in ABOUT.items():
        if not isinstance(about[name], kind):
            raise TypeError(f"{name} is of type {type(about[name]).__name__}")
    names = [*about["columns"], *about["texts"], *about["left_out"].values(), *about["slow"]]
    names += [
        *about["mended"],
        *about["far"],
        *about["units"].values(),
        *about.get("followed", []),
        *about.get("shifted", []),
    ]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a name is no text")
    counted = (*about["constants"].values(), *about["unlike"].values(), *about.get("undriven", {}).values())
    if about.get("followed") and "follows" not in about:
        raise ValueError("how levels follow is not told")
    roams = about.get("roams", {})
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in roams.values()):
        raise TypeError("a range is none")
    counted += tuple(end for pair in roams.values() for end in pair)
    for name, row, size in about.get("calibrations", []):
        if not (isinstance(name, str) and type(row) is int and isinstance(size, float) and abs(size) < 1e100):
            raise ValueError("a calibration is none")
    for name, value, often in about.get("codelike", []):
        if not (isinstance(name, str) and isinstance(value, float) and isinstance(often, float)):
            raise ValueError("a reading like a code is none")
    if not all(isinstance(name, str) for name in about.get("clocks", [])):
        raise TypeError("where times are is no text")
    flags = about.get("flags", {"rules": [], "told": [], "notes": []})
    if not all(isinstance(text, str) for text in (*flags["told"], *flags["notes"])):
        raise TypeError("what flags readings is not told in words")
    for rule in flags["rules"]:
        Rule.take(rule)
    if not (type(about.get("rested", 0)) is int and about.get("rested", 0) >= 0):
        raise TypeError("for how long nothing differed at a standstill is not told")
    if not isinstance(about.get("zone", ""), str):
        raise TypeError("a zone is no text")
    if not isinstance(about.get("shifted", []), list):
        raise TypeError("what has shifted is no list")
    counted += (about.get("follows", 0), about.get("pause", 0), *about.get("stood", {}).values())
    counted += tuple(about.get("gaps", {}).values())
    if not all(isinstance(value, int | float) for value in counted):
        raise TypeError("a constant or a count is no number")
    return about


def put_state(state: State) -> tuple[dict[str, Any], Arrays]:
    """What is remembered of the rows so far."""
    arrays: Arrays = {"state.last": state.last, "state.run": state.run, "state.states": state.states}
    arrays["state.gaps"] = state.gaps
    if state.stays is not None:
        arrays["state.stays"] = state.stays
    if state.steps is not None:
        arrays["state.steps"], arrays["state.latest"] = state.steps
    if state.tally is not None:
        own = state.tally
        arrays |= {"state.counted": own.last, "state.since": own.since, "state.when": own.when}
        arrays |= {} if np.isnan(own.apart).all() else {"state.apart": own.apart}
    if state.slow is not None:
        arrays["state.slow"] = state.slow
    if state.lack is not None:
        arrays["state.lack"] = state.lack
    if state.levels is not None:
        arrays["state.level"], arrays["state.counts"] = state.levels
    if state.gone is not None:
        arrays["state.gone"] = state.gone
    if state.fused is not None:
        arrays["state.fused"] = _bytes(state.fused)
    arrays |= {f"chart.{name}": _bytes(chart) for name, chart in state.charts.items()}
    arrays |= {f"off.{name}": values for name, values in state.off.items()}
    settings: dict[str, Any] = {
        "label": state.phase.label,
        "age": state.phase.age,
        "alarm": state.alarm,
        "over": state.over,
        "time": None if state.time is None else int(state.time.astype(np.int64)),
    }
    if state.holding is not None:
        holding, held = state.holding.put()
        settings |= {"holding": holding}
        arrays |= {f"holding.{name}": values for name, values in held.items()}
    if state.idle:
        settings["idle"] = state.idle
    if state.utc is not None:
        settings["utc"] = state.utc
    if state.latest is not None and state.time is None:
        settings["latest"] = int(state.latest.astype(np.int64))
    return settings, arrays


def _lacking(arrays: Arrays, doubts: bool) -> tuple[int, int]:
    """The shape of what is remembered of missing readings."""
    d, slow = len(arrays["state.last"]), arrays.get("state.slow")
    count = slow.shape[1] if doubts and slow is not None else 0
    return 1, d * (1 + count) + count * (count + 1) // 2


def take_state(settings: dict[str, Any], arrays: Arrays) -> State:
    """What `put_state` put."""
    state = State(len(arrays["state.last"]), len(arrays["state.states"]))
    state.last, state.run, state.states, state.gaps = (
        arrays[f"state.{name}"] for name in ("last", "run", "states", "gaps")
    )
    if "state.counted" in arrays:
        state.tally = Tally(
            arrays["state.counted"], arrays["state.since"], arrays["state.when"], arrays.get("state.apart")
        )
    state.slow = arrays.get("state.slow")
    state.lack = arrays.get("state.lack")
    charts = {name.removeprefix("chart.") for name in arrays if name.startswith("chart.")}
    begun, shares, once = charts & set(CHARTS.values()), *LACKING
    if (state.lack is not None) != (shares in charts) or (begun and begun != set(CHARTS.values())):
        raise ValueError("what is remembered of dead sensors is not whole")
    if state.lack is not None and not (
        state.lack.shape == _lacking(arrays, once in charts)
        and state.lack.dtype == np.float64
        and np.isfinite(state.lack).all()
        and ((state.lack >= 0.0) & (state.lack <= 1.0))[:, : len(state.last)].all()
    ):
        raise ValueError("what slow means have not read is not what was written")
    state.stays = arrays.get("state.stays")
    if "state.level" in arrays:
        level, count = arrays["state.level"], arrays["state.counts"]
        if not (level.ndim == 1 and level.shape == count.shape and level.dtype == count.dtype == np.float64):
            raise ValueError("what levels have followed is not what was written")
        if not (np.isfinite(level).all() and (count >= 0.0).all()):
            raise ValueError("what levels have followed is not what was written")
        state.levels = level, count
        state.gone = arrays.get("state.gone")
        if state.gone is not None and not (
            state.gone.shape == level.shape and state.gone.dtype == np.float64 and (state.gone >= 0.0).all()
        ):
            raise ValueError("what levels have followed is not what was written")
    if "state.steps" in arrays:
        state.steps = arrays["state.steps"], arrays["state.latest"]
    if "state.fused" in arrays:
        state.fused = FusedDetector.from_bytes(arrays["state.fused"].tobytes())
    for name, values in arrays.items():
        if name.startswith("chart."):
            state.charts[name.removeprefix("chart.")] = EwmaChart.from_bytes(values.tobytes())
        if name.startswith("off."):
            own = name.removeprefix("off.")
            if own not in SLOWLY or values.ndim != 1 or (own != "level" and values.shape != state.last.shape):
                raise ValueError("what slow means have let go of is not what was written")
            state.off[own] = values
    # Files of before do not have it.
    if "holding" in settings:
        held = {name.removeprefix("holding."): own for name, own in arrays.items() if name.startswith("holding.")}
        state.holding = Holding.taken(settings["holding"], held)
        if len(state.holding.last) != len(state.last) + len(state.states):
            raise ValueError("for how long readings hold is not told for each column")
    idle = settings.get("idle", 0)
    if isinstance(idle, int) and idle < 0:
        raise ValueError("rows without readings are not as many as was written")
    numbers = [idle, *(settings[name] for name in ("age", "alarm", "over"))]
    if not all(isinstance(number, int) for number in numbers) or not isinstance(settings["label"], int | None):
        raise TypeError("what is remembered is no number")
    state.phase = Phase(settings["label"], settings["age"])
    state.alarm, state.over, state.idle = settings["alarm"], settings["over"], idle
    state.time = None if settings["time"] is None else np.datetime64(settings["time"], "ns")
    state.utc = settings.get("utc")
    if not isinstance(state.utc, bool | None):
        raise TypeError("whether times have a zone is not told")
    latest = settings.get("latest", settings["time"])
    state.latest = None if latest is None else np.datetime64(latest, "ns")
    return state
