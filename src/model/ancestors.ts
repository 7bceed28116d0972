import type { Stamp } from './ids/stamp';

/** How many stamps of former versions a device and a sealed payload name. */
export const maxAncestors = 16;

/** Stamps newest first, each once, as many as a payload names. */
export function ancestorsOf(...stamps: readonly Stamp[]): readonly Stamp[] {
  return [...new Set(stamps)].sort().reverse().slice(0, maxAncestors);
}
