"""Words by which rows, columns and cells say what they are: tags, units, limits, qualities, sums."""

from __future__ import annotations

import re

__all__ = [
    "ASPECT_NAMES",
    "BESIDE_TAGS",
    "DESCRIPTION",
    "FOOTER",
    "HIGH",
    "LOW",
    "MAYBE_TAG",
    "NAME",
    "QUALITY_NAMES",
    "QUALITY_WORDS",
    "QUALITY_WORDS_IN_CONTEXT",
    "RANGE",
    "REMARK",
    "STATUS_NAMES",
    "TAG",
    "UNIT",
    "VALUE",
    "bare",
    "plain",
    "says_footer",
]

_BETWEEN = re.compile(r"[\s._\-/\\()\[\]{}<>:;,|#*=@!?'\"]+")


def plain(text: str) -> str:
    """A name or label in lower case, its words parted by single blanks: ``Low-Limit:`` is ``low limit``."""
    return _BETWEEN.sub(" ", text.lower()).strip()


def bare(text: str) -> str:
    """A name or label in lower case, letters and figures alone: ``Tag_Name`` is ``tagname``."""
    return re.sub(r"[\W_]+", "", text.lower())


def _words(text: str) -> frozenset[str]:
    return frozenset(map(bare, text.split("|")))


# What rows above the readings and columns of long tables are called. All are compared bare.
TAG = _words(
    "tag|tags|tag name|tag id|point|points|point name|point id|name|sensor|sensors|sensor name|sensor id|signal"
    "|signals|signal name|variable|variables|variable name|channel|channel name|parameter|parameter name|item|item id"
    "|item name|metric|measurement|measurand|attribute|series|series name|instrument|device|node|node id|object"
    "|object name|source|data source|entity|entity id|property|property id|key|field|messstelle|messstellen"
    "|messstellenname|kennzeichen|kennung|kks|bezeichner|signalname|kanal|größe|messgröße|variablenname|variablen"
    "|repère|repere|étiquette|capteur|voie|nom|grandeur|señal|etiqueta|punto"
    "|canal|magnitud|nombre"
)
# Of these there may be one beside that of the tags.
BESIDE_TAGS = _words(
    "source|data source|entity|entity id|device|instrument|object|object name|node|node id|item|item id|series|name|nom"
    "|nombre|measurement"
)
# These are what a sensor is called as well: where they hold readings they are none.
MAYBE_TAG = _words("field|key|entity|property")
# A column of such a name may number the rows.
NAME = TAG | _words("id|names|column|header")
VALUE = _words(
    "value|val|values|reading|readings|measured value|numeric value|pv|result|data|wert|messwert|istwert|zahlenwert"
    "|valeur|mesure|valor|lectura|medida|medición"
)
DESCRIPTION = _words(
    "description|descriptions|desc|descriptor|descr|point description|tag description|long name|longname"
    "|extended name|extended descriptor|exdesc|full name|display name|alias|label|beschreibung"
    "|bezeichnung|langtext|klartext|désignation|designation|libellé|libelle|descripción"
    "|descripcion|service|title|text"
)
# Such a row describes the columns; a column of them is about single readings.
REMARK = _words("comment|comments|remark|remarks|bemerkung|bemerkungen|kommentar|commentaire|comentario")
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
# Words that are said of readings and hardly of anything else.
QUALITY_WORDS = {
    "good": "good|valid|confirmed|gut|gültig|gueltig|bon|bonne|valide|bueno|buena|válido|válida|buono|bom|boa",
    "uncertain": """questionable|uncertain|doubtful|dubious|suspect|suspicious|substituted|substitute|stale
        estimated|interpolated|extrapolated|annotated|subnormal|last usable value|last known value|last usable
        sensor not accurate
        engineering units exceeded|eu exceeded|held|unsicher|zweifelhaft|fraglich|ersatzwert|geschätzt|interpoliert
        veraltet|bedingt gültig|incertain|incertaine|douteux|douteuse|substitué|estimé|périmé|interpolé|incierto
        incierta|dudoso|dudosa|sustituido|estimado|caducado|interpolado|cuestionable""",
    "bad": """bad|invalid|poor|ungültig|ungueltig|schlecht|mauvais|mauvaise|invalide|non valide|malo|mala|inválido
        inválida|invalido|invalida|no válido|no válida|not good|not valid|ko""",
}
# Words that mean a quality only where a name says that one is meant.
QUALITY_WORDS_IN_CONTEXT = {
    "good": "ok|okay|o.k.|normal|g|fine|correct|in ordnung|i.o.|io|raw|measured|actual|v",
    "uncertain": "manual|manually entered|u|q|s|?|override|local override|simulated|initial|hand|handwert",
    "bad": "b|x|n.i.o.|nio|nok|not ok|rejected|waiting for initial data|waiting|alarm|dead|never",
}
# What columns of qualities are called, by what a 1 or True in them means; patterns.
QUALITY_NAMES = {
    "good": r"opc[ _]?quality|data[ _]?quality|quality|qual|qlty|q|is[ _]?good|good|is[ _]?valid|validity|valid"
    r"|qualität|qualitaet|güte|guete|gültigkeit|gueltigkeit|gültig|gueltig"
    r"|qualité|qualite|validité|validite|valide|calidad|validez|válido|valido|qualità|qualidade",
    "bad": r"is[ _]?bad|bad|is[ _]?invalid|invalid|ungültig|ungueltig|invalide|inválido|invalido",
    "uncertain": r"is[ _]?questionable|questionable|annotated|substituted|is[ _]?uncertain|uncertain|suspect|doubtful",
    "none": r"status[ _]?code|opc[ _]?status|quality[ _]?code|quality[ _]?flag|quality[ _]?status"
    r"|qc[ _]?flag|q[ _]?flag|qc|qf|qualitätscode|qualitätsstatus",
}
# A machine has a status as well.
STATUS_NAMES = r"status|stat|state|flags?|confidence|zustand|statut|état|etat|estado|st"
# What else is said of a sensor's readings under its name; patterns.
ASPECT_NAMES = {
    "confidence": r"conf(?:idence)?(?:[ _]?(?:level|score|pct|percent))?|(?:pct|percent|perc|%)[ _]?good"
    r"|good[ _]?(?:pct|percent|%)|reliability|certainty|trust(?:[ _]?(?:level|score))?|konfidenz|vertrauen|confiance"
    r"|confianza|confiança",
    "error": r"err(?:ors?)?(?:[ _]?(?:code|no|num|number|flag|state|status|bits?|word))?|fehler(?:[ _]?code)?|erreur"
    r"|code[ _]?erreur",
    "flag": r"flags?(?:[ _]?(?:code|bits?|word))?|annotations?",
    "status": r"status|stat|statut",
    "alarm": r"(?:alarm|alm|fault|trip|failure|warning|warn)s?"
    r"(?:[ _]?(?:flag|status|state|code|active|bit|hh|hi|high|h|ll|lo|low|l))?"
    r"|störung|stoerung|défaut|defaut|falla|alarma|alarme",
    "beside": r"uncertainty|unc|accuracy|tolerance|age|latency|staleness|samples?|n[ _]?samples|sample[ _]?count"
    r"|unsicherheit|incertitude|incertidumbre",
}
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


def says_footer(text: str) -> bool:
    """Tell whether a cell is the label of a row that sums up or ends a report."""
    label = bare(text)
    return label in FOOTER or label in LOW or label in HIGH or plain(text).startswith(_FOOTER_STARTS)
