"""Words that hold no value, in several languages."""

from __future__ import annotations

import re

__all__ = ["MISSING_WORDS"]

_SHEETS = """
    nan|na|n/a|n.a.|#n/a|#na|#n/a n/a|null|none|nil|-|--|---|\u2013|\u2014|\\n|.|?|missing|undefined|empty
    (null)|(blank)
    #value!|#div/0!|#ref!|#num!|#name?|#null!|#spill!|#calc!|#getting_data|1.#qnan|-1.#ind|1.#ind|1.#inf|-1.#inf|+inf
    #nv|#n/d|#n/v|#wert!|#bezug!|#zahl!|#valeur!|#nombre!|#nom?|#nul!|#valor!|#¡valor!|#¡num!|#¡div/0!|#¡ref!|#¿nombre?
"""
# Digital states and error texts that stand in for a value.
_HISTORIANS = """
    bad|bad data|bad input|bad output|bad quality|bad value|bad total|set to bad|status bad
    no data|no value|no result|no sample|no good data|no lab data|no reading|no signal|no communication
    no events found|data not found|not found|tag not found|point not found|pi point not found|invalid tag
    i/o timeout|io timeout|timeout|time out|scan timeout|scan off|trace off|calc failed|calc fail|calc off|calc overflow
    pt created|point created|configure|not configured|config error|configuration error|wrong type|access denied
    comm fail|comm failure|comm error|comm loss|communication error|communication failure
    not connect|not connected|disconnected|connection lost|link down|no license
    over range|under range|over ucl|under lcl|overrange|underrange|out of range|inp out of range|inp outrange|overflow
    underflow|out of serv|out of service|out of order|arc off-line|arc offline|offline|off-line|intf shut|shutdown
    unit down|dcs failed|sensor fail|sensor failure|sensor fault|device fail|device failure|failed|failure|fault|faulted
    error|err|invalid|invalid data|invalid float|invalid value|unavailable|not available|unknown|undetermined
    questionable|uncertain|doubtful|dubious|suspect|stale|substituted|manual|frozen|wire break|open circuit
    short circuit|burnout|isu saw no data|not downloaded|not measured|not sampled|last known value|last usable value
"""
_GERMAN = """
    keine daten|keine werte|kein wert|kein messwert|kein signal|ohne wert|ungültig|ungueltig|fehler|fehlerhaft|fehlt
    fehlend|fehlwert|leer|k.a.|n.v.|schlecht|gestört|gestoert|störung|stoerung|ausfall|ausgefallen|defekt|unbekannt
    unsicher|zweifelhaft|fraglich|ersatzwert|handwert|nicht verfügbar|nicht verfuegbar|nicht verbunden|nicht vorhanden
    außer betrieb|ausser betrieb|messbereich überschritten|messbereich unterschritten|überlauf|unterlauf|drahtbruch
    kurzschluss|zeitüberschreitung|verbindung unterbrochen
"""
_FRENCH = """
    invalide|non valide|non valable|erreur|pas de données|aucune donnée|pas de valeur|sans valeur|manquant|manquante
    défaut|en défaut|indisponible|non disponible|hors service|hors plage|hors gamme|hors ligne|inconnu|inconnue|mauvais
    mauvaise|mauvaise qualité|douteux|douteuse|incertain|incertaine|n.d.|n/d|déconnecté|dépassement|vide|périmé
"""
_SPANISH = """
    inválido|inválida|no válido|no válida|sin datos|sin dato|sin valor|sin señal|sin comunicación|no disponible
    fuera de servicio|fuera de rango|fuera de línea|desconocido|desconocida|malo|mala|mala calidad|dudoso|dudosa
    incierto|incierta|falla|fallo|desconectado|desconectada|nulo|vacío|s/d|sustituido|caducado
"""

MISSING_WORDS = frozenset(
    (
        "",
        *(w.strip() for lines in (_SHEETS, _HISTORIANS, _GERMAN, _FRENCH, _SPANISH) for w in re.split(r"[|\n]", lines)),
    )
)
"""Cells that hold no value, in lower case; spaces, dashes, underscores and brackets in them do not count."""
