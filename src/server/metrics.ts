import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the server counts, in a registry of its own. */
export interface Metrics {
  readonly registry: Registry;
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  readonly bytes: Counter<'direction'>;
  readonly pushes: Counter;
  readonly changes: Counter<'answer'>;
  readonly pulled: Counter;
  readonly epochs: Counter;
  readonly pruned: Counter<'kind'>;
  readonly streams: Gauge;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    requests: new Histogram({
      name: 'scratch_request_duration_seconds',
      help: 'Requests by route and status, with the time that they took',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    bytes: new Counter({
      name: 'scratch_body_bytes_total',
      help: 'Bytes of bodies as received, and as sent',
      labelNames: ['direction'],
      registers,
    }),
    pushes: new Counter({ name: 'scratch_pushes_total', help: 'Batches taken in', registers }),
    changes: new Counter({
      name: 'scratch_changes_total',
      help: 'Pushed changes by answer',
      labelNames: ['answer'],
      registers,
    }),
    pulled: new Counter({
      name: 'scratch_pulled_versions_total',
      help: 'Versions sent to devices',
      registers,
    }),
    epochs: new Counter({
      name: 'scratch_epochs_started_total',
      help: 'Epochs started because a device knew more than the store: it was restored from a backup',
      registers,
    }),
    pruned: new Counter({
      name: 'scratch_pruned_total',
      help: 'Tombstones, old versions and marks pruned',
      labelNames: ['kind'],
      registers,
    }),
    streams: new Gauge({ name: 'scratch_event_streams', help: 'Open event streams', registers }),
  };
}

/** Adds the figures of the process itself: memory, processor, event loop. They watch the real clock. */
export function collectProcessMetrics(metrics: Metrics): void {
  collectDefaultMetrics({ register: metrics.registry });
}
