"""Which response does a sentence prefer?

Works on marked sentences (verdict_names), so that the patterns hold for any labels. A sentence that prefers two
responses is a conflict, no choice. Patterns are bounded: none repeats over an unlimited stretch.
"""

from __future__ import annotations

import re

from .verdict_languages import ABSTAINS, PREFERS, TIES
from .verdict_names import STRONG, WEAK, M, S
from .verdict_outcome import ABSTAIN, CONFLICT, TIE, Outcome


def of_mark(mark: str) -> Outcome:
    """The outcome that one mark stands for."""
    code = ord(mark)
    return Outcome("label", code - (WEAK if code >= WEAK else STRONG))


_THING = (
    r"(?:response|answer|output|reply|explanation|solution|code|summary|feedback|option|choice|version|"
    r"overall response|work|performance|one)s?"
)
_ADV = (
    r"(?:[a-z]{2,14}ly|much|far|a|an|the|overall|still|also|by|then|thus|indeed|so|quite|rather|very|bit|little|lot|"
    r"even|just|somewhat|ever|"
    r"again|here|more|clear|obvious|definite|likely|in my (?:opinion|view)|,|my|our|considered|to be|deemed|judged)"
)
_BE = (
    r"(?:is|was|are|were|would be|should be|seems|appears|remains|becomes|emerges|comes out|stands out|"
    r"ends up being|proves|feels|"
    r"could be considered|may be considered|can be considered|has been|being)"
)
_BETTER = r"(?:better|best|superior|preferable|preferred|favou?red|(?:the )?winner|winning|stronger)\b(?! if\b)"
_DO = (
    r"(?:provid|giv|offer|present|deliver|perform|do|did|does|answer|address|execut|follow|fit|meet|serv|ha[sd]|"
    r"have|demonstrat|gave|wrote|"
    r"writ|handl|fulfil|respond|align|produc|generat|show|work|mak|made|satisf|match|explain|convey|captur|suit|"
    r"adher|contain|achiev)[a-z]*"
)
_WIN = (
    r"(?:wins|won|prevails|takes the (?:win|lead|edge|cake)|has (?:the|a|an?)(?: [a-z]+)? (?:edge|advantage)|"
    r"comes out (?:on top|ahead)|"
    r"comes first|should win|gets my vote)"
)
_OUTDO = r"(?:outperform(?:s|ed)?|surpass(?:es|ed)?|beats?|edges out|outshines|exceeds|trumps|outclasses)"
_PICK = (
    r"(?:prefer(?:red)?|choose|chose|pick|select(?:ed)?|favou?r|go(?:ing)? (?:with|for)|opt(?:ed)? for|vote (?:for|"
    r"is for|goes to)|"
    r"lean(?:ing)? (?:towards?|to)|side with|choosing|picking|selecting|reply with|respond with|answer with|"
    r"award (?:the win )?to|recommend|"
    r"give (?:it|this|the (?:win|edge|nod|point|advantage|verdict)) to|declare|(?:verdict )?in favou?r of)"
)
_VERDICT = (
    r"(?:verdict|winner|decision|preference|judge?ment|final choice|final answer|best choice|vote|selection|conclusion)"
)
_HOW = (
    r"(?: (?:also|clearly|generally|overall|slightly|definitely|certainly|consistently|ultimately|narrowly|"
    r"therefore|thus|easily|still))?"
)
_APART = "[^\ue000-\ue1ff;.]"  # a stretch that names no response and stays in its clause
_TAIL = r"(?=[\s.,;:!?)'\]\-–—]|$)"
_END = r"(?=\s*(?:[.,;:!?)\]\-–—]|$|(?:over|as|because|since|for|due|rather|to be|instead|is|here|overall)\b))"

_ENGLISH = [
    rf"(?P<x>{M})(?:'s?)?(?: (?:[a-z]+ ){{0,2}}{_THING})?(?: \([^()]{{0,40}}\))? {_BE}(?: {_ADV}|,){{0,5}} {_BETTER}",
    rf"(?P<x>{S})(?:'s?)?(?: {_THING})?{_HOW} {_DO}(?:(?!\b(?:not|no|never|neither|lacks?|"
    rf"without)\b){_APART}){{0,120}}?\bbetter\b",
    rf"(?P<x>{S})[^\ue000-\ue1ff;]{{1,200}}?,? (?:and|which|making it|so it|thus|therefore|"
    rf"hence) (?:{_BE} )?(?:{_ADV} ){{0,4}}"
    r"(?:better|superior|preferable)\b",
    rf"(?P<x>{M})(?:'s?)?(?: {_THING})?{_HOW} (?:{_WIN}\b|{_OUTDO} {M})",
    rf"\b(?:better|best|superior)\b{_APART}{{0,60}}? (?:is|was) (?:the one )?(?:provided|given|offered|presented|"
    rf"written|produced) by "
    rf"(?P<x>{M}){_TAIL}",
    rf"\b(?:better|best|superior|preferred|preferable|winning|stronger)\b(?:(?!\b(?:than|if|not)\b){_APART}){{0,60}}? "
    rf"(?:is|was|would be|goes to|being|comes from|between the two is)(?: {_ADV}|:|,){{0,3}} (?P<x>{M})(?:'s?)?{_TAIL}",
    rf"\b{_PICK} (?:the )?(?P<x>{S}){_TAIL}",
    rf"\b{_PICK} (?P<x>{M}){_END}",
    rf"\b{_VERDICT}\b{_APART}{{0,24}}? (?:is|was|goes to|would be|would go to|for|be|favou?rs|lies with)(?: {_ADV}|"
    rf":|,|that){{0,3}} ?"
    rf"(?P<x>{M}){_END}",
    rf"^\W*(?:therefore|hence|thus|so|yes|definitely|clearly|finally|overall|in conclusion|"
    rf"easily)[,:]? (?P<x>{M})\s*[.!]\W*$",
    rf"\b(?:rank|place|put) (?P<x>{M}) (?:first|higher|above|ahead)\b",
]
_PREFERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (*_ENGLISH, *(part for parts in PREFERS.values() for part in parts))
]
_NAMED = re.compile(M)
_WORSE = re.compile(
    rf"(?P<x>{M})(?:'s?)?(?: {_THING})? {_BE}(?: {_ADV}){{0,4}} "
    rf"(?:(?:worse|weaker|inferior|poorer)(?: {_THING})? (?:than|to)|not as good as) (?:that of )?(?P<y>{M})",
    re.IGNORECASE,
)
_SAME = (
    r"(?:equally(?! likely)|similarly|tied|equal|equivalent|comparable|the same|on par|of (?:equal|similar|"
    r"comparable) quality)"
)
_TIE = re.compile(
    r"\bneither\b[^;]{0,60}?\b(?:is|are|was|can be|could be|would be|seems)\b"
    r"(?: (?:considered|clearly|significantly|necessarily|definitively|really|the|a|deemed|to be)){0,3} "
    r"(?:better|best|superior|preferable|preferred|the winner|winner)\b"
    r"|\bno (?:clear|significant|definitive|real) (?:winner|preference|difference (?:in quality|between the two))\b"
    r"|(?:\b(?:is|'s|be|as|call(?:ing)?|declare|consider|deem|say|rate|judge|verdict|result|conclude|ends? in|"
    r"end up in|results? in)\b:? ?"
    r"(?:it |this |that |them |the comparison )?(?:(?:as|to be|therefore|thus|essentially|basically|effectively|"
    r"a clear|clearly|overall) ){0,2}"
    r"(?:a |an |in a )?(?:tie|draw|dead heat|tied)\b(?! ?-?breaker))"
    rf"|\bboth\b[^.;]{{0,80}}?\b(?:are|perform(?:ed)?|were|is|do|did|be)\b(?: [a-z]+){{0,2}}? {_SAME}\b"
    rf"|{M}(?:'s)?(?:,? and |/| & ){M}(?:'s)?(?: {_THING})? (?:are|were|performed?|is|be)(?: [a-z]+){{0,2}} {_SAME}\b"
    rf"|\b(?:they|two|responses|answers|outputs|assistants) (?:are|perform|were)(?: [a-z]+){{0,2}} {_SAME}\b"
    rf"|\brelatively the same\b|\bequally (?:good|bad|valid|helpful|strong|well|correct|poor|effective)\b|{TIES}",
    re.IGNORECASE,
)
_ABSTAIN = re.compile(
    r"\b(?:can(?:no|')t|can not|unable to|not able to|impossible to|not possible to|difficult to) "
    r"(?:reliably |confidently |definitively |really |fairly )?"
    r"(?:decide|determine|tell|choose|make a (?:decision|judge?ment|determination|choice)|pick|judge|say)"
    r"(?: (?:which|between|who|whether|what|if|from)\b| (?:a|the) (?:winner|better|best)|\s*[.,;!]|\s*$)"
    r"|\bI(?: must| have to| will| would|'ll)? abstain\b|\babstaining\b"
    rf"|\b(?:insufficient|not enough) information to (?:decide|determine|judge|choose|tell)\b|{ABSTAINS}",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"(?:\b(?:if|whether|unless|when|in case|why|that would mean|not (?:say|think|believe|mean|clear|"
    r"imply)(?: that)?|doesn't mean(?: that)?|"
    rf"(?<!i )(?:argue|claim|state|assert|contend|insist)[sd]?(?: that)?)|如果|是否)(?: the| an?)? ?$|"
    rf"{M}(?:'s)?,? (?:and|or|nor) (?:the )?$",
    re.IGNORECASE,
)


_DRAWN = re.compile(r"\b(?:therefore|thus|hence|overall|conclusion)\b", re.IGNORECASE)  # may end in a quoted question


def _hedged(sentence: str, start: int) -> bool:
    """Whether what begins here is conditional, another's claim, or half of a pair (`which of A and B is better`)."""
    return _HEDGE.search(sentence[max(0, start - 40) : start]) is not None


def preference(sentence: str) -> Outcome | None:
    """Read what a marked sentence prefers; None if it prefers nothing."""
    if sentence.rstrip(" ')*_").endswith(("?", "？", "؟")) and not _DRAWN.search(sentence):
        return None
    found: set[int] = set()
    if _NAMED.search(sentence):  # each of these patterns names a response
        found = {
            of_mark(match["x"]).index
            for pattern in _PREFERS
            for match in pattern.finditer(sentence)
            if not _hedged(sentence, match.start())
        }
        found |= {of_mark(match["y"]).index for match in _WORSE.finditer(sentence)}
    tie = _TIE.search(sentence)
    if tie and not _hedged(sentence, tie.start()):
        return TIE if not found or tie.group().lower().startswith("neither") else CONFLICT
    if len(found) > 1:
        return CONFLICT
    if found:
        return Outcome("label", found.pop())
    undecided = _ABSTAIN.search(sentence)
    return (
        ABSTAIN if undecided and not re.search(S, sentence[: undecided.start()]) else None
    )  # else a response is undecided
