"""Drive Debian's Chromium over a pipe: the few commands of its protocol that the tests need."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = "/usr/bin/chromium"
BOUND_SECONDS = 30.0
# The protocol is spoken on the descriptors 3 (to the browser) and 4 (from it).
JOIN = (
    "import os,sys; os.dup2(int(sys.argv[1]),3); os.dup2(int(sys.argv[2]),4);"
    "os.execv(sys.argv[3], sys.argv[3:])"
)
OPTIONS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
    "--no-first-run", "--disable-extensions", "--disable-sync", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--hide-scrollbars",
    "--disable-dev-shm-usage", "--font-render-hinting=none", "about:blank",
)  # fmt: skip


def is_there() -> bool:
    """Tell whether there is a browser to drive."""
    return shutil.which(PROGRAM) is not None


class Page:
    """One tab: where it is, what it shows, what it asked for and complained about."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._rest = b""
        self._next = 0
        self._session = ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        answer = self._until(lambda found: found.get("id") == message["id"])
        assert "error" not in answer, (method, answer["error"])
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def go(self, url: str, *, wait: bool = True) -> None:
        """Open an address; wait until all of it is there."""
        self.send("Page.navigate", url=url)
        if wait:
            self._loaded()

    def click(self, selector: str) -> None:
        """Click an element that leads to another page, and wait for that."""
        assert self.run(f"!!document.querySelector({json.dumps(selector)})"), selector
        self.run(f"void document.querySelector({json.dumps(selector)}).click()")
        self._loaded()

    def run(self, script: str) -> Any:
        """Return what a script comes to, after its promise."""
        found = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until a script comes to true."""
        ends = time.monotonic() + BOUND_SECONDS
        while not self.run(script):
            assert time.monotonic() < ends, f"never: {script}"
            self.run("new Promise(done => setTimeout(done, 50))")

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def look(self, width: int, height: int, scheme: str = "light") -> None:
        """Show the page as on a screen of this size and colour scheme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme_feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[scheme_feature])

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen to a PNG; whole: what lies below as well."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def _loaded(self) -> None:
        self._until(lambda found: found.get("method") == "Page.loadEventFired")

    def _until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        ends = time.monotonic() + BOUND_SECONDS
        while True:
            found = self._read(ends)
            self._note(found)
            if is_it(found):
                return found

    def _read(self, ends: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0, ends - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "the browser has ended"
            self._rest += data
        raw, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(raw)
        assert isinstance(message, dict)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            entry = params["entry"]
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(json.dumps(params)[:500])


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """Give a tab of a browser whose profile is in folder; it ends with the block."""
    ours, theirs = os.pipe(), os.pipe()
    joined = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ours[0], theirs[1])]
    for end in (ours[0], theirs[1]):
        os.close(end)
    ends = [str(end) for end in joined]
    command = [sys.executable, "-c", JOIN, *ends, PROGRAM, *OPTIONS]
    profile = f"--user-data-dir={folder}"
    with subprocess.Popen(
        [*command[:-1], profile, command[-1]],
        pass_fds=joined,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    ) as process:
        for end in joined:
            os.close(end)
        try:
            yield Page(ours[1], theirs[0])
        finally:
            os.close(ours[1])
            os.close(theirs[0])
            process.terminate()
            process.wait(BOUND_SECONDS)
