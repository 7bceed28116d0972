/** What a change does to its item: it gives it a content, or makes it a tombstone. */
export type ChangeType = 'upsert' | 'delete';
