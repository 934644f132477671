"""Is a text a judge's at all: an error page, a refusal, an empty reply?"""

from __future__ import annotations

import re

_TRANSPORT = re.compile(
    r"""\A\W{0,4}(?:
      ERROR: | \$ERROR\$ | API[ ]?(?:request[ ]?)?error\b | (?:an[ ])?error[ ](?:code|occurred|\d{3})\b
    | error:[ ]?(?:client|server|http|\d{3}|rate|timeout|connection|request|api|invalid|model|the[ ]server|
        status|unable[ ]to[ ]connect|failed)
    | (?:client|server|connection|proxy|gateway|network|request|api|timeout|internal[ ]server|overloaded)[ _]?error\b
    | failed[ ]to[ ](?:obtain|get|fetch|connect|reach|call|retrieve|load)\b
    | (?:http(?:/[\d.]+)?[ ]?(?:error)?[: ]{0,2})?[45]\d\d[ :-]{1,3}(?:\w+[ :-]+)?(?:bad|too|service|internal|
        gateway|not|unauthorized|forbidden|
        request|payload|conflict|server|unprocessable|client|rate|error|timeout)
    | bad[ ]gateway | gateway[ ]time-?out | service[ ](?:temporarily[ ])?unavailable | too[ ]many[ ]requests
    | rate[ ]?limit(?:ed)?[ ](?:reached|exceeded|error)\b | ratelimiterror\b
    | (?:the[ ])?request[ ](?:timed[ ]out|failed|was[ ]aborted)
    | (?:connection|read)[ ](?:timed[ ]out|refused|reset|aborted)\b | upstream[ ](?:connect|request)
    | no[ ]healthy[ ]upstream
    | you[ ](?:have[ ])?exceeded[ ]your[ ](?:current[ ])?quota | insufficient_quota
    | (?:the[ ])?model[ ]is[ ](?:currently[ ])?overloaded
    | this[ ]model's[ ]maximum[ ]context[ ]length | context_length_exceeded | invalid[ ]api[ ]key
    | incorrect[ ]api[ ]key
    | traceback[ ]\(most[ ]recent[ ]call[ ]last\) | (?:\w+\.){1,4}\w*(?:error|exception|timeout)\b:?
    | <!doctype[ ]html | <html\b | <\?xml[^>]{0,80}>\s*<error
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_REFUSAL = re.compile(
    r"""\b(?:
      I(?:'m|[ ]am)?[ ](?:really[ ]|very[ ]|so[ ])?sorry\b.{0,40}\b(?:but|can(?:no|')t|unable)
    | I(?:[ ]am|'m)?[ ](?:can(?:no|')t|can[ ]not|will[ ]not|won't|not[ ]able[ ]to|unable[ ]to|not[ ]going[ ]to|
        must[ ]decline|must[ ]refuse)[ ]
      (?:to[ ])?(?:in[ ]good[ ]conscience[ ])?
      (?:provide|assist|help|encourage|promote|fulfil+|support|comply|engage|generate|create|recommend|endorse|
        satisfy|answer|respond|
         participate|evaluate|judge|rate|compare|continue|discuss|process|complete|do[ ](?:this|that)|offer|
        give|suggest|condone|write)
    | I[ ](?:must|have[ ]to)[ ](?:decline|refuse) | I[ ]decline[ ]to
    | as[ ]an?[ ]AI\b.{0,60}\b(?:can(?:no|')t|unable|not[ ]able)
    | (?:violates?|against|goes[ ]against)[ ](?:my|our|the)[ ](?:\w+[ ]){0,3}(?:polic|guideline|program|principle)
    | Ich[ ]kann[ ](?:dabei|Ihnen|dir|diese\w*)[ ].{0,40}nicht
    | Je[ ]ne[ ]peux[ ]pas[ ](?:vous[ ]|t')?(?:aider|fournir|répondre|évaluer)
    | (?:Lo[ ]siento|Desculpe|Mi[ ]dispiace)\b.{0,20}\b(?:no[ ]puedo|não[ ]posso|non[ ]posso)
    )|(?:我|很)?(?:抱歉|对不起).{0,12}(?:无法|不能) | 申し訳.{0,30}(?:できません|お手伝い)
    | Извините.{0,20}не[ ]могу
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_transport_error(text: str) -> bool:
    """Say whether a text is what a server, a client library or a proxy said instead of the judge."""
    return _TRANSPORT.match(text[:400]) is not None


def is_refusal(text: str) -> bool:
    """Say whether the beginning of a text declines to judge."""
    return _REFUSAL.search(text[:600]) is not None
