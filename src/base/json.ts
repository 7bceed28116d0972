/** Any value that JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonObject = { readonly [key: string]: Json };

/**
 * True for an object that JSON can carry, however deep it nests. Its fields may have any name, `__proto__` too, which
 * libraries drop when they copy an object: what is told by this is to be used as it is.
 */
export function isJsonObject(value: unknown): value is JsonObject {
  if (!isPlainObject(value)) return false;
  const left: unknown[] = Object.values(value);
  while (left.length > 0) {
    const next = left.pop();
    if (Array.isArray(next) || isPlainObject(next)) left.push(...Object.values(next));
    else if (next !== null && !['boolean', 'string'].includes(typeof next) && !Number.isFinite(next))
      return false;
  }
  return true;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** JSON text with object keys in code-unit order, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(inOrder(value));
}

/** The same value with the keys of every object in order. (As a replacer of `JSON.stringify` it takes twice as long.) */
function inOrder(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(inOrder);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
      .map(([key, inner]) => [key, inOrder(inner)]),
  );
}

/** `JSON.parse` that answers undefined for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller decodes the value with a schema, which refuses undefined in words
  }
}
