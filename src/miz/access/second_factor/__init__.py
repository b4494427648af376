"""The second factor: a code from an authenticator app beside the password (ADR 0017).

- It counts only after one right code has proved that app and server agree.
- A code counts once; what was used is stored in the transaction that it was used for.
- Ten recovery codes replace a lost phone, each once. Else somebody who manages users resets the factor of others.
- Managing users asks for a code of the last ten minutes from everybody who has a second factor.
"""
