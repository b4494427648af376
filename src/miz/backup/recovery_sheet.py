"""The recovery key on paper: the sheet that is printed once, and the groups that are asked back to prove that it was.

Nothing of it is stored. Hashes of a few short groups could be guessed and would then give away a part of the key, so the two groups that
are asked for lie in the memory of the process that made the sheet, and are forgotten with it.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import segno

from miz.infra.keys import KEY_BEGIN, groups_of, typed
from miz.ui.i18n import Language, format_day, translator
from miz.ui.paper import Block, Code, Field, Fields, Frame, Groups, Heading, Listing, Paper, Paragraph, Run
from miz.ui.render import ZONE

_ASKED = 2
_QUIET_MODULES = 4


@dataclass(frozen=True, repr=False)
class AskedGroups:
    """Groups of a key by their number on the sheet, in its order. Its `repr` is Python's own, so that no log shows a group."""

    _groups: Mapping[int, str]

    @classmethod
    def of(cls, recovery_key: str) -> "AskedGroups":
        """Two groups, chosen at random."""
        groups = list(enumerate(groups_of(recovery_key), 1))
        return cls(dict(sorted(secrets.SystemRandom().sample(groups, _ASKED))))

    @property
    def numbers(self) -> Sequence[int]:
        return list(self._groups)

    def is_right(self, number: int, text: str) -> bool:
        """Whether the group was typed as it stands on the sheet."""
        return hmac.compare_digest(self._groups[number].encode(), typed(text).encode())


def recovery_sheet(recovery_key: str, practice: str, at: datetime, language: Language) -> Paper:
    """One page: the key to type and to scan, what it is for, where it belongs, how it is used."""
    _ = translator(language)
    day = format_day(at.astimezone(ZONE).date(), language)
    key = typed(recovery_key)
    blocks: list[Block] = [
        Fields([Field(_("Practice"), practice), Field(_("Date"), day)]),
        Frame(_("Whoever has this sheet and a backup can read all data of the practice. Keep it like the key of the safe."), []),
        Paragraph(
            _("When the server is lost, broken or stolen, this key alone opens the backups. Without it and without the server nobody can.")
        ),
        Heading(_("The key")),
        Paragraph(_("It begins with %(begin)s, and then come these groups:") % {"begin": KEY_BEGIN}),
        Groups(groups_of(key)),
        Paragraph(
            _("Type capital or small letters, with or without spaces, but not the small numbers. The letters B, I and O and the digit 1 do not occur in the groups: what looks like an O is a zero."),
            is_small=True,
        ),
        Code(_qr_rows(key), _("QR code with the same key")),
        Heading(_("Where it belongs")),
        Listing([
            _("One copy in the safe of the practice, one outside of the house. Not at the server, not with the backups."),
            _("No photo, no e-mail, no cloud. Remove the PDF after printing."),
        ]),
        Heading(_("How it is used")),
        Paragraph(_("Write the key into a text file key.txt, in one line: %(begin)s and all groups without spaces. Then, with MIZ on a new computer:") % {"begin": KEY_BEGIN}),
        Paragraph([Run("miz backup restore FILE --data DIR --recovery-key key.txt", "code")]),
        Paragraph(_("FILE is the backup, DIR a new folder. Without MIZ, with the public tools age, Zstandard and tar:")),
        Paragraph([Run("age -d -i key.txt FILE | zstd -d | tar -x", "code")]),
        Paragraph(_("Remove key.txt afterwards."), is_small=True),
    ]  # fmt: skip
    return Paper(
        language=language, title=_("Recovery key"), author=practice, identity=practice, page_of=_("Page {page} of {pages}"),
        foot=f"{practice} · {_('printed')} {day}", blocks=blocks, names=[KEY_BEGIN, "key.txt"],
    )  # fmt: skip


def _qr_rows(text: str) -> list[str]:
    return ["".join("01"[bool(is_dark)] for is_dark in row) for row in segno.make_qr(text, error="m").matrix_iter(border=_QUIET_MODULES)]
