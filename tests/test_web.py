from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from qa.web import HEADERS, SHUT, Guard, address_of, listen, running


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with the path."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_every_answer_carries_the_headers() -> None:
    with running(Guard(echo)) as address, httpx.Client(trust_env=False) as client:
        for path in ("a/b", SHUT[0][1:]):
            answer = client.get(address + path)
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert client.get(address + "a/b").headers["x-own"] == "1"


@pytest.mark.parametrize("path", [*SHUT, SHUT[0] + "?x=1", SHUT[0] + "/more"])
def test_doors_that_the_chat_does_not_use_are_shut(path: str) -> None:
    with running(Guard(echo)) as address, httpx.Client(trust_env=False) as client:
        answer = client.post(address + path[1:])
        assert (answer.status_code, answer.text) == (404, "")
        assert client.get(address + "gradio_api/info").text == "/gradio_api/info"


def test_a_door_is_shut_below_a_proxy_too() -> None:
    async def below(scope: Any, receive: Any, send: Any) -> None:
        await Guard(echo)({**scope, "root_path": "/qa", "path": "/qa" + scope["path"]}, receive, send)

    with running(below) as address, httpx.Client(trust_env=False) as client:
        assert client.get(address + SHUT[0][1:]).status_code == 404


def test_the_policy_lets_nothing_in_from_or_out_to_other_machines() -> None:
    policy = HEADERS["content-security-policy"]
    assert "default-src 'self'" in policy
    assert not {"http:", "https:", "*"} & set(policy.replace(";", " ").split())


def test_port_0_is_any_free_port_and_a_taken_port_is_an_error() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) == f"http://127.0.0.1:{port}/"
        with pytest.raises(OSError, match=r"in use"):
            listen("127.0.0.1", port)


def test_an_address_can_be_typed_whatever_the_server_listens_on() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address_of(listener).startswith("http://127.0.0.1:")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_ipv6_addresses_stand_in_brackets() -> None:
    with listen("::1", 0) as listener:
        assert address_of(listener).startswith("http://[::1]:")
