import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import { createOpenApiDocument } from '../../../src/build/openApiDocument';
import { createTestServer } from '../../support/testServer';

const root = path.resolve(__dirname, '../../..');

describe('docs/openapi.json', () => {
  it('is what the schemas say', () => {
    const written: unknown = JSON.parse(readFileSync(path.join(root, 'docs', 'openapi.json'), 'utf8'));
    assert.deepEqual(written, JSON.parse(JSON.stringify(createOpenApiDocument())));
  });

  it('names every endpoint that the server has', async () => {
    const { app } = await createTestServer();
    assert.ok('routes' in app && Array.isArray(app.routes));
    const served = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path: route }) => `${method} ${route.replace(/:(\w+)/g, '{$1}')}`);
    const { paths } = JSON.parse(JSON.stringify(createOpenApiDocument()));
    const documented = Object.entries(paths).flatMap(([route, methods]) =>
      Object.keys(Object(methods)).map(method => `${method.toUpperCase()} ${route}`),
    );
    assert.deepEqual(served.sort(), documented.sort());
  });
});
