"""Long texts in several languages, made of sentences that we wrote: real words, real lengths, nobody's copyright."""

from collections.abc import Mapping
from itertools import count, islice

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Plants turn the light of the sun into sugar. ",
        "The sugar feeds the plant, and in the end whoever eats it. ",
        "Without this process the air would hold no oxygen! ",
    ),
    "de": (
        "Pflanzen verwandeln das Licht der Sonne in Zucker. ",
        "Der Zucker ernährt die Pflanze, und am Ende jeden, der sie frisst. ",
        "Ohne diesen Vorgang hätte die Luft keinen Sauerstoff! ",
    ),
    "ru": (
        "Растения превращают свет солнца в сахар. ",
        "Сахар питает растение, а в конце концов и того, кто его ест. ",
        "Без этого процесса в воздухе не было бы кислорода! ",
    ),
    "ar": (
        "تحول النباتات ضوء الشمس إلى سكر. ",
        "يغذي السكر النبات، وفي النهاية كل من يأكله. ",
        "لولا هذه العملية لما كان في الهواء أكسجين! ",
    ),
    "zh": ("植物把阳光变成糖。", "糖养活植物，最终也养活吃它的人。", "没有这个过程，空气里就没有氧气！"),
    "hi": (
        "पौधे सूर्य के प्रकाश को शर्करा में बदलते हैं। ",
        "शर्करा पौधे को पोषण देती है। ",
        "इस प्रक्रिया के बिना हवा में ऑक्सीजन नहीं होती। ",
    ),
}


def write(language: str, size_bytes: int) -> str:
    """Return a text with numbered chapters and paragraphs, of about so many bytes, no two sentences of it alike."""
    sentences = SENTENCES[language]
    paragraph = max(1, size_bytes // 400_000)
    parts: list[str] = []
    size = 0
    for number in count(1):
        if number % 40 == 1:
            parts.append(f"\n\n# {number // 40 + 1}\n\n")
        elif number % 8 == 1:
            parts.append("\n\n")
        text = f"{number}: " + "".join(islice(iter(sentences * paragraph), 1 + number % 3))
        parts.append(text)
        size += len(text.encode())
        if size >= size_bytes:
            return "".join(parts)
    raise AssertionError
