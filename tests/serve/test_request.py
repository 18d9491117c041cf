"""What is read of a request beside its body."""

import asyncio

import pytest

from mlops.serve import request
from mlops.serve.refuse import Refused

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("given", [b"a", b"order-77", b"A.b_c:d-9", b"x" * 64])
def test_a_plain_id_is_taken(given):
    """At most 64 characters that need no quoting anywhere."""
    assert given.decode() == request.identity({b"x-request-id": given})


@pytest.mark.parametrize("given", [b"", b"x" * 65, b"a b", b'"', b"a\n", "ä".encode(), b"../x"])
def test_another_id_is_replaced(given):
    """What a log or a header could stumble over."""
    assert given.decode() != request.identity({b"x-request-id": given})


def test_ids_are_never_the_same():
    """Nor do they say anything of the caller."""
    assert 1000 == len({request.identity({}) for _ in range(1000)})


@pytest.mark.parametrize(
    ("given", "expected"), [(TRACE, TRACE.decode()), (TRACE[:-1], None), (TRACE.upper(), None), (b"", None)]
)
def test_a_traceparent_is_passed_on_where_it_is_one(given, expected):
    """As W3C Trace Context writes it."""
    assert expected == request.trace({b"traceparent": given})
    assert request.trace({}) is None


@pytest.mark.parametrize(
    ("given", "expected"), [(b"champion", "champion"), (b"challenger", "challenger"), (b"x", "none")]
)
def test_an_arm_is_one_of_those_that_there_are(given, expected):
    """Anybody may send the header, so it cannot make labels of its own."""
    assert expected == request.arm({b"x-assigned-arm": given})
    assert "none" == request.arm({})


def test_a_user_is_a_keyed_hash():
    """The same user is the same hash under one key, another under another; nothing without a key."""
    user = {b"x-user-id": b"ann"}
    assert request.user_hash(user, b"k") == request.user_hash(user, b"k")
    assert 32 == len(request.user_hash(user, b"k"))
    assert request.user_hash(user, b"k") != request.user_hash(user, b"other")
    assert (None, None) == (request.user_hash(user, b""), request.user_hash({}, b"k"))


def read(headers: dict, *pieces: bytes, most: int = 10) -> bytes:
    """The body that comes in these pieces; None is a caller who left."""
    last = len(pieces) - 1
    messages = iter(
        {"type": "http.disconnect"}
        if piece is None
        else {"type": "http.request", "body": piece, "more_body": place < last}
        for place, piece in enumerate(pieces)
    )

    async def receive():
        return next(messages)

    return asyncio.run(request.body(headers, receive, most))


@pytest.mark.parametrize(
    "kind", [b"application/json", b"Application/JSON; charset=utf-8", b"application/cloudevents+json"]
)
def test_json_is_read(kind):
    """Whole or in pieces, up to the limit; without a type it is taken for JSON."""
    assert b"0123456789" == read({b"content-type": kind}, b"0123456789")
    assert b"0123456789" == read({}, b"01234", b"", b"56789")


@pytest.mark.parametrize(
    ("headers", "pieces", "status"),
    [
        ({b"content-type": b"text/plain"}, [b"{}"], 415),
        ({b"content-type": b"application/x-www-form-urlencoded"}, [b"{}"], 415),
        ({b"content-length": b"11"}, [b""], 413),
        ({}, [b"01234567890"], 413),
        ({}, [b"012345", b"67890"], 413),
        ({}, [b"012345", None], 400),
    ],
)
def test_another_body_is_refused(headers, pieces, status):
    """Of another type, too long by its head or by what comes, or cut off."""
    with pytest.raises(Refused) as refused:
        read(headers, *pieces)
    assert status == refused.value.status
