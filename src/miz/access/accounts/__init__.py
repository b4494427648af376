"""Accounts: users and their roles for those who manage them, and for everybody the own password, PIN and sessions.

- The first password is set by the user, with a one-time code; nobody else ever knows it.
- A change of roles, a code, a new password and switching off end the sessions in the same moment.
- A practice always has an owner who can sign in; an administrator changes neither owners nor the own roles.
- A PIN counts at a registered workplace only, on a day on which the password was used.
"""
