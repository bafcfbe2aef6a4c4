import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.texts.sentences import MAX_SENTENCE, split_sentences

# Any text, but mostly of what the rules look at.
texts = st.lists(
    st.one_of(st.text(max_size=5), st.sampled_from([". ", "。", "\n", "\n\n", "- ", "1. ", "Dr. ", "x" * 300]))
).map("".join)


@given(texts)
def test_every_sentence_is_a_part_of_the_text_and_nothing_but_white_space_is_lost(text: str) -> None:
    sentences = split_sentences(text)
    rest = text
    for sentence in sentences:
        between, found, rest = rest.partition(sentence)
        assert found
        assert not between.strip()
    assert not rest.strip()


@given(texts)
def test_a_sentence_is_bounded_and_without_white_space_around(text: str) -> None:
    for sentence in split_sentences(text):
        assert sentence == sentence.strip()
        assert 1 <= len(sentence) <= MAX_SENTENCE


@pytest.mark.parametrize(
    "sentences",
    [
        ["One.", "Two!", "Three?", "Four…", "Five"],
        ["He saw Dr. No twice.", "Then Mr. Bond came."],
        ["J. R. R. Tolkien wrote it."],
        ["Pi is 3.14 here.", "See example.org for more."],
        ["It costs much, e.g. Time, and z.B. Geld."],
        ["Am 14. Juli 1789 begann es.", "Das war im Jahr 1789.", "Danach kam mehr."],
        ['"Why?" she asked.', '"Because."', "(It was late.)", "All slept."],
        ["см. Табл. 5 ниже.", "Далее."],
        ["Wait...", "What?!", "No."],
        ["植物は光を使う。", "「なぜ？」", "酸素が出る！", "終わり"],
        ["पौधे बढ़ते हैं।", "वे हरे हैं।"],
        ["هل هذا صحيح؟", "نعم۔", "لا"],
    ],
    ids=lambda sentences: sentences[0],
)
def test_sentences_end_where_a_reader_would_end_them(sentences: list[str]) -> None:
    joiner = "" if sentences[0].endswith("。") else " "
    assert split_sentences(joiner.join(sentences)) == sentences


def test_a_line_break_ends_a_sentence_only_at_a_paragraph_or_before_a_list() -> None:
    text = "A heading\n\nA sentence\non two lines:\n- one\n* two\n3) three\nb) four\r\n\r\nEnd"
    assert split_sentences(text) == [
        "A heading",
        "A sentence\non two lines:",
        "- one",
        "* two",
        "3) three",
        "b) four",
        "End",
    ]


def test_an_endless_sentence_is_cut_at_white_space_or_else_anywhere() -> None:
    assert {len(piece) for piece in split_sentences("word " * 1000)} == {399, 199}
    assert [len(piece) for piece in split_sentences("x" * 1000)] == [400, 400, 200]


@pytest.mark.parametrize("text", ["", " ", "\n\n \n"])
def test_nothing_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []
