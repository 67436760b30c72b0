"""Slack, by an incoming webhook: Block Kit within Slack's limits, with names that cannot mark up or mention.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, …/reference/block-kit/blocks
"""

from typing import Any, Final

from alerts.http import json_bytes, post
from alerts.message import Message, Status
from alerts.options import Options
from alerts.routes.contract import Egress, Outcome, Route, RouteKind
from alerts.routes.texts import facts, finding, headline, lines, one_line
from alerts.secrets import Secret
from drift.core.alert import Urgency
from drift.core.clock import Clock

_HEADER: Final = 150
_SECTION: Final = 3_000
_FIELD: Final = 2_000
_FIELDS: Final = 10
_URL: Final = 3_000
_LISTED: Final = 5
"""Findings in a message; the page has all of them."""
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP: Final = str.maketrans({"*": "∗", "_": "＿", "~": "∼", "`": "ʼ"})
"""Slack knows no escape for these; look-alikes in their place keep a column's name from marking up."""


class SlackOptions(Options):
    """A Slack channel."""

    url: Secret
    """The incoming webhook's URL, which is a secret: `env:NAME` or `file:/path`."""


class Slack:
    """One incoming webhook."""

    def __init__(self, options: SlackOptions, egress: Egress, clock: Clock) -> None:
        self._options, self._egress, self._clock = options, egress, clock

    def send(self, message: Message) -> Outcome:
        """Post the message; every change is a post of its own, since a webhook cannot change what it has posted."""
        headers = {"Content-Type": "application/json"}
        return post(self._egress, self._clock, self._options.url.get(), json_bytes(render(message)), headers)

    def close(self) -> None:
        """Nothing is kept open."""


def render(message: Message) -> dict[str, Any]:
    """The request's body."""
    title = headline(message, _HEADER - 3)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": f"{_sign(message)} {title}", "emoji": False}}
    ]
    if message.text:
        blocks.append({"type": "section", "text": _mrkdwn(escaped(lines(message.text, _SECTION), _SECTION))})
    if message.findings and message.status is not Status.RESOLVED:
        blocks.append({"type": "section", "text": _mrkdwn(_listed(message))})
    if fields := facts(message)[:_FIELDS]:
        texts = [_mrkdwn(f"*{name}*\n{escaped(value, _FIELD - 50)}") for name, value in fields]
        blocks.append({"type": "section", "fields": texts})
    if button := _button(message):
        blocks.append({"type": "actions", "elements": button})
    return {"text": escaped(title, _SECTION), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def escaped(text: str, most: int) -> str:
    """Text that Slack shows as it is, in at most so many characters."""
    parts, length = list[str](), 0
    for character in text.translate(_MARKUP):
        part = _ESCAPES.get(character, character)
        length += len(part)
        if length > most - 1:
            return "".join(parts) + "…"
        parts.append(part)
    return "".join(parts)


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _listed(message: Message) -> str:
    shown = [f"• {escaped(one_line(finding(one), 500), 550)}" for one in message.findings[:_LISTED]]
    more = message.columns - len({one.column for one in message.findings[:_LISTED] if one.column})
    return "\n".join([*shown, *([f"• and {more} more column{'s' if more > 1 else ''}"] if more > 0 else [])])


def _button(message: Message) -> list[dict[str, Any]]:
    links = [("Open the incident", message.link), ("Open the run", str(message.run.get("url") or ""))]
    return [
        {"type": "button", "text": {"type": "plain_text", "text": text}, "url": url}
        for text, url in links
        if url.startswith(("https://", "http://")) and len(url) <= _URL
    ]


def _sign(message: Message) -> str:
    """What is seen before anything is read; one character each, two at most."""
    if message.status is Status.RESOLVED:
        return "\N{WHITE HEAVY CHECK MARK}"
    if message.status is Status.ACKNOWLEDGED:
        return "\N{EYES}"
    if message.status is Status.NOTE:
        return "\N{MEMO}"
    return "\N{LARGE RED CIRCLE}" if message.urgency is Urgency.PAGE else "\N{LARGE YELLOW CIRCLE}"


def _make(options: SlackOptions, egress: Egress, clock: Clock) -> Route:
    return Slack(options, egress, clock)


ROUTE = RouteKind("slack", SlackOptions, _make)
