import assert from 'node:assert/strict';
import { InvalidArgumentError } from 'commander';
import { describe, it } from 'mocha';
import { unwrap } from '../../../src/base/result';
import { dayMs, hourMs, minuteMs } from '../../../src/base/time';
import { defaultServerLimits } from '../../../src/server/context';
import { parseTerm } from '../../../src/server/program';
import { minBodyBytes, readSettings } from '../../../src/server/settings';

const objections = (environment: Record<string, string>) => {
  const settings = readSettings(environment);
  return settings.ok ? [] : settings.error;
};

describe('the settings', () => {
  it('have defaults that serve this machine alone, by invite', () => {
    const settings = unwrap(readSettings({ PATH: '/bin', HOST: '' }));
    assert.deepEqual([settings.host, settings.port, settings.tls], ['127.0.0.1', 8787, undefined]);
    assert.deepEqual([settings.limits.signUp, settings.limits.retentionMs], ['invite', 90 * dayMs]);
    assert.match(settings.dataFolder, /scratch-server$/);
  });

  it('are read from the environment', () => {
    const settings = unwrap(
      readSettings({
        HOST: '0.0.0.0',
        PORT: '443',
        DATA_DIR: '/data',
        PUBLIC_URL: 'https://sync.example.org',
        TLS_CERT: 'cert.pem',
        TLS_KEY: 'key.pem',
        TRUST_PROXY: 'true',
        MAX_BODY_BYTES: '20000000',
        MAX_ITEM_BYTES: '2000000',
        MAX_ACCOUNT_BYTES: '50000000',
        RETENTION_DAYS: '30',
        SIGN_UP: 'open',
        LOG_LEVEL: 'debug',
      }),
    );
    assert.deepEqual(settings, {
      host: '0.0.0.0',
      port: 443,
      dataFolder: '/data',
      publicUrl: 'https://sync.example.org',
      tls: { certPath: 'cert.pem', keyPath: 'key.pem' },
      trustsProxy: true,
      logLevel: 'debug',
      limits: {
        ...defaultServerLimits,
        maxBodyBytes: 20_000_000,
        maxItemBytes: 2_000_000,
        maxAccountBytes: 50_000_000,
        retentionMs: 30 * dayMs,
        signUp: 'open',
      },
    });
  });

  it('that cannot be used are named, each in one line', () => {
    const wrong = {
      PORT: '65536',
      PUBLIC_URL: 'sync.example.org',
      TRUST_PROXY: 'maybe',
      MAX_ITEM_BYTES: '1e6',
      RETENTION_DAYS: '0',
      SIGN_UP: 'yes',
      LOG_LEVEL: 'loud',
    };
    const lines = objections(wrong);
    assert.deepEqual(lines.map(line => line.split(' ')[0]).sort(), Object.keys(wrong).sort());
    for (const line of lines) assert.match(line, /must be/);
  });

  it('say that PostgreSQL comes later', () => {
    assert.match(objections({ DATABASE_URL: 'postgres://x' })[0] ?? '', /later release/);
  });

  it('offer plain HTTP to this machine only, or behind a trusted proxy', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'sync.example.org', '128.0.0.1']) {
      assert.match(objections({ HOST: host })[0] ?? '', /TLS_CERT/, host);
      assert.deepEqual(objections({ HOST: host, TRUST_PROXY: '1' }), []);
      assert.deepEqual(objections({ HOST: host, TLS_CERT: 'c', TLS_KEY: 'k' }), []);
    }
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) {
      assert.deepEqual(objections({ HOST: host }), []);
    }
    assert.match(objections({ TLS_CERT: 'c' })[0] ?? '', /together/);
  });

  it('let the largest item through', () => {
    const maxItemBytes = 4_000_000;
    const least = minBodyBytes(maxItemBytes);
    const item = String(maxItemBytes);
    assert.deepEqual(objections({ MAX_ITEM_BYTES: item, MAX_BODY_BYTES: String(least) }), []);
    assert.match(
      objections({ MAX_ITEM_BYTES: item, MAX_BODY_BYTES: String(least - 1) })[0] ?? '',
      /MAX_BODY_BYTES/,
    );
    assert.match(objections({ MAX_ACCOUNT_BYTES: '2000' })[0] ?? '', /MAX_ACCOUNT_BYTES/);
  });
});

describe('the term of an invite', () => {
  it('is minutes, hours or days', () => {
    assert.deepEqual(['30m', '12h', '7d'].map(parseTerm), [30 * minuteMs, 12 * hourMs, 7 * dayMs]);
    for (const text of ['', '7', 'd', '0d', '-1d', '1.5h', '7 d', '7w', '99999d']) {
      assert.throws(() => parseTerm(text), InvalidArgumentError, text);
    }
  });
});
