import { toHex } from '../../src/base/encoding';
import { unwrap } from '../../src/base/result';
import { dayMs, hourMs, minuteMs } from '../../src/base/time';
import { addKey, type KeyRing, removeKey } from '../../src/crypto/keyRing';
import { createAccountId, createDeviceId } from '../../src/model/ids/createId';
import type { AccountId } from '../../src/model/ids/ids';
import { keyringSchema, sessionAnswerSchema } from '../../src/protocol/accounts';
import { protocolHeader } from '../../src/protocol/routes';
import { defaultCycleLimits } from '../../src/sync/cycleLimits';
import type { HttpRequest } from '../../src/sync/transport/http';
import type { SeededRandom } from '../support/seededRandom';
import { signUpBody } from '../support/testDevice';
import { testEpochMs } from '../support/testServer';
import { checkSealing, checkSoundness, differenceBetween } from './endChecks';
import { Ledger } from './ledger';
import { usualLimits } from './limits';
import { act } from './personActions';
import { newRing, SimulatedDevice, serverUrl } from './simulatedDevice';
import { noFaults, SimulatedNetwork } from './simulatedNetwork';
import { SimulatedServer } from './simulatedServer';
import type { Plan, Step } from './steps';
import { tokenNumbered } from './tokens';
import { VersionWatch } from './versionWatch';
import { Violation } from './violation';
import { VirtualTime } from './virtualTime';
import { WireWatch } from './wireWatch';

/** Devices, a server and the network between them, as a plan wants them. */
export class World {
  readonly time = new VirtualTime(testEpochMs);
  readonly ledger = new Ledger();
  readonly devices: SimulatedDevice[] = [];
  readonly #plan: Plan;
  readonly #random: SeededRandom;
  readonly #versions = new VersionWatch();
  readonly #wire = new WireWatch((itemId, stamp) => this.ledger.left(itemId, stamp));
  readonly #failures: unknown[] = [];
  #server: SimulatedServer | undefined;
  #ring: KeyRing | undefined;
  #accountId: AccountId | undefined;
  #tokens = 0;
  #wasRestored = false;

  constructor(plan: Plan, random: SeededRandom) {
    this.#plan = plan;
    this.#random = random;
  }

  get server(): SimulatedServer {
    if (this.#server === undefined) throw new Error('the world is not open');
    return this.#server;
  }

  async open(): Promise<void> {
    const { devices, windows, text, skewsMs, limits = usualLimits, syncsItself = false } = this.#plan;
    this.#server = await SimulatedServer.start({
      time: this.time,
      random: this.#random.fork('server'),
      limits,
      committed: tx => this.#versions.committing(tx),
    });
    for (let number = 0; number < devices; number++) {
      const random = this.#random.fork(`device ${number}`);
      const name = `device ${number}`;
      const network = new SimulatedNetwork({
        time: this.time,
        server: () => this.server,
        random: random.fork('network'),
        device: name,
        wire: this.#wire,
      });
      const device = await SimulatedDevice.open({
        name,
        id: createDeviceId(random),
        windows,
        text,
        time: this.time,
        random,
        network,
        ledger: this.ledger,
        limits: { ...defaultCycleLimits, ...limits },
        syncsItself,
        failed: failure => this.#failures.push(failure),
      });
      network.use(random.fork('background'), syncsItself ? this.#plan.faults : noFaults);
      device.wall.jump(skewsMs[number] ?? 0);
      this.devices.push(device);
    }
    await this.#newAccount();
  }

  async close(): Promise<void> {
    for (const device of this.devices) await device.close();
    await this.#server?.close();
  }

  /** Lets the step happen, and holds the safety invariants against what became of it. */
  async take(step: Step): Promise<void> {
    await this.time.advanceTo(testEpochMs + step.atMs);
    this.check();
    await this.#happen(step, this.#random.fork(`step ${step.salt}`));
    this.check();
  }

  check(): void {
    const [failure] = this.#failures;
    if (failure instanceof Violation) throw failure;
    if (failure !== undefined) throw new Violation('nothing throws', describeError(failure));
    this.ledger.check();
    this.#versions.check();
    this.#wire.check();
  }

  /** The network heals, no one edits, and no question waits. */
  async settle(): Promise<void> {
    for (const device of this.devices) device.heal();
    this.server.heal();
    if (this.#plan.syncsItself) await this.#settleByItself();
    let outcomes: readonly string[] = [];
    for (let round = 0; round < maxSettlingRounds; round++) {
      outcomes = [];
      for (const number of this.devices.keys()) outcomes = [...outcomes, await this.syncOnce(number)];
      this.check();
      if (round > 0 && (await differenceBetween(this.devices, this.server)) === undefined) break;
      // Reconciling for a digest that differs is done once in an hour.
      if (round >= 3) await this.time.advanceTo(this.time.nowMs + hourMs + minuteMs);
    }
    const difference = await differenceBetween(this.devices, this.server);
    if (difference !== undefined) {
      throw new Violation('devices converge', `${difference} (the last cycles: ${outcomes.join('; ')})`);
    }
    await checkSoundness(this.devices, this.server);
    // What devices that know nothing of a rotation send to a server that forgot it may stay as it is.
    if (this.#ring && !this.#wasRestored) await checkSealing(this.server, this.#ring.current);
    if (this.#plan.takesTurns && this.ledger.records.length > 0) {
      const [record] = this.ledger.records;
      throw new Violation(
        'taking turns never conflicts',
        `there is the record ${record?.id} of ${record?.itemId}`,
      );
    }
  }

  /** No one tells a device to sync; a person only answers what a device asks for. */
  async #settleByItself(): Promise<void> {
    for (let round = 0; round < maxRoundsByItself; round++) {
      for (const [number, device] of this.devices.entries()) {
        await device.window(0);
        if (await device.asksPerson()) await this.syncOnce(number);
      }
      await this.time.advanceTo(this.time.nowMs + roundByItselfMs);
      this.check();
      if ((await differenceBetween(this.devices, this.server)) === undefined) return;
    }
    const difference = await differenceBetween(this.devices, this.server);
    throw new Violation('devices converge', `${difference}, when they are left to themselves`);
  }

  async #happen(step: Step, random: SeededRandom): Promise<void> {
    switch (step.type) {
      case 'act': {
        const device = this.#device(step.device);
        const window = await device.window(step.window);
        const token = tokenNumbered(this.#tokens++);
        return act({ device, window, ledger: this.ledger, random, token }, step.action);
      }
      case 'sync':
        return this.#startSync(step.device, step.window, step.accept, random);
      case 'kill':
        return this.#device(step.device).liveWindow(step.window)?.process.kill();
      case 'dieAtWrite':
        return (await this.#device(step.device).window(step.window)).process.dieAtWrite(
          step.write,
          step.moment,
        );
      case 'sleep':
        return this.#device(step.device).liveWindow(step.window)?.process.sleep(step.ms);
      case 'jump':
        return this.#device(step.device).wall.jump(step.ms);
      case 'stutter':
        return this.#device(step.device).wall.stutter(step.ms);
      case 'partition':
        return this.#device(step.device).network.partition(step.ms);
      case 'fullDisk':
        return this.#device(step.device).fillDisk(step.ms);
      case 'revoke':
        return this.#revoke(step.device, step.by);
      case 'damage':
        await this.#device(step.device).damage(step.share === 1 ? 'all' : () => random.chance(step.share));
        this.#wire.forget(this.#device(step.device).name);
        this.ledger.writeOff();
        return step.share === 1 ? this.#signIn(step.device % this.devices.length) : undefined;
      case 'serverDies':
        return this.server.dieAtWrite(step.write, step.moment);
      case 'backUp':
        return this.server.backUp();
      case 'restore':
        if (await this.server.restore()) {
          for (const { name } of this.devices) this.#wire.forget(name);
          this.#versions.forget();
          this.ledger.restored();
          this.#wasRestored = true;
        }
        return;
      case 'wipe':
        await this.server.wipe();
        this.#versions.forget();
        await this.#newAccount();
        return this.ledger.united();
      case 'pass':
        // Nobody leaves an editor open for weeks, and every heartbeat of them would be simulated.
        if (this.#plan.syncsItself && step.ms > dayMs) for (const device of this.devices) device.killAll();
        return this.time.advanceTo(this.time.nowMs + step.ms);
      case 'prune':
        await this.server.prune();
        return this.#pruned();
      case 'rotate':
        return this.rotate(step.device);
      case 'unlock':
        return this.#signIn(step.device % this.devices.length);
      case 'handOver':
        return this.#handOver(step.from, step.to);
    }
  }

  async #pruned(): Promise<void> {
    const held = unwrap(
      await this.server.database.read(tx =>
        tx.all('SELECT DISTINCT subject FROM versions').map(row => String(row['subject'])),
      ),
    );
    const known = new Set(held);
    this.ledger.pruned(id => !known.has(id));
  }

  #device(number: number): SimulatedDevice {
    const device = this.devices[number % this.devices.length];
    if (device === undefined) throw new Error('there are no devices');
    return device;
  }

  async #startSync(
    number: number,
    windowNumber: number,
    accept: boolean,
    random: SeededRandom,
  ): Promise<void> {
    const device = this.#device(number);
    device.network.use(random, this.#plan.faults);
    const window = await device.window(windowNumber);
    void window.control
      .runNow('command', accept ? 'accept' : undefined)
      .catch((failure: unknown) => this.#failures.push(failure));
  }

  /** One cycle in the first window: `done`, or why it was not. */
  async syncOnce(number: number, accept = true): Promise<string> {
    const device = this.#device(number);
    const window = await device.window(0);
    let answer: string | undefined;
    window.control.runNow('command', accept ? 'accept' : undefined).then(
      done => {
        answer = done.ok ? 'done' : `${done.error.code}: ${done.error.message}`;
      },
      (failure: unknown) => {
        answer = 'threw';
        this.#failures.push(failure);
      },
    );
    await this.time.runUntil(() => answer !== undefined || !window.process.alive, maxCycleMs);
    this.check();
    if (/^(badCredentials|notSignedIn|locked|keyMissing)/.test(answer ?? '')) await this.#signIn(number);
    return answer ?? 'it did not end';
  }

  async #handOver(from: number, to: number): Promise<void> {
    for (const number of [from, to]) {
      for (let attempt = 0; ; attempt++) {
        const device = this.#device(number);
        if (attempt > maxHandOverAttempts) device.heal();
        else device.network.use(this.#random.fork(`hand over ${this.time.events}`), this.#plan.faults);
        const outcome = await this.syncOnce(number);
        if (outcome === 'done' && (await isOutboxEmpty(device))) break;
        if (attempt > 2 * maxHandOverAttempts) {
          throw new Violation('devices converge', `${device.name} cannot sync: ${outcome}`);
        }
        await this.time.advanceTo(this.time.nowMs + minuteMs);
      }
    }
  }

  async #newAccount(): Promise<void> {
    this.#accountId = createAccountId(this.#random);
    this.#ring = newRing(this.#random, this.time.nowMs);
    await this.#ask('/v1/accounts', 'POST', {
      ...signUpBody('ada', this.#accountId, toHex(this.#random.bytes(8))),
    });
    for (const number of this.devices.keys()) await this.#signIn(number);
  }

  async #signIn(number: number): Promise<void> {
    const device = this.#device(number);
    const { authKey } = signUpBody('ada', '', '');
    const answer = await this.#ask('/v1/devices', 'POST', {
      login: 'ada',
      authKey,
      device: { deviceId: device.id, name: device.name },
    });
    const session = sessionAnswerSchema.parse(answer);
    if (this.#ring === undefined) throw new Error('the account has no ring');
    this.#wire.forget(device.name);
    await device.enter(session.accountId, session.token, this.#ring);
  }

  async #revoke(number: number, by: number): Promise<void> {
    const device = this.#device(number);
    if (device === this.#device(by)) return;
    this.#wire.forget(device.name);
    const { authKey, token } = await this.#administer();
    await this.#ask(`/v1/devices/${device.id}`, 'DELETE', { authKey }, token);
  }

  /** As the device's account does it, but for the derivation of keys. */
  async rotate(number: number): Promise<void> {
    if (this.#ring === undefined || this.#accountId === undefined) throw new Error('the account has no ring');
    const used = new Set(
      unwrap(await this.server.core.storage.usedKeyIds(this.#accountId, maxKeys)).map(String),
    );
    // What was restored from before a key left the ring would be sealed with it.
    const unused = this.server.hasBackup
      ? []
      : this.#ring.keys.filter(key => key.retired && !used.has(key.keyId));
    const kept = unused.reduce((ring, { keyId }) => removeKey(ring, keyId), this.#ring);
    this.#ring = unwrap(addKey(kept, this.#random, this.time.nowMs));
    const { authKey, token } = await this.#administer();
    const held = keyringSchema.parse(await this.#ask('/v1/accounts/me/keyring', 'GET', undefined, token));
    await this.#ask(
      '/v1/accounts/me/keyring',
      'PUT',
      {
        ...{ authKey, baseVersion: held.version, wrapped: 'd3JhcHBlZA', recoveryWrapped: 'cmVjb3Zlcnk' },
        retiredKeyIds: this.#ring.keys.filter(key => key.retired).map(key => key.keyId),
      },
      token,
    );
    await this.#signIn(number % this.devices.length);
  }

  /** The account is deleted, and every device signs in to one of the same login that is made after it. */
  async makeAccountAnew(): Promise<void> {
    const { authKey, token } = await this.#administer();
    await this.#ask('/v1/accounts/me', 'DELETE', { authKey }, token);
    this.#versions.forget();
    await this.#newAccount();
    this.ledger.united();
  }

  /** Signs in beside all devices. */
  async #administer(): Promise<{ readonly authKey: string; readonly token: string }> {
    const { authKey } = signUpBody('ada', '', '');
    const { token } = sessionAnswerSchema.parse(
      await this.#ask('/v1/devices', 'POST', {
        login: 'ada',
        authKey,
        device: { deviceId: toHex(this.#random.bytes(8)), name: 'administration' },
      }),
    );
    return { authKey, token };
  }

  /** A request that nothing disturbs. Undefined for an answer without a body. */
  async #ask(
    path: string,
    method: HttpRequest['method'],
    body: object | undefined,
    token?: string,
  ): Promise<unknown> {
    for (;;) {
      const answer = await this.server.answer({
        method,
        url: `${serverUrl}${path}`,
        headers: {
          [protocolHeader]: '1',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) }),
        timeoutMs: minuteMs,
        maxAnswerBytes: 1024 * 1024,
      });
      if (answer === undefined || answer.status >= 500) continue; // it died: asked again
      const text = new TextDecoder().decode(answer.body);
      return text === '' ? undefined : JSON.parse(text);
    }
  }
}

/** More than the longest wait between two attempts, and than the time between two cycles of a window in use. */
const roundByItselfMs = 6 * minuteMs;
/** Reconciling for a digest that differs is done once in an hour. */
const maxRoundsByItself = 40;
/**
 * After so many cycles of every device all is to be settled. Two devices that both seal everything anew, in batches of
 * one change, were seen to need twelve.
 */
const maxSettlingRounds = 16;
const maxCycleMs = 20 * minuteMs;
const maxHandOverAttempts = 20;
const maxKeys = 100;

async function isOutboxEmpty(device: SimulatedDevice): Promise<boolean> {
  const row = await device.database.read(tx =>
    tx.get('SELECT 1 FROM changes WHERE acknowledged_ms IS NULL LIMIT 1'),
  );
  return row.ok && row.value === undefined;
}

function describeError(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
}
