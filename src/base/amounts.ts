/** `1 item`, `3 items`: for nouns whose plural takes an s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A number of bytes as a person reads it: `900 bytes`, `3.0 KiB`, `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const kib = 1024;
  if (bytes < kib) return counted(bytes, 'byte');
  return bytes < kib * kib ? `${(bytes / kib).toFixed(1)} KiB` : `${(bytes / kib / kib).toFixed(1)} MiB`;
}
