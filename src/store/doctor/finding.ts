/** What one check of the doctor found. */
export interface Finding {
  /** What was looked at: a short name. */
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'error';
  /** What was found, in words for a person. */
  readonly found: string;
  /** What mending it will do, or did; undefined when there is nothing to mend here. */
  readonly mend: string | undefined;
  readonly mended: boolean;
}

export function sound(check: string, found: string): Finding {
  return { check, level: 'ok', found, mend: undefined, mended: false };
}

export function trouble(
  check: string,
  level: 'warning' | 'error',
  found: string,
  mending: { readonly mend: string; readonly mended: boolean } | undefined,
): Finding {
  return { check, level, found, mend: mending?.mend, mended: mending?.mended ?? false };
}
