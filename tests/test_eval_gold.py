"""The bundled gold set, and what is said of gold sets that are malformed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import frontmatter
import pytest

from eval.gold import SPLITS, Evidence, GoldQuestion, load_gold, split_of
from index.errors import SettingsError

ROOT = Path(__file__).parents[1]
LINE = (
    '{"id": "q1", "type": "number", "question": "How many?", "answers": ["900"], '
    '"evidence": [{"article": "a.md", "quote": "900 came."}]}'
)


@pytest.fixture(scope="module")
def gold() -> list[GoldQuestion]:
    return load_gold(ROOT / "eval" / "gold.jsonl")


def test_bundled_gold_set_is_large_enough(gold: list[GoldQuestion]) -> None:
    assert len(gold) >= 120
    assert sum(not question.answers for question in gold) >= 30


def test_bundled_gold_set_has_every_type_in_all_splits(gold: list[GoldQuestion]) -> None:
    types = {
        "number", "who", "where", "when", "what", "list", "why_how", "across", "paraphrased",
        "near_miss", "off_topic",
    }  # fmt: skip
    found = {split: {q.type for q in gold if q.split == split} for split in SPLITS}
    assert found == {"dev": types, "test": types, "fresh": types | {"yes_no"}}
    unanswerable = {question.type for question in gold if not question.answers}
    assert unanswerable == {"near_miss", "off_topic"}


@pytest.mark.parametrize(
    ("articles", "questions"),
    [
        ("articles", "eval/gold.jsonl"),
        ("articles", "eval/unseen.jsonl"),
        ("eval/news/dev", "eval/news/dev/questions.jsonl"),
        ("eval/news/train", "eval/news/train/questions.jsonl"),
    ],
)
def test_every_piece_of_evidence_stands_in_its_article(articles: str, questions: str) -> None:
    texts = {
        path.name: frontmatter.load(str(path)).content for path in (ROOT / articles).glob("*.md")
    }
    pieces = [(q.id, part) for q in load_gold(ROOT / questions) for part in q.evidence]
    assert len(pieces) >= 90
    assert [name for name, part in pieces if part.quote not in texts[part.article]] == []


def test_what_is_fitted_on_is_not_trained_on() -> None:
    news = ROOT / "eval" / "news"
    dev, train = (load_gold(news / split / "questions.jsonl") for split in ("dev", "train"))
    assert {question.split for question in dev} == {"dev"}
    assert not {question.question for question in dev} & {question.question for question in train}
    assert not {p.read_text() for p in news.glob("dev/*.md")} & {
        p.read_text() for p in news.glob("train/*.md")
    }


def test_questions_across_articles_have_evidence_from_more_than_one(
    gold: list[GoldQuestion],
) -> None:
    across = [question for question in gold if question.type == "across"]
    assert all(len({part.article for part in question.evidence}) > 1 for question in across)


@pytest.mark.parametrize("file", ["gold.jsonl", "unseen.jsonl"])
def test_no_question_is_asked_twice(file: str) -> None:
    counts = Counter(q.question.casefold() for q in load_gold(ROOT / "eval" / file))
    assert [question for question, count in counts.items() if count > 1] == []


def test_line_is_read_as_a_question(tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text(f"\n{LINE}\n")
    assert load_gold(file) == [
        GoldQuestion(
            "q1", "number", "How many?", ("900",), (Evidence("a.md", "900 came."),), "test"
        )
    ]


def test_split_is_decided_by_the_id_alone() -> None:
    # SHA-256 begins with c7 for "q1" and with 58 for "q3" (sha256sum); 80 is where test begins.
    assert (split_of("q1"), split_of("q3")) == ("test", "dev")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{LINE}\nnonsense\n", "Line 2 of {FILE} is no gold question (JSONDecodeError"),
        ("[]", "Line 1 of {FILE} is no gold question (TypeError"),
        ('{"id": "q"}', "Line 1 of {FILE} is no gold question (KeyError: 'type')"),
        (LINE.replace('["900"]', "[]"), "answers and evidence must both be given, or neither"),
        (LINE.replace('["900"]', '"900"'), "Line 1 of {FILE} is no gold question"),
        (LINE.replace('{"article": "a.md", ', "{"), "(KeyError: 'article')"),
        (LINE.replace("{", '{"split": "best", ', 1), "split must be one of dev, test, fresh"),
        ("{LINE}\n{LINE}", "{FILE} has more than one question named q1."),
        ("\n\n", "{FILE} has no questions."),
    ],
)
def test_malformed_gold_set_is_named_with_line_and_cause(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text(content.replace("{LINE}", LINE))
    with pytest.raises(SettingsError) as caught:
        load_gold(file)
    assert said.replace("{FILE}", str(file)) in str(caught.value)


def test_gold_set_that_is_not_utf8_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_bytes(LINE.encode("utf-16"))
    with pytest.raises(SettingsError):
        load_gold(tmp_path / "gold.jsonl")


def test_line_separator_inside_a_quotation_ends_no_line(tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text(LINE.replace("900 came.", "900\u2028came."), "utf-8")
    assert load_gold(file)[0].evidence == (Evidence("a.md", "900\u2028came."),)


def test_missing_gold_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no gold set .*none\.jsonl"):
        load_gold(tmp_path / "none.jsonl")
