import { createReadStream } from 'node:fs';
import { sizeText } from '../base/amounts';
import { fromUtf8 } from '../base/encoding';
import { messageOf, systemCodeOf } from '../base/errors';
import { err, ok, type Result } from '../base/result';
import type { Failure } from './failure';
import type { Terminal } from './terminal';

/** Of a file or of standard input; what an item may hold is for the device to say. */
export const maxInputBytes = 64 * 1024 * 1024;

/** The UTF-8 text of a file, or of standard input for `-`. */
export async function readText(file: string, terminal: Terminal): Promise<Result<string, Failure>> {
  const name = file === '-' ? 'standard input' : file;
  const bytes = await readBytes(file === '-' ? terminal.input.pieces : createReadStream(file), name);
  if (!bytes.ok) return bytes;
  const text = fromUtf8(bytes.value);
  if (text === undefined) {
    return badInput(`${name} is not UTF-8 text: convert it first, for instance with iconv.`);
  }
  return ok(text);
}

async function readBytes(
  pieces: AsyncIterable<Uint8Array>,
  name: string,
): Promise<Result<Uint8Array, Failure>> {
  const read: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of pieces) {
      size += piece.byteLength;
      if (size > maxInputBytes) return badInput(`${name} is larger than ${sizeText(maxInputBytes)}.`);
      read.push(piece);
    }
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === undefined) throw error;
    return badInput(`${name} cannot be read: ${reasons[code] ?? messageOf(error)}.`);
  }
  return ok(Buffer.concat(read));
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission was denied',
  EISDIR: 'it is a folder',
};

function badInput(message: string): Result<never, Failure> {
  return err({ code: 'badInput', message });
}
