"""Which response does a sentence prefer?

Works on marked sentences (verdict_names), so that the patterns hold for any labels. A sentence that prefers two different
responses is a conflict, not a choice. Patterns are bounded: no repetition in them runs over an unlimited stretch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .verdict_names import WEAK, M, S

Kind = Literal["label", "tie", "abstain", "score", "rank", "conflict"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of text says: a label by its index, a tie, no decision, a number, an order, or two things at once."""

    kind: Kind
    index: int = -1
    score: float = 0.0
    ranking: tuple[tuple[int, ...], ...] = ()


TIE, ABSTAIN, CONFLICT = Outcome("tie"), Outcome("abstain"), Outcome("conflict")


def of_mark(mark: str) -> Outcome:
    """The outcome that one mark stands for."""
    code = ord(mark)
    return Outcome("label", code - (WEAK if code >= WEAK else 0xE000))


_THING = r"(?:response|answer|output|reply|explanation|solution|code|summary|feedback|option|choice|version|overall response|work|performance|one)s?"
_ADV = (
    r"(?:[a-z]{2,14}ly|much|far|a|an|the|overall|still|also|by|then|thus|indeed|so|quite|rather|very|bit|little|lot|even|just|somewhat|ever|"
    r"again|here|more|clear|obvious|definite|likely|in my (?:opinion|view)|,|my|our|considered|as|to be|deemed|judged)"
)
_BE = (
    r"(?:is|was|are|were|would be|should be|seems|appears|remains|becomes|emerges|comes out|stands out|ends up being|proves|feels|can be|"
    r"could be considered|may be considered|has been|gets|being)"
)
_BETTER = r"(?:better|best|superior|preferable|preferred|favou?red|(?:the )?winner|winning|stronger|closer)"
_DO = (
    r"(?:provid|giv|offer|present|deliver|perform|do|did|does|answer|address|execut|follow|fit|meet|serv|ha[sd]|have|demonstrat|gave|wrote|"
    r"writ|handl|fulfil|respond|align|produc|generat|show|work|mak|made|satisf|match|explain|convey|captur|suit|adher|contain|achiev)[a-z]*"
)
_WIN = r"(?:wins|won|prevails|takes the (?:win|lead|edge|cake)|has (?:the|a|an?)(?: [a-z]+)? (?:edge|advantage)|comes out (?:on top|ahead)|comes first|should win)"
_OUTDO = r"(?:outperform(?:s|ed)?|surpass(?:es|ed)?|beats?|edges out|outshines|exceeds|trumps|outclasses)"
_PICK = (
    r"(?:prefer(?:red)?|choose|chose|pick|select(?:ed)?|favou?r|go(?:ing)? (?:with|for)|opt(?:ed)? for|vote (?:for|is for|goes to)|lean(?:ing)? "
    r"(?:towards?|to)|side with|choosing|picking|selecting|reply with|respond with|answer with|award (?:the win )?to|recommend|"
    r"give (?:it|this|the (?:win|edge|nod|point|advantage|verdict)) to|declare|verdict in favou?r of|in favou?r of)"
)
_TAIL = r"(?=[\s.,;:!?)'\]\-–—]|$)"
_END = r"(?=\s*(?:[.,;:!?)\]\-–—]|$|over\b|as\b|because\b|since\b|for\b|due\b|rather\b|to be\b|instead\b|is\b|here\b|overall\b))"

_PREFERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<x>{M})(?:'s?)?(?: (?:[a-z]+ ){{0,2}}{_THING})?(?: \([^()]{{0,40}}\))? {_BE}(?: {_ADV}|,){{0,5}} {_BETTER}\b",
        rf"(?P<x>{S})(?:'s?)?(?: {_THING})?(?: (?:also|clearly|generally|overall|slightly|definitely|certainly|consistently|ultimately))? "
        rf"{_DO}(?:(?!\b(?:not|no|never|neither|lacks?|without)\b)[^\ue000-\ue1ff;.]){{0,120}}?\bbetter\b",
        rf"\b(?:better|best|superior)\b[^\ue000-\ue1ff;.]{{0,60}}? (?:is|was) (?:the one )?(?:provided|given|offered|presented|written|produced) by (?P<x>{M}){_TAIL}",
        rf"(?P<x>{S})[^\ue000-\ue1ff;]{{1,200}}?,? (?:and|which|making it|so it|thus|therefore|hence) (?:{_BE} )?(?:{_ADV} ){{0,4}}(?:better|superior|preferable)\b",
        rf"\b(?:better|best|superior|preferred|preferable|winning|stronger)\b(?:(?!\b(?:than|if|not)\b)[^\ue000-\ue1ff;.]){{0,60}}? (?:is|was|would be|goes to|being|comes from|between the two is)(?: {_ADV}|:|,){{0,3}} (?P<x>{M})(?:'s?)?{_TAIL}",
        rf"\b{_PICK} (?:the )?(?P<x>{S}){_TAIL}",
        rf"\b{_PICK} (?P<x>{M}){_END}",
        rf"(?P<x>{M})(?:'s?)?(?: {_THING})?(?: (?:clearly|ultimately|narrowly|slightly|therefore|thus|easily|still))? (?:(?:{_WIN}|gets my vote)\b|{_OUTDO} {M})",
        rf"^\W*(?:therefore|hence|thus|so|yes|definitely|clearly|finally|overall|in conclusion|easily)[,:]? (?P<x>{M})\s*[.!]\W*$",
        rf"\b(?:rank|place|put) (?P<x>{M}) (?:first|higher|above|ahead)\b",
        rf"\b(?:verdict|winner|decision|preference|judge?ment|final choice|final answer|best choice|vote|selection|conclusion)\b[^\ue000-\ue1ff.;]{{0,24}}? "
        rf"(?:is|was|goes to|would be|would go to|for|be|favou?rs|lies with)(?: {_ADV}|:|,|that){{0,3}} ?(?P<x>{M}){_END}",
        # German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese, Korean, Arabic
        rf"(?P<x>{M}) (?:ist|war|bleibt)(?: [a-zäöüß]+){{0,3}}? (?:besser|bessere|beste|überlegen|vorzuziehen)\b",
        rf"\b(?:bevorzuge|wähle|bessere \w+ ist|beste \w+ ist|gewinner ist|urteil lautet|entscheide mich für)(?: ich| eindeutig| klar| daher|:)* (?P<x>{M}){_TAIL}",
        rf"(?P<x>{M}) est (?:[a-zà-\u00ff]+ ){{0,3}}?(?:meilleure?|supérieure?|préférable)\b",
        rf"\b(?:meilleure? \w+ est|je préfère|je choisis|gagnant est|verdict est)(?: :| la| le)* ?(?P<x>{M}){_TAIL}",
        rf"(?P<x>{M}) (?:es|é|è|fue|foi)(?: [a-zà-\u00ff]+){{0,3}}? (?:mejor|superior|melhor|migliore|meglio|superiore|preferible|preferível|preferibile)\b",
        rf"\b(?:mejor|melhor|migliore)(?: \w+)? (?:es|é|è)(?: la| el| a| o| il)?:? (?P<x>{M}){_TAIL}",
        rf"\b(?:prefiero|elijo|escojo|prefiro|escolho|preferisco|scelgo|gana|vence|vince)(?: la| el| a| o| il)? (?P<x>{M}){_TAIL}",
        rf"(?P<x>{M})\s?(?:[—–-] )?(?:[\u0400-\u04ff]+ ){{0,2}}?(?:лучше|предпочтительнее|побеждает|лучший)",
        rf"(?:лучший|лучше|выбираю|предпочитаю|победитель)(?: [\u0400-\u04ff]+)?\s?[—–:-]?\s?(?P<x>{M}){_TAIL}",
        rf"(?P<x>{M}) ?(?:明显|略|显然|整体|总体|的回答|的表现|稍微|稍|上|是|无疑){{0,4}}(?:更好|更优|较好|更佳|更胜|胜出|获胜|优于|更强)",
        rf"(?:更好的(?:回答|答案)?是|我选择|我选|选择|胜者是|我倾向于|我认为更好的是|更优的是|答案是)[: ]?(?P<x>{M})",
        rf"(?P<x>{M}) ?(?:の|回答|応答)*(?:の?方|の?ほう)?(?:が|は)(?:より|明らかに|やや|全体的に|、)*(?:優れ|良い|よい|いい|勝|適切|優秀)",
        rf"(?P<x>{M}) ?を(?:選|推)|(?P<x2>{M}) ?(?:이|가|은|는)? ?(?:더|훨씬 더|약간 더) ?(?:낫|좋|우수|나은)",
        rf"(?P<x>{M}) ?(?:هي|هو)? ?(?:ال)?أفضل|الأفضل ه[وي] (?P<x2>{M})|أ(?:فضل|ختار) (?P<x3>{M}){_TAIL}",
    )
]
_WORSE = re.compile(
    rf"(?P<x>{M})(?:'s?)?(?: {_THING})? {_BE}(?: {_ADV}){{0,4}} (?:(?:worse|weaker|inferior|poorer)(?: {_THING})? (?:than|to)|not as good as) (?:that of )?(?P<y>{M})",
    re.IGNORECASE,
)
_NEITHER = (
    rf"\bneither\b[^;]{{0,60}}?\b(?:is|are|was|can be|could be|would be|seems)\b(?: (?:considered|clearly|significantly|necessarily|definitively|really|the|a|deemed|to be)){{0,3}} "
    rf"(?:better|best|superior|preferable|preferred|the winner|winner)\b"
)
_TIE = re.compile(
    rf"{_NEITHER}|\bno (?:clear|significant|definitive|real) (?:winner|preference|difference (?:in quality|between the two))\b"
    r"|(?:\b(?:is|'s|be|as|call(?:ing)?|declare|consider|deem|say|rate|judge|verdict|result|conclude|ends? in|end up in|results? in|rated as)\b:? ?(?:it |this |that |them |the comparison )?"
    r"(?:(?:as|to be|therefore|thus|essentially|basically|effectively|a clear|clearly|overall) ){0,2}(?:a |an |in a )?(?:tie|draw|dead heat|tied)\b(?! ?-?breaker))"
    r"|\bboth\b[^.;]{0,80}?\b(?:are|perform(?:ed)?|were|is|do|did|be)\b(?: [a-z]+){0,2}? (?:equally(?! likely)|similarly|the same|tied|comparable|equal in quality|of (?:equal|similar|comparable) quality)\b"
    rf"|{M}(?:'s)?(?:,? and |/| & ){M}(?:'s)?(?: {_THING})? (?:are|were|performed?|is|be)(?: [a-z]+){{0,2}} (?:equally(?! likely)|tied|equal|equivalent|comparable|the same|of (?:equal|similar|comparable))\b"
    r"|\b(?:they|two|responses|answers|outputs|assistants) (?:are|perform|were)(?: [a-z]+){0,2} (?:equally (?!but|likely)[a-z]+|tied|equal|on par|of (?:equal|similar|comparable) quality)"
    r"|\brelatively the same\b|\bequally (?:good|bad|valid|helpful|strong|well|correct|poor|effective)\b"
    r"|\bunentschieden\b|\bgleichwertig\b|\bgleich (?:gut|schlecht|stark)\b|\bégalité\b|\bex æquo\b|\béquivalentes?\b|\b(?:aussi|tout aussi) bonnes\b"
    r"|\b(?:es|hay|é|há|declaro|resultado:?)? ?(?:un |um )?empate\b|\bigualmente (?:buen|bo|valid)[a-z]*\b|\b(?:è un )?pareggio\b|\b(?:equivalenti|equivalentes)\b"
    r"|\bничья\b|\bодинаково хорош|平局|平手|不分上下|不相上下|同样好|一样好"
    r"|引き分け|同等|互角|差はない|تعادل|متساو|무승부|동점|동등",
    re.IGNORECASE,
)
_ABSTAIN = re.compile(
    r"\b(?:can(?:no|')t|can not|unable to|not able to|am not able to|impossible to|not possible to|not able|difficult to) (?:reliably |confidently |definitively |really |fairly )?"
    r"(?:decide|determine|tell|choose|make a (?:decision|judge?ment|determination|choice)|pick|judge|say)(?: (?:which|between|who|whether|what|if|from)\b| (?:a|the) (?:winner|better|best)|\s*[.,;!]|\s*$)"
    r"|\bI(?: must| have to| will| would|'ll)? abstain\b|\babstaining\b|\b(?:insufficient|not enough) information to (?:decide|determine|judge|choose|tell)\b"
    r"|\bkann (?:mich |es |das )?nicht (?:entscheiden|sagen|beurteilen)\b|\bne (?:peux|puis) pas (?:décider|trancher|déterminer|juger)\b"
    r"|\bno (?:puedo|es posible) (?:decidir|determinar|elegir|juzgar)\b|\bnão (?:consigo|posso|é possível) (?:decidir|determinar|escolher)\b"
    r"|\bnon (?:posso|riesco a|è possibile) (?:decidere|determinare|stabilire|scegliere)\b|не могу (?:решить|определить|выбрать)"
    r"|无法(?:判断|决定|确定|选择)|判断できません|判断できない|決められません|لا أستطيع (?:أن أقرر|الحكم|تحديد|الاختيار)|판단할 수 없",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"(?:\b(?:if|whether|unless|when|in case|that would mean|not (?:say|think|believe|mean|clear|imply)(?: that)?|doesn't mean(?: that)?|"
    r"(?<!i )(?:argue|claim|state|assert|contend|insist)[sd]?(?: that)?|why)|如果|是否)(?: the| an?)? ?$",
    re.IGNORECASE,
)


def preference(sentence: str) -> Outcome | None:
    """Read what a marked sentence prefers; None if it prefers nothing."""
    found: dict[int, int] = {}
    for pattern in _PREFERS:
        for match in pattern.finditer(sentence):
            if not _HEDGE.search(sentence[max(0, match.start() - 40) : match.start()]):
                mark = match.group("x") or match.groupdict().get("x2") or match.groupdict().get("x3")
                assert mark is not None
                found.setdefault(of_mark(mark).index, match.start())
    for match in _WORSE.finditer(sentence):
        found.setdefault(of_mark(match["y"]).index, match.start())
    tie = _TIE.search(sentence)
    if tie and not _HEDGE.search(sentence[max(0, tie.start() - 40) : tie.start()]):
        return TIE if not found or tie.group().lower().startswith("neither") else CONFLICT
    if len(found) > 1:
        return CONFLICT
    if found:
        return Outcome("label", next(iter(found)))
    undecided = _ABSTAIN.search(sentence)
    return ABSTAIN if undecided and not re.search(S, sentence[: undecided.start()]) else None  # else a response is undecided
