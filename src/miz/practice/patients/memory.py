"""Records remembered by version, so that an opening does not read six tables.

The remembered one counts only while the patient's row has the same version; the row decides.
"""

from collections import OrderedDict

from miz.wire.client_protocol import Patient

REMEMBERED = 2_000


class RecordMemory:
    """The newest records, by patient; the least recently used go first. To be filled in the event loop only."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, Patient] = OrderedDict()

    def get(self, patient_id: str, version: int) -> Patient | None:
        record = self._records.get(patient_id)
        return record if record is not None and record.version == version else None

    def put(self, record: Patient) -> None:
        self._records[record.id] = record
        self._records.move_to_end(record.id)
        if len(self._records) > REMEMBERED:
            self._records.popitem(last=False)

    def forget(self, patient_id: str) -> None:
        self._records.pop(patient_id, None)
