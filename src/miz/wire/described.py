"""Texts and numbers as the description of the interface tells them: lengths, forms, examples.

They only tell. What does not fit is refused by the rules of each slice, in a sentence and with the field's name.
"""

from typing import Annotated, Any

from msgspec import Meta


def _told(*examples: Any, **schema: Any) -> Meta:
    return Meta(extra_json_schema={**schema, "examples": list(examples)})


# Something stands there, with no blank before it; nowhere a character that moves a cursor, in a line not even a new one.
_LINE = r"^[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
_LINES = r"^[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"
_LINES_OR_NOTHING = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"

Name = Annotated[str, _told("Muster", pattern=_LINE, maxLength=200)]
PlaceName = Annotated[str, _told("Zimmer 3", pattern=_LINE, maxLength=60)]
Prefix = Annotated[str, _told("Dr.", pattern=_LINES_OR_NOTHING, maxLength=100)]
Number = Annotated[str, _told("10017", pattern=_LINES_OR_NOTHING, maxLength=40)]
Text = Annotated[str, _told("Ibuprofen", pattern=_LINES, maxLength=2_000)]
Remark = Annotated[str, _told("nach dem Essen", pattern=_LINES_OR_NOTHING, maxLength=2_000)]
Detail = Annotated[str, _told("600 mg", pattern=_LINES_OR_NOTHING, maxLength=100)]
Notice = Annotated[str, _told("Besprechung um 13 Uhr", pattern=_LINES, maxLength=500)]
Reason = Annotated[str, _told("same_room", pattern=_LINES_OR_NOTHING, maxLength=200)]
_DAY = r"(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"
PartialDate = Annotated[str, _told("2019-03-12", "2019-03", "2019", pattern=r"^(1[89]|2[01])\d{2}" + _DAY)]
BirthDate = Annotated[str, _told("1948-03-12", "1948-03", "1948", pattern=r"^(1[89]\d|20[0-2])\d" + _DAY)]
Never = Annotated[bool, Meta(extra_json_schema={"const": False})]
"""Nobody may send it set."""
