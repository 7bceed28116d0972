import * as z from 'zod';
import { dayMs, hourMs, minuteMs, secondMs } from '../../src/base/time';
import { SeededRandom } from '../support/seededRandom';
import { limitsSchema, smallLimits } from './limits';
import { type PersonAction, personActions } from './personActions';
import { type NetworkFaults, networkFaultNames } from './simulatedNetwork';

const device = z.int();
const window = z.int();
const ms = z.number();
const write = z.int();
const moment = z.enum(['before', 'after']);
const common = { atMs: z.number(), salt: z.int() };

/** What happens in a run, as a list that can be read, shortened, and kept. */
export const stepSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('act'), ...common, device, window, action: z.enum(personActions) }),
  z.object({ type: z.literal('sync'), ...common, device, window, accept: z.boolean() }),
  z.object({ type: z.literal('kill'), ...common, device, window }),
  z.object({ type: z.literal('dieAtWrite'), ...common, device, window, write, moment }),
  z.object({ type: z.literal('sleep'), ...common, device, window, ms }),
  z.object({ type: z.literal('jump'), ...common, device, ms }),
  z.object({ type: z.literal('stutter'), ...common, device, ms }),
  z.object({ type: z.literal('partition'), ...common, device, ms }),
  z.object({ type: z.literal('fullDisk'), ...common, device, ms }),
  z.object({ type: z.literal('revoke'), ...common, device, by: z.int() }),
  z.object({ type: z.literal('damage'), ...common, device, share: z.number() }),
  z.object({ type: z.literal('serverDies'), ...common, write, moment }),
  z.object({ type: z.literal('backUp'), ...common }),
  z.object({ type: z.literal('restore'), ...common }),
  z.object({ type: z.literal('wipe'), ...common }),
  z.object({ type: z.literal('pass'), ...common, ms }),
  z.object({ type: z.literal('prune'), ...common }),
  /** A person rotates the key on a device; the others ask for the password. */
  z.object({ type: z.literal('rotate'), ...common, device }),
  /** A person gives the password. */
  z.object({ type: z.literal('unlock'), ...common, device }),
  /** One person leaves a device, when all is synced, and takes up another. */
  z.object({ type: z.literal('handOver'), ...common, from: z.int(), to: z.int() }),
]);
export type Step = z.infer<typeof stepSchema>;
type Happening = Step extends infer Each ? (Each extends Step ? Omit<Each, 'atMs' | 'salt'> : never) : never;

export const planSchema = z.object({
  seed: z.string(),
  devices: z.int().min(1),
  windows: z.int().min(1),
  text: z.enum(['merge', 'latest']),
  /** One person on one device at a time: nothing may conflict. */
  takesTurns: z.boolean(),
  faults: z.record(z.enum(networkFaultNames), z.number()),
  skewsMs: z.array(z.number()).readonly(),
  /** Devices sync by themselves as well, as their schedule and the server's events say, and not only when told to. */
  syncsItself: z.boolean().exactOptional(),
  /** How much is taken at once; left out: the usual. */
  limits: limitsSchema.exactOptional(),
  steps: z.array(stepSchema).readonly(),
});
export type Plan = z.infer<typeof planSchema>;

export interface PlanLimits {
  /** How many devices; chosen by the seed when it is left out. */
  readonly devices?: number;
  /** Which faults may happen; all when it is left out. */
  readonly faults?: readonly FaultName[];
}

/** What may happen at any moment of a run. */
const troubles = [
  'network',
  'clocks',
  'crashes',
  'sleep',
  'disk',
  'server',
  'restore',
  'wipe',
  'prune',
  'revoke',
  'damage',
] as const;
export const faultNames = [...troubles, 'rotate'] as const;
export type FaultName = (typeof faultNames)[number];

/** The plan of a run: drawn from its seed, and from nothing else. */
export function planOf(seed: string, limits: PlanLimits = {}): Plan {
  const random = new SeededRandom(seed);
  const devices = limits.devices ?? random.int(2, 6);
  const takesTurns = random.chance(0.1);
  const allowed = new Set<FaultName>(limits.faults ?? faultNames);
  const happens = (name: FaultName, probability: number) => random.chance(probability) && allowed.has(name);
  const faults = {
    network: happens('network', 0.8),
    clocks: happens('clocks', 0.5),
    crashes: happens('crashes', 0.5),
    sleep: happens('sleep', 0.3),
    disk: happens('disk', 0.2),
    server: happens('server', 0.4),
    restore: happens('restore', 0.2) && !takesTurns,
    wipe: happens('wipe', 0.06) && !takesTurns,
    prune: happens('prune', 0.2),
    revoke: happens('revoke', 0.15),
    damage: happens('damage', 0.12) && !takesTurns,
    // Drawn elsewhere, so that seeds from before it play what they always did, and rotations beside it.
    rotate: random.fork('rotate').chance(0.2) && allowed.has('rotate'),
  };
  const shape = { devices, windows: random.int(1, 3), faults, takesTurns };
  const ofLimits = random.fork('limits');
  const isSmall = ofLimits.chance(0.6);
  return {
    seed,
    ...shape,
    ...(isSmall ? { limits: smallLimits(ofLimits) } : {}),
    ...(random.fork('schedule').chance(0.25) ? { syncsItself: true } : {}),
    text: random.chance(0.15) ? 'latest' : 'merge',
    faults: networkFaults(random, faults.network),
    skewsMs: Array.from({ length: devices }, () => (faults.clocks ? someSkew(random) : 0)),
    steps: withBursts(
      withRotations(takesTurns ? turns(random, shape) : alone(random, shape), shape, random),
      shape,
      isSmall && !takesTurns ? ofLimits : undefined,
    ),
  };
}

/** Much is written at once, more than is pushed or pulled at once where limits are small. */
function withBursts(steps: readonly Step[], shape: Shape, random: SeededRandom | undefined): readonly Step[] {
  if (random === undefined) return steps;
  const endMs = steps.at(-1)?.atMs ?? 0;
  const added: Step[] = [];
  for (let bursts = random.int(0, 3); bursts > 0; bursts--) {
    const [device, window] = [random.int(0, shape.devices), random.int(0, shape.windows)];
    let atMs = random.int(0, endMs + 1);
    for (let writes = random.pick([4, 12, 30]); writes > 0; writes--) {
      atMs += random.int(0, 200);
      const action = random.pick(['create', 'create', 'create', 'write', 'delete'] as const);
      added.push({ type: 'act', atMs, salt: random.int(0, 2 ** 31), device, window, action });
    }
  }
  return [...steps, ...added].sort((left, right) => left.atMs - right.atMs);
}

/** Keys are rotated once or twice; on most devices the password is given some time after. */
function withRotations(steps: readonly Step[], shape: Shape, seed: SeededRandom): readonly Step[] {
  if (!shape.faults.rotate) return steps;
  const random = seed.fork('rotations');
  const endMs = steps.at(-1)?.atMs ?? 0;
  const added: Step[] = [];
  for (let rotations = random.int(1, 3); rotations > 0; rotations--) {
    const rotatedMs = random.int(0, endMs + 1);
    const step = (happening: Happening, atMs: number) =>
      added.push({ atMs, salt: random.int(0, 2 ** 31), ...happening });
    step({ type: 'rotate', device: random.int(0, shape.devices) }, rotatedMs);
    for (let device = 0; device < shape.devices; device++) {
      if (random.chance(0.7)) step({ type: 'unlock', device }, random.int(rotatedMs, endMs + 1));
    }
  }
  return [...steps, ...added].sort((left, right) => left.atMs - right.atMs);
}

interface Shape {
  readonly devices: number;
  readonly windows: number;
  readonly faults: Readonly<Record<FaultName, boolean>>;
}

function alone(random: SeededRandom, shape: Shape): readonly Step[] {
  const steps: Step[] = [];
  const count = random.int(30, 110);
  let atMs = 0;
  for (let index = 0; index < count; index++) {
    atMs += random.chance(0.3) ? random.int(0, 50) : random.int(0, 8 * secondMs);
    steps.push({ atMs, salt: random.int(0, 2 ** 31), ...happening(random, shape) });
  }
  return steps;
}

function turns(random: SeededRandom, shape: Shape): readonly Step[] {
  const steps: Step[] = [];
  let at = 0;
  let atMs = 0;
  const rounds = random.int(4, 14);
  const push = (step: Happening) => {
    atMs += random.int(0, 5 * secondMs);
    steps.push({ atMs, salt: random.int(0, 2 ** 31), ...step });
  };
  for (let round = 0; round < rounds; round++) {
    for (let edits = random.int(1, 5); edits > 0; edits--) {
      if (random.chance(0.3)) push(trouble(random, shape, at));
      const action = random.pick(turnActions);
      push({ type: 'act', device: at, window: 0, action });
      if (random.chance(0.5)) push({ type: 'sync', device: at, window: 0, accept: true });
    }
    const to = random.int(0, shape.devices);
    if (to === at) continue;
    push({ type: 'handOver', from: at, to });
    at = to;
  }
  return steps;
}

const turnActions: readonly PersonAction[] = [
  'create',
  'write',
  'write',
  'write',
  'writeSame',
  'retitle',
  'tag',
  'pin',
  'delete',
  'restore',
];

const actWeights: Readonly<Record<PersonAction, number>> = {
  create: 3,
  write: 9,
  writeSame: 1,
  retitle: 2,
  move: 1,
  tag: 2,
  pin: 1,
  hide: 0.3,
  delete: 2,
  restore: 1.5,
  restoreVersion: 1,
  open: 2,
  save: 4,
  settle: 2,
  resolve: 3,
  undo: 1,
};

function happening(random: SeededRandom, shape: Shape): Happening {
  const device = random.int(0, shape.devices);
  const window = random.int(0, shape.windows);
  const roll = random.fraction();
  if (roll < 0.45) return { type: 'act', device, window, action: random.weighted(actWeights) };
  if (roll < 0.85) return { type: 'sync', device, window, accept: random.chance(0.6) };
  return trouble(random, shape, device);
}

/** Something goes wrong, if anything may. */
function trouble(random: SeededRandom, { devices, windows, faults }: Shape, device: number): Happening {
  const window = random.int(0, windows);
  const moment = random.pick(['before', 'after'] as const);
  const kinds = troubles.filter(name => faults[name]);
  const kind = kinds.length === 0 ? undefined : random.pick(kinds);
  switch (kind) {
    case undefined:
      return { type: 'sync', device, window, accept: true };
    case 'network':
      return { type: 'partition', device, ms: random.int(secondMs, 2 * minuteMs) };
    case 'clocks':
      return random.chance(0.3)
        ? { type: 'stutter', device, ms: random.int(secondMs, 5 * minuteMs) }
        : { type: 'jump', device, ms: someSkew(random) };
    case 'crashes':
      return random.chance(0.4)
        ? { type: 'kill', device, window }
        : { type: 'dieAtWrite', device, window, write: random.int(1, 9), moment };
    case 'sleep':
      return { type: 'sleep', device, window, ms: random.int(secondMs, 3 * minuteMs) };
    case 'disk':
      return { type: 'fullDisk', device, ms: random.int(secondMs, minuteMs) };
    case 'server':
      return { type: 'serverDies', write: random.int(1, 6), moment };
    case 'restore':
      return random.chance(0.5) ? { type: 'backUp' } : { type: 'restore' };
    case 'wipe':
      return { type: 'wipe' };
    case 'prune':
      return random.chance(0.5)
        ? { type: 'prune' }
        : { type: 'pass', ms: random.pick([hourMs, 30 * dayMs, 100 * dayMs]) };
    case 'revoke':
      return { type: 'revoke', device, by: random.int(0, devices) };
    case 'damage':
      return { type: 'damage', device, share: random.pick([0.2, 0.5, 1]) };
  }
}

function networkFaults(random: SeededRandom, isBad: boolean): NetworkFaults {
  const upTo = (most: number) => (isBad && random.chance(0.6) ? random.fraction() * most : 0);
  return {
    dropRequest: upTo(0.2),
    dropAnswer: upTo(0.25),
    duplicate: upTo(0.2),
    slow: upTo(0.3),
    cutRequest: upTo(0.1),
    cutAnswer: upTo(0.1),
    busy: upTo(0.1),
    failing: upTo(0.1),
  };
}

function someSkew(random: SeededRandom): number {
  const size = random.pick([0, 2 * secondMs, 3 * minuteMs, 2 * hourMs, 40 * dayMs, 10 * 365 * dayMs]);
  return Math.round(random.pick([-1, 1]) * size * random.fraction());
}

/** A step as a line to read. */
export function describeStep({ atMs, salt, ...step }: Step): string {
  const details = Object.entries(step)
    .filter(([name]) => name !== 'type')
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  return `${(atMs / secondMs).toFixed(1).padStart(8)} s  ${step.type.padEnd(10)} ${details} #${salt}`;
}
