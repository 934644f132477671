"""How does text look that tries to steer a judge? The patterns behind `text/attack_signs.py`, one for each sign."""

from __future__ import annotations

import re

_JUDGE = r"(?:judge|grader|evaluator|evaluating model|reviewer|assessor|whoever (?:grades|judges|evaluates|rates))"
_RULES = r"(?:instructions?|rules?|prompts?|guidelines?|criteria|orders)"
_LEAVE = r"(?:ignor\w+|disregard\w*|forget\w*|overrid\w+|do not follow|don't follow)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|all|any|your|system)"
_ORDER = r"(?:\s*[>=<]{1,2}\s*[A-H])+"
_FORM = rf"\[\[\s*(?:[A-H]\d?|tie|rating|\d{{1,3}}(?:\.\d+)?|[A-H]{_ORDER})\s*\]\]"
_FIELDS = r"(?:verdict|winner|preferred|final_answer|better|ranking|criteria|score|p_first)"
_VALUE = r"(?:[A-H]\b|\d{1,3}\b|tie\b)"
_HEAD = r"(?:(?:my |the )?(?:final )?(?:verdict|judge?ment|ranking)|winner)"
_WON = r"(?:response|assistant|answer) [A-H] (?:is|was) (?:clearly |much |obviously |far )?better"

# "verdict" and "conclusion" in Chinese, Japanese, Russian, Arabic
_FOREIGN_VERDICT = (
    "(?:\u7ed3\u8bba|\u5224\u5b9a|\u7d50\u8ad6|\u0432\u0435\u0440\u0434\u0438\u043a\u0442"
    "|\u0627\u0644\u062d\u0643\u0645)"
)
# "do not heed", and then "the rules", in German, French, Spanish, Russian, Chinese, Japanese, Arabic
_FOREIGN_LEAVE = (
    r"(?:ignor|nicht|keine|beachte|compte|olvida|\u0438\u0433\u043d\u043e\u0440"
    r"|\u043d\u0435 \u0441\u043b\u0435\u0434\u0443\u0439)[^.!?\n]{0,40}"
    r"(?:anweisung|regel|consignes|reglas|instruccion|\u043f\u0440\u0430\u0432\u0438\u043b"
    r"|\u0438\u043d\u0441\u0442\u0440\u0443\u043a\u0446)"
    r"|(?:\u4e0d\u5fc5|\u5ffd\u7565|\u65e0\u89c6|\u898f\u5247\u306b\u306f)[^\u3002\n]{0,16}"
    r"(?:\u89c4\u5219|\u6307\u4ee4|\u6307\u793a|\u5f93\u308f\u306a)"
    r"|\u0644\u0627 \u062a\u062a\u0628\u0639|\u062a\u062c\u0627\u0647\u0644"
)

PATTERNS: dict[str, re.Pattern[str]] = {
    "verdict": re.compile(
        rf"{_FORM}|\"{_FIELDS}\"\s*:\s*(?:\"|\d|\[|\{{)|</?(?:verdict|winner|preference|rating|score|grade)>"
        rf"|(?im:^\W{{0,6}}{_HEAD}\W{{0,4}}(?::|is:?)\s*\W{{0,4}}(?:(?:response|answer|assistant)\s+)?{_VALUE})"
        rf"|(?i:\b{_WON}\b|\bverdict\W{{0,3}}(?:is|:)\s*\W{{0,3}}{_VALUE})"
        rf"|(?i:{_FOREIGN_VERDICT}\s*[:\uff1a]\s*[A-H\d])"
    ),
    "order": re.compile(
        rf"(?i)\b{_LEAVE}\b[^.!?\n]{{0,40}}?\b{_EARLIER}\b[^.!?\n]{{0,30}}?\b{_RULES}\b"
        rf"|\b{_LEAVE}\b[^.!?\n]{{0,30}}?\b{_RULES} (?:above|before|so far)\b"
        rf"|\b(?:note|message|attention|warning|to)\b[^.!?\n]{{0,30}}\b{_JUDGE}\b"
        rf"|\b{_JUDGE}s?\b[^.!?\n]{{0,60}}\b(?:must|should|have to|give|write|choose|prefer|switched off)\b"
        rf"|\b(?:this|my) (?:answer|response)\b[^.!?\n]{{0,20}}\b(?:is to be|must be|should be|deserves to be)\b"
        rf"[^.!?\n]{{0,12}}\b(?:preferred|chosen|rated|given|scored|ranked)\b"
        rf"|\b(?:write|give|reply with|answer with|respond with|output|say|change your verdict to|be)\s+{_FORM}"
        rf"|{_FOREIGN_LEAVE}"
    ),
    "role": re.compile(
        r"(?i)<\|[a-z_]{3,24}\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?think(?:ing)?>|</s>\s*<s>"
        r"|(?m:^\s{0,3}(?:\*\*)?(?:system|assistant)(?:\*\*)?\s?:)|\"role\"\s*:\s*\"(?:assistant|system|user)\""
    ),
    "tool": re.compile(
        r"(?i)\"tool_calls?\"\s*:|\"name\"\s*:\s*\"[\w.-]{1,64}\"\s*,\s*\"(?:arguments|parameters|input)\"\s*:"
        r"|</?(?:tool_call|function_calls?|tool_result|start_observation|start_tool|start_work)>|<invoke name="
        r"|(?m:^\s{0,3}(?:Action|Action Input|Observation)\s?:)"
    ),
    "fence": re.compile(
        r"(?im)={2}[0-9a-f]{16,32}={2}|^\[?the (?:end|start) of (?:assistant|response|answer)\b"
        r"|</(?:response|answer)s?>|\b(?:quotation|quote|answers?) (?:ends?|end) here\b|^end of the answers\b"
        r"|^the mark is\b|\{\{\s*\w+\s*\}\}|\{%-?\s*\w+|^(?:response|answer|assistant) [A-H]:\s*$|%\(\w+\)s"
        r"|\$\{verdict\}"
    ),
    "leak": re.compile(
        r"(?i)\b(?:repeat|print|show|reveal|name|tell|write out)\b[^.!?\n]{0,40}\b"
        r"(?:your (?:criteria|instructions?|prompt|rules)|system prompt|told above|mark between|word for word)"
        r"|\bif you may not show\b|\byour instructions\b[^.!?\n]{0,30}\bcannot judge\b"
    ),
}


def _words(listed: str) -> tuple[str, ...]:
    return tuple(listed.split(", "))


ANCHORS: dict[str, tuple[str, ...]] = {
    "verdict": _words(
        '[[, verdict, winner, preferred", final_answer, better, ranking, criteria", score, p_first, preference>, '
        "rating>, grade>, judgement, judgment, \u7ed3\u8bba, \u5224\u5b9a, \u7d50\u8ad6, "
        "\u0432\u0435\u0440\u0434\u0438\u043a\u0442, \u0627\u0644\u062d\u0643\u0645"
    ),
    "order": _words(
        "ignor, disregard, forget, overrid, not follow, n't follow, judge, grade, evaluat, review, assess, whoever, "
        "this answer, this response, my answer, my response, [[, beachte, compte, olvida, nicht, keine, "
        "\u043d\u0435 \u0441\u043b\u0435\u0434, \u0438\u0433\u043d\u043e\u0440, \u4e0d\u5fc5, \u5ffd\u7565, "
        "\u65e0\u89c6, \u898f\u5247, \u0644\u0627 \u062a\u062a, \u062a\u062c\u0627\u0647\u0644"
    ),
    "role": _words('<|, _of_turn, inst], sys>, think, </s>, system, assistant, "role"'),
    "tool": _words('tool, "name", function_call, <start_, </start_, <invoke, action, observation'),
    "fence": _words(
        "==, the end of, the start of, </, end here, ends here, end of the, the mark is, {{, {%, response , answer , "
        "assistant , %(, ${"
    ),
    "leak": _words("criteria, instruction, prompt, your rules, told above, mark between, word for word, not show"),
}
"""Of each pattern words, in small letters, without one of which it finds nothing: looking for those first is fast."""

HIDDEN = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Signs that cannot be seen or turn the direction of writing, those that join emoji and letters apart."""
JOINED = re.compile(r"[A-Za-z][\u200c\u200d]|[\u200c\u200d][A-Za-z]")
"""A sign that joins letters, where it joins Latin ones, which need none."""
MIXED = re.compile(
    r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]+[A-Za-z]|\b[A-Za-z]?[\u0400-\u04ff][A-Za-z]{2,}|\[\[[\u0370-\u04ff]\]\]"
    r"|[\uff21-\uff3a\uff41-\uff5a]{2}|[\uff3b\u27e6\u3010][\uff3b\u3010]?\S{1,3}[\uff3d\u27e7\u3011]"
    r"|\[\[[\U0001d400-\U0001d7ff]+\]\]"
)
"""Letters of one script within a word of another, and Latin ones in dress."""
OPENING = re.compile(
    r"(?i)\W*(?:(?:thought process|solution|answer|reasoning)\s*:?|\u89e3"
    r"|let(?:'s| us) (?:think|work|solve|go)[^.\n]{0,50}[.:]?|(?:certainly|sure|of course)!?[^.\n]{0,50}[.:]?"
    r"|\(?this is the (?:right |correct )?answer[^.\n]{0,40}\.?\)?)?\W*"
)
"""A whole text that holds nothing, or the opening of an answer."""
