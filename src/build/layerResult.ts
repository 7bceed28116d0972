import * as z from 'zod';

/** What a layer's process leaves behind when all of its tests have ended. */
export const layerResultSchema = z.object({
  passed: z.int(),
  failed: z.int(),
  /** Titles of tests that did not run. */
  skipped: z.array(z.string()),
});
export type LayerResult = z.infer<typeof layerResultSchema>;
