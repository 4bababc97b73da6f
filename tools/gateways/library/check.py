"""Checks the keys of a file, one a line, and watches the first that is allowed until it is denied.
ENGINE_KEY_FILE=gateway.key python3 check.py keys.txt"""
import ctypes
import os
import socket
import sys
from ctypes import c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p


class Decision(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("result", c_int32), ("is_stale", c_int32), ("reason", c_char_p),
                ("expires_at", c_int64), ("epoch", c_uint64), ("sequence", c_uint64), ("key_id", c_char_p),
                ("user", c_char_p), ("application", c_char_p), ("workspace", c_char_p), ("permissions", c_char_p),
                ("permissions_are_cut", c_int32), ("reserved", c_int32), ("text", c_char * 4096)]


class Status(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("version", c_char_p), ("coverage", c_int32), ("has_failed", c_int32),
                ("redis_connected", c_int32), ("feed_connected", c_int32), ("epoch", c_uint64), ("sequence", c_uint64),
                ("since_proof", c_int64), ("cached", c_uint64), ("watches", c_uint64), ("hits", c_uint64),
                ("misses", c_uint64), ("questions", c_uint64), ("failed_questions", c_uint64),
                ("invalidations", c_uint64), ("last_error", c_char * 256)]


library = ctypes.CDLL(os.environ.get("REVOKED_LIBRARY", "librevoked-gateway.so.0"))
library.revoked_open.restype = c_void_p
library.revoked_check.argtypes = library.revoked_watch.argtypes = [c_void_p, c_char_p, c_size_t, c_char_p, c_int, c_void_p]
library.revoked_status.argtypes = [c_void_p, c_void_p]
library.revoked_close.argtypes = [c_void_p]


class Gateway:
    """For any thread. Python's lock is released during a call."""

    def __init__(self, **options):  # engine_key_file="...", redis="..."
        pairs = [text.encode() for name, value in options.items() for text in ("--" + name.replace("_", "-"), value)]
        error = ctypes.create_string_buffer(256)
        self.gateway = library.revoked_open((c_char_p * (len(pairs) + 1))(*pairs, None), None, None, error, len(error))
        if not self.gateway:
            raise ValueError(error.value.decode())

    def check(self, secret, client=None, timeout_ms=-1):
        secret, decision = secret.encode(), Decision(size=ctypes.sizeof(Decision))
        library.revoked_check(self.gateway, secret, len(secret), client, timeout_ms, ctypes.byref(decision))
        return decision  # .result is 1 if it is allowed

    def watch(self, secret, client=None, timeout_ms=-1):
        """A socket that can be read once the key is denied; None: it is not allowed. asyncio takes it too."""
        secret = secret.encode()
        descriptor = library.revoked_watch(self.gateway, secret, len(secret), client, timeout_ms, None)
        return socket.socket(fileno=descriptor) if descriptor >= 0 else None

    def status(self):
        status = Status(size=ctypes.sizeof(Status))
        library.revoked_status(self.gateway, ctypes.byref(status))
        return status

    def close(self):
        library.revoked_close(self.gateway)


def main():
    gateway = Gateway(engine=os.environ.get("ENGINE", "http://127.0.0.1:7385"), redis=os.environ.get("REDIS", ""),
                      engine_key_file=os.environ.get("ENGINE_KEY_FILE", "/etc/revoked/gateway.key"))
    allowed = []
    with open(sys.argv[1], encoding="utf-8") as keys:
        for secret in keys.read().split():
            decision = gateway.check(secret)
            if decision.result == 1:
                allowed.append(secret)
                print(f"allowed: {decision.key_id.decode()} of user '{decision.user.decode()}'")
            else:
                print(decision.reason.decode())
    watched = gateway.watch(allowed[0]) if allowed else None
    if watched:
        print("watching", flush=True)
        with watched:
            print("denied:", watched.recv(32).decode())
        print("now:", gateway.check(allowed[0]).reason.decode())
    status = gateway.status()
    print(f"status: {'current' if status.coverage == 2 else 'not current'}, {status.cached} in memory")
    gateway.close()


if __name__ == "__main__":
    main()
