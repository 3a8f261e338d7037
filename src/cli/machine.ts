/** The real machine behind a command: clock, disk, chance; with events logged and metrics counted. */
import type { Machine } from '../assembly/backlog.ts';
import { EventBus } from '../core/events.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';
import { systemRandom } from '../platform/system-clock.ts';
import { logEvents } from '../telemetry/log-events.ts';
import { createLogger, type LogLevel } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { type MetricsServer, type MetricsServerOptions, serveMetrics } from '../telemetry/metrics-server.ts';
import type { CliContext } from './context.ts';
import type { Terminal } from './terminal.ts';

export interface CliMachine extends Machine {
  readonly metrics: Metrics;
}

export function openMachine(context: CliContext, chain: string, level: LogLevel): CliMachine {
  const bus = new EventBus();
  const { clock, stderr } = context;
  logEvents(bus, createLogger({ level, write: (line) => void stderr.write(line), clock }));
  return { clock, random: systemRandom, fs: nodeFileSystem, metrics: createMetrics(chain), bus };
}

/** Serves metrics when a port was asked for, and says where. @throws ConfigError when the port is taken */
export async function serveIfAsked(
  port: number | undefined,
  machine: CliMachine,
  terminal: Terminal,
  health: MetricsServerOptions['health'],
): Promise<MetricsServer | undefined> {
  if (port === undefined) return undefined;
  const server = await serveMetrics({
    port,
    render: () => machine.metrics.render(),
    health,
  });
  terminal.note(`metrics at ${server.url}/metrics`);
  return server;
}
