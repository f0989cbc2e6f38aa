"""A stand-in for a model hub: a server on this machine that answers as the hub's own API does, from a folder."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub(models, broken=()):
    """Serve the folders of `models` at an address to set `HF_ENDPOINT` to.

    Args:
        models: the folders by the models' names; None for a gated model.
        broken: the names of files in whose middle the connection breaks off.
    """
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (Handler,), {"models": models, "broken": broken, "asked": []})
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Hub(f"http://127.0.0.1:{server.server_port}", server.RequestHandlerClass.asked)
    finally:
        server.shutdown()
        server.server_close()


class Hub:
    """The address of the stand-in, and the files that were requested."""

    def __init__(self, address, asked):
        self.address = address
        self.asked = asked


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answer the two kinds of request: the files of a revision of a model, and one of these files."""

    models: dict
    broken: tuple
    asked: list

    def do_GET(self):
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self.describe("/".join(parts[2:4]), *parts[4:])
        elif "resolve" in parts:
            self.send_file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.refuse(404, "EntryNotFound", "no such page")

    do_HEAD = do_GET  # noqa: N815 - the name the server looks for

    def describe(self, name, kind, revision):
        if not self.known(name, revision):
            return
        folder = self.models[name]
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        tree = [
            {"type": "file", "path": str(path.relative_to(folder)), "size": path.stat().st_size, "oid": digest(path)}
            for path in files
        ]
        self.send(json.dumps(tree if kind == "tree" else {"id": name, "sha": REVISION}).encode())

    def send_file(self, name, revision, file):
        if not self.known(name, revision):
            return
        path = self.models[name] / file
        if not path.is_file():
            self.refuse(404, "EntryNotFound", "no such file")
            return
        self.asked.append(file)
        content = path.read_bytes()
        self.send(content, {"ETag": f'"{digest(path)}"', "X-Repo-Commit": REVISION})

    def known(self, name, revision):
        if name not in self.models:
            self.refuse(404, "RepoNotFound", "Repository not found")
        elif revision not in (REVISION, "main"):
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
        elif self.models[name] is None:
            self.refuse(403, "GatedRepo", "Access to this model is restricted")
        else:
            return True
        return False

    def refuse(self, status, code, message):
        self.send(json.dumps({"error": message}).encode(), {"X-Error-Code": code, "X-Error-Message": message}, status)

    def send(self, content, headers=(), status=200):
        self.send_response(status)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            broken = urlsplit(self.path).path.rpartition("/")[2] in self.broken
            self.wfile.write(content[: len(content) // 2] if broken else content)

    def log_message(self, *_):
        """Say nothing."""
