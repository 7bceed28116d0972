import type { WireChange } from '../../src/protocol/changes';
import { emptyDigest, toggleInDigest } from '../../src/protocol/digest';
import type { DecodedChange } from '../../src/server/acceptance';

/** What the model holds of one version. */
export interface ModelVersion {
  readonly change: WireChange;
  readonly version: number;
  readonly sequence: number;
}

export type ModelAnswer = `accepted ${number} ${number}` | `conflict ${string}` | `rejected ${string}`;

/** The change for which a group was refused, by its place in the batch. */
interface Refused {
  readonly index: number;
  readonly answer: ModelAnswer;
}

/**
 * The rules of pushing, said a second time and as plainly as possible: one account as a list of all versions ever,
 * copied whole for every attempt at a group.
 */
export class AccountModel {
  versions: readonly ModelVersion[] = [];
  head = 0;
  readonly #answers = new Map<string, { readonly text: ModelAnswer; readonly sequence: number }>();

  current(subject: string): ModelVersion | undefined {
    return this.versions.findLast(({ change }) => change.itemId === subject);
  }

  /** The current versions, in order of sequence. */
  currents(): readonly ModelVersion[] {
    return this.versions.filter(version => this.current(version.change.itemId) === version);
  }

  digest(): string {
    return this.currents()
      .filter(({ change }) => change.changeType === 'upsert')
      .reduce(
        (digest, { change, version }) => toggleInDigest(digest, change.itemId, version, change.timestamp),
        emptyDigest,
      );
  }

  push(deviceId: string, changes: readonly DecodedChange[], now: number): readonly ModelAnswer[] {
    const before = { versions: this.versions, head: this.head };
    const refused = new Map<string, Refused>();
    for (;;) {
      this.versions = before.versions;
      this.head = before.head;
      const answers = this.#attempt(deviceId, changes, now, refused);
      if (answers !== undefined) {
        for (const [index, text] of answers.entries()) {
          const { changeId } = changes[index]?.change ?? {};
          if (text.startsWith('accepted')) {
            this.#answers.set(`${deviceId} ${changeId}`, { text, sequence: Number(text.split(' ')[2]) });
          }
        }
        return answers;
      }
    }
  }

  acknowledge(deviceId: string, sequence: number): void {
    for (const [key, answer] of this.#answers) {
      if (key.startsWith(deviceId) && answer.sequence <= sequence) this.#answers.delete(key);
    }
  }

  /** A subject whose tombstone was pruned is as if it had never been. */
  forget(subject: string): void {
    this.versions = this.versions.filter(({ change }) => change.itemId !== subject);
  }

  /** Undefined when a group turned out to be refused, which is noted: the push has to be tried anew. */
  #attempt(
    deviceId: string,
    changes: readonly DecodedChange[],
    now: number,
    refused: Map<string, Refused>,
  ): readonly ModelAnswer[] | undefined {
    const answers: ModelAnswer[] = [];
    const inBatch = new Map<string, ModelAnswer>();
    for (const [index, { change }] of changes.entries()) {
      const known = this.#answers.get(`${deviceId} ${change.changeId}`)?.text ?? inBatch.get(change.changeId);
      const { group } = change;
      const refusal = this.#refusal(change, now);
      const reason = group === undefined ? undefined : refused.get(group);
      let answer: ModelAnswer;
      if (known !== undefined) {
        answer = known;
      } else if (reason?.index === index && reason.answer.startsWith('rejected')) {
        answer = reason.answer;
      } else if (reason !== undefined) {
        answer = refusal ?? 'rejected groupRefused';
      } else if (refusal !== undefined) {
        answer = refusal;
      } else {
        const version = (this.current(change.itemId)?.version ?? 0) + 1;
        this.head += 1;
        this.versions = [...this.versions, { change, version, sequence: this.head }];
        answer = `accepted ${version} ${this.head}`;
      }
      if (group !== undefined && !answer.startsWith('accepted') && !refused.has(group)) {
        refused.set(group, { index, answer });
        return undefined;
      }
      inBatch.set(change.changeId, answer);
      answers.push(answer);
    }
    return answers;
  }

  #refusal(change: WireChange, now: number): ModelAnswer | undefined {
    const current = this.current(change.itemId);
    const shown: ModelAnswer = `conflict ${change.itemId}`;
    if (change.collection === 'item') {
      if (change.baseVersion !== (current?.version ?? 0)) return shown;
      if (change.baseTimestamp !== (current?.change.timestamp ?? null)) return shown;
      if (current !== undefined && change.timestamp <= current.change.timestamp) {
        return 'rejected stampNotGrowing';
      }
    } else if (current?.change.collection === 'conflict') {
      const { revision, timestamp } = current.change;
      const isLater =
        change.revision > revision || (change.revision === revision && change.timestamp > timestamp);
      if (!isLater) return shown;
    }
    const latest = Math.max(now, Number(current?.change.timestamp.slice(0, 16) ?? 0)) + 300_000;
    return Number(change.timestamp.slice(0, 16)) > latest ? 'rejected stampAhead' : undefined;
  }
}
