import { sizeText } from '../base/amounts';
import type { JsonObject } from '../base/json';
import type { RejectionCode, WireChange } from '../protocol/changes';
import { maxConflictRecordBytes, maxStampAheadMs } from '../protocol/limits';
import { type SubjectId, stampDevice, stampMillis } from '../protocol/scalars';

/**
 * Which changes of a push are accepted: a pure plan over the current versions, so that every storage runs the same
 * rules inside its own transaction.
 */

/** A pushed change, decoded; or what is known of one that could not be. */
export type PushedChange =
  | {
      readonly type: 'malformed';
      readonly changeId: string;
      /** Of the group that it refuses; undefined when it names none that can be read. */
      readonly group?: string | undefined;
      readonly detail: string;
    }
  | {
      readonly type: 'change';
      readonly change: WireChange;
      readonly payload: Uint8Array;
      /** Fields that this server does not know: kept, and given back with the version. */
      readonly extra: JsonObject;
      /** Of `extra` as JSON; 0 when there are none. */
      readonly extraBytes: number;
    };
export type DecodedChange = Extract<PushedChange, { type: 'change' }>;

/** The current version of a subject: all that the rules ask of it. */
export interface Head {
  readonly version: number;
  readonly sequence: number;
  readonly timestamp: WireChange['timestamp'];
  readonly live: boolean;
  /** 0 for an item. */
  readonly revision: number;
  readonly bytes: number;
}

export interface PushLimits {
  /** Of one item's sealed payload; a conflict record may be larger (`maxConflictRecordBytes`). */
  readonly maxItemBytes: number;
  /** Of all current versions; history is trimmed to what they leave. */
  readonly maxAccountBytes: number;
  /** Answers that are remembered for one device. */
  readonly maxRememberedAnswers: number;
}

export interface PushState {
  readonly heads: ReadonlyMap<SubjectId, Head>;
  /** Accepted answers that the device has not acknowledged yet, by change id. */
  readonly remembered: ReadonlyMap<string, AcceptedAnswer>;
  readonly retiredKeyIds: ReadonlySet<string>;
  /** The account's last sequence. */
  readonly sequence: number;
  /** Sum of the bytes of all current versions. */
  readonly liveBytes: number;
}

export interface AcceptedAnswer {
  readonly status: 'accepted';
  readonly version: number;
  readonly sequence: number;
}

export type PlannedAnswer =
  | AcceptedAnswer
  | { readonly status: 'conflict'; readonly subject: SubjectId }
  | { readonly status: 'rejected'; readonly code: RejectionCode; readonly detail: string };

/** A version to be written, with the one that it supersedes. */
export interface AcceptedVersion {
  readonly decoded: DecodedChange;
  readonly version: number;
  readonly sequence: number;
  readonly replaces: Head | undefined;
}

export interface PushPlan {
  /** One a change, in order. */
  readonly answers: readonly PlannedAnswer[];
  /** In order of sequence. */
  readonly accepted: readonly AcceptedVersion[];
  readonly sequence: number;
  readonly liveBytes: number;
}

/** Payloads that the conflict answers of one push quote, in bytes before base64; below what a client is willing to read. */
export const maxQuotedBytes = 8 * 1024 * 1024;
/** Unknown fields of one change, as JSON. */
export const maxExtraBytes = 16 * 1024;
/** Deletes, resolutions and re-seals pass the quota, up to this multiple of it: the disk of the server is finite. */
export const exemptQuotaFactor = 2;

/**
 * Plans a push. Groups are accepted all or none: when one change of a group is refused, planning starts over without
 * that group, so a plan never holds half of one. Each start over takes a group out, which bounds them.
 */
export function planPush(
  changes: readonly PushedChange[],
  state: PushState,
  now: number,
  limits: PushLimits,
): PushPlan {
  const refused = new Map<string, RefusedChange>();
  for (;;) {
    const attempt = new Attempt(changes, state, now, limits, refused);
    const outcome = attempt.run();
    if (outcome.type === 'plan') return outcome.plan;
    refused.set(outcome.group, outcome.refused);
  }
}

type Outcome =
  | { readonly type: 'plan'; readonly plan: PushPlan }
  | { readonly type: 'groupFailed'; readonly group: string; readonly refused: RefusedChange };

/** The change for which a group was refused: it keeps its own answer. */
interface RefusedChange {
  readonly index: number;
  readonly answer: PlannedAnswer;
}

class Attempt {
  readonly #changes: readonly PushedChange[];
  readonly #state: PushState;
  readonly #now: number;
  readonly #limits: PushLimits;
  readonly #refused: ReadonlyMap<string, RefusedChange>;
  readonly #resolvingGroups: ReadonlySet<string>;
  readonly #heads: Map<SubjectId, Head>;
  readonly #answered = new Map<string, PlannedAnswer>();
  readonly #accepted: AcceptedVersion[] = [];
  #sequence: number;
  #liveBytes: number;
  #quotedBytes = 0;

  constructor(
    changes: readonly PushedChange[],
    state: PushState,
    now: number,
    limits: PushLimits,
    refused: ReadonlyMap<string, RefusedChange>,
  ) {
    this.#changes = changes;
    this.#state = state;
    this.#now = now;
    this.#limits = limits;
    this.#refused = refused;
    this.#resolvingGroups = new Set(changes.flatMap(resolvingGroup));
    this.#heads = new Map(state.heads);
    this.#sequence = state.sequence;
    this.#liveBytes = state.liveBytes;
  }

  run(): Outcome {
    const answers: PlannedAnswer[] = [];
    for (const [index, pushed] of this.#changes.entries()) {
      const changeId = pushed.type === 'change' ? pushed.change.changeId : pushed.changeId;
      const answer =
        this.#state.remembered.get(changeId) ?? this.#answered.get(changeId) ?? this.#answer(index, pushed);
      const group = pushed.type === 'change' ? pushed.change.group : pushed.group;
      if (group !== undefined && answer.status !== 'accepted' && !this.#refused.has(group)) {
        return { type: 'groupFailed', group, refused: { index, answer } };
      }
      this.#answered.set(changeId, answer);
      answers.push(answer);
    }
    return {
      type: 'plan',
      plan: { answers, accepted: this.#accepted, sequence: this.#sequence, liveBytes: this.#liveBytes },
    };
  }

  #answer(index: number, pushed: PushedChange): PlannedAnswer {
    if (pushed.type === 'malformed') return rejected('malformed', pushed.detail);
    const refusal = this.#refusalOf(pushed);
    const reason = pushed.change.group === undefined ? undefined : this.#refused.get(pushed.change.group);
    if (reason === undefined) return refusal ?? this.#accept(pushed);
    // A conflict is judged anew, since the version that it was with may have been one of the group's own.
    if (reason.index === index && reason.answer.status === 'rejected') return reason.answer;
    return refusal ?? rejected('groupRefused', 'another change of its group was not accepted');
  }

  #accept(decoded: DecodedChange): AcceptedAnswer {
    const { change } = decoded;
    const bytes = bytesOf(decoded);
    const replaces = this.#heads.get(change.itemId);
    const version = (replaces?.version ?? 0) + 1;
    this.#sequence += 1;
    this.#liveBytes += bytes - (replaces?.bytes ?? 0);
    this.#heads.set(change.itemId, {
      version,
      sequence: this.#sequence,
      timestamp: change.timestamp,
      live: change.changeType === 'upsert',
      revision: revisionOf(change),
      bytes,
    });
    this.#accepted.push({ decoded, version, sequence: this.#sequence, replaces });
    return { status: 'accepted', version, sequence: this.#sequence };
  }

  #refusalOf(decoded: DecodedChange): PlannedAnswer | undefined {
    const { change } = decoded;
    const head = this.#heads.get(change.itemId);
    return (
      this.#refusalOfForm(decoded) ??
      (supersedes(change, head) ? undefined : this.#conflict(change, head)) ??
      this.#refusalOfStamp(change, head) ??
      this.#refusalOfQuota(decoded, head)
    );
  }

  #refusalOfForm({ change, payload, extraBytes }: DecodedChange): PlannedAnswer | undefined {
    if (stampDevice(change.timestamp) !== change.originDeviceId) {
      return rejected('malformed', 'originDeviceId is not the device of timestamp');
    }
    if ((change.baseVersion === 0) !== (change.baseTimestamp === null)) {
      return rejected(
        'malformed',
        'baseVersion and baseTimestamp must name a version together, or be 0 and null',
      );
    }
    const { maxItemBytes } = this.#limits;
    const maxBytes = change.collection === 'item' ? maxItemBytes : maxConflictRecordBytes(maxItemBytes);
    if (payload.byteLength > maxBytes) {
      return rejected(
        'tooLarge',
        `sealed, it is larger than the ${sizeText(maxBytes)} of the server: shorten it, or split it in two`,
      );
    }
    if (extraBytes > maxExtraBytes) {
      return rejected('tooLarge', `unknown fields may take ${sizeText(maxExtraBytes)}`);
    }
    if (this.#state.retiredKeyIds.has(change.keyId)) {
      return rejected('keyRetired', 'nothing new may be sealed with this key: fetch the key ring');
    }
    return undefined;
  }

  #conflict(change: WireChange, head: Head | undefined): PlannedAnswer {
    const bytes = head?.bytes ?? 0;
    if (this.#quotedBytes > 0 && this.#quotedBytes + bytes > maxQuotedBytes) {
      return rejected('deferred', 'the answer is full: pull, then push this change again');
    }
    this.#quotedBytes += bytes;
    return { status: 'conflict', subject: change.itemId };
  }

  #refusalOfStamp(change: WireChange, head: Head | undefined): PlannedAnswer | undefined {
    if (change.collection === 'item' && head !== undefined && change.timestamp <= head.timestamp) {
      return rejected('stampNotGrowing', 'the stamp must be above that of the current version');
    }
    const latest =
      Math.max(this.#now, head === undefined ? 0 : stampMillis(head.timestamp)) + maxStampAheadMs;
    if (stampMillis(change.timestamp) > latest) {
      return rejected('stampAhead', `the stamp is ${stampMillis(change.timestamp) - this.#now} ms ahead`);
    }
    return undefined;
  }

  #refusalOfQuota(decoded: DecodedChange, head: Head | undefined): PlannedAnswer | undefined {
    const after = this.#liveBytes + bytesOf(decoded) - (head?.bytes ?? 0);
    const { maxAccountBytes } = this.#limits;
    const allowed = this.#passesQuota(decoded.change, head)
      ? exemptQuotaFactor * maxAccountBytes
      : maxAccountBytes;
    if (after <= allowed || after <= this.#liveBytes) return undefined;
    return rejected(
      'quotaExceeded',
      `the account may take ${sizeText(maxAccountBytes)} and has no room left for it: delete what is not needed`,
    );
  }

  #passesQuota(change: WireChange, head: Head | undefined): boolean {
    if (change.group !== undefined && this.#resolvingGroups.has(change.group)) return true;
    if (change.collection === 'item' && change.resolves !== undefined) return true;
    if (head === undefined) return false;
    return change.changeType === 'delete' || (change.collection === 'item' && change.reseal === true);
  }
}

/** True when the change may follow the current version. */
function supersedes(change: WireChange, head: Head | undefined): boolean {
  if (change.collection === 'item') {
    return change.baseVersion === (head?.version ?? 0) && change.baseTimestamp === (head?.timestamp ?? null);
  }
  if (head === undefined) return true;
  return change.revision === head.revision
    ? change.timestamp > head.timestamp
    : change.revision > head.revision;
}

/** What a change takes in the store. */
export const bytesOf = ({ payload, extraBytes }: DecodedChange): number => payload.byteLength + extraBytes;

const revisionOf = (change: WireChange): number => (change.collection === 'conflict' ? change.revision : 0);

function resolvingGroup(pushed: PushedChange): readonly string[] {
  if (pushed.type !== 'change' || pushed.change.collection !== 'item') return [];
  const { group, resolves } = pushed.change;
  return group !== undefined && resolves !== undefined ? [group] : [];
}

function rejected(code: RejectionCode, detail: string): PlannedAnswer {
  return { status: 'rejected', code, detail };
}
