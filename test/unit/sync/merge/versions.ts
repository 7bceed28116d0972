import assert from 'node:assert/strict';
import type { Content } from '../../../../src/model/content';
import { isDeviceId } from '../../../../src/model/ids/ids';
import { formatStamp, type Stamp } from '../../../../src/model/ids/stamp';
import {
  type Merge,
  type MergedVersions,
  type MergeInput,
  type MergeSide,
  mergeVersions,
} from '../../../../src/sync/merge/mergeVersions';

/** A stamp at a number of milliseconds; greater numbers are later. */
export function stampAt(millis: number): Stamp {
  const deviceId = '0123456789abcdef';
  assert.ok(isDeviceId(deviceId));
  return formatStamp({ millis, counter: 0, deviceId });
}

export function live(content: Content, millis: number): MergeSide {
  return { content, deleted: false, stamp: stampAt(millis) };
}

export function deleted(content: Content, millis: number): MergeSide {
  return { content, deleted: true, stamp: stampAt(millis) };
}

/** Merges, and checks that swapping the sides changes nothing but their names. */
export function mergeBothWays(input: Omit<MergeInput, 'text'> & Partial<Pick<MergeInput, 'text'>>): Merge {
  const whole: MergeInput = { text: 'merge', ...input };
  const merge = mergeVersions(whole);
  const mirrored = mergeVersions({ ...whole, left: whole.right, right: whole.left });
  assert.deepEqual(mirrored, merge.type === 'same' ? merge : { ...merge, equals: mirror(merge.equals) });
  return merge;
}

/** Merges two live versions of a known base, `earlier` before `later`. */
export function mergeLive(
  base: Content,
  earlier: Content,
  later: Content,
  text: MergeInput['text'] = 'merge',
): MergedVersions {
  const merge = mergeBothWays({
    base: { content: base, deleted: false },
    left: live(earlier, 1),
    right: live(later, 2),
    text,
  });
  assert.ok(merge.type === 'merged', 'the sides differ');
  return merge;
}

function mirror(side: MergedVersions['equals']): MergedVersions['equals'] {
  return side === 'left' ? 'right' : side === 'right' ? 'left' : 'neither';
}
