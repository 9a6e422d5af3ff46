"""Units of measurement as plants write them: told from other words, not converted."""

from __future__ import annotations

import re

__all__ = ["is_unit", "unit_of_name"]

_PREFIXED = (
    "m|g|s|A|K|mol|Hz|N|Pa|J|W|C|V|F|Ω|Ω|[Oo]hm|S|Wb|T|H|lm|lx|Bq|Gy|Sv|[lL]|eV|VA|var|VAr|VAR|Wh|varh|VAh|Ah|bar|bara"
    "|barg|Pag|Paa|cal|t|St|P|Bq|B|bit|b|Nm|rad|psi"
)
_PREFIX = "Y|Z|E|P|T|G|M|k|K|h|da|d|c|m|µ|μ|u|n|p|f"
_PLAIN = (
    "%|‰|°|°C|°F|°K|°R|℃|℉|deg|Deg|degree|degrees|degC|degF|deg C|deg F|DegC|DegF|Deg C|Deg F|DEGC|DEGF|DEG C"
    "|DEG F|degK|Celsius|celsius|Fahrenheit|Kelvin|grad C|Grad C|Grad|ppm|ppb|ppmv|ppbv|pH|sr|h|hr|hrs|hour|hours"
    "|min|mins|minute|minutes|sec|secs|second|seconds|d|day|days|Std|Tag|Tage|psia|psig|psid|PSI|PSIG|PSIA|BAR"
    "|BTU|Btu|MBTU|MMBtu|MMBTU|in|inch|inches|ft|yd|mi|gal|lb|lbs|lbf|lbm|klb|oz|kn|knots|hp|HP|PS|CV|bhp|rpm|RPM"
    "|rps|U/min|tr/min|Upm|cfm|CFM|scfm|SCFM|acfm|gpm|GPM|gph|mgd|MGD|bpd|mph|kph|kmh|lpm|slpm|dB|dBA|dB(A)|dBm"
    "|mmHg|inHg|inH2O|mmH2O|inWC|mmWC|mmWS|mWC|mWS|in Hg|in H2O|in WC|mm Hg|atm|torr|Torr|EU|RH|%RH|% RH|%rF|% rF"
    "|%rH|% rH|%LEL|%vol|vol%|wt%|%wt|mol%|mils|mil|micron|microns|um|pu|p.u.|count|counts|cts|pulses|NTU|FNU|TCU"
    "|cSt|SSU|Nm3|Nm³|Sm3|Sm³|NM3|M3|m³|m²|KW|MW|KV|KVA|KPA|AMP|AMPS|Amp|Amps|amps|VOLT|VOLTS|Volt|Volts|volts"
    "|Watt|watts|HZ|hz|ohms|Ohms|tph|TPH|tpd|TPD|kgf|kp|g's|gn|ha|l/min"
)
_EXPONENT = r"(?:[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+|\^?\(?-?[0-9]\)?|\*\*-?[0-9])?"
_TERM = rf"(?:1|(?:{_PREFIX})?(?:{_PREFIXED}){_EXPONENT}|(?:{'|'.join(map(re.escape, _PLAIN.split('|')))}){_EXPONENT})"
_QUALIFIER = r"(?:rms|RMS|pp|p-p|pk-pk|pk|peak|PK|PP|abs|abs\.|rel|rel\.|\(?[ag]\)?|open|gauge)"
_UNIT = re.compile(
    rf"{_TERM}(?:(?: ?[/·*⋅.\u00d7-] ?| per | ){_TERM}){{0,3}}(?: ?{_QUALIFIER})?|{_TERM} ?/ ?\({_TERM}[ ·*]{_TERM}\)"
)
_BRACKETS = re.compile(r"[\[(<{]\s*(?P<unit>[^\[\](){}<>]{0,20}(?:\([^()]*\))?)\s*[\])>}]\s*$")
_AFTER_COMMA = re.compile(r"(?:,|\s/|\s-)\s+(?P<unit>\S{1,12})$")


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
    text = text.strip()
    return 0 < len(text) <= 24 and _UNIT.fullmatch(text) is not None


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
    found = _BRACKETS.search(name) or _AFTER_COMMA.search(name)
    if not found or not name[: found.start()].strip():
        return ""
    unit = found["unit"].strip()
    return unit if is_unit(unit) else ""
