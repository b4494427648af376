"""The certificate of this server, and the authority of its own that signs it where there is no public one (ADR 0014)."""
