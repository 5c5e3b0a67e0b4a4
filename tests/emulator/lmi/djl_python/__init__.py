"""What a handler imports from the LMI images: the request it gets and the answer it gives."""

from __future__ import annotations

from djl_python.inputs import Input
from djl_python.outputs import Output

__all__ = ["Input", "Output"]
