"""A person in headless Chromium who does one step after another: `python -m ... '{"url": ..., "steps": [...]}'`.

Prints what each step saw, and messages of the page's console, as JSON.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

_TIMEOUT_MS = 60_000
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote", "--font-render-hinting=none")
_INPUT = "#chat-input"
_ANSWER = ".chat-assistant"
_SELECTOR = "#model-selector-model-button"
_FOLD = "button[aria-expanded]:not([aria-label])"
"""Of a piece of reasoning; the line of a function's status can be opened too, and has a label."""


def main(options: Mapping[str, Any]) -> dict[str, Any]:
    """Keys: chromium; url; steps by title, each a name of STEPS and its arguments; failure, a file for its picture."""
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
            page.goto(options["url"])
            seen = {title: STEPS[name](page, *arguments) for title, (name, *arguments) in options["steps"].items()}
            return {"seen": seen, "console": console}
        except Exception:
            page.screenshot(path=options["failure"])
            sys.stderr.write("\n".join(console[-20:]) + "\n")
            raise
        finally:
            browser.close()


def _environment(folder: Path, scratch: Path) -> dict[str, str]:
    """The libraries and fonts beside the browser, which a system without a desktop lacks."""
    if not (folder / "fonts").is_dir():
        return dict(os.environ)
    fonts = scratch / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{folder / 'fonts'}</dir><cachedir>{scratch / 'fonts'}</cachedir></fontconfig>")
    return {**os.environ, "LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_FILE": str(fonts)}


def _sign_in(page: Page, email: str, password: str) -> None:
    page.locator("input[autocomplete=email]").fill(email)
    page.locator("input[type=password]").fill(password)
    page.locator("button[type=submit]").click()
    page.locator(_INPUT).wait_for()
    page.reload()  # or a message says for a while that one has signed in
    page.locator(_INPUT).wait_for()


def _close_notes(page: Page) -> None:
    """On the release, which an administrator's first visit shows some time after the page."""
    page.get_by_role("button", name="Okay, Let's Go!").click()


def _new_chat(page: Page, model: str) -> None:
    page.goto(f"{_origin(page)}/?models={model}")
    page.locator(_INPUT).wait_for()


def _models(page: Page, picture: str) -> list[str]:
    """Ids in the model selector, of which a picture is taken while it is open."""
    page.locator(_SELECTOR).click()
    choices = page.locator("#model-selector-list [data-value]")
    choices.or_(page.get_by_text("No results found")).first.wait_for()
    _picture(page, picture)
    found = [str(choice.get_attribute("data-value")) for choice in choices.all()]
    page.keyboard.press("Escape")
    return found


def _ask(page: Page, question: str, expected: Sequence[str]) -> dict[str, Any]:
    """The answer once it shows all that is expected, and its lengths at each change until then."""
    answers = page.locator(_ANSWER)
    position = answers.count()
    page.locator(_INPUT).click()
    page.keyboard.type(question)
    page.keyboard.press("Enter")
    return _read(page, position, expected)


def _read(page: Page, position: int, expected: Sequence[str]) -> dict[str, Any]:
    """The answer at a position of the chat. `expected` are regular expressions."""
    answer = page.locator(_ANSWER).nth(position)
    answer.wait_for()
    lengths: list[int] = []
    deadline = time.monotonic() + _TIMEOUT_MS / 1000
    while time.monotonic() < deadline:
        text = answer.inner_text()
        if not lengths or len(text) != lengths[-1]:
            lengths.append(len(text))
        if all(re.search(pattern, text) for pattern in expected):
            return {"text": text, "lengths": lengths, "folds": _folds(page, position)}
    raise TimeoutError(f"the answer is {answer.inner_text()!r}, without one of {expected}")


def _folds(page: Page, position: int) -> list[list[Any]]:
    """Title of each piece of reasoning, and whether it is open."""
    folds = page.locator(_ANSWER).nth(position).locator(_FOLD).all()
    return [[fold.inner_text(), fold.get_attribute("aria-expanded") == "true"] for fold in folds]


def _unfold(page: Page, position: int) -> str:
    """The answer with its reasoning open."""
    answer = page.locator(_ANSWER).nth(position)
    answer.locator(_FOLD).click()
    answer.locator("blockquote").wait_for()
    return answer.inner_text()


def _move(page: Page, url: str) -> None:
    """Open the same page at another replica, which gets the same session as behind a load balancer."""
    token = json.dumps(page.evaluate("localStorage.token"))
    page.context.add_init_script(f"localStorage.token = {token}")
    page.goto(url + urlsplit(page.url).path)


def _picture(page: Page, path: str) -> None:
    """Take it once icons are there and nothing moves any more. Fails where a message has popped up."""
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.wait_for_timeout(1000)
    if messages := page.locator("[data-sonner-toast]").all_inner_texts():
        raise AssertionError(f"the page says: {messages}")
    page.screenshot(path=path)


def _origin(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


STEPS: Mapping[str, Callable[..., Any]] = {
    "sign_in": _sign_in,
    "close_notes": _close_notes,
    "new_chat": _new_chat,
    "models": _models,
    "ask": _ask,
    "read": _read,
    "unfold": _unfold,
    "reload": lambda page: page.reload() and None,
    "move": _move,
    "picture": _picture,
}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
