"""What is not there, is not this API, or needs another key: one plain sentence and an exit code of its own."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from outpaint.conformance.verify.reachability import balance_at, check_base_url, check_is_there
from outpaint.contracts.errors import ErrorCode
from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode

from .conftest import as_json, error_of, served

Run = Callable[..., tuple[int, str, str]]
HTML = (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Welcome</title>")


def ended(run: Run, base_url: str, *words: str) -> tuple[int, str]:
    status, out, err = run("verify", "--base-url", base_url, "--api-key", "a-key-of-some-length", *words)
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    assert "a-key-of-some-length" not in err
    return status, err


def answering(run: Run, answer: Any) -> tuple[int, str]:
    with served(lambda method, path, sent, body: answer) as url:
        return ended(run, url)


@contextmanager
def silent() -> Iterator[str]:
    """A port where connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def saying(data: bytes) -> Iterator[str]:
    """A port that says the same to whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def talk() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(data)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_nothing_there(run: Run) -> None:
    with silent() as place:
        pass
    status, err = ended(run, f"http://{place}")
    assert status == ExitCode.UNREACHABLE
    assert "nothing can be reached" in err


def test_a_name_that_does_not_exist(run: Run) -> None:
    status, err = ended(run, "https://no-such-host.invalid")
    assert status == ExitCode.UNREACHABLE
    assert "nothing can be reached" in err


def test_what_hangs() -> None:
    with silent() as place, pytest.raises(CommandError, match="nothing whole came within 0\\.2 seconds") as found:
        balance_at(f"http://{place}", "key", patience=0.2)
    assert found.value.exit_code is ExitCode.UNREACHABLE


def test_what_answers_drop_by_drop() -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # the client hangs up
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                while not over.wait(0.02):
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(CommandError, match="nothing whole came within 0\\.2 seconds") as found:
            balance_at(f"http://127.0.0.1:{listener.getsockname()[1]}", "key", patience=0.2)
        over.set()
        thread.join()
    assert found.value.exit_code is ExitCode.UNREACHABLE


def test_what_is_no_http(run: Run) -> None:
    with saying(b"220 mail.test ESMTP\r\n") as place:
        status, err = ended(run, f"http://{place}")
    assert status == ExitCode.UNREACHABLE
    assert "does not speak HTTP" in err


def test_tls_where_there_is_none(run: Run) -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as place:
        status, err = ended(run, f"https://{place}")
    assert status == ExitCode.UNREACHABLE
    assert "write http://" in err


def test_a_certificate_that_nobody_trusts(run: Run, tmp_path: Path) -> None:
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    files = ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *words.split(), *files], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake() -> None:
            connection, _ = listener.accept()
            with connection, pytest.raises(OSError):  # noqa: PT011 - the client hangs up, in one way or another
                context.wrap_socket(connection, server_side=True).recv(1)

        thread = threading.Thread(target=shake)
        thread.start()
        status, err = ended(run, f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert status == ExitCode.UNREACHABLE
    assert "certificate" in err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("127.0.0.1:8080", "a scheme is missing"),
        ("ftp://h.test", "ftp:// is not HTTP"),
        ("http://", "write https://HOST"),
        ("http://h.test:99999", "write https://HOST"),
        ("https://user:word@h.test", "the key goes into --api-key"),
        ("https://h.test/?a=1", "leave out what follows"),
    ],
)
def test_what_is_no_base_url(run: Run, url: str, said: str) -> None:
    status, err = ended(run, url)
    assert status == ExitCode.USAGE
    assert said in err


def test_what_comes_behind_v1_is_taken_off() -> None:
    assert check_base_url("https://h.test/api/v1/") == "https://h.test/api"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (HTML, "a web page"),
        ((404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"), "a web page"),
        ((200, {"Content-Type": "text/plain"}, b"hello"), "text/plain"),
        ((200, {}, b""), "something without a type"),
        (as_json(200, [1]), "where JSON belongs"),
        (as_json(200, {"balance": 5}), "without a whole number of credits"),
        (as_json(200, {"credits": "5"}), "without a whole number of credits"),
        (as_json(404, {"message": "no"}), "answers 404"),
        ((301, {"Location": "https://elsewhere.test/v1/balance"}, b""), "redirects to https://elsewhere.test:"),
    ],
)
def test_something_else(run: Run, answer: Any, said: str) -> None:
    status, err = answering(run, answer)
    assert status == ExitCode.NOT_THIS_API
    assert said in err


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(401, ErrorCode.UNKNOWN_KEY, "does not know the key"), (403, ErrorCode.FORBIDDEN, "refuses it: not today")],
)
def test_another_key_is_needed(run: Run, status: int, code: ErrorCode, said: str) -> None:
    ended_with, err = answering(run, as_json(status, error_of(code, status, "x", "not today")))
    assert ended_with == ExitCode.KEY_REFUSED
    assert said in err


def test_the_second_key_is_looked_at_too(run: Run) -> None:
    def answer(method: str, path: str, sent: dict[str, str], body: bytes) -> Any:
        if sent.get("x-picsart-api-key") == "the-other-key":
            return as_json(401, error_of(ErrorCode.UNKNOWN_KEY, 401, "token_error"))
        return as_json(200, {"credits": 5})

    with served(answer) as url:
        status, err = ended(run, url, "--second-api-key", "the-other-key")
    assert status == ExitCode.KEY_REFUSED
    assert "with key 2: " in err


def test_what_a_provider_repeats_is_one_line_without_the_key() -> None:
    detail = "no\nsuch key: a-key-of-some-length"
    with (
        served(lambda *_: as_json(403, {"detail": detail})) as url,
        pytest.raises(CommandError, match="refuses it: no such key: ") as found,
    ):
        balance_at(url, "a-key-of-some-length")
    assert "a-key-of-some-length" not in str(found.value)


@pytest.mark.parametrize(
    "answer", [(401, {"Content-Type": "text/html"}, b"<h1>Who?</h1>"), as_json(400, {"no": "key"})]
)
def test_without_a_key_a_refusal_is_enough(answer: Any) -> None:
    with served(lambda *_: answer) as url:
        check_is_there(url)


@pytest.mark.parametrize("answer", [HTML, (302, {"Location": "/login"}, b""), (404, {}, b"")])
def test_without_a_key_too_what_is_something_else_shows(answer: Any) -> None:
    with served(lambda *_: answer) as url, pytest.raises(CommandError) as found:
        check_is_there(url)
    assert found.value.exit_code is ExitCode.NOT_THIS_API


def test_it_cannot_answer_now(run: Run) -> None:
    status, err = answering(run, as_json(503, error_of(ErrorCode.UNAVAILABLE, 503, "x", "come back later")))
    assert status == ExitCode.UNREACHABLE
    assert "with 503: come back later" in err


def test_no_key_was_given(run: Run) -> None:
    with served(lambda *_: as_json(200, {"credits": 5})) as url:
        status, _, err = run("verify", "--base-url", url)
    assert status == ExitCode.USAGE
    assert "OUTPAINT_KEY" in err


def test_a_pattern_that_names_no_case(run: Run) -> None:
    status, err = ended(run, "http://127.0.0.1:1", "--only", "no-such-area")
    assert status == ExitCode.USAGE
    assert "no-such-area" in err
