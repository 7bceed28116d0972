import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { parseJson } from '../../../src/base/json';

/** What the extension `writer-extension` of the fixtures logs, a line for each step. */
const stepSchema = z.discriminatedUnion('step', [
  z.object({ step: z.literal('started') }),
  /** A write is about to be asked for; without an id, of a new item. */
  z.object({ step: z.literal('writes'), id: z.string().optional(), body: z.string() }),
  /** It was acknowledged. */
  z.object({ step: z.literal('wrote'), id: z.string(), body: z.string() }),
  /** A note of a turn was acknowledged, by the wall clock. */
  z.object({ step: z.literal('turned'), title: z.string(), atMs: z.number() }),
  z.object({ step: z.literal('ended') }),
  z.object({ step: z.literal('failed'), error: z.string() }),
]);
export type WriterStep = z.infer<typeof stepSchema>;

/** The steps of every extension host that wrote, by its process id. The last line of a killed one may be a part. */
export async function writerLogs(folder: string): Promise<ReadonlyMap<number, readonly WriterStep[]>> {
  const logs = new Map<number, readonly WriterStep[]>();
  for (const name of await readdir(folder)) {
    const text = await readFile(path.join(folder, name), 'utf8');
    const whole = text.split('\n').slice(0, -1);
    logs.set(
      Number(path.parse(name).name),
      whole.map(line => stepSchema.parse(parseJson(line))),
    );
  }
  return logs;
}
