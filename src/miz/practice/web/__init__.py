"""Pages of the practice: find a patient, and the patient's page with medication, history, allergies and changes.

- A page shows who may write; it never decides it. Every write carries the fencing token of the lease.
- No patient data stands in an address: searching is a POST, ids are opaque.
"""
