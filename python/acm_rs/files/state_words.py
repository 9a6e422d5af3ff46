"""Words of what one machine does. They need no Polars, so that frames of any library can be asked for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["STATE_WORDS", "are_states"]

_STATES = """
    true/false|on/off|yes/no|y/n|t/f|open/closed|opened/closed|open/close|running/stopped|run/stop|run/stopped
    running/not running|started/stopped|start/stop|running/off|running/standstill|active/inactive|enabled/disabled
    high/low|online/offline|on-line/off-line|auto/manual|automatic/manual|auto/man|remote/local|forward/reverse
    connected/disconnected|set/reset|alarm/normal|alarm/ok|fault/normal|fault/ok|fault/no fault|trip/normal
    tripped/normal|alarm/no alarm|present/absent|loaded/unloaded|up/down|engaged/disengaged|energized/de-energized
    occupied/unoccupied|day/night|heating/cooling
    wahr/falsch|ein/aus|an/aus|ja/nein|j/n|auf/zu|offen/geschlossen|läuft/steht|läuft/gestoppt|in betrieb/außer betrieb
    betrieb/stillstand|aktiv/inaktiv|automatik/hand|störung/normal|störung/ok|gestört/ok|hoch/niedrig
    vrai/faux|marche/arrêt|marche/arret|en marche/arrêté|en marche/à l'arrêt|oui/non|o/n|ouvert/fermé|ouverte/fermée
    actif/inactif|allumé/éteint|activé/désactivé|défaut/normal|haut/bas
    verdadero/falso|encendido/apagado|sí/no|si/no|s/n|abierto/cerrado|abierta/cerrada|activo/inactivo|activa/inactiva
    en marcha/parado|en marcha/parada|marcha/paro|marcha/parada|activado/desactivado|conectado/desconectado|alto/bajo
    vero/falso|acceso/spento|aperto/chiuso|verdadeiro/falso|sim/não|ligado/desligado|aberto/fechado
"""
STATE_WORDS: tuple[tuple[str, str], ...] = tuple(
    (pair.strip().split("/")[0], pair.strip().split("/")[1]) for pair in re.split(r"[|\n]", _STATES) if pair.strip()
)
"""Pairs of states in lower case: the one read as 1, and the one read as 0."""
_FURTHER = """
    idle|idling|standby|stand-by|ready|waiting|load|unload|no load|offload|part load|full load|running idle|start-up
    startup|shutdown|shut down|tripped|trip|low|mid|middle|medium|high|warm|cold|hot|slow|fast|heat|hold|cool|empty|full
    last|leerlauf|teillast|volllast|bereit|warten|anlauf|anfahren|abfahren|niedrig|mittel|hoch|warm|kalt|heiß|leer|voll
    charge|à vide|veille|prêt|bas|moyen|haut|chaud|froid|carga|vacío|en vacío|espera|bajo|medio|alto|caliente|frío
"""
# Single letters are names as well.
_DONE = frozenset(
    word
    for word in (*(word for pair in STATE_WORDS for word in pair), *re.split(r"\s*[|\n]\s*", _FURTHER))
    if len(word) > 1
)


def are_states(words: Iterable[str]) -> bool:
    """Whether all of the words say what one machine does; how many of them there are does not matter.

    Parameters
    ----------
    words : iterable of str
        The different words of a column, in capitals or not.
    """
    lowered = {word.strip().lower() for word in words}
    return lowered <= _DONE
