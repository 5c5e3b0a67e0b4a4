"""Refusals, as AWS words them."""

from __future__ import annotations


class AwsError(Exception):
    """An error answer: its code, its message, its HTTP status, and fields that the service adds to it."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: object) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.fields = code, message, status, fields


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def not_in_enum(value: object, where: str) -> AwsError:
    return invalid(
        f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: "
        "Member must satisfy enum value set"
    )


def denied(user: str, action: str, resource: str) -> AwsError:
    return AwsError(
        "AccessDeniedException",
        f"User: {user} is not authorized to perform: {action} on resource: {resource} "
        "because no identity-based policy allows the action",
    )
