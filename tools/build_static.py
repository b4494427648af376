"""Everything that is built and shipped but not committed: third-party front-end files, catalogues, the knowledge edition.

Called by `dev.py` for the working tree and by `hatch_build.py` for a wheel. Standard library only; `python` is an
interpreter that has Babel and the run-time packages.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.steps import ROOT, StepError, quietly, step

MODULES = ROOT / "node_modules"
UI = ROOT / "src/miz/ui"
VENDOR = UI / "static/vendor"
FONTS = UI / "typst/fonts"
ICONS = UI / "icons.txt"
KNOWLEDGE = ROOT / "src/miz/knowledge"
EDITION = KNOWLEDGE / "built/edition.sqlite"
NODE_MAJOR = 20

# Latin for German and English, latin-ext for patients' names from Łódź to İzmir.
COPIES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "ibm-plex-sans-latin-wght-normal.woff2": "@fontsource-variable/ibm-plex-sans/files/ibm-plex-sans-latin-wght-normal.woff2",
    "ibm-plex-sans-latin-ext-wght-normal.woff2": "@fontsource-variable/ibm-plex-sans/files/ibm-plex-sans-latin-ext-wght-normal.woff2",
    "ibm-plex-sans.LICENSE.txt": "@fontsource-variable/ibm-plex-sans/LICENSE",
    "icons.LICENSE.txt": "@tabler/icons/LICENSE",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE.txt": "uplot/LICENSE",
}
# The same family whole and in two fixed weights: what sets the papers reads no other form.
FONT_COPIES = {
    "IBMPlexSans-Regular.ttf": "@expo-google-fonts/ibm-plex-sans/400Regular/IBMPlexSans_400Regular.ttf",
    "IBMPlexSans-SemiBold.ttf": "@expo-google-fonts/ibm-plex-sans/600SemiBold/IBMPlexSans_600SemiBold.ttf",
    "IBMPlexSans.LICENSE.txt": "@expo-google-fonts/ibm-plex-sans/LICENSE_FONT",
}


def build(python: str) -> None:
    """All of it, in order; what is up to date is left alone."""
    packages()
    front_end()
    catalogues(python)
    edition(python)


def packages() -> None:
    """The npm packages of the lock file in `node_modules`."""
    lock = [ROOT / "package.json", ROOT / "package-lock.json", ROOT / ".npmrc"]
    step("packages", inputs=lock, outputs=[MODULES / ".package-lock.json"], action=_install_packages)


def front_end() -> None:
    """The vendor files from `node_modules`: htmx, fonts for screen and paper, one sprite of the icons named in `icons.txt`, licences."""
    inputs = [ICONS, ROOT / "package-lock.json", Path(__file__).resolve()]
    outputs = [*(VENDOR / name for name in (*COPIES, "icons.svg")), *(FONTS / name for name in FONT_COPIES)]
    step("front-end", inputs=inputs, outputs=outputs, action=_make_vendor_files)


def catalogues(python: str) -> None:
    """Each `miz.po` compiled beside itself. A sentence without its German stops the build and is named."""
    sources = list(UI.glob("locale/*/LC_MESSAGES/miz.po"))
    if not sources:
        return
    package = ROOT / "src/miz"
    step(
        "sentences",
        inputs=[*sources, *package.rglob("*.py"), *package.rglob("*.html"), ROOT / "tools/sentences.py"],
        outputs=[],
        action=lambda: quietly("Looking for sentences without their German", [python, "-m", "tools.sentences"]),
    )
    command = [python, "-m", "babel.messages.frontend", "compile", "--domain=miz", f"--directory={UI / 'locale'}"]
    step(
        "catalogues",
        inputs=sources,
        outputs=[source.with_suffix(".mo") for source in sources],
        action=lambda: quietly("Compiling the catalogues", command),
    )


def edition(python: str) -> None:
    """The knowledge tables, checked and compiled into one immutable file."""
    inputs = [*KNOWLEDGE.glob("tables/*"), *KNOWLEDGE.rglob("*.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [python, "-m", "miz.knowledge.compiler", str(EDITION)]
    step("edition", inputs=inputs, outputs=[EDITION], action=lambda: quietly("Compiling the knowledge", command, environment))


def sprite(icons: Path) -> str:
    """One SVG with a symbol for each name in `icons.txt`; colour and line are the style sheet's."""
    symbols = []
    for name in ICONS.read_text(encoding="utf-8").split():
        source = icons / f"{name}.svg"
        if not source.is_file():
            raise StepError(f"There is no Tabler outline icon named '{name}'; correct {ICONS.relative_to(ROOT).as_posix()}.")
        inner = re.sub(r"^.*?<svg[^>]*>|</svg>|<path[^>]*M0 0h24v24H0z[^>]*/>", "", source.read_text(encoding="utf-8"), flags=re.DOTALL)
        drawing = " ".join(inner.split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _make_vendor_files() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, source in COPIES.items():
        shutil.copyfile(MODULES / source, VENDOR / name)
    FONTS.mkdir(parents=True, exist_ok=True)
    for name, source in FONT_COPIES.items():
        shutil.copyfile(MODULES / source, FONTS / name)
    # The minified file, a third of the module's size, exports nothing; as a module it needs this line.
    with (VENDOR / "uplot.js").open("a", encoding="utf-8") as chart:
        chart.write("\nexport default uPlot;\n")
    (VENDOR / "icons.svg").write_text(sprite(MODULES / "@tabler/icons/icons/outline"), encoding="utf-8")


def _install_packages() -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    needed = f"The front-end files are built with Node {NODE_MAJOR} or newer and its npm"
    if not npm or not node:
        raise StepError(f"{needed}; install them from nodejs.org or your system's packages, then run this again.")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if int(re.sub(r"\D.*", "", found.removeprefix("v")) or 0) < NODE_MAJOR:
        raise StepError(f"{needed}; this Node is {found or 'broken'}.")
    quietly("Fetching the front-end packages", [npm, "ci"])
