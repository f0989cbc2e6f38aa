"""`kosbert serve`, as a process."""

import os
import re
import signal
import subprocess
import sys
from typing import get_args

import numpy as np
import openai
import pytest
from support.commands import invoked

import kosbert
from kosbert.apps.serving.listening import listen
from kosbert.commands.serve import PRECISIONS
from kosbert.inference.encoder import Precision

MAIN = "from kosbert.cli import main; main(prog_name='kosbert')"


class Served:
    """The command on a free port: its first line, a client, and once it was stopped with Ctrl-C, the rest."""

    def __init__(self, *arguments, **environment):
        self._command = [sys.executable, "-c", MAIN, "serve", *map(str, arguments), "--port", "0"]
        self._environment = os.environ | environment

    def __enter__(self):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        self.process = subprocess.Popen(self._command, env=self._environment, **pipes)
        self.first = self.process.stdout.readline()
        if not (address := re.search(r"http://\S+/v1", self.first)):
            pytest.fail(self.first + self.process.communicate()[1])
        self.client = openai.OpenAI(base_url=address[0], api_key="key", max_retries=0)
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        self.output, self.errors = self.process.communicate(timeout=30)


def test_it_serves_a_model_until_ctrl_c(tiny):
    long = "비가 온다. " * 30
    with Served(tiny, "--name", "ours", "--max-length", "16", "--truncate") as server:
        assert server.first.startswith("Serving ours (32 dimensions, 16 tokens): http://127.0.0.1:")
        found = server.client.embeddings.create(model="ours", input=[long])
    assert found.usage.total_tokens == 16
    with kosbert.load(tiny, max_length=16) as encoder:
        np.testing.assert_allclose(found.data[0].embedding, encoder.encode([long])[0], atol=1e-6)
    assert (server.process.returncode, server.output, server.errors) == (0, "Stopped\n", "")


def test_other_machines_are_warned_of_unless_a_key_is_set(tiny):
    with Served(tiny, "--host", "0.0.0.0") as server:  # noqa: S104 - for a moment
        assert server.client.models.list().data[0].id == str(tiny)
    assert server.errors.startswith(
        "Warning: 0.0.0.0 is not a loopback address, and KOSBERT_API_KEY is not set: anyone"
    )
    with Served(tiny, "--host", "0.0.0.0", KOSBERT_API_KEY="key") as server:  # noqa: S104
        assert server.client.models.retrieve(tiny.name).id == str(tiny)
        with pytest.raises(openai.AuthenticationError):
            server.client.with_options(api_key="other").models.list()
    assert server.errors == ""


def refused(*arguments):
    output = invoked("serve", *arguments, code=1).output
    assert output.count("\n") == 1
    return output


def test_what_it_cannot_do_is_one_line(tiny, tmp_path, monkeypatch):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}: Address already in use" in refused(tiny, "--port", port)
    assert "not a sentence-transformers model" in refused(tmp_path, "--port", 0)
    assert "max length 99,999: expected" in refused(tiny, "--port", 0, "--max-length", 99999)
    assert "--name ' ': expected printable characters" in refused(tiny, "--name", " ")
    assert "not a valid host name" in refused(tiny, "--host", "a" * 70, "--port", 0)
    monkeypatch.setenv("KOSBERT_API_KEY", "two words")
    assert "KOSBERT_API_KEY: expected printable ASCII" in refused(tiny, "--port", 0)
    monkeypatch.delenv("KOSBERT_API_KEY")
    monkeypatch.chdir(tmp_path)
    assert "train it with `make benchmark`, or give another model as MODEL" in refused()


def test_it_offers_every_precision():
    assert get_args(Precision) == PRECISIONS


def test_a_missing_package_is_named_with_what_brings_it():
    script = f"import sys; sys.modules['fastapi'] = None; sys.argv[1:] = ['serve', 'models/any']; {MAIN}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The server needs fastapi, which is not installed; ")
    assert "extra serve" in done.stderr
    assert "multipart" not in done.stderr
