import type { Command } from 'commander';
import * as z from 'zod';
import { counted } from '../base/amounts';
import { ok } from '../base/result';
import type { FindingJson, SnapshotJson } from '../device/json';
import { checkLocksAndStore } from '../device/upkeep/wholeDoctor';
import { addCommand, answer, type Runner } from './command';
import { localTime, type Page, plain, table } from './page';

/** Commands that keep the store safe and sound. */
export function addUpkeepCommands(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'snapshot',
    summary: 'keep a copy of the whole store as it is now',
    schema: z.object({}),
    run: async ({ device }) =>
      answer(
        await device.upkeep.takeSnapshot(),
        ({ id, items }) =>
          `Took snapshot ${id} of ${counted(items, 'item')}. scratch rollback ${id} goes back to it.`,
      ),
  });
  addCommand(program, runner, {
    usage: 'snapshots',
    summary: 'list the snapshots, the latest first',
    schema: z.object({}),
    run: async ({ device }) => answer(await device.upkeep.snapshots(), snapshotList),
  });
  addCommand(program, runner, {
    usage: 'rollback <snapshot>',
    summary: 'set every item to what it was in a snapshot; this syncs, and can be undone',
    schema: z.object({}),
    run: async ({ device, args: [id = ''] }) =>
      answer(
        await device.upkeep.rollBack(id),
        ({ changed, undoSnapshot }) =>
          `Set back ${counted(changed, 'item')}. scratch rollback ${plain(undoSnapshot)} undoes this.`,
      ),
  });
  addCommand(program, runner, {
    usage: 'doctor',
    summary: 'check the store and say what was found',
    declare: command => command.option('--mend', 'mend what can be mended'),
    schema: z.object({ mend: z.boolean().optional() }),
    help: 'Exits with 1 when it has found an error that is not mended.',
    async runAtHome(home, { mend = false }) {
      const checked = await checkLocksAndStore(
        () => home.checkLocks({ mend }),
        async () => {
          const opened = await home.open();
          return opened.ok ? opened.value.upkeep.doctor({ mend }) : opened;
        },
      );
      const told = answer(checked, findingList);
      if (!told.ok || !checked.ok) return told;
      const errors = checked.value.filter(({ level, mended }) => level === 'error' && !mended);
      if (errors.length === 0) return told;
      const message = `The doctor has found ${counted(errors.length, 'error')}: ${errors.map(({ found }) => found).join(' ')}`;
      return ok({ ...told.value, shortfall: { code: 'unsound', message } });
    },
  });
}

const reasons: Readonly<Record<SnapshotJson['reason'], string>> = {
  migration: 'before an update of the store',
  massChange: 'before a mass change',
  daily: 'daily',
  command: 'asked for',
  rollback: 'before a rollback',
};

function snapshotList(snapshots: readonly SnapshotJson[], page: Page): string {
  if (snapshots.length === 0) return 'No snapshots yet. scratch snapshot takes one.';
  return table(
    page,
    [
      { title: 'ID' },
      { title: 'TAKEN' },
      { title: 'WHY', stretches: true },
      { title: 'ITEMS', alignRight: true },
      { title: 'KB', alignRight: true },
    ],
    snapshots.map(({ id, at, reason, items, bytes }) => [
      id,
      { text: localTime(at, true), tone: 'quiet' },
      reasons[reason],
      String(items),
      (bytes / 1024).toFixed(0),
    ]),
  );
}

function findingList(findings: readonly FindingJson[], page: Page): string {
  const lines = findings.map(({ check, level, found, mend, mended }) => {
    const tone = level === 'ok' ? 'good' : level === 'warning' ? 'warning' : 'bad';
    const mending = mend === undefined ? '' : `\n    ${mended ? 'Mended' : 'Can be mended'}: ${plain(mend)}`;
    return `${page.paint(tone, level.padEnd(widestLevel))}  ${plain(check)}: ${plain(found)}${mending}`;
  });
  const canMend = findings.some(({ mend, mended }) => mend !== undefined && !mended);
  return [...lines, ...(canMend ? ['', 'scratch doctor --mend mends what can be mended.'] : [])].join('\n');
}

const widestLevel = 'warning'.length;
