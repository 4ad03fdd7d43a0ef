"""A chat model of Hugging Face's that runs on this machine, as LangChain's `BaseChatModel`.

langchain-huggingface would do the same, but its releases want a huggingface_hub below 2.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jinja2 import TemplateError
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    StoppingCriteria,
    StoppingCriteriaList,
    TextIteratorStreamer,
)

from index.embedder import model_folder
from index.errors import SettingsError

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class LocalChat(BaseChatModel):
    """A causal language model with its tokenizer, one answer at a time."""

    name: str | None = None
    network: Any
    tokenizer: Any
    tokens: int
    temperature: float

    @classmethod
    def open(cls, name: str, tokens: int, temperature: float) -> LocalChat:
        """From a folder or a Hugging Face name; only safetensors, and no code that comes with it.

        Raises SettingsError where there is no such model.
        """
        folder = model_folder(name, "chat model")
        safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **safely)
            network: Any = AutoModelForCausalLM.from_pretrained(
                folder, **safely, use_safetensors=True
            )
        except Exception as error:  # there is no end to what a folder may hold
            raise SettingsError(
                f"The chat model {name} cannot be loaded ({type(error).__name__})."
            ) from error
        return cls(
            name=name,
            network=network.eval(),
            tokenizer=tokenizer,
            tokens=tokens,
            temperature=temperature,
        )

    @property
    def _llm_type(self) -> str:
        return "local-chat"

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        return generate_from_stream(self._stream(messages))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **options: Any,
    ) -> Iterator[ChatGenerationChunk]:
        ids = self.tokenizer(self._prompt(messages), return_tensors="pt", add_special_tokens=False)
        texts: Any = TextIteratorStreamer(
            self.tokenizer, skip_prompt=True, skip_special_tokens=True
        )
        stopped = threading.Event()
        failed: list[Exception] = []
        cut: list[bool] = []

        def generate() -> None:
            try:
                with torch.inference_mode():
                    written = self.network.generate(
                        input_ids=ids["input_ids"],
                        attention_mask=ids["attention_mask"],
                        max_new_tokens=self.tokens,
                        streamer=texts,
                        stopping_criteria=StoppingCriteriaList([_Stopped(stopped)]),
                        **self._choice(),
                    )
                ended = written[0, -1] == self.tokenizer.eos_token_id
                whole = ids["input_ids"].shape[1] + self.tokens
                cut.append(len(written[0]) == whole and not ended)
            except Exception as error:  # told where the texts are taken
                failed.append(error)
                texts.end()

        thread = threading.Thread(target=generate, daemon=True)
        thread.start()
        try:
            for text in texts:
                if text:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        finally:
            stopped.set()
            thread.join()
        if failed:
            raise failed[0]
        if any(cut):
            said = AIMessageChunk(content="", response_metadata={"finish_reason": "length"})
            yield ChatGenerationChunk(message=said)

    def _prompt(self, messages: Sequence[BaseMessage]) -> str:
        if not self.tokenizer.chat_template:
            return "\n\n".join([*(str(message.text) for message in messages), "Answer: "])
        turns = [{"role": _ROLES[m.type], "content": m.text} for m in messages]
        try:
            return self._filled(turns)
        except TemplateError:  # some models, such as Gemma 2, refuse a message of the system
            whole = "\n\n".join(turn["content"] for turn in turns)
            return self._filled([{"role": "user", "content": whole}])

    def _filled(self, turns: list[dict[str, str]]) -> str:
        filled = self.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        return str(filled)

    def _choice(self) -> dict[str, Any]:
        if self.temperature:
            return {"do_sample": True, "temperature": self.temperature}
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}


class _Stopped(StoppingCriteria):
    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def __call__(self, input_ids: Any, scores: Any, **options: Any) -> Any:
        return torch.full((input_ids.shape[0],), self._stopped.is_set(), dtype=torch.bool)
