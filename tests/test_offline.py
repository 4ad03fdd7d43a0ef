"""Index, answer and evaluate in an interpreter that refuses every connection."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

Python = Callable[..., subprocess.CompletedProcess[str]]

WITHOUT_NETWORK = """
import sys

REFUSED = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
           "socket.sendmsg", "socket.bind"}

tried = []

def refuse(event, arguments):
    if event in REFUSED:
        tried.append(event)
        raise RuntimeError(f"the network was used: {event} {arguments}")

sys.addaudithook(refuse)

import socket
try:
    socket.create_connection(("127.0.0.1", 9))
except RuntimeError:
    print("refused", tried)

from pathlib import Path
from eval.evaluate import evaluate
from eval.gold import load_gold
from eval.report import figures
from index import sync
from index.settings import Settings
from rag import Assistant

index_dir = Path(sys.argv[1])
print(len(sync("articles", index_dir).added))
with Assistant.open(index_dir) as assistant:
    print(assistant.answer("How many people attended the mineral forum?").citations[0].quote)
    questions = load_gold(Path("eval/gold.jsonl"))[:3]
    outcomes = evaluate(assistant, Settings(index_dir=index_dir), questions)
print(figures(outcomes)["coverage"].count, tried)
"""


def test_index_answer_and_evaluation_open_no_connection(python: Python, tmp_path: Path) -> None:
    done = python("-c", WITHOUT_NETWORK, str(tmp_path / "index"))
    assert done.stdout.splitlines() == [
        "refused ['socket.getaddrinfo']",
        "5",
        "About 900 people from the two countries came to the forum, among them government "
        "officials, experts on mining and representatives of business.",
        "3 ['socket.getaddrinfo']",  # that one, and none since
    ], done.stderr
    assert done.returncode == 0
