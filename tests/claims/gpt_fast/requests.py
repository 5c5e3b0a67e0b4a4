"""The README's figures of one request: a row of its tables, or what a live run of the same measures."""

from __future__ import annotations

from llm_claims import Generation


def request(measure, **fields):
    """Decoding in bf16 at batch size 1, as all of the README; of what is open, each source takes its own."""
    return measure(Generation(precision="bf16", **fields))


def speed(measure, **fields):
    """Tokens a second of the whole request, as the README counts them."""
    found = request(measure, **fields)
    counted = found.new_tokens_per_sequence / found.latency_seconds
    return found.stated("output_tokens_per_second", otherwise=counted)


def bandwidth(measure, **fields):
    """Bytes of weights that one GPU reads a second."""
    return request(measure, **fields).weight_bandwidth_bytes_per_second
