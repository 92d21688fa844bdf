"""Browser: a headless Chromium driven over its DevTools protocol, one page."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_SECONDS = 30
PORT_FILE = "DevToolsActivePort"


def find_browser() -> str | None:
    """The program, or None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


class Page:
    """The page. `problems` collects what the browser complains about: exceptions, blocked loads, errors in the log."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._dialog: asyncio.Future[Any] | None = None
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            found = json.loads(message.data)
            if (waiting := self._answers.pop(found.get("id", 0), None)) is not None:
                if "error" in found:
                    waiting.set_exception(RuntimeError(str(found["error"])))
                else:
                    waiting.set_result(found["result"])
                continue
            method, values = found.get("method"), found.get("params", {})
            if method == "Runtime.exceptionThrown":
                self.problems.append(values["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
                self.problems.append(values["entry"]["text"])
            elif method == "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            elif method == "Page.javascriptDialogOpening":
                self._dialog = asyncio.ensure_future(self.send("Page.handleJavaScriptDialog", accept=True))

    async def send(self, method: str, **parameters: Any) -> Any:
        """One DevTools command."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(answer, 60)

    async def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        answer = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    async def until(self, script: str, seconds: float = 10) -> Any:
        """Waits until an expression is true, and gives its value."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := await self.evaluate(script)):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"not within {seconds} s: {script}")
            await asyncio.sleep(0.05)
        return value

    async def click(self, selector: str) -> None:
        """Clicks with the mouse in the middle of an element."""
        place = await self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def type(self, selector: str, text: str) -> None:
        """Puts text in place of what a field holds, as typing does."""
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.send("Input.insertText", text=text)

    async def press(self, key: str, *, control: bool = False) -> None:
        """Presses a key, perhaps with Ctrl."""
        codes = {"Enter": 13, "Tab": 9}
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=2 if control else 0,
                windowsVirtualKeyCode=codes[key], text="\r" if key == "Enter" and kind == "keyDown" else "",
            )  # fmt: skip

    async def screenshot(self, path: Path) -> bytes:
        """A picture of the page as PNG, also put into a file."""
        answer = await self.send("Page.captureScreenshot", format="png")
        data = base64.b64decode(answer["data"])
        path.write_bytes(data)
        return data


@contextlib.asynccontextmanager
async def browser_page(program: str, width: int = 1280, height: int = 800) -> AsyncIterator[Page]:
    """A page in a browser with a fresh profile."""
    with tempfile.TemporaryDirectory(prefix="datacave-browser-") as profile:
        process = await asyncio.create_subprocess_exec(
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-extensions", "--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={profile}",
            f"--window-size={width},{height}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as http:
                page = await _connect(http, Path(profile))
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await page.send(f"{domain}.enable")
                await page.send(
                    "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
                )
                yield page
        finally:
            process.kill()
            await process.wait()
            await asyncio.sleep(0.2)


async def _connect(http: aiohttp.ClientSession, profile: Path) -> Page:
    for _ in range(START_SECONDS * 10):
        with contextlib.suppress(OSError, aiohttp.ClientError, IndexError):
            port = (profile / PORT_FILE).read_text().split()[0]
            async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            return Page(await http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0))
        await asyncio.sleep(0.1)
    raise AssertionError("the browser did not start")
