"""The tree of errors: complete, documented, and with the status that carries each."""

import inspect

import pytest

from steer import errors
from steer.errors import InvalidInputError, OverloadedError, SteerError, TooLargeError

# The names of gRPC's status codes that an error may have; this module needs no grpc.
STATUS_NAMES = {
    "DEADLINE_EXCEEDED",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
}
CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_can_be_caught_as_a_steer_error(error):
    """One `except SteerError` catches all that the package raises on purpose."""
    assert issubclass(error, SteerError)


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_names_a_status_of_grpc(error):
    """The service can send every error without a table of its own."""
    assert error.grpc_code in STATUS_NAMES


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_stands_in_the_tree_of_the_module(error):
    """Who reads the head of the module has seen every error."""
    assert error.__name__ in inspect.getdoc(errors)


def test_the_text_of_a_broken_contract_says_what_was_expected_and_what_came():
    """`expected` builds the one form that all texts of broken contracts have."""
    error = InvalidInputError.expected("candidates.actions", "float32", "float64")

    assert str(error) == "candidates.actions: expected float32, got float64"


def test_a_child_builds_its_own_kind():
    """`expected` called on a child gives the child, so that its own handler catches it."""
    error = TooLargeError.expected("message", "at most 4 bytes", 5)

    assert type(error) is TooLargeError


def test_an_overloaded_server_may_say_when_to_come_back():
    """The wait that the server asks for travels with the error."""
    error = OverloadedError("rank: expected fewer requests, got 65", retry_after_s=0.25)

    assert (str(error), error.retry_after_s) == ("rank: expected fewer requests, got 65", 0.25)


def test_an_overloaded_server_that_says_nothing_asks_for_no_wait():
    """Without a word from the server, the wait is zero."""
    assert OverloadedError("busy").retry_after_s == 0.0
