/**
 * The HTTP protocol between a device and the server: this table and the schemas beside it are the specification;
 * `docs/PROTOCOL.md` explains it and `docs/openapi.json` is generated from it.
 *
 * | request                             | body, query             | answer            | authorization     |
 * | ----------------------------------- | ----------------------- | ----------------- | ----------------- |
 * | POST   /v1/accounts                 | signUpRequest           | 201 session       | invite            |
 * | GET    /v1/accounts/{login}/kdf     |                         | 200 kdf           | none              |
 * | PUT    /v1/accounts/me/password     | putPasswordRequest      | 200 keyring       | token + key       |
 * | GET    /v1/accounts/me/keyring      |                         | 200 keyring       | token             |
 * | PUT    /v1/accounts/me/keyring      | putKeyringRequest       | 200 keyring       | token + key       |
 * | GET    /v1/accounts/me/keys         |                         | 200 usedKeys      | token             |
 * | PUT    /v1/accounts/me/recovery     | putRecoveryRequest      | 200 keyring       | token + key       |
 * | DELETE /v1/accounts/me              | proofRequest            | 204               | token + key       |
 * | POST   /v1/devices                  | signInRequest           | 201 session       | key               |
 * | GET    /v1/devices                  |                         | 200 devices       | token             |
 * | DELETE /v1/devices/{id}             | proofRequest (another)  | 204               | token (+ key)     |
 * | GET    /v1/changes                  | pullQuery               | 200 pullAnswer    | token             |
 * | POST   /v1/changes                  | pushRequest             | 200 pushAnswer    | token             |
 * | GET    /v1/items                    | manifestQuery           | 200 manifest      | token             |
 * | GET    /v1/items/{id}               |                         | 200 item          | token             |
 * | GET    /v1/items/{id}/versions      |                         | 200 versions      | token             |
 * | GET    /v1/events                   |                         | 200 event stream  | token             |
 *
 * Every request and answer carries `Scratch-Protocol: <version>`. Bodies are JSON, gzip when the sender says so by
 * `Content-Encoding`. A request of a version below the server's oldest is answered 426 `unsupportedVersion`; newer
 * versions are served as the server's own. `Authorization: Bearer <device token>`. Errors: `problem.ts`.
 */

export const protocolHeader = 'Scratch-Protocol';

export const routes = {
  accounts: '/v1/accounts',
  kdf: (login: string) => `/v1/accounts/${encodeURIComponent(login)}/kdf`,
  account: '/v1/accounts/me',
  password: '/v1/accounts/me/password',
  keyring: '/v1/accounts/me/keyring',
  usedKeys: '/v1/accounts/me/keys',
  recovery: '/v1/accounts/me/recovery',
  devices: '/v1/devices',
  device: (id: string) => `/v1/devices/${encodeURIComponent(id)}`,
  changes: '/v1/changes',
  items: '/v1/items',
  item: (id: string) => `/v1/items/${encodeURIComponent(id)}`,
  versions: (id: string) => `/v1/items/${encodeURIComponent(id)}/versions`,
  events: '/v1/events',
} as const;

/** The name of the server-sent event that says "there is something new". Its data is the account's head sequence. */
export const changeEventName = 'change';
