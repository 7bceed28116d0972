import * as z from 'zod';
import { err, ok } from '../base/result';
import { manifestQuerySchema, versionsQuerySchema } from '../protocol/changes';
import { conflictIdSchema, itemIdSchema } from '../protocol/scalars';
import { withSession } from './authentication';
import { wireVersion } from './changes';
import type { ServerContext } from './context';
import { formatCursor } from './cursors';
import type { Endpoint } from './endpoint';
import { malformed, signInAgain, unavailable } from './outcomes';

const subjectSchema = z.union([itemIdSchema, conflictIdSchema]);

/** Manifest, one item, its history. */
export function itemEndpoints(context: ServerContext): readonly Endpoint[] {
  const { storage, clock, logger, limits } = context;
  return [
    {
      method: 'GET',
      path: '/v1/items',
      handle: withSession(context, async (request, { accountId }) => {
        const query = manifestQuerySchema.safeParse(request.query());
        if (!query.success) return err(malformed('query', query.error));
        const { after = '' } = query.data;
        const limit = Math.min(query.data.limit, limits.maxManifestEntries);
        const page = await storage.manifest({ accountId, after, limit });
        if (!page.ok)
          return err(page.error.type === 'accessGone' ? signInAgain : unavailable(page.error, logger));
        const { entries, hasMore, cursor } = page.value;
        return ok({
          status: 200,
          body: {
            items: entries,
            hasMore,
            cursor: formatCursor(cursor),
            epoch: cursor.epoch,
            serverTime: clock.now(),
          },
        });
      }),
    },
    {
      method: 'GET',
      path: '/v1/items/:id',
      handle: withSession(context, async (request, { accountId }) => {
        const subject = subjectSchema.safeParse(request.parameter('id'));
        if (!subject.success) return err(malformed('item id', subject.error));
        const item = await storage.findItem(accountId, subject.data);
        if (!item.ok) return err(unavailable(item.error, logger));
        if (item.value === undefined) return err({ code: 'notFound', title: 'There is no such item' });
        return ok({ status: 200, body: { item: wireVersion(item.value), serverTime: clock.now() } });
      }),
    },
    {
      method: 'GET',
      path: '/v1/items/:id/versions',
      handle: withSession(context, async (request, { accountId }) => {
        const subject = subjectSchema.safeParse(request.parameter('id'));
        if (!subject.success) return err(malformed('item id', subject.error));
        const query = versionsQuerySchema.safeParse(request.query());
        if (!query.success) return err(malformed('query', query.error));
        const { before = Number.MAX_SAFE_INTEGER, limit } = query.data;
        const page = await storage.listVersions({
          accountId,
          subject: subject.data,
          before,
          limit,
          maxPayloadBytes: limits.maxPagePayloadBytes,
        });
        if (!page.ok) return err(unavailable(page.error, logger));
        const { versions, hasMore } = page.value;
        if (versions.length === 0 && query.data.before === undefined) {
          return err({ code: 'notFound', title: 'There is no such item' });
        }
        return ok({
          status: 200,
          body: { versions: versions.map(wireVersion), hasMore, serverTime: clock.now() },
        });
      }),
    },
  ];
}
