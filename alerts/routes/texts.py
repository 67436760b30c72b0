"""A message in plain words, and texts made safe: names of columns and models come from other people's data."""

import unicodedata
from typing import Final

from alerts.message import Change, Finding, Message, Status
from drift.core.clock import isoformat

_ELLIPSIS: Final = "…"


def one_line(text: str, most: int) -> str:
    """The text on one line of at most so many characters, without any that control or hide.

    So nothing in it ends a header, reorders what is read, or breaks JSON.
    """
    return capped(" ".join("".join(c if _plain(c) else " " for c in text).split()), most)


def lines(text: str, most: int) -> str:
    """The text with its line breaks, otherwise as `one_line`."""
    return capped("\n".join(one_line(line, most) for line in text.splitlines()), most)


def capped(text: str, most: int) -> str:
    """At most so many characters; an ellipsis says that there were more."""
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS


def _plain(character: str) -> bool:
    return not unicodedata.category(character).startswith(("C", "Zl", "Zp"))


def headline(message: Message, most: int = 200) -> str:
    """`[PAGE] credit: 3 columns drift since Monday`."""
    return one_line(f"[{_word(message)}] {message.title}", most)


def _word(message: Message) -> str:
    if message.change in (Change.TEST, Change.DIGEST, Change.RUN):
        return {Change.TEST: "TEST", Change.DIGEST: "DIGEST", Change.RUN: "RETRAIN"}[message.change]
    if message.status is Status.FIRING:
        again = " AGAIN" if message.change is Change.REOPENED else ""
        return message.urgency.value.upper() + again
    return message.status.value.upper()


def finding(one: Finding) -> str:
    """`income [channel=web]: psi 0.31 > 0.2 …` on one line, unescaped."""
    name = one.column or "the model"
    where = f" [{one.segment}]" if one.segment else ""
    return f"{name}{where}: {one.sentence}"


def facts(message: Message) -> list[tuple[str, str]]:
    """What stands beside the text: model, owner, since when, who has it, …; empty ones left out."""
    found = [
        ("Model", f"{message.model} {message.version}".strip() if message.model else ""),
        ("Owner", message.owner),
        ("Since", isoformat(message.since) if message.since else ""),
        ("Columns", str(message.columns) if message.columns else ""),
        ("Acknowledged by", message.who),
        ("Resolution", message.resolution),
        ("Incident", str(message.incident) if message.incident else ""),
    ]
    return [(name, one_line(value, 300)) for name, value in found if value]


def body(message: Message, most: int = 20_000) -> str:
    """The whole message as plain text."""
    parts = [lines(message.text, most), *([""] if message.findings else [])]
    parts += [f"- {one_line(finding(one), 500)}" for one in message.findings]
    more = message.columns - len({one.column for one in message.findings if one.column})
    if message.findings and more > 0:
        parts.append(f"- and {more} more column{'s' if more > 1 else ''}")
    parts += ["", *(f"{name}: {value}" for name, value in facts(message))]
    if message.run.get("url"):
        parts.append(f"Run: {one_line(str(message.run['url']), 2_000)}")
    if message.link:
        parts += ["", message.link]
    return capped("\n".join(parts).strip("\n"), most) or headline(message)
