import { readFile } from 'node:fs/promises';
import { messageOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import { hourMs, isoTime, secondMs, type Timer, type Timers } from '../base/time';
import { describeStorageError } from '../sqlite/storageErrors';
import { createScryptHash } from './authHash';
import { createServerCore, type ServerCore } from './core';
import { addressReader, listen, type TlsFiles } from './listen';
import { collectProcessMetrics } from './metrics';
import { createRateLimits } from './rateLimits';
import type { ServerSettings } from './settings';
import { openStore, type StoreHost } from './store';

/** How often what may be pruned is looked for. */
const pruneIntervalMs = hourMs;
/** A server that was just stopped may still be letting go of its lock. */
const serveLockWaitMs = 2 * secondMs;

/** The lock that a serving process holds for as long as it runs: one server on one store. */
export const serveLockName = 'serve';

export interface ServeHost extends StoreHost {
  /** Says a line to the person who started the server. */
  print(line: string): void;
  /** From now on listens for being asked to stop; resolves then. */
  untilStopped(): Promise<void>;
  /** Calls back when the certificate is to be read again. */
  onReload(reload: () => void): void;
}

/** Serves until it is asked to stop, and then drains. The error is in words. */
export async function serve(
  path: string,
  settings: ServerSettings,
  host: ServeHost,
): Promise<Result<void, string>> {
  const tls = await readTls(settings);
  if (!tls.ok) return tls;
  const opened = await openStore(path, host);
  if (!opened.ok) return err(describeStorageError(opened.error));
  const database = opened.value;
  const lock = await database.openLock(serveLockName);
  const held = lock.ok ? await lock.value.acquire(serveLockWaitMs) : lock;
  if (!held.ok) {
    await database.close();
    return err(`Another server seems to run on this store. ${describeStorageError(held.error)}`);
  }
  const core = createServerCore({
    ...host,
    database,
    limits: settings.limits,
    authHash: createScryptHash(host.random),
    rateLimits: createRateLimits(),
    addressOf: addressReader(settings.trustsProxy),
  });
  collectProcessMetrics(core.metrics);
  try {
    return await run(core, settings, host, tls.value);
  } finally {
    if (lock.ok) lock.value.release();
    await core.close();
  }
}

async function run(
  core: ServerCore,
  settings: ServerSettings,
  host: ServeHost,
  tls: TlsFiles | undefined,
): Promise<Result<void, string>> {
  // From before the first connection on, a signal must not just end the process.
  const stopped = host.untilStopped();
  const starting = listen(core, { ...settings, tls, timers: host.timers });
  host.onReload(() => void reloadCertificate(settings, host, starting));
  const started = await starting;
  if (!started.ok) return err(started.error.reason);
  const listening = started.value;
  const url =
    settings.publicUrl ??
    `${tls === undefined ? 'http' : 'https'}://${urlHost(settings.host)}:${listening.port}`;
  host.logger.info('listening', { host: settings.host, port: listening.port, tls: tls !== undefined });
  host.print(`Scratch Sync server listening at ${url}`);
  const welcomed = await welcome(core, settings, host, url);
  if (welcomed.ok) {
    const upkeep = startUpkeep(core, host.timers);
    await stopped;
    upkeep.cancel();
  }
  host.logger.info('draining');
  await listening.drain();
  host.logger.info('stopped');
  return welcomed;
}

/** The first start prints an invite code: the one secret that this server ever says. */
async function welcome(
  core: ServerCore,
  { limits }: ServerSettings,
  host: ServeHost,
  url: string,
): Promise<Result<void, string>> {
  const counts = await core.storage.counts();
  if (!counts.ok) return err(describeStorageError(counts.error));
  if (limits.signUp !== 'invite' || counts.value.accounts > 0) return ok();
  if (counts.value.invites > 0) {
    host.print('No one has signed up yet. If the invite code is lost: scratch-server invite');
    return ok();
  }
  const invite = await core.createInvite();
  if (!invite.ok) return err(describeStorageError(invite.error));
  host.print(`Invite code for the first account: ${invite.value.code}`);
  host.print(`  (good until ${isoTime(invite.value.expiresAt)}; another: scratch-server invite)`);
  host.print(`  scratch sign-up --server ${url} --login NAME --invite ${invite.value.code}`);
  return ok();
}

/** Prunes at once, and then at its interval, one round after the other. */
function startUpkeep(core: ServerCore, timers: Timers): Timer {
  let timer: Timer | undefined;
  let isCancelled = false;
  const round = async () => {
    await core.prune();
    if (!isCancelled) timer = timers.after(pruneIntervalMs, () => void round());
  };
  void round();
  return {
    cancel: () => {
      isCancelled = true;
      timer?.cancel();
    },
  };
}

async function readTls({ tls }: ServerSettings): Promise<Result<TlsFiles | undefined, string>> {
  if (tls === undefined) return ok(undefined);
  try {
    const [cert, key] = await Promise.all([readFile(tls.certPath, 'utf8'), readFile(tls.keyPath, 'utf8')]);
    return ok({ cert, key });
  } catch (error) {
    return err(`TLS_CERT or TLS_KEY cannot be read: ${messageOf(error)}`);
  }
}

async function reloadCertificate(
  settings: ServerSettings,
  { logger }: ServeHost,
  starting: ReturnType<typeof listen>,
): Promise<void> {
  const listening = await starting;
  if (!listening.ok) return; // the server ends, and says why
  const tls = await readTls(settings);
  try {
    if (!tls.ok) throw new Error(tls.error);
    if (tls.value !== undefined) listening.value.replaceCertificate(tls.value);
    logger.info('the certificate was read again');
  } catch (error) {
    logger.error('the certificate could not be read again; the old one stays', { error: messageOf(error) });
  }
}

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);
