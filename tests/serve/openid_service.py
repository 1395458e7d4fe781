"""A sign-in service as an organisation would run one (OpenID Connect), small: it vouches for whoever the test says."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, SECRET = "tradeflow", "a secret of two"


class Service:
    """The service's side: `authorize` is the person pressing the button there; `claims` and `key` can be made wrong."""

    def __init__(self) -> None:
        self.key = self.shown_key = RSAKey.generate_key(2048, {"kid": "one"})
        self.claims: dict[str, Any] = {"sub": "42", "preferred_username": "ana", "roles": ["leads-investigators"]}
        self.issuer = ""
        self.asked: dict[str, dict[str, str]] = {}
        self.algorithm = "RS256"

    def authorize(self, url: str) -> str:
        """Take the browser's request; return where the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT_ID, "code", "S256")
        code = secrets.token_urlsafe(8)
        self.asked[code] = asked
        return f"{urlsplit(asked['redirect_uri']).path}?state={asked['state']}&code={code}"

    def answer_token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """Change a code for the service's word; the code works once, and only with its verifier and the client's secret."""
        asked = self.asked.pop(form["code"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        assert challenge == asked["code_challenge"]
        assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT_ID}:{SECRET}"
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": asked["nonce"]} | self.claims
        word = jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, self.key, algorithms=[self.algorithm])
        return {"access_token": "x", "token_type": "Bearer", "id_token": word}

    def describe(self) -> dict[str, Any]:
        """What stands at the service's well-known address."""
        ways = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in ways.items()}


@contextmanager
def running_service() -> Iterator[Service]:
    """Start the service on a port of its own."""
    service = Service()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (the name that the library asks for)
            self._send(service.describe() if "well-known" in self.path else {"keys": [service.shown_key.as_dict(private=False)]})

        def do_POST(self) -> None:  # noqa: N802
            sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            form = {name: values[0] for name, values in sent.items()}
            self._send(service.answer_token(form, self.headers["Authorization"]))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _send(self, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        service.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
