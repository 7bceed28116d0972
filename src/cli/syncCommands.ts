import { type Command, Option } from 'commander';
import * as z from 'zod';
import { ok } from '../base/result';
import { addCommand, answer, type Runner } from './command';
import { logText, reportText, statusText } from './describeSync';
import { wholeNumber } from './wholeNumber';

/** Commands about sync itself. */
export function addSyncCommands(program: Command, runner: Runner): void {
  addCommand(program, runner, {
    usage: 'sync',
    summary: 'push what changed here and pull what changed elsewhere',
    help: `When others changed or deleted an unusual share of the items, sync stops, takes
a snapshot and asks: look with scratch status, then go on with
--accept-mass-change, or keep what this device holds of those items with
--reject-mass-change; everything else syncs either way.`,
    declare: command =>
      command
        .addOption(new Option('--accept-mass-change', 'go on').conflicts('rejectMassChange'))
        .option('--reject-mass-change', 'keep what this device holds of the items, everywhere'),
    schema: z.object({
      acceptMassChange: z.boolean().optional(),
      rejectMassChange: z.boolean().optional(),
    }),
    async run({ device, options }) {
      if (options.rejectMassChange) {
        return answer(
          await device.sync.rejectMassChange(),
          () =>
            'What the mass change deleted or overwrote is as this device held it, and everything else is synced.',
          () => ({ rejected: true }),
        );
      }
      const { acceptMassChange = false } = options;
      const synced = await device.sync.now({ trigger: 'command', acceptMassChange });
      const told = answer(synced, reportText);
      if (!told.ok || !synced.ok || synced.value.notice === undefined) return told;
      const { refused, notice } = synced.value;
      return ok({
        ...told.value,
        ...(refused === undefined
          ? { note: notice }
          : { shortfall: { code: 'itemRefused', message: notice } }),
      });
    },
  });
  addCommand(program, runner, {
    usage: 'status',
    summary: 'show how this device stands',
    schema: z.object({}),
    run: async ({ device }) => answer(await device.sync.status(), statusText),
  });
  addCommand(program, runner, {
    usage: 'log',
    summary: 'list the sync cycles that did something or failed, the latest first',
    declare: command => command.option('--limit <number>', 'at most this many', wholeNumber, defaultEntries),
    schema: z.object({ limit: z.number() }),
    run: async ({ device, options }) => answer(await device.sync.log(options.limit), logText),
  });
}

const defaultEntries = 50;
