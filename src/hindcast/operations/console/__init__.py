"""The console: one static page over the control API, without a build step."""

from pathlib import Path

from hindcast.operations.openapi.pages import CSS, HTML, JAVASCRIPT, Page

ADDRESS = "/console"
_MEDIA = {".html": HTML, ".css": CSS, ".js": JAVASCRIPT}


def pages() -> dict[str, Page]:
    """Path -> file; the page itself is at ADDRESS."""
    files = [file for file in Path(__file__).parent.iterdir() if file.suffix in _MEDIA]
    found = {f"{ADDRESS}/{file.name}": Page(file, _MEDIA[file.suffix]) for file in files}
    return {ADDRESS: found.pop(f"{ADDRESS}/index.html"), **found}
