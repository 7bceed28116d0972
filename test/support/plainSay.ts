import type { Say } from '../../src/extension/views/say';

/** English, as the editor puts it when it has no translation. */
export const plainSay: Say = (message, ...values) =>
  message.replace(/\{(\d+)\}/g, (place, index) => String(values[Number(index)] ?? place));
