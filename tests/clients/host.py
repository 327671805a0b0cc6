"""clients/host.py - the example host as a process, and curl, for tests with Vault's clients."""
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import tempfile

TOKEN = 'root'


@contextlib.contextmanager
def running(examples):
    """Yields the address of a host that has no plugin yet."""
    with tempfile.TemporaryDirectory(prefix='plr-clients.') as scratch:
        process = subprocess.Popen(
            [os.path.join(examples, 'bin/http_host'), '--listen', '127.0.0.1:0', '--dev', '--node', 'n1',
             '--plugin-dir', os.path.join(examples, 'plugins'),
             '--run-dir', os.path.join(scratch, 'run'), '--data-dir', os.path.join(scratch, 'data')],
            stdout=subprocess.PIPE, text=True)
        try:
            address = 'http://' + process.stdout.readline().split()[-1].removeprefix('http://').rstrip('/')
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(timeout=60) != 0:
                raise AssertionError('the host ended with %d' % process.returncode)


def sha256(examples, name):
    with open(os.path.join(examples, 'plugins', name), 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def curl(address, method, path, body=None, token=TOKEN, ns=None, content_type=None):
    """(status, parsed body) as curl gets them."""
    command = ['curl', '-sS', '--max-time', '60', '-X', method, '-w', '\n%{http_code}', address + path]
    if token:
        command += ['-H', 'X-Vault-Token: ' + token]
    if ns:
        command += ['-H', 'X-Vault-Namespace: ' + ns]
    if body is not None:
        command += ['--data-binary', body, '-H', 'Content-Type: ' + (content_type or '')]
    text, _, status = subprocess.check_output(command, text=True).rpartition('\n')
    return int(status), json.loads(text) if text.strip() else None
