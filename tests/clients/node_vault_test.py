"""clients/node_vault_test.py EXAMPLES BUILD - installs node-vault below BUILD and runs node_vault.js."""
import os
import shutil
import subprocess
import sys

import host

EXAMPLES, BUILD = sys.argv[1:]
HERE = os.path.dirname(os.path.abspath(__file__))

os.makedirs(BUILD, exist_ok=True)
shutil.copy(os.path.join(HERE, 'package.json'), BUILD)
modules = os.path.join(BUILD, 'node_modules')
if not os.path.isdir(os.path.join(modules, 'node-vault')):
    subprocess.run(['npm', 'install', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'],
                   cwd=BUILD, check=True, timeout=240)
with host.running(EXAMPLES) as address:
    sys.exit(subprocess.run(['node', os.path.join(HERE, 'node_vault.js'), modules, address, host.TOKEN,
                             host.sha256(EXAMPLES, 'kv-v1.0.0'), host.sha256(EXAMPLES, 'kv-v2.0.0')],
                            timeout=240).returncode)
