"""Every option, once. Read from the environment (`RAG_INDEX_DIR` sets `index_dir`, and so on)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from index.errors import SettingsError


class Settings(BaseSettings):
    """Options with their defaults. Frozen; make another with `settings.model_copy(update=...)`."""

    model_config = SettingsConfigDict(env_prefix="RAG_", frozen=True, extra="forbid")

    index_dir: Path = Field(
        default_factory=lambda: user_data_path("ask-articles") / "index",
        description="Folder of the index.",
    )
    store: Literal["local", "milvus"] = Field(
        default="local", description="Where articles are kept: in that folder, or by Milvus."
    )
    store_uri: str = Field(
        default="",
        description="Of Milvus: http://HOST:PORT, https://HOST:PORT, or a path that ends with .db.",
    )
    store_token: SecretStr = Field(
        default=SecretStr(""), description="Of Milvus: a token, or NAME:PASSWORD."
    )
    store_timeout_seconds: float = Field(
        default=10.0, gt=0.0, description="How long one call to Milvus may take."
    )
    store_collection: str = Field(
        default="ask_articles",
        pattern="^[A-Za-z_][A-Za-z0-9_]{0,200}$",
        description="What the names of the collections in Milvus begin with.",
    )
    embedding_model: str = Field(
        default="",
        description="A folder or a Hugging Face name; empty for the model that is installed.",
    )
    reader: str = Field(
        default="",
        description="A file that `python -m rag train` wrote, or an extractive question answering "
        "model's folder or Hugging Face name; empty for the reader that comes with this project.",
    )
    chunk_tokens: int = Field(
        default=200,
        ge=48,
        description="Longest chunk in tokens of the embedding model, its title and marks included.",
    )
    max_file_megabytes: int = Field(default=50, ge=1, description="Larger files are refused.")
    lock_timeout_seconds: float = Field(
        default=10.0, ge=0.0, description="How long a second writer waits for the first."
    )
    max_question_characters: int = Field(
        default=2000, ge=100, description="Longer questions are refused."
    )
    candidates: int = Field(
        default=50, ge=8, description="Chunks taken from each search before the two are fused."
    )
    caution: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Confidence that an answer needs: 0 always answers, 1 hardly ever; by default "
        "such that about 5 % of the questions with an answer are declined.",
    )
    answer_sentences: int = Field(
        default=3, ge=1, le=10, description="At most this many sentences are quoted."
    )

    hosts: str = Field(
        default="",
        description="Names under which a browser may ask `python -m ui`, beside those of this "
        "computer itself; with commas between them.",
    )
    require_accounts: bool = Field(
        default=False, description="Whether one must sign in on this computer, too."
    )
    signed_in_hours: float = Field(
        default=168.0, gt=0.0, le=8760.0, description="How long one stays signed in."
    )
    questions_at_once: int = Field(
        default=2, ge=1, le=64, description="Questions that are taken up at once."
    )
    max_waiting: int = Field(
        default=64, ge=0, description="Questions that wait; further ones are refused."
    )
    max_request_megabytes: int = Field(
        default=100, ge=1, description="Larger requests are refused, all files in them together."
    )
    max_upload_megabytes_per_hour: int = Field(
        default=500, ge=1, description="What each user may upload in an hour."
    )
    log: Literal["plain", "json"] = Field(
        default="plain",
        description="What `python -m ui` tells: only what is wrong, or a line of JSON for each "
        "request and each answer.",
    )
    log_questions: bool = Field(
        default=False, description="Whether those lines tell what was asked."
    )
    model: str = Field(
        default="",
        description="A chat model that writes answers, as PROVIDER:NAME; empty for none.",
    )
    model_key: SecretStr = Field(
        default=SecretStr(""),
        description="Its key; where empty, the provider's own variable, such as OPENAI_API_KEY.",
    )
    model_address: str = Field(
        default="",
        description="Of a server that speaks the provider's protocol: http://HOST:PORT/PATH. "
        "Only model_key is sent there, never the key of the provider's own variable.",
    )
    model_timeout_seconds: float = Field(
        default=60.0, gt=0.0, description="How long a whole answer of it may take."
    )
    model_temperature: float = Field(
        default=0.0, ge=0.0, le=2.0, description="How freely it chooses its words."
    )
    model_tokens: int = Field(
        default=600, ge=16, description="At most this many tokens are asked of it."
    )
    unsupported: Literal["drop", "mark"] = Field(
        default="drop",
        description="What happens to its sentences that no quotation supports: left out, or shown "
        "with a mark and without a citation.",
    )

    @property
    def store_address(self) -> str:
        """Where articles are kept."""
        return self.store_uri if self.store == "milvus" else str(self.index_dir)


def load_settings() -> Settings:
    """The settings of this environment. Raises SettingsError, naming the variable and the cause."""
    try:
        return Settings()
    except ValidationError as error:
        causes = "; ".join(
            f"RAG_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"A setting cannot be used. {causes}") from error
