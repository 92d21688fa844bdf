"""A walk through the console, as a person would take it, with pictures of every station."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import psycopg

from tests.console.browser import Page
from tests.console.picture import brightness, ink_share, pixels


class Walk:
    """One walk. `pictures` is the folder for the screenshots."""

    def __init__(self, page: Page, url: str, dsn: str, pictures: Path) -> None:
        self.page = page
        self.url = url
        self.dsn = dsn
        self.pictures = pictures
        self.bright: dict[str, float] = {}

    async def take_picture(self, name: str) -> None:
        """A picture that must show something."""
        await asyncio.sleep(0.25)
        found = await asyncio.to_thread(pixels, await self.page.screenshot(self.pictures / f"{name}.png"))
        self.bright[name] = brightness(found)
        assert found.shape[:2] == (800, 1280), found.shape
        assert ink_share(found) > 0.01, f"{name} is an empty page"

    async def run(self, text: str) -> None:
        """Runs a statement by the keyboard and waits for its end."""
        await self.page.type("#sql", text)
        await self.page.press("Enter", control=True)
        await self.page.until("document.getElementById('stop').hidden && !document.getElementById('run').disabled")

    async def log_in(self) -> None:
        page = self.page
        await page.send("Page.navigate", url=f"{self.url}/")
        await page.until("location.pathname === '/console/' && document.getElementById('login')?.hidden === false")
        assert await page.evaluate("document.activeElement.name") == "user"
        await self.take_picture("login-light")
        await page.type("input[name=user]", "console_user")
        await page.type("input[name=password]", "wrong")
        await page.press("Enter")
        await page.until("!document.getElementById('login-error').hidden")
        assert "password authentication failed" in await page.evaluate(
            "document.getElementById('login-error').textContent"
        )
        page.problems.clear()  # the browser logs the refusal
        await page.type("input[name=password]", "a good pass phrase")
        await page.press("Enter")
        await page.until("!document.getElementById('app').hidden")
        assert await page.evaluate("document.cookie") == "", "scripts can read the cookie"
        await page.until("document.getElementById('health').textContent === 'healthy'")

    async def statements(self) -> None:
        page = self.page
        await self.run(
            "CREATE TABLE books (id int PRIMARY KEY, title text NOT NULL, price numeric(8,2), sold date);"
            "INSERT INTO books SELECT g, 'Book <b>' || g || '</b>', g * 1.25, date '2026-01-01' + g FROM"
            " generate_series(1, 400) g; INSERT INTO books VALUES (401, 'with, \"comma\"', NULL, NULL)"
        )
        assert await page.evaluate("document.querySelectorAll('.message.bad').length") == 0
        await page.until("[...document.querySelectorAll('#tables .name')].some(e => e.textContent === 'books')")
        await self.run("SELECT * FROM books ORDER BY id DESC")
        assert await page.evaluate("document.querySelectorAll('tbody tr').length") == 200, "rows come in pieces"
        assert await page.evaluate("document.querySelector('td.null').textContent") == "NULL"
        title = await page.evaluate("document.querySelectorAll('tbody tr')[1].cells[2].textContent")
        assert title == "Book <b>400</b>", "values are text, never markup"
        scroll = "document.querySelector('.grid').scrollTo(0, 1e6)"
        await page.until(f"({scroll}, document.querySelectorAll('tbody tr').length === 401)")
        await page.evaluate("document.querySelector('.grid').scrollTo(0, 0)")
        await page.click("#tables button[aria-expanded]")
        await page.until("document.querySelectorAll('#tables li.key').length === 1")
        await self.take_picture("result-light")
        await self.run("SELECT title FROM books WHERE prise > 3")
        assert "42703" in await page.evaluate("document.querySelector('.message.bad').textContent")
        assert await page.evaluate("document.querySelector('.e').textContent") == "prise"
        await self.take_picture("error-light")
        await self.run("BEGIN")
        assert await page.evaluate("document.getElementById('block').textContent") == "in a transaction"
        await self.run("ROLLBACK")
        assert await page.evaluate("document.getElementById('block').hidden")

    async def csv(self) -> None:
        """The file holds all rows, whatever the page shows."""
        text = await self.page.evaluate(
            "(async () => { const f = new FormData(document.getElementById('csv-form'));"
            " f.set('sql', 'SELECT * FROM books ORDER BY id');"
            " const a = await fetch('api/csv', {method: 'POST', body: new URLSearchParams(f)});"
            " return [a.status, a.headers.get('Content-Disposition'), await a.text()]; })()"
        )
        status, disposition, body = text
        lines = body.splitlines()
        assert (status, disposition) == (200, 'attachment; filename="result.csv"')
        assert len(lines) == 402 and lines[0] == "id,title,price,sold"
        assert lines[-1] == '401,"with, ""comma""",,', lines[-1]

    async def plans(self) -> None:
        page = self.page
        joined = "SELECT b.title FROM books b JOIN books c ON c.id = b.id + 1 WHERE c.price > 20 ORDER BY 1"
        await page.type("#sql", joined)
        await page.click("#analyze")
        await page.until("document.querySelectorAll('.plan .node').length >= 3")
        assert "rows," in await page.evaluate("document.querySelector('.node').textContent")
        await self.take_picture("plan-light")

    async def cancel(self) -> None:
        """A statement that does not end is cancelled; one that is too big stops by itself; neither holds up others."""
        page = self.page
        await page.type("#sql", "SELECT pg_sleep(60)")
        await page.click("#run")
        await page.until("!document.getElementById('stop').hidden")
        started = time.monotonic()
        await page.click("#stop")
        await page.until("document.querySelector('.message.bad')?.textContent.includes('57014')")
        assert time.monotonic() - started < 5
        await self.run("SELECT g, repeat('x', 200) FROM generate_series(1, 5000000) g")
        assert "The first 1,000 rows" in await page.evaluate("document.getElementById('results').textContent")
        heavy = "SELECT count(*) FROM generate_series(1, 3000) a, generate_series(1, 3000) b WHERE a <> b"
        await page.type("#sql", heavy)
        await page.click("#run")
        await page.until("!document.getElementById('stop').hidden")
        delays = []
        async with await psycopg.AsyncConnection.connect(self.dsn) as other:
            for _ in range(10):
                asked = time.monotonic()
                await other.execute("SELECT 1")
                delays.append(time.monotonic() - asked)
        print(f"    beside a heavy statement others wait {max(delays) * 1000:.0f} ms at most")
        assert max(delays) < 1
        await page.click("#stop")
        await page.until("document.getElementById('stop').hidden")

    async def sessions(self) -> None:
        page = self.page
        async with await psycopg.AsyncConnection.connect(self.dsn) as other:
            cursor = await other.execute("SELECT pg_backend_pid()")
            (pid,) = await cursor.fetchone() or (0,)
            sleeping = asyncio.ensure_future(other.execute("SELECT pg_sleep(60)"))
            await page.click("nav button[data-panel=sessions]")
            await page.until(f"document.getElementById('sessions').textContent.includes('{pid}')")
            await self.take_picture("sessions-light")
            await page.evaluate(f"document.querySelector('[aria-label=\"Cancel the statement of {pid}\"]').click()")
            try:
                await asyncio.wait_for(sleeping, 10)
            except psycopg.errors.QueryCanceled:
                await other.rollback()
            else:
                raise AssertionError("the other session was not cancelled")

    async def storage(self) -> None:
        page = self.page
        await page.click("nav button[data-panel=storage]")
        await page.until("document.querySelectorAll('.tile').length >= 8")
        assert "memtable" in await page.evaluate("document.getElementById('storage').textContent")
        await self.take_picture("storage-light")

    async def dark(self) -> None:
        page = self.page
        await page.click("#theme")
        await self.take_picture("storage-dark")
        await page.click("nav button[data-panel=sql]")
        await self.run("SELECT * FROM books ORDER BY price NULLS FIRST LIMIT 50 -- a note")
        await self.take_picture("result-dark")
        assert self.bright["result-dark"] < 90 < 180 < self.bright["result-light"], self.bright

    async def names(self) -> None:
        """Everything that can be used has a name that a screen reader can say."""
        found = await self.page.send("Accessibility.getFullAXTree")
        wanted = {"button", "textbox", "searchbox", "combobox", "checkbox", "link"}
        nameless = [
            json.dumps(node.get("properties"))
            for node in found["nodes"]
            if not node.get("ignored")
            and node.get("role", {}).get("value") in wanted
            and not node.get("name", {}).get("value")
        ]
        assert nameless == []

    async def leave(self) -> None:
        page = self.page
        await page.click("#logout")
        await page.until("!document.getElementById('login').hidden")
        status = await page.evaluate(
            "fetch('api/sessions', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
            ".then(a => a.status)"
        )
        assert status == 401
        foreign = [url for url in page.requests if not url.startswith(self.url)]
        assert foreign == [], "something was loaded from elsewhere"

    async def walk(self) -> None:
        """All stations."""
        for station in (
            self.log_in, self.statements, self.csv, self.plans, self.cancel, self.sessions, self.storage, self.dark,
            self.names, self.leave,
        ):  # fmt: skip
            print(f"  {station.__name__}")
            self.page.problems.clear()
            await station()
            problems = [one for one in self.page.problems if "401" not in one]
            assert problems == [], problems
