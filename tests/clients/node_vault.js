// clients/node_vault.js - node-vault drives the example host: register, pin, reload, status, errors.
'use strict';
const assert = require('assert');

const [, , modules, endpoint, token, sha1, sha2] = process.argv;
const options = { apiVersion: 'v1', endpoint, token };
const vault = require(modules + '/node-vault')(options);

async function fails(promise, status, text) {
  await assert.rejects(promise, (error) => {
    assert.strictEqual(error.response.statusCode, status);
    return error.message.includes(text);
  });
}

async function main() {
  const catalog = 'sys/plugins/catalog/secret/kv';
  await vault.write(catalog, { version: 'v1.0.0', command: 'kv-v1.0.0', sha256: sha1 });
  await vault.write(catalog, { version: 'v2.0.0', command: 'kv-v2.0.0', sha256: sha2 });
  assert.deepStrictEqual((await vault.list('sys/plugins/catalog/secret')).data.keys, ['kv']);
  await vault.write('sys/plugins/pins/secret/kv', { version: 'v1.0.0' });
  await vault.mount({ mount_point: 'kv', type: 'kv' });
  const version = async () => (await vault.mounts()).data['kv/'].running_plugin_version;
  assert.strictEqual(await version(), 'v1.0.0');
  await vault.write('sys/plugins/pins/secret/kv', { version: 'v2.0.0' });
  assert.strictEqual(await version(), 'v1.0.0');
  const reload = await vault.write('sys/plugins/reload/backend', { plugin: 'kv' });
  assert.strictEqual(reload.data.reload_id, reload.request_id);
  assert.strictEqual(await version(), 'v2.0.0');
  const status = await vault.read(`sys/plugins/reload/backend/status?reload_id=${reload.request_id}`);
  assert.deepStrictEqual(Object.keys(status.data.results), ['n1']);
  await vault.write('sys/plugins/reload/backend', { mounts: ['kv/'] });
  const put = { path: '/sys/plugins/reload/backend', method: 'PUT',
    json: { plugin: 'kv', scope: 'global' } };
  // node-vault takes every status but 200 and 204 for an error; the answer is in it.
  await assert.rejects(vault.request(put), (error) => error.response.statusCode === 202 &&
    error.response.body.data.reload_id === error.response.body.request_id);

  await vault.write('sys/namespaces/team', {});
  assert.deepStrictEqual((await vault.list('sys/namespaces')).data.keys, ['team/']);
  const team = require(modules + '/node-vault')({ ...options, namespace: 'team' });
  assert.deepStrictEqual((await team.write('sys/plugins/reload/backend', { plugin: 'kv' })).warnings,
    ['no plugins were reloaded']);
  await team.mount({ mount_point: 'kv', type: 'kv', description: 'of the team' });
  const inside = await team.write('sys/plugins/reload/backend', { mounts: 'kv/' });
  assert.strictEqual(inside.data.reloaded, 1);
  assert.strictEqual((await team.mounts()).data['kv/'].description, 'of the team');
  const every = await vault.write('sys/plugins/reload/secret/kv', {});
  assert.strictEqual(every.data.reloaded, 2);
  await team.unmount({ mount_point: 'kv' });
  await vault.delete('sys/namespaces/team');
  await vault.write('sys/namespaces/team', {});
  assert.strictEqual((await vault.health()).sealed, false);
  assert.deepStrictEqual((await vault.read('sys/plugins/catalog')).data.secret, ['kv']);
  await fails(team.write('sys/plugins/reload/secret/kv', {}), 404, 'unsupported path');
  await fails(vault.write('sys/plugins/reload/backend', {}), 400, 'plugin or mounts must be provided');
  await fails(vault.write('sys/plugins/reload/backend', { mounts: ['none'] }), 500,
    'cannot fetch mount entry');
  const stranger = require(modules + '/node-vault')({ ...options, token: 'x' });
  await fails(stranger.write('sys/plugins/reload/foo/x', {}), 403, 'permission denied');
  await vault.unmount({ mount_point: 'kv' });
  await vault.delete('sys/plugins/pins/secret/kv');
  await vault.delete(`${catalog}?version=v1.0.0`);
  await fails(vault.read(`${catalog}?version=v1.0.0`), 404, 'Status 404');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
