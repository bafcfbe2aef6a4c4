import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.texts.extract import (
    GAP,
    choose_central,
    choose_fitting,
    count_words,
    find_form,
    find_terms,
    make_gaps,
    rank_terms,
    read_corpus,
)

PLANTS = """\
Photosynthesis turns the light of the sun into sugar. The weather of the week was the same as the week before.
Plants need light for photosynthesis, and the sugar feeds the plants. The teacher of the class had a cold.
A cat sat on the mat in the hall of the house. Without photosynthesis the air would have no oxygen."""

texts = st.lists(
    st.one_of(st.text(max_size=20), st.sampled_from(["Plants need light. ", "光合作用。", "The ", "\n\n"]))
).map("".join)


@given(texts, texts, st.integers(0, 5))
def test_chosen_sentences_are_parts_of_the_text_in_its_order(text: str, question: str, count: int) -> None:
    corpus = read_corpus(text)
    for chosen in (choose_central(corpus, count), choose_fitting(corpus, question, count)):
        assert len(chosen) <= count
        rest = text
        for sentence in chosen:
            _, found, rest = rest.partition(sentence)
            assert found


@given(texts)
@example("㐀000A_:0:0")
def test_a_gap_filled_in_gives_the_sentence_again(text: str) -> None:
    for sentence, term in make_gaps(read_corpus(text), 3):
        assert GAP in sentence
        assert sentence.replace(GAP, term).lower() in text.lower()


@given(texts)
def test_the_same_text_gives_the_same_choice(text: str) -> None:
    assert choose_central(read_corpus(text), 3) == choose_central(read_corpus(text), 3)


def test_central_sentences_are_about_what_the_text_is_about() -> None:
    assert choose_central(read_corpus(PLANTS), 2) == [
        "Photosynthesis turns the light of the sun into sugar.",
        "Plants need light for photosynthesis, and the sugar feeds the plants.",
    ]


def test_a_sentence_that_occurs_twice_is_chosen_once() -> None:
    assert choose_central(read_corpus("Plants grow. Plants grow. 😀. 😀."), 4) == ["Plants grow.", "😀."]


def test_fitting_sentences_share_what_the_question_is_about() -> None:
    assert choose_fitting(read_corpus(PLANTS), "What is in the air without it?", 1) == [
        "Without photosynthesis the air would have no oxygen."
    ]
    assert choose_fitting(read_corpus(PLANTS), "Quantum mechanics?", 3) == []


def test_a_question_of_short_words_is_still_a_question() -> None:
    assert choose_fitting(read_corpus(PLANTS), "a cat?", 1) == ["A cat sat on the mat in the hall of the house."]


def test_frequent_terms_are_telling_ones() -> None:
    corpus = read_corpus(PLANTS)
    assert rank_terms(corpus, 4) == ["photosynthesis", "light", "sugar", "plants"]
    assert [corpus.counts[term] for term in rank_terms(corpus, 4)] == [3, 2, 2, 2]


def test_where_nothing_is_repeated_single_terms_are_frequent() -> None:
    assert rank_terms(read_corpus("Water boils in 2024."), 9) == ["water", "boils"]


def test_a_term_is_written_as_in_the_text() -> None:
    corpus = read_corpus("Die Revolution kam. Plants grow: plants and _Revolution_.")
    assert find_form(corpus, "revolution") == "Revolution"
    assert find_form(corpus, "plants") == "plants"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The 2 Plants' well-being", ["the", "2", "plants", "well", "being"]),
        ("snake_case and _emphasis_ __", ["snake_case", "and", "emphasis"]),
        ("光合作用", ["光合", "合作", "作用"]),
        ("木", ["木"]),
        ("光エネルギーを使う", ["光", "エネルギー", "を使", "使う"]),
        ("प्रकाश की ऊर्जा", ["प्रकाश", "की", "ऊर्जा"]),
        ("에너지를 빛", ["에너지를", "빛"]),
        ("Großes cafe\u0301", ["großes", "cafe\u0301"]),
        ("😀 !?", []),
    ],
)
def test_terms_are_words_or_pairs_of_characters(text: str, terms: list[str]) -> None:
    assert find_terms(text) == terms


def test_of_scripts_without_spaces_only_han_pairs_are_shown_as_terms() -> None:
    assert rank_terms(read_corpus("光合作用。光合作用です。です。"), 9) == ["光合", "合作", "作用"]
    assert rank_terms(read_corpus("การสังเคราะห์ การสังเคราะห์"), 9) == []


def test_words_and_characters_are_counted_apart() -> None:
    assert count_words("Two words, 光合作用 and 3 more") == (5, 4)


def test_gaps_are_of_different_terms_in_sentences_long_enough() -> None:
    assert make_gaps(read_corpus("Sugar! Plants feed on sugar and light. Light feeds plants and more plants."), 2) == [
        ("[...] feed on sugar and light.", "plants"),
        ("[...] feeds plants and more plants.", "light"),
    ]
    assert make_gaps(read_corpus("Photosynthesis is good."), 2) == []


def test_a_gap_in_a_script_without_spaces_is_a_pair_of_characters() -> None:
    assert make_gaps(read_corpus("光合作用。木の葉。光合作用は植物。"), 1) == [("[...]作用は植物。", "光合")]
