"""Units of measurement as plants write them: told from other words and from one another, not converted."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

__all__ = ["is_unit", "part_unit", "unit_key", "unit_of_name"]

# A line is one unit in all its spellings, the first of which stands for it; or what stands before the colon does.
_NAMED = """
    °C|℃|ºC|degC|deg C|deg. C|deg_C|degs C|Deg C|DegC|DEG C|DEGC|DEG_C|degree C|degrees C|Degrees C|Celsius|celsius
      |CELSIUS|°Celsius|grad C|Grad C|Grad Celsius|deg Celsius|degrees Celsius|degree Celsius|C
    °F|℉|ºF|degF|deg F|deg. F|deg_F|degs F|Deg F|DegF|DEG F|DEGF|DEG_F|degree F|degrees F|Degrees F|Fahrenheit
      |fahrenheit|°Fahrenheit|deg Fahrenheit|degrees Fahrenheit|degree Fahrenheit|F
    K|°K|ºK|degK|deg K|Kelvin|kelvin
    °R
    °|º|deg|Deg|degree|degrees|Grad
    grad
    arcmin
    %|pct|percent|Percent|%RH|RH|%rH|%r.H.|%rF|%r.F.|%r.F|%r. F.
    ‰
    %LEL
    %vol|vol%|vol.%|Vol%|Vol.%|vol-%|Vol-%|vol.-%|Vol.-%
    wt%|wt.%|wt-%|wt.-%|%wt
    mol%|mol-%
    ppm
    ppmv
    ppmw
    ppb
    ppbv
    ppt
    pH
    sr
    cd
    h|hr|hrs|hour|hours|Std
    min|mins|minute|minutes
    s|sec|secs|second|seconds
    d|day|days|Tag|Tage
    wk
    yr
    psi a: psia|PSIA
    psi g: psig|PSIG
    psid
    psi|PSI
    bar|BAR
    BTU|Btu
    MBTU
    MMBtu|MMBTU
    therm
    in|inch|inches
    ft
    yd
    mi|mile
    gal
    lb|lbs|lbm
    lbf
    klb
    oz
    kip
    ton|tons
    tonne|tonnes
    to
    kn|knots
    hp|HP
    bhp
    PS|CV
    1/min: rpm|RPM|r/min|U/min|Upm|tr/min|cpm
    1/s: rps
    ft3/min: cfm|CFM
    scfm|SCFM
    acfm|ACFM
    scfh|SCFH
    MMSCFD
    MSCFD
    gal/min: gpm|GPM|Gpm
    gal/h: gph
    l/min: lpm|LPM|Lpm
    slpm
    mgd|MGD
    bbl
    bpd
    bph
    mi/h: mph
    km/h: kph|kmh
    in/s: ips
    t/h: tph|TPH
    t/d: tpd|TPD
    dB
    dBA|dB(A)
    dBm
    mmHg|mm Hg
    inHg|in Hg
    inH2O|in H2O|inWC|in WC
    mmH2O|mm H2O|mmWC|mmWS
    cmH2O
    mH2O|mWC|mWS
    atm
    at
    torr|Torr
    kgf
    kp
    kgm
    lbft|ft-lb|ftlb
    in-lb|inlb
    gn|g's
    G
    EU
    mil|mils
    µm: micron|microns
    pu|p.u.
    count|counts|cts
    pcs|Stk|St.
    pulse|pulses|imp
    step|steps
    NTU
    FNU
    FTU
    TCU
    cP
    cSt
    SSU
    Nm3|NM3|Nm³|NM³|nm3|nm³
    Sm3|Sm³
    m3: M3
    ft3: cf
    Nl
    l|L|ltr
    kW: KW
    kV: KV
    kVA: KVA
    kPa: KPA
    A|AMP|AMPS|Amp|Amps|amps
    V|VOLT|VOLTS|Volt|Volts|volts
    Vdc|VDC
    Vac|VAC
    Adc|ADC
    Aac|AAC
    W|Watt|watts
    Hz|HZ|hz
    Ω|ohms|Ohms
    ha
    lux
    °Bx|Brix
    °API|API
    Baumé
    EUR|€
    USD|$
"""
# Those with a prefix such as k or µ; one that is a product takes it on its first part.
_PREFIXED = """
    m
    g
    s
    A
    K
    mol
    Hz
    N
    Pa
    J
    W
    C
    V
    F
    Ω|ohm|Ohm
    S
    Wb
    T
    H
    lm
    lx
    Bq
    Gy
    Sv
    l|L
    eV
    VA|va
    var|VAr|VAR
    W·h: Wh
    var·h: varh
    VA·h: VAh
    A·h: Ah
    N·m: Nm
    bar
    bar a: bara
    bar g: barg
    Pa a: Paa
    Pa g: Pag
    cal
    t
    St
    P
    B
    bit
    b
    rad
    psi
"""
_PREFIX = "Y|Z|E|P|T|G|M|k|K|h|da|d|c|m|µ|u|n|p|f"
# Signs of the same look, and what one is in small letters and large.
_SIGNS = str.maketrans({"μ": "µ", "Ω": "Ω", "⋅": "·", "*": "·", "\u00d7": "·", "\u207b": "-", "º": "°"})
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def _spellings(lines: str) -> dict[str, str]:
    units = {}
    for line in re.sub(r"\n\s*\|", "|", lines.strip()).split("\n"):
        meaning, colon, others = line.strip().partition(": ")
        spellings = (others if colon else line).strip().split("|")
        units.update(dict.fromkeys((spelling.translate(_SIGNS) for spelling in spellings), meaning.split("|")[0]))
    return units


_NAMED_UNITS, _PREFIXED_UNITS = _spellings(_NAMED), _spellings(_PREFIXED)


def _any(spellings: dict[str, str]) -> str:
    return "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True))


_POWER = r"(?:\^?-?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|(?:\^|\*\*|··)?(?:\(?-[1-4]\)?|[2-4])|)"
_TERM = rf"(?:1|(?:{_any(_NAMED_UNITS)}|(?:{_PREFIX})?(?:{_any(_PREFIXED_UNITS)})){_POWER}|(?<=/)a|(?<=/ )a)"
# Behind a pressure alone: elsewhere (a) and (g) are marks of quality.
_GAUGE = r"(?:(?<=bar)|(?<=BAR)|(?<=Pa)|(?<=psi)|(?<=PSI)|(?<=[2²]))(?: [ag]| ?\([ag]\))|(?<=[2²])[ag]"
_QUALIFIER = rf"(?: ?(?:rms|pp|p-p|pk-pk|pk|peak|RMS|PK|PP|abs|abs\.|rel|rel\.|open|gauge)|{_GAUGE})"
_BETWEEN = r"(?: ?[/·.\-] ?| per | |(?<=[²³])(?=[A-Z]))"
_UNIT = re.compile(
    rf"{_TERM}(?:{_BETWEEN}{_TERM}| ?/ ?\({_TERM}(?:[ ·.]{_TERM})?\)){{0,4}}{_QUALIFIER}?|1/\({_TERM}[ ·.]{_TERM}\)"
)
_ONE = re.compile(
    rf"(?P<named>{_any(_NAMED_UNITS)})(?P<power>{_POWER})"
    rf"|(?P<prefix>{_PREFIX})?(?P<unit>{_any(_PREFIXED_UNITS)})(?P<raised>{_POWER})|(?P<other>1|a)"
)
_LAST = re.compile(rf"\)?(?P<how>{_QUALIFIER})")
# Units by their letters, but no value by their sense.
_NO_VALUE = frozenset(("n/a", "n/d", "s/d"))
_JOINT = re.compile(rf"{_BETWEEN}\(?(?=.)")
_PREFIXES = {"u": "µ", "K": "k"}
_HOW = {"p-p": "pp", "pk-pk": "pp", "peak": "pk", "abs": "a", "gauge": "g"}
_BRACKETS = re.compile(r"\s*[\[(<{]\s*(?P<unit>[^\[\](){}<>]{1,20}(?:\([^()]*\))?)\s*[\])>}]\s*$")
_BEHIND = re.compile(r"(?:\s*[,;]\s*(?:in\s+)?|\s[/\-]\s+|\sin\s+)(?P<unit>[^,;]{1,16})$")


@lru_cache(4096)
def is_unit(text: str) -> bool:
    """Tell whether a few letters are a unit, such as ``°C``, ``m3/h``, ``mm/s RMS``, ``1/min`` or ``kgf/cm²``.

    Parameters
    ----------
    text : str
        The letters, without brackets.

    Returns
    -------
    bool

    Examples
    --------
    >>> [is_unit(text) for text in ("°C", "m3/h", "mm/s RMS", "bearing", "")]
    [True, True, True, False, False]
    """
    text = _written(text)
    # T1 and P2 are rather tags.
    word = text.lower() in _NO_VALUE or (len(text) == 2 and text[0].isupper() and text[1].isdigit())
    return 0 < len(text) <= 24 and not word and _UNIT.fullmatch(text) is not None


def _written(text: str) -> str:
    text = " ".join(text.translate(_SIGNS).split())
    return re.sub(r"([°%]) (?=[CFKRr])", r"\1", text)


@lru_cache(4096)
def unit_key(unit: str) -> str:
    """The same for all spellings of a unit: ``degC`` and ``° C``, ``m³/h`` and ``m^3 h-1``, ``rpm`` and ``1/min``.

    Parameters
    ----------
    unit : str
        The unit, or any other word.

    Returns
    -------
    str

    Examples
    --------
    >>> unit_key("degC") == unit_key("° C"), unit_key("kg/h") == unit_key("kg/s")
    (True, False)
    """
    text = _written(unit)
    if not is_unit(text):
        return text.translate(_RAISED).replace(" ", "").replace("^", "")
    powers: Counter[str] = Counter()
    how = _add(text, 1, powers)
    if how is None:
        return text
    return "·".join(f"{name}{power}" for name, power in sorted(powers.items()) if power) + how or "1"


def _add(text: str, sign: int, powers: Counter[str]) -> str | None:
    """Add up the powers of the parts of a unit; gives how it is taken, such as rms."""
    taken: str | None = ""
    own = sign
    while text:
        found = next((match for match in _beginnings(text) if _goes_on(text, match.end())), None)
        if found is None:
            return None
        power = own * _power(found["power"] or found["raised"] or "")
        meaning = _NAMED_UNITS.get(found["named"] or "", "")
        if meaning and meaning != found["named"]:
            taken = _add(meaning, power, powers)
        elif meaning:
            powers[meaning] += power
        elif found["unit"]:
            product, _, how = _PREFIXED_UNITS[found["unit"]].partition(" ")
            taken = taken or (how and f" {how}")
            first, *others = product.split("·")
            for part in (_PREFIXES.get(found["prefix"], found["prefix"] or "") + first, *others):
                powers[part] += power
        elif found["other"] != "1":
            powers[found["other"]] += power
        last, between = _LAST.fullmatch(text, found.end()), _JOINT.match(text, found.end())
        if last:
            how = last["how"].strip(" ().").lower()
            return f" {_HOW.get(how, how)}"
        if between is None:
            break
        own = -sign if "/" in between[0] or "per" in between[0] else own
        text = text[between.end() :]
    return taken


def _beginnings(text: str) -> list[re.Match[str]]:
    """The single units that a text may begin with, the longest first."""
    found = [_ONE.fullmatch(text, 0, end) for end in range(len(text), 0, -1)]
    return [match for match in found if match]


def _goes_on(text: str, place: int) -> bool:
    if text[place:] in ("", ")") or _LAST.fullmatch(text, place):
        return True
    return _JOINT.match(text, place) is not None


def _power(raised: str) -> int:
    digits = re.sub(r"[^\d-]", "", raised.translate(_RAISED))
    return int(digits) if digits else 1


def unit_of_name(name: str) -> str:
    """Find the unit at the end of a column's name; empty where there is none.

    Parameters
    ----------
    name : str
        As in ``Bearing Temp [°C]``, ``Flow (m3/h)`` or ``Power, kW``.

    Returns
    -------
    str

    Examples
    --------
    >>> unit_of_name("Bearing Temp [°C]"), unit_of_name("Flow (m3/h)"), unit_of_name("Pump (north)")
    ('°C', 'm3/h', '')
    """
    return part_unit(name)[1]


def part_unit(name: str) -> tuple[str, str]:
    """Part a column's name from the unit at its end.

    Parameters
    ----------
    name : str
        As in ``Flow (m3/h)``.

    Returns
    -------
    rest, unit : str
        ``Flow`` and ``m3/h``; the whole name and nothing where it has no unit.
    """
    for pattern in (_BEHIND, _BRACKETS):
        found = pattern.search(name)
        if found and name[: found.start()].strip() and is_unit(found["unit"]):
            return name[: found.start()].strip(), found["unit"].strip()
    return name.strip(), ""
