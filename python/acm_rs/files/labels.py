"""Words that say what a row beside the readings is."""

from __future__ import annotations

__all__ = [
    "DESCRIPTION",
    "FOOTER",
    "HIGH",
    "LOW",
    "NAME",
    "QUALITY",
    "RANGE",
    "UNIT",
    "plain",
    "says_footer",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


# Compared in lower case, with blanks for dots, dashes, slashes, colons, brackets and underscores.
NAME = _words(
    "tag|tags|tag name|tagname|tag id|point|points|point name|pointname|point id|name|names|sensor|sensors"
    "|sensor name|signal|signals|signal name|variable|variables|variable name|channel|channel name|parameter|item"
    "|id|column|messstelle|messstellen|kennzeichen|kks|variablenname|bezeichner|signalname|kanal|repère|repere"
    "|nom|nombre|variablen|header|instrument|measurement|attribute|object name|series|series name"
)
DESCRIPTION = _words(
    "description|descriptions|desc|descriptor|descr|point description|tag description|long name|longname"
    "|extended name|extended descriptor|exdesc|full name|display name|alias|comment|comments|label|beschreibung"
    "|bezeichnung|langtext|klartext|bemerkung|kommentar|désignation|designation|libellé|libelle|descripción"
    "|descripcion|service|title|text"
)
UNIT = _words(
    "unit|units|uom|eu|eng unit|eng units|engunit|engunits|engineering unit|engineering units|unit of measure"
    "|units of measure|units of measurement|dimension|einheit|einheiten|maßeinheit|unité|unite|unités|unites"
    "|unidad|unidades|eenheid|enhet|unità|unita"
)
LOW = _words(
    "l|ll|lll"
    "|low|lo|low limit|lower limit|lo limit|lolimit|lolim|low lim|min|minimum|range low|low range|range min|zero"
    "|lrv|eu low|lower|limit low|limit lo|min limit|minimum limit|low alarm|alarm low|lsl|instrument low"
    "|untergrenze|min wert|minimalwert|messbereich anfang|limite basse|límite inferior|limite inferior|mín|mínimo"
    "|minimo"
)
HIGH = _words(
    "h|hh|hhh"
    "|high|hi|high limit|upper limit|hi limit|hilimit|hilim|high lim|max|maximum|range high|high range|range max"
    "|urv|eu high|upper|limit high|limit hi|max limit|maximum limit|high alarm|alarm high|usl|instrument high"
    "|obergrenze|max wert|maximalwert|messbereich ende|limite haute|límite superior|limite superior|máx|máximo"
    "|maximo"
)
RANGE = _words(
    "limits|limit|range|ranges|span|alarm limits|instrument range|eu range|measuring range|min max|low high"
    "|grenzen|grenzwerte|messbereich|bereich|limites|plage|étendue|límites|rango"
)
QUALITY = _words(
    "quality|qual|q|qc|quality code|quality flag|data quality|opc quality|status|flag|flags|state|good|confidence"
    "|questionable|annotated|substituted|qualität|qualitaet|güte|guete|statut|qualité|qualite|calidad|estado"
)
FOOTER = _words(
    "average|avg|averages|mean|median|min|minimum|max|maximum|total|totals|sum|sums|std|stdev|std dev|st dev"
    "|stddev|standard deviation|sd|variance|range|count|counts|samples|n|good|good count|pct good|percent good"
    "|first|last|rows|row count|number of rows|records|end|eof|mittelwert|mittel|durchschnitt|summe|gesamt|anzahl"
    "|standardabweichung|moyenne|somme|écart type|nombre|fin|media|promedio|suma|desviación estándar|cuenta"
    "|recuento|minimal|maximal"
)
_FOOTER_STARTS = (
    "end of ",
    "ende ",
    "ende des ",
    "fin de ",
    "fin du ",
    "average",
    "minimum",
    "maximum",
    "total ",
    "grand total",
    "sum of",
    "std ",
    "standard dev",
    "number of",
    "generated",
    "exported",
    "printed",
    "created",
    "page ",
    "seite ",
)


def plain(text: str) -> str:
    """A label in lower case without its punctuation: ``Low-Limit:`` is ``low limit``."""
    text = text.lower()
    for char in "._-/():;#*[]=":
        text = text.replace(char, " ")
    return " ".join(text.split())


def says_footer(text: str) -> bool:
    """Tell whether a cell is the label of a row that sums up or ends a report."""
    label = plain(text)
    return label in FOOTER or label in LOW or label in HIGH or label.startswith(_FOOTER_STARTS)
