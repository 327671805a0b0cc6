"""clients/hvac_test.py EXAMPLES - hvac and curl drive the whole plugin API of the example host."""
import sys
import unittest

import hvac

import host

EXAMPLES = sys.argv.pop(1)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.context = host.running(EXAMPLES)
        cls.address = cls.context.__enter__()
        cls.client = hvac.Client(url=cls.address, token=host.TOKEN)
        for version in ('v1.0.0', 'v2.0.0'):
            cls.client.write('sys/plugins/catalog/secret/kv', version=version, command='kv-' + version,
                             sha256=host.sha256(EXAMPLES, 'kv-' + version))
        cls.client.sys.create_namespace('team')
        cls.team = hvac.Client(url=cls.address, token=host.TOKEN, namespace='team')
        for client in (cls.client, cls.team):
            client.sys.enable_secrets_engine('kv', path='kv')

    @classmethod
    def tearDownClass(cls):
        cls.context.__exit__(None, None, None)

    def running(self, client):
        mounts = client.sys.list_mounted_secrets_engines()['data']
        return mounts['kv/']['running_plugin_version']

    def test_catalog(self):
        read = self.client.read('sys/plugins/catalog/secret/kv?version=v1.0.0')['data']
        self.assertEqual((read['name'], read['version'], read['builtin']), ('kv', 'v1.0.0', False))
        self.assertEqual(self.client.list('sys/plugins/catalog/secret')['data']['keys'], ['kv'])
        every = self.client.read('sys/plugins/catalog')['data']['detailed']
        self.assertEqual([p['version'] for p in every], ['v1.0.0', 'v2.0.0'])
        self.assertIsNone(self.client.read('sys/plugins/catalog/secret/none'))
        self.client.delete('sys/plugins/catalog/secret/none')

    def test_pin_then_reload_by_name(self):
        self.client.write('sys/plugins/pins/secret/kv', version='v1.0.0')
        pin = self.client.read('sys/plugins/pins/secret/kv')['data']
        self.assertEqual(pin, {'name': 'kv', 'type': 'secret', 'version': 'v1.0.0'})
        self.assertEqual(self.running(self.client), 'v2.0.0')
        answer = self.client.write('sys/plugins/reload/secret/kv')
        self.assertEqual(answer['data']['reload_id'], answer['request_id'])
        self.assertEqual(self.running(self.client), 'v1.0.0')
        self.assertEqual(self.running(self.team), 'v1.0.0')
        with self.assertRaisesRegex(hvac.exceptions.InternalServerError, 'cannot delete a pinned version'):
            self.client.delete('sys/plugins/catalog/secret/kv?version=v1.0.0')
        self.client.delete('sys/plugins/pins/secret/kv')
        self.client.write('sys/plugins/reload/secret/kv')
        self.assertEqual(self.running(self.client), 'v2.0.0')
        self.assertIsNone(self.client.read('sys/plugins/pins/secret/kv'))

    def test_reload_by_mounts_in_a_namespace_and_status(self):
        for mounts in ('kv/', ['kv']):
            answer = self.team.write('sys/plugins/reload/backend', mounts=mounts)
            self.assertIsNone(answer['warnings'])
        status = self.team.read('sys/plugins/reload/backend/status?reload_id='
                                + answer['data']['reload_id'])['data']
        self.assertEqual(list(status['results']), ['n1'])
        self.assertFalse(status['results']['n1'].get('error'))

    def test_reload_with_put_and_scope_global(self):
        response = self.client.adapter.put('/v1/sys/plugins/reload/backend',
                                           json={'plugin': 'kv', 'mounts': None, 'scope': 'global'})
        response = response if isinstance(response, dict) else response.json()
        reload_id = response['data']['reload_id']
        self.assertTrue(reload_id)
        status = self.client.read('sys/plugins/reload/backend/status?reload_id=' + reload_id)['data']
        self.assertEqual((status['state'], list(status['results'])), ('done', ['n1']))

    def test_remove_a_version(self):
        version = 'sys/plugins/catalog/secret/kv?version=v3.0.0'
        self.client.write('sys/plugins/catalog/secret/kv', version='v3.0.0', command='kv-v2.0.0',
                          sha256=host.sha256(EXAMPLES, 'kv-v2.0.0'))
        self.assertEqual(self.client.read(version)['data']['version'], 'v3.0.0')
        self.client.delete(version)
        self.assertIsNone(self.client.read(version))

    def test_mount_tune_move_unmount_in_a_namespace(self):
        sys = self.team.sys
        sys.enable_secrets_engine('kv', path='moving', description='d', options={'k': 'v'})
        sys.tune_mount_configuration('moving', plugin_version='v1.0.0', description='new')
        self.team.write('sys/plugins/reload/backend', mounts='moving/')
        sys.move_backend('moving', 'moved')
        mounts = sys.list_mounted_secrets_engines()['data']
        self.assertNotIn('moving/', mounts)
        self.assertEqual((mounts['moved/']['description'], mounts['moved/']['running_plugin_version']),
                         ('new', 'v1.0.0'))
        sys.disable_secrets_engine('moved')
        self.assertNotIn('moved/', sys.list_mounted_secrets_engines()['data'])

    def test_namespaces(self):
        sys = self.client.sys
        sys.create_namespace('short')
        self.assertEqual(sys.list_namespaces()['data']['keys'], ['short/', 'team/'])
        sys.delete_namespace('short')
        self.assertEqual(sys.list_namespaces()['data']['keys'], ['team/'])

    def test_what_a_client_asks_first(self):
        stranger = hvac.Client(url=self.address)
        self.assertTrue(stranger.sys.read_health_status(method='GET')['initialized'])
        self.assertEqual(stranger.sys.read_health_status().status_code, 200)
        self.assertFalse(stranger.sys.is_sealed())
        self.assertEqual(self.client.sys.list_auth_methods()['data'], {})

    def test_errors(self):
        write = self.client.write
        with self.assertRaisesRegex(hvac.exceptions.InvalidRequest, 'plugin or mounts must be provided'):
            write('sys/plugins/reload/backend')
        with self.assertRaisesRegex(hvac.exceptions.InvalidPath, 'unsupported path'):
            write('sys/plugins/reload/foo/x')
        with self.assertRaisesRegex(hvac.exceptions.InternalServerError, 'cannot fetch mount entry'):
            write('sys/plugins/reload/backend', mounts=['none'])
        self.assertEqual(write('sys/plugins/reload/backend', plugin='none')['warnings'],
                         ['no plugins were reloaded'])
        with self.assertRaisesRegex(hvac.exceptions.Forbidden, 'permission denied'):
            hvac.Client(url=self.address, token='x').write('sys/plugins/reload/foo/x')
        with self.assertRaises(hvac.exceptions.InvalidPath):
            self.team.write('sys/plugins/reload/secret/kv')

    def test_curl(self):
        path = '/v1/sys/plugins/reload/backend'
        for content_type, body in (('', '{"plugin":"none"}'), ('text/plain', '{"plugin":"none"}'),
                                   ('application/x-www-form-urlencoded', 'plugin=none')):
            status, answer = host.curl(self.address, 'POST', path, body, content_type=content_type)
            self.assertEqual((status, answer['warnings']), (200, ['no plugins were reloaded']))
        self.assertEqual(host.curl(self.address, 'POST', path, token=None)[0], 403)
        self.assertEqual(host.curl(self.address, 'GET', path)[0], 405)
        self.assertEqual(host.curl(self.address, 'POST', path, '{"plugin":"none","scope":"global"}')[0], 202)
        self.assertEqual(host.curl(self.address, 'LIST', '/v1/sys/namespaces')[1]['data']['keys'], ['team/'])
        self.assertEqual(host.curl(self.address, 'POST', path, ns='none')[1], {'errors': ['namespace not found']})


if __name__ == '__main__':
    unittest.main()
