"""Papers of a patient: what stands in the record and the check, as documents to print, hand out and file.

A paper says on every page who it is about, when and by whom it was printed and from which drug data; what was not checked stands on it.
"""
