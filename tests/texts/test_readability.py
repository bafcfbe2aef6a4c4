import time

import pytest

from sidecar.texts.readability import Readability, measure

CHILDREN = "The cat sat on the mat. It was a big cat. The dog ran to it. They had fun."
LAW = (
    "Notwithstanding subsection three, jurisdictional determinations concerning administrative proceedings presuppose "
    "comprehensive documentation, including certified translations, whenever international conventions require "
    "corresponding authentication procedures."
)


def test_lix_is_counted_as_its_inventor_did() -> None:
    # 8 words in 2 sentences, 2 of them longer than six letters: 8 / 2 + 100 * 2 / 8
    assert measure("Photosynthesis is the way. Plants do it outdoors.") == Readability("lix", 29.0, "very easy")


@pytest.mark.parametrize(
    ("easy", "hard"),
    [
        (CHILDREN, LAW),
        (
            "Der Hund ist da. Er will raus. Wir gehen mit ihm.",
            "Die verfassungsrechtliche Zulässigkeit rückwirkender Steuergesetzgebung bestimmt sich nach "
            "Vertrauensschutzgesichtspunkten, deren Reichweite höchstrichterlich umstritten geblieben ist.",
        ),
        (
            "Le chat dort. Il a faim. Il mange.",
            "L'indemnisation des préjudices extrapatrimoniaux présuppose systématiquement une démonstration "
            "circonstanciée, conformément aux jurisprudences administratives contemporaines.",
        ),
        (
            "Кот спит. Он ест. Мы дома.",
            "Конституционная допустимость обратной силы налогового законодательства определяется соображениями "
            "правовой определённости, содержание которых остаётся дискуссионным.",
        ),
        (
            "القط ينام. هو جائع. نحن هنا.",
            "تستلزم الإجراءات الإدارية المستعجلة المتعلقة بالاختصاصات القضائية الدولية توثيقا متكاملا.",
        ),
        (
            "猫在睡觉。它饿了。我们在家。",
            "鉴于行政诉讼程序中有关管辖权异议之裁定须以完整之书面证据材料为前提且依国际公约之规定相应文书尚须经过认证程序方得采信。",
        ),
    ],
    ids=["English", "German", "French", "Russian", "Arabic", "Chinese"],
)
def test_in_every_language_a_text_for_children_is_easier_than_one_of_lawyers(easy: str, hard: str) -> None:
    easily, hardly = measure(easy), measure(hard)
    assert easily is not None
    assert hardly is not None
    assert easily.measure == hardly.measure
    assert easily.value < hardly.value
    assert easily.grade in ("very easy", "easy")
    assert hardly.grade in ("hard", "very hard")


@pytest.mark.parametrize("text", ["", " \n", "... !!! ---", "___"])
def test_without_words_there_is_nothing_to_measure(text: str) -> None:
    assert measure(text) is None


def test_of_a_long_text_pieces_from_all_over_it_are_measured() -> None:
    half = 300_000
    text = (CHILDREN + "\n") * (half // len(CHILDREN)) + (LAW + "\n") * (half // len(LAW))
    began = time.process_time()
    mixed, easily, hardly = measure(text), measure(CHILDREN), measure(LAW)
    assert time.process_time() - began < 1
    assert mixed is not None
    assert easily is not None
    assert hardly is not None
    assert easily.value < mixed.value < hardly.value
