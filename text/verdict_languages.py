"""How do judges say who is better, that it is a tie, or that they cannot tell, in languages other than English?

Tables of patterns over marked text (verdict_names); verdict_prose and verdict_forms join them with the English
ones. A language is
added by adding its words here and a row for each to the table of the tests.
"""

from __future__ import annotations

from .verdict_names import M

_TAIL = r"(?=[\s.,;:!?)'\]\-–—。，！]|$)"
_CYRILLIC = "\u0400-\u04ff"

#: Each pattern names the preferred response in its group `x`.
PREFERS = {
    "de": [
        rf"(?P<x>{M}) (?:ist|war|bleibt)(?: [a-zäöüß]+){{0,3}}? (?:besser|bessere|beste|überlegen|vorzuziehen)\b",
        rf"\b(?:bevorzuge|wähle|bessere \w{{1,20}} ist|beste \w{{1,20}} ist|gewinner ist|urteil lautet|"
        rf"entscheide mich für)"
        rf"(?: ich| eindeutig| klar| daher|:){{0,3}} (?P<x>{M}){_TAIL}",
    ],
    "fr": [
        rf"(?P<x>{M}) est (?:[a-zà-\u00ff]+ ){{0,3}}?(?:meilleure?|supérieure?|préférable)\b",
        rf"\b(?:meilleure? \w{{1,20}} est|je préfère|je choisis|gagnant est|verdict est)(?: :| la|"
        rf" le){{0,2}} ?(?P<x>{M}){_TAIL}",
    ],
    "es, pt, it": [
        rf"(?P<x>{M}) (?:es|é|è|fue|foi)(?: [a-zà-\u00ff]+){{0,3}}? "
        r"(?:mejor|superior|melhor|migliore|meglio|superiore|preferible|preferível|preferibile)\b",
        rf"\b(?:mejor|melhor|migliore)(?: \w{{1,20}})? (?:es|é|è)(?: la| el| a| o| il)?:? (?P<x>{M}){_TAIL}",
        rf"\b(?:prefiero|elijo|escojo|prefiro|escolho|preferisco|scelgo|gana|vence|vince)(?: la| el| a| o|"
        rf" il)? (?P<x>{M}){_TAIL}",
    ],
    "ru": [
        rf"(?P<x>{M})\s?(?:[—–-] )?(?:[{_CYRILLIC}]+ ){{0,2}}?(?:лучше|предпочтительнее|побеждает|лучший)",
        rf"(?:лучший|лучше|выбираю|предпочитаю|победитель)(?: [{_CYRILLIC}]+)?\s?[—–:-]?\s?(?P<x>{M}){_TAIL}",
    ],
    "zh": [
        rf"(?P<x>{M}) ?(?:明显|略|显然|整体|总体|的回答|的表现|稍微|稍|上|是|无疑){{0,4}}(?:更好|更优|较好|更佳|"
        rf"更胜|胜出|获胜|优于|更强)",
        rf"(?:更好的(?:回答|答案)?是|我选择|我选|选择|胜者是|我倾向于|更优的是|答案是)[: ]?(?P<x>{M})",
    ],
    "ja": [
        rf"(?P<x>{M}) ?(?:の|回答|応答){{0,2}}(?:方|ほう)?(?:が|は)(?:より|明らかに|やや|全体的に|"
        rf"、){{0,3}}(?:優れ|良い|よい|いい|勝|適切|優秀)",
        rf"(?P<x>{M}) ?を(?:選|推)",
    ],
    "ko": [rf"(?P<x>{M}) ?(?:이|가|은|는)? ?(?:훨씬 |약간 )?더 ?(?:낫|좋|우수|나은)"],
    "ar": [
        rf"(?P<x>{M}) ?(?:هي|هو)? ?(?:ال)?أفضل",
        rf"(?:الأفضل ه[وي]|أفضل|أختار) (?P<x>{M}){_TAIL}",
    ],
}

TIES = (
    r"\bunentschieden\b|\bgleichwertig\b|\bgleich (?:gut|schlecht|stark)\b"
    r"|\bégalité\b|\bex æquo\b|\béquivalentes?\b|\b(?:tout )?aussi bonnes\b"
    r"|\bempate\b|\bigualmente (?:buen|bo|valid)[a-z]*\b|\bpareggio\b|\bequivalent[ei]s?\b"
    r"|\bничья\b|\bодинаково хорош"
    r"|平局|平手|不分上下|不相上下|同样好|一样好|引き分け|同等|互角|差はない|무승부|동점|동등"
    r"|تعادل|متساو"
)

ABSTAINS = (
    r"\bkann (?:mich |es |das )?nicht (?:entscheiden|sagen|beurteilen)\b"
    r"|\bne (?:peux|puis) pas (?:décider|trancher|déterminer|juger)\b"
    r"|\bno (?:puedo|es posible) (?:decidir|determinar|elegir|juzgar)\b"
    r"|\bnão (?:consigo|posso|é possível) (?:decidir|determinar|escolher)\b"
    r"|\bnon (?:posso|riesco a|è possibile) (?:decidere|determinare|stabilire|scegliere)\b"
    r"|не могу (?:решить|определить|выбрать)"
    r"|无法(?:判断|决定|确定|选择)|判断できません|判断できない|決められません|판단할 수 없"
    r"|لا أستطيع (?:أن أقرر|الحكم|تحديد|الاختيار)"
)

#: Words that open a conclusion.
CLOSES = (
    r"daher|deshalb|somit|insgesamt|fazit|donc|ainsi|par conséquent|en conclusion|au final|por lo tanto|"
    r"en conclusión|por tanto|portanto|"
    r"assim|em conclusão|quindi|pertanto|in conclusione|поэтому|таким образом|итак|итог|因此|所以|综上|总之|"
    r"总的|総合|したがって|よって|結論|"
    r"لذلك|وبالتالي|따라서"
)

#: What stands before a colon and a choice.
CHOICE_KEYS = "|".join(
    (
        r"urteil|entscheidung|gewinner|antwort|wahl|fazit|ergebnis|bessere antwort",
        r"réponse|choix|gagnante?|décision|jugement|meilleure réponse",
        r"veredicto(?: final)?|respuesta|ganadora?|elección|decisión|mejor respuesta",
        r"vencedora?|resposta|escolha|decisão|melhor resposta",
        r"verdetto(?: finale)?|vincitore|risposta|scelta|decisione|risposta migliore",
        r"вердикт|ответ|победитель|выбор|решение|лучший ответ",
        r"答案|结论|結論|判决|判断|裁决|胜者|选择|更好的回答",
        r"判定|回答|勝者|答え|選択|評価",
        r"الإجابة|الحكم|الفائز|الاختيار|القرار",
        r"판정|답|승자|선택|결론",
    )
)
CHOICE_WORDS = (
    r"mein|meine|das|die|der|mon|ma|le|la|el|il|o|mi|meu|minha|il mio|la mia|endgültiges?|finale?s?|мой|моя|"
    r"итоговый|我的|最终|最終|最終的な"
)
SCORE_KEYS = "|".join(
    (
        r"note|bewertung|punktzahl|punkte|gesamtnote|puntuación|puntaje|calificación|nota|pontuação|punteggio|voto",
        r"оценка|балл|评分|分数|得分|評価|評点|スコア|点数|التقييم|الدرجة|점수|평점",
    )
)
