"""A LangChain chat model as a source of text: bounded in time and length, stopped at any moment.

Knows nothing of prompts, passages or what the text says. Nothing of what a provider's package says
of a fault is passed on, since that may hold a key or an address.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, suppress
from functools import cache
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from index.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from index.settings import Settings

_log = logging.getLogger(__name__)

#: Providers with an extra of their own and the package that it brings.
_PACKAGES = {
    "openai": "langchain_openai",
    "anthropic": "langchain_anthropic",
    "ollama": "langchain_ollama",
}
#: A request is made again after so many seconds, or as many as the server asks for.
_PAUSES_SECONDS = (0.5, 2.0)
#: So often whoever waits for text can stop.
_SIGN_SECONDS = 0.2
#: What providers say where a model had more to say than it was allowed to.
_CUT = {"length", "max_tokens", "MAX_TOKENS"}
#: No model's tokens are longer on average, so that more comes of a server that heeds no limit.
_CHARACTERS_PER_TOKEN = 12


class ChatModel:
    """Text of a model, piece by piece. Threads may share it."""

    def __init__(self, model: BaseChatModel, name: str, *, seconds: float, characters: int) -> None:
        self.name = name
        self._model = model
        self._seconds = seconds
        self._characters = characters

    def pieces(self, messages: Sequence[BaseMessage]) -> Generator[str, None, None]:
        """The model's answer as it comes. Closing the generator ends the request; so that it can be
        closed while nothing comes, or nothing of use, every now and then a piece is empty.

        A request that brings nothing is made again, twice at most. Raises ModelError where the
        model fails, takes too long in all or does not end; pieces may have come by then.
        """
        found: SimpleQueue[str | ModelError | None] = SimpleQueue()
        request = asyncio.run_coroutine_threadsafe(self._request(messages, found.put), _loop())
        signed = time.monotonic()
        try:
            while True:
                with suppress(Empty):
                    piece = found.get(timeout=_SIGN_SECONDS)
                    if piece is None:
                        return
                    if isinstance(piece, ModelError):
                        raise piece
                    yield piece
                if time.monotonic() - signed > _SIGN_SECONDS:
                    yield ""
                    signed = time.monotonic()
        finally:
            request.cancel()

    async def _request(
        self, messages: Sequence[BaseMessage], tell: Callable[[str | ModelError | None], None]
    ) -> None:
        outcome: ModelError | None = ModelError("it was cancelled")
        try:
            async with asyncio.timeout(self._seconds):
                await self._attempts(messages, tell)
            outcome = None
        except TimeoutError:
            outcome = ModelError("timeout")
        except ModelError as error:
            outcome = error
        finally:  # however it ends, for else its end would be waited for for ever
            tell(outcome)

    async def _attempts(self, messages: Sequence[BaseMessage], tell: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        for pause in (*_PAUSES_SECONDS, None):
            told = 0
            try:
                async with aclosing(self._texts(messages)) as texts:
                    async for text in texts:
                        tell(text[: self._characters - told])
                        told += len(text)
                        if told > self._characters:
                            raise ModelError("an answer without end")
                if not told:
                    raise _Nothing
                return
            except ModelError:
                raise
            except Exception as error:  # providers' packages have no common tree of errors
                cause, may_pass = _cause(error)
                _log.info("The chat model failed: %s (%s).", cause, type(error).__name__)
                wait = max(pause or 0.0, _retry_after(error))
                if told or not may_pass or pause is None or loop.time() + wait > deadline:
                    raise ModelError(cause) from None
                await asyncio.sleep(wait)

    async def _texts(self, messages: Sequence[BaseMessage]) -> AsyncGenerator[str]:
        from langsmith import tracing_context

        # A developer's LANGSMITH_TRACING would send questions and articles away.
        with tracing_context(enabled=False):
            async for chunk in self._model.astream(list(messages)):
                said = chunk.response_metadata
                reasons = {said.get(f"{what}_reason") for what in ("finish", "done", "stop")}
                if chunk.additional_kwargs.get("refusal") or "content_filter" in reasons:
                    raise ModelError("it refused")
                if chunk.text:
                    yield str(chunk.text)
                if reasons & _CUT:
                    raise ModelError("cut at RAG_MODEL_TOKENS")


class _Nothing(Exception):
    """The model ended without a word."""


def open_chat_model(settings: Settings) -> ChatModel:
    """The model that `settings.model` names, as `provider:name`. Contacts nothing.

    Raises SettingsError where it cannot be used, naming the package to install or the setting.
    """
    provider, _, name = settings.model.partition(":")
    if not (provider and name):
        raise SettingsError(
            "RAG_MODEL is PROVIDER:NAME, such as openai:gpt-5-mini or ollama:llama3.2."
        )
    for what in ("ORG_ID", "PROJECT_ID", "CUSTOM_HEADERS") if settings.model_address else ():
        variable = f"{provider.upper()}_{what}"
        if os.environ.get(variable):
            raise SettingsError(
                f"{variable} would be sent to the server of RAG_MODEL_ADDRESS. Unset it first."
            )
    address = urlsplit(settings.model_address)
    if settings.model_address and (address.scheme not in ("http", "https") or not address.hostname):
        raise SettingsError("RAG_MODEL_ADDRESS is http://HOST:PORT/PATH or https://HOST/PATH.")
    if address.username or address.password:
        raise SettingsError("RAG_MODEL_ADDRESS holds a name or a password. Use RAG_MODEL_KEY.")
    if os.environ.get("LANGSMITH_GATEWAY", "").lower() not in ("", "false", "0", "no"):
        raise SettingsError("LANGSMITH_GATEWAY sends questions elsewhere. Unset it first.")
    return ChatModel(
        _model(provider, name, settings),
        settings.model,
        seconds=settings.model_timeout_seconds,
        characters=settings.model_tokens * _CHARACTERS_PER_TOKEN,
    )


def _model(provider: str, name: str, settings: Settings) -> BaseChatModel:
    if provider == "huggingface":
        from rag.local_chat import LocalChat

        return LocalChat.open(name, settings.model_tokens, settings.model_temperature)
    if provider in _PACKAGES and not find_spec(_PACKAGES[provider]):
        raise SettingsError(
            f'The provider {provider} needs a package: pip install "ask-articles[{provider}]"'
        )
    options: dict[str, Any] = {
        "temperature": settings.model_temperature,
        "num_predict" if provider == "ollama" else "max_tokens": settings.model_tokens,
    }
    if provider != "ollama":
        options |= {"timeout": settings.model_timeout_seconds, "max_retries": 0}
    key = settings.model_key.get_secret_value()
    if settings.model_address:
        options["base_url"] = settings.model_address
        key = key or "none"  # else the provider's own variable would be sent there
    if key and provider == "ollama":
        options["client_kwargs"] = {"headers": {"Authorization": f"Bearer {key}"}}
    elif key:
        options["api_key"] = key
    from langchain.chat_models import init_chat_model

    try:
        return cast("BaseChatModel", init_chat_model(name, model_provider=provider, **options))
    except ImportError as error:
        package = str(error.name or f"langchain-{provider}").replace("_", "-")
        raise SettingsError(
            f"The provider {provider} needs a package: pip install {package}"
        ) from None
    except Exception as error:  # its message may show the key
        raise SettingsError(
            f"The chat model {settings.model} cannot be used ({type(error).__name__}). LangChain "
            "must know the provider, and its key must be set: RAG_MODEL_KEY or, for OpenAI, "
            "OPENAI_API_KEY and so on."
        ) from None


_one_at_a_time = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    with _one_at_a_time:  # a cache alone would let two threads make one each
        return _only_loop()


@cache
def _only_loop() -> asyncio.AbstractEventLoop:
    """The one in which all requests run: connections that are kept belong to a loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="chat model", daemon=True).start()
    return loop


def _cause(error: Exception) -> tuple[str, bool]:
    """The cause in a few words, and whether it may pass."""
    status = getattr(error, "status_code", None)
    if isinstance(error, _Nothing):
        return "it sent nothing", True
    if isinstance(status, int) and status >= 400:
        known = {401: "its key was refused", 403: "its key was refused", 404: "no such model"}
        known |= {408: "timeout", 429: "too many requests"}
        return known.get(status, f"error {status}"), status in (408, 429) or status >= 500
    name = type(error).__name__
    if "Timeout" in name:
        return "timeout", True
    if isinstance(error, OSError) or any(part in name for part in ("Connect", "Protocol", "Read")):
        return "no connection", True
    if isinstance(error, ValueError):  # as what is no JSON, or another one than was promised
        return "an answer that cannot be read", True
    return f"an error of its package, {name}", False


def _retry_after(error: Exception) -> float:
    """Seconds that the server asks to wait, or 0."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except (AttributeError, TypeError, ValueError):
        return 0.0
