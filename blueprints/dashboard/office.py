"""What the pages about accounts and settings share: only what is the owner's, words of closed lists."""

from enum import StrEnum
from typing import TypeVar, cast

from flask import current_app

from database.account_db import Account
from database.bracket_db import load_open
from restx_api.callers import desk
from restx_api.errors import RequestInvalid
from services.bracket.model import Bracket
from utils.config import Config

Word = TypeVar("Word", bound=StrEnum)

CONFIG = "openbracket_config"


def config() -> Config:
    """Return the settings this app was built with."""
    return cast("Config", current_app.extensions[CONFIG])


def open_brackets(*accounts: Account) -> tuple[Bracket, ...]:
    """Return the open brackets of accounts."""
    return load_open(desk().db, [one.id for one in accounts])


def word(words: type[Word], field: str, given: str) -> Word:
    """Return a word of a closed list. Raises RequestInvalid naming them."""
    try:
        return words(given)
    except ValueError:
        sentence = f"{field} must be one of: {', '.join(words)}"
        raise RequestInvalid(sentence, {field: [sentence]}) from None
