"""Removes from texts all that identifies an AWS account or grants access to it."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Applied in this order: whole addresses first, then their parts.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"arn:aws[a-z-]*:[^\s\"'<>\\,;)\]}]*", "<arn>"),
        (r"(?i)\b(authorization\\*[\"']?\s*[:=]\s*\\*[\"']?)(?!<)[^\"'\r\n\\]+", r"\1<signature>"),
        (
            r"(?i)\b(x-amz-(?:signature|credential|security-token))(\\*[\"']?\s*[:=]\s*\\*[\"']?)(?!<)[^\s&\"'\\]+",
            r"\1\2<token>",
        ),
        (
            r"(?i)\b(\w*(?:secret_?access_?key|session_?token|security_?token|access_?key_?id))"
            r"(\\*[\"']?\s*[:=]\s*\\*[\"']?)(?!<)[^\s\"',;&\\]+",
            r"\1\2<token>",
        ),
        (
            r"(?i)\b((?:x-amzn?-)?(?:request|host|extended-request|trace)[ _-]?id(?:-2)?|x-amz-id-2)"
            r"(\\*[\"']?\s*[:=]\s*\\*[\"']?)(?!<)[\w+/=.-]+",
            r"\1\2<id>",
        ),
        (r"(?i)\bs3(n|a)?://(?!<)[a-z0-9][a-z0-9.-]+", r"s3\1://<bucket>"),
        (r"(?i)\b(s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?)/(?!<)[a-z0-9][a-z0-9.-]+", r"\1/<bucket>"),
        (r"(?i)(?<![\w.-])(?:[a-z0-9-]+\.)+amazonaws\.com(?:\.cn)?\b", "<host>"),
        (r"(?i)(?<![\w.-])(?:[a-z0-9-]+\.)+api\.aws\b", "<host>"),
        (r"(?i)\bip-\d{1,3}(?:-\d{1,3}){3}(?:\.[a-z0-9-]+)*", "<host>"),
        (r"\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|APKA|ABIA|ACCA)[A-Z0-9]{12,}", "<key>"),
        (r"(?<![A-Za-z0-9+/])(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz|FQoDYXdz)[A-Za-z0-9+/=%]*", "<token>"),
        (r"(?i)(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])", "<id>"),
        # The SDK's default bucket: its name ends in region and account id.
        (r"(?i)\bsagemaker-[a-z]{2}(?:-[a-z]+)+-\d-\d{12}(?!\d)", "<bucket>"),
    )
)
# Twelve digits are an account id, unless they are part of a decimal number, or a number of JSON (such as of bytes).
_ACCOUNT = re.compile(r"(?<!\d)(?<!\d\.)\d{12}(?!\d)(?!\.\d)")
_NUMBER_BEFORE = re.compile(r"[:,\[]\s?-?$")
_NUMBER_AFTER = re.compile(r"\s?[,}\]]")


class Scrubber:
    """Replaces secrets in texts: by general patterns, and by known strings.

    Parameters
    ----------
    known
        Strings to replace wherever they stand, each with its replacement, such as the id of an account. Strings of
        less than three characters are ignored.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        long_enough = [(text, instead) for text, instead in (known or {}).items() if len(text) >= 3]
        self._known = sorted(long_enough, key=lambda item: -len(item[0]))

    def __call__(self, text: str) -> str:
        """Return ``text`` without account ids, ARNs, buckets, hosts, request ids, keys and tokens."""
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
        # After the patterns, so that an ARN is replaced whole, even if it contains a known string.
        for secret, instead in self._known:
            text = text.replace(secret, instead)
        return _ACCOUNT.sub(_account, text)


def _account(found: re.Match[str]) -> str:
    """Return the replacement for twelve digits: themselves if they are a number of JSON."""
    before, after = found.string[max(0, found.start() - 3) : found.start()], found.string[found.end() :][:2]
    is_number = _NUMBER_BEFORE.search(before) and _NUMBER_AFTER.match(after)
    return found[0] if is_number else "<account>"


scrub = Scrubber()
