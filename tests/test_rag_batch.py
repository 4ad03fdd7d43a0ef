"""Files of questions become files of answers; a run that was cut short goes on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import torch

from index.errors import IndexBusy, SettingsError
from rag import Answer, Assistant
from rag.batch import Asked, answers, closing_pool, read_questions, run

QUESTIONS = [
    "How many people attended the mineral forum?",
    "When was the SCO founded?",
    "How do I bake sourdough bread?",
    "Which vaccine did Russia and India produce together?",
    "How much money goes into the recycled aluminium project in Pakistan?",
]


def silent(done: int, total: int, name: str) -> None:
    """No progress bar."""


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def without_floats(answer: Answer) -> tuple[object, ...]:
    return (answer.question, answer.text, answer.short, answer.note, answer.citations)


def test_answers_in_many_threads_are_those_of_one_by_one(assistant: Assistant) -> None:
    asked = [Asked(question) for question in QUESTIONS * 2]
    with closing_pool() as pool:
        many = list(answers(assistant, asked, pool))
    for question, answer in zip(QUESTIONS * 2, many, strict=True):
        alone = assistant.answer(question)
        assert isinstance(answer, Answer)
        assert without_floats(answer) == without_floats(alone)
        assert answer.confidence == pytest.approx(alone.confidence, abs=1e-4)
        assert [c.score for c in answer.considered] == pytest.approx(
            [c.score for c in alone.considered], abs=1e-4
        )


def test_torch_has_its_threads_back_when_all_is_answered() -> None:
    before = torch.get_num_threads()
    with closing_pool() as pool:
        assert pool.submit(torch.get_num_threads).result() <= 2
    assert torch.get_num_threads() == before


def test_byte_order_mark_is_no_part_of_the_first_question(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(b'\xef\xbb\xbf"When?"\r\n"Who?"\r\n')
    assert read_questions(file) == [Asked("When?"), Asked("Who?")]


def test_question_is_a_string_or_an_object(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(
        '"When?\u2028Now?"\n\n{"question": "Who?", "id": 7, "publisher": "Xinhua"}\r\n'
        '{"question": "Why?", "id": "b", "since": "2026-01-30", "until": "2026-01-31"}\n',
        "utf-8",
    )
    assert read_questions(file) == [
        Asked("When?\u2028Now?"),
        Asked("Who?", 7, "Xinhua"),
        Asked("Why?", "b", "", date(2026, 1, 30), date(2026, 1, 31)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Who?",
        "7",
        '{"id": 1}',
        '{"question": "Who?", "when": 1}',
        '{"question": "Who?", "since": "x"}',
    ],
)
def test_line_that_is_no_question_is_named_before_any_is_asked(tmp_path: Path, line: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(f'"When?"\n{line}\n', "utf-8")
    with pytest.raises(SettingsError, match="line 2: a question is a JSON string, or an object"):
        read_questions(file)


def test_each_question_has_its_line_in_order_and_a_bad_one_its_error(
    assistant: Assistant, tmp_path: Path
) -> None:
    output = tmp_path / "answers.jsonl"
    asked = [
        Asked(QUESTIONS[0], id="forum", since=date(2026, 1, 30)),
        Asked(" "),
        Asked(QUESTIONS[0], publisher="Reuters"),
        Asked(QUESTIONS[2]),
    ]
    assert run(assistant, asked, output, silent) == 4
    forum, empty, reuters, bread = lines(output)
    assert forum["asked"] == {"question": QUESTIONS[0], "id": "forum", "since": "2026-01-30"}
    assert forum["short"] == "900 people"
    cited = forum["citations"][0]
    article = assistant.article(cited["source"])
    assert article is not None
    assert article.text[cited["start"] : cited["end"]] == cited["quote"]
    assert empty == {"asked": {"question": " "}, "error": "The question is empty."}
    assert reuters["error"].startswith("No article is by Reuters.")
    assert (bread["abstained"], bread["citations"], len(bread["nearest"])) == (True, [], 8)


def test_what_is_answered_is_not_asked_again_and_a_torn_line_is_repaired(
    assistant: Assistant, tmp_path: Path
) -> None:
    output = tmp_path / "answers.jsonl"
    asked = [Asked(question) for question in QUESTIONS]
    run(assistant, asked, output, silent)
    whole = output.read_bytes()
    ends = [place for place, byte in enumerate(whole, start=1) if byte == ord("\n")]
    marked = whole[: ends[1]].replace(b"900", b"nine")  # what is kept is not written anew
    output.write_bytes(marked + whole[ends[1] : ends[2] - 1])  # cut before its line end
    assert run(assistant, asked, output, silent) == 3
    again = lines(output)
    assert again[0]["short"] == "nine people"
    assert [line["asked"]["question"] for line in again] == QUESTIONS
    assert run(assistant, asked, output, silent) == 0
    assert run(assistant, [*asked, Asked(QUESTIONS[0])], output, silent) == 1
    assert len(lines(output)) == 6


def test_file_that_cannot_be_written_is_named(assistant: Assistant) -> None:
    with pytest.raises(SettingsError, match=r"/proc/answers\.jsonl cannot be written"):
        run(assistant, [Asked("Who?")], Path("/proc/answers.jsonl"), silent)


@pytest.mark.parametrize("there", ['{"asked": {"question": "Why?"}}', "no JSON", "[]", "{}"])
def test_file_with_other_answers_is_left_alone(
    assistant: Assistant, tmp_path: Path, there: str
) -> None:
    output = tmp_path / "answers.jsonl"
    output.write_text(f"{there}\ntorn", "utf-8")
    with pytest.raises(SettingsError, match="line 1 answers another question"):
        run(assistant, [Asked("Who?")], output, silent)
    assert output.read_text("utf-8") == f"{there}\ntorn"


@pytest.mark.parametrize(
    "there", ["My notes.", '"Who?"', '{"question": "Who?"}', '{"asked": {"question": "Why?"}, "te']
)
def test_file_without_a_line_end_that_is_no_answer_is_left_alone(
    assistant: Assistant, tmp_path: Path, there: str
) -> None:
    output = tmp_path / "notes.txt"
    output.write_text(there, "utf-8")
    with pytest.raises(SettingsError, match="line 1 answers another question"):
        run(assistant, [Asked("Who?")], output, silent)
    assert output.read_text("utf-8") == there


@pytest.mark.parametrize(
    "torn", ['{"as', '{"asked": {"question": "Who?"}', '{"asked": {"question": "Who?"}, "te']
)
def test_answer_that_was_cut_off_anywhere_is_made_again(
    assistant: Assistant, tmp_path: Path, torn: str
) -> None:
    output = tmp_path / "answers.jsonl"
    output.write_text(torn, "utf-8")
    assert run(assistant, [Asked("Who?")], output, silent) == 1
    assert [line["asked"] for line in lines(output)] == [{"question": "Who?"}]


def test_error_that_will_pass_ends_the_run_and_is_not_written(tmp_path: Path) -> None:
    class Busy(Assistant):
        def __init__(self) -> None:
            pass

        def answer(self, *_: object, **__: object) -> Answer:  # type: ignore[override]
            raise IndexBusy("Articles are being taken in. Ask again when that is done.")

    output = tmp_path / "answers.jsonl"
    with pytest.raises(IndexBusy):
        run(Busy(), [Asked("Who?")], output, silent)
    assert output.read_bytes() == b""


def test_command_answers_a_file(
    python: Callable[..., subprocess.CompletedProcess[str]], bundled_index: Path, tmp_path: Path
) -> None:
    questions, output = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    questions.write_text("\n".join(map(json.dumps, QUESTIONS[:2])), "utf-8")
    options = ["--output", str(output), "--index", str(bundled_index)]
    done = python("-m", "rag", "--batch", str(questions), *options)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Answered 2 of 2 questions; the others were answered before.\n"
    assert [line["short"] for line in lines(output)] == ["900 people", "2001"]
    nowhere = python("-m", "rag", "--batch", str(questions), "--output", str(tmp_path / "a" / "b"))
    assert nowhere.returncode == 2
