import { InvalidArgumentError } from 'commander';

/** The value of an option that counts from 1; anything else is wrong usage. */
export function wholeNumber(given: string): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Give a whole number above 0.');
  return value;
}
