"""The practice's own drugs: what its dentists give and prescribe, as they write it, in their order."""
