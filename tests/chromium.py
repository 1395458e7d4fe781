"""A headless Chromium driven over its DevTools pipe: no package, no port. It keeps what the page said and what it asked the network for."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe", "about:blank",
]  # fmt: skip
_PATIENCE_SECONDS = 60


def find_chromium() -> str | None:
    """Return the browser's path, or None where this machine has none."""
    return next((found for name in BINARIES if (found := shutil.which(name))), None)


@dataclass
class Page:
    """One tab. `complaints` are console errors, uncaught exceptions and refused resources; `requests` all addresses asked for."""

    to_browser: int
    from_browser: int
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _sent: int = 0
    _unread: bytes = b""
    _events: list[str] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters} | ({"sessionId": self.session} if self.session else {})
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._sent:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        """Return the value of a script expression; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Wait until a script expression is true."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"never became true: {expression}; the page complained of {self.complaints}"
            time.sleep(0.05)
        return value

    def open(self, path: Path, fragment: str = "", *, width: int = 1400, height: int = 1000, media: dict[str, str] | None = None) -> None:
        """Open a file at a width, with media features such as prefers-color-scheme."""
        self.set_screen(width, height, media)
        self.go(path.as_uri() + fragment)

    def set_screen(self, width: int = 1400, height: int = 1000, media: dict[str, str] | None = None) -> None:
        """Show what comes at a width, with media features."""
        features = [{"name": name, "value": value} for name, value in (media or {}).items() if name != "type"]
        self.call("Emulation.setEmulatedMedia", media=(media or {}).get("type", ""), features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def go(self, address: str) -> None:
        """Open an address and wait until it is there, wherever it leads."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait_for("location.protocol !== 'about:' && document.readyState === 'complete'")

    def follow(self, expression: str) -> None:
        """Do what leads to another page, such as a click, and wait for that page."""
        self.evaluate("window.isOld = true")
        self.evaluate(expression)
        self.wait_for("!window.isOld && document.readyState === 'complete'")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        image = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(image["data"]))

    def press(self, key: str) -> None:
        """Press one key."""
        text = {"Enter": "\r"}.get(key, "")
        self.call(
            "Input.dispatchKeyEvent", type="keyDown", key=key, code=key, text=text, windowsVirtualKeyCode={"Enter": 13, "Tab": 9}[key]
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self.from_browser], [], [], _PATIENCE_SECONDS)
            assert ready, "the browser did not answer"
            piece = os.read(self.from_browser, 1 << 20)
            assert piece, "the browser ended"
            self._unread += piece
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(said["exceptionDetails"].get("exception", said["exceptionDetails"])))
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning"):
            self.complaints.append(str([each.get("value", each.get("description")) for each in said["args"]]))
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.complaints.append(said["entry"]["text"])


@contextlib.contextmanager
def open_chromium(binary: str) -> Iterator[Page]:
    """Start a browser with one empty tab; end it and sweep its profile away."""
    read_command, write_command = os.pipe()
    read_answer, write_answer = os.pipe()
    profile = tempfile.mkdtemp(prefix="tradeflow-chromium-")
    # DevTools reads commands from descriptor 3 and answers on 4; the shell puts the pipes there.
    plumbed = f'exec "$0" "$@" 3<&{read_command} 4>&{write_answer}'
    browser = subprocess.Popen(
        ["bash", "-c", plumbed, binary, f"--user-data-dir={profile}", *_FLAGS],
        pass_fds=(read_command, write_answer), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(read_command)
    os.close(write_answer)
    try:
        page = Page(write_command, read_answer)
        target = page.call("Target.createTarget", url="about:blank")["targetId"]
        page.session = page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        yield page
    finally:
        os.close(write_command)
        os.close(read_answer)
        browser.terminate()
        browser.wait(timeout=20)
        shutil.rmtree(profile, ignore_errors=True)
