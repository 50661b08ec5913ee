"""A person in headless Chromium who signs in, asks, and reads the answer: `python -m ... '{"url": ...}'`.

Prints what was seen as JSON: the answer, how many times it grew while it was read, and messages of the page's console.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, sync_playwright

_TIMEOUT_MS = 60_000
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote", "--font-render-hinting=none")
_ANSWER = ".chat-assistant"


def main(options: dict[str, Any]) -> dict[str, Any]:
    """Keys: chromium, url, email, password, model, question, expected, screenshot."""
    console: list[str] = []
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options["chromium"],
            args=list(_ARGUMENTS),
            env=_environment(Path(options["chromium"]).parent, Path(scratch)),
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        page.set_default_timeout(_TIMEOUT_MS)
        page.on("console", lambda message: console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: console.append(f"error: {error}"))
        try:
            _sign_in(page, options)
            lengths = _ask(page, options)
            return {"answer": page.locator(_ANSWER).last.inner_text(), "lengths": lengths, "console": console}
        except Exception:
            sys.stderr.write("\n".join(console[-20:]) + "\n")
            raise
        finally:
            page.screenshot(path=options["screenshot"])
            browser.close()


def _environment(folder: Path, scratch: Path) -> dict[str, str]:
    """The libraries and fonts beside the browser, which a system without a desktop lacks."""
    if not (folder / "fonts").is_dir():
        return dict(os.environ)
    fonts = scratch / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{folder / 'fonts'}</dir><cachedir>{scratch / 'fonts'}</cachedir></fontconfig>")
    return {**os.environ, "LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_FILE": str(fonts)}


def _sign_in(page: Page, options: dict[str, Any]) -> None:
    page.goto(options["url"])
    page.locator("input[autocomplete=email]").fill(options["email"])
    page.locator("input[type=password]").fill(options["password"])
    page.locator("button[type=submit]").click()
    page.locator("#chat-input").wait_for()
    page.goto(f"{options['url']}/?models={options['model']}")
    page.locator("#chat-input").wait_for()
    page.keyboard.press("Escape")  # closes the notes on the release, which the first visit shows


def _ask(page: Page, options: dict[str, Any]) -> list[int]:
    """The lengths of the answer at each change until it is whole."""
    page.locator("#chat-input").click()
    page.keyboard.type(options["question"])
    page.keyboard.press("Enter")
    answer = page.locator(_ANSWER).last
    answer.wait_for()
    lengths: list[int] = []
    deadline = time.monotonic() + _TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        text = answer.inner_text()
        if not lengths or len(text) != lengths[-1]:
            lengths.append(len(text))
        if options["expected"] in text:
            page.wait_for_timeout(500)
            return lengths
    raise TimeoutError(f"the answer is {answer.inner_text()!r}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
