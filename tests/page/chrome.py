"""Chromium without a screen, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from websockets.sync.client import ClientConnection, connect

T = TypeVar("T")

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Seconds until whatever is waited for must have happened; a hang, not a measurement.
PATIENCE = 30.0
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
ANNOUNCEMENT = "DevTools listening on "
# Runs before the page's own scripts: the time, from the start of navigation, when the finished page was on the screen. The
# second frame begins after the first one was painted.
CLOCK = """
new MutationObserver((_, observer) => {
  if (!document.body?.dataset.ready) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.paintedAt = performance.now(); }));
}).observe(document, { subtree: true, childList: true, attributes: true });
"""


class Chrome:
    """A browser with a profile of its own, gone with its files when the `with` block ends."""

    def __enter__(self) -> Chrome:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise RuntimeError("there is no Chromium; `make test-page` installs it")
        self._profile = tempfile.TemporaryDirectory(prefix="pipectl-page-", ignore_cleanup_errors=True)
        options = ["--headless", "--remote-debugging-port=0", f"--user-data-dir={self._profile.name}", "--disable-gpu"]
        options += ["--no-first-run", "--disable-dev-shm-usage", "--disable-extensions", "--window-size=1400,900"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # its sandbox does not run as root
        # A file, not a pipe: what it goes on to say must not block it, and is there when it fails.
        self._log = open(os.path.join(self._profile.name, "log"), "w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [program, *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=self._log, start_new_session=True
        )
        with ExitStack() as cleanup:
            cleanup.callback(self._end)
            # Nothing that a page tells is too long.
            connection = connect(self._address(), max_size=None, compression=None, proxy=None, ping_interval=None)
            self._socket: ClientConnection = cleanup.enter_context(connection)
            cleanup.callback(lambda: self.call("Browser.close"))
            self._cleanup = cleanup.pop_all()
        self._last = 0
        self._events: list[dict[str, Any]] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _end(self) -> None:
        """Ends what the browser did not end by itself, all its processes, and removes its files."""
        try:
            self._process.wait(5 if hasattr(self, "_cleanup") else 0)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()
        self._profile.cleanup()

    def _address(self) -> str:
        """Where it listens, which it says once it does."""

        def announced() -> str | None:
            with open(self._log.name, encoding="utf-8", errors="replace") as log:
                text = log.read()
            if self._process.poll() is not None:
                raise RuntimeError(f"Chromium ended with code {self._process.returncode}:\n{text}")
            lines = [line for line in text.splitlines() if line.startswith(ANNOUNCEMENT)]
            return lines[0].removeprefix(ANNOUNCEMENT).strip() if lines else None

        return until(announced, "Chromium's address")

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command and its result; events that come meanwhile are kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE))
            if "id" not in answer:
                self._events.append(answer)
            elif answer["id"] == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def events(self, session: str) -> list[dict[str, Any]]:
        """What has happened in a tab so far."""
        return [event for event in self._events if event.get("sessionId") == session]

    def open(self, url: str, scheme: str = "light") -> Tab:
        """A new tab with a page that has finished drawing."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        tab = Tab(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=CLOCK)
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        # Keys go to a page only while it believes to be looked at.
        tab.call("Emulation.setFocusEmulationEnabled", enabled=True)
        tab.call("Page.navigate", url=url)
        tab.until("window.paintedAt", "the page")
        return tab


class Tab:
    """A page in the browser."""

    def __init__(self, chrome: Chrome, session: str) -> None:
        self._chrome, self._session = chrome, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command to this tab."""
        return self._chrome.call(method, self._session, **parameters)

    def value(self, expression: str) -> Any:
        """Value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """Texts of the elements that a CSS selector finds."""
        return self.value(f"[...document.querySelectorAll({selector!r})].map((element) => element.textContent)")

    def until(self, expression: str, what: str) -> None:
        """Waits until an expression is true."""
        until(lambda: self.value(f"Boolean({expression})"), what)

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, as a person does."""
        for key in keys:
            code = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
            # Enter activates what has the focus only as a key that makes a character.
            text = {"text": "\r"} if key == "Enter" else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def type(self, text: str) -> None:
        """Writes where the focus is."""
        self.call("Input.insertText", text=text)

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions nobody caught, and what the browser refused to load."""
        self.value("0")  # whatever happened before has been told when this is answered
        found = []
        for event in self._chrome.events(self._session):
            told = event["params"]
            match event["method"]:
                case "Runtime.exceptionThrown":
                    found.append(str(told["exceptionDetails"]))
                case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                    found.append(" ".join(str(argument.get("value")) for argument in told["args"]))
                case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                    found.append(told["entry"]["text"])
        return found


def until(condition: Callable[[], T | None], what: str) -> T:
    """Asks until there is an answer."""
    end = time.monotonic() + PATIENCE
    while not (answer := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {PATIENCE:.0f} s")
        time.sleep(0.01)  # between two polls of the condition
    return answer
