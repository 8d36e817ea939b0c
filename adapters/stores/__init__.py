"""The stores: where Ordo remembers, and the audit log that tells of it."""

from adapters.stores.audit_chain import GENESIS, Head, Line, verify_lines
from adapters.stores.audit_files import AuditFiles
from adapters.stores.audit_key import load_key, load_or_make_key
from adapters.stores.audit_verify import Problem, Verdict, verify
from adapters.stores.keys import KEY_LIFE, TOMBSTONE_LIFE
from adapters.stores.lock import DataLock
from adapters.stores.sqlite import SqliteStore
from adapters.stores.stored_audit import StoredAudit

__all__ = [
    "GENESIS",
    "KEY_LIFE",
    "TOMBSTONE_LIFE",
    "AuditFiles",
    "DataLock",
    "Head",
    "Line",
    "Problem",
    "SqliteStore",
    "StoredAudit",
    "Verdict",
    "load_key",
    "load_or_make_key",
    "verify",
    "verify_lines",
]
