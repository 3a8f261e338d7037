/** The VictoriaMetrics that tests write to: one of their own, or that of `VICTORIA_METRICS_URL`. */
import { startOwnServer } from './own-server.ts';

export interface VictoriaMetrics extends AsyncDisposable {
  readonly url: string;
  /** The samples of all series whose name matches, by series; visible a moment after they were written. */
  samples(match: string): Promise<readonly Samples[]>;
}

export interface Samples {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  readonly timestamps: readonly number[];
}

/** @throws Error that says what to install when there is none */
export async function startVictoriaMetrics(): Promise<VictoriaMetrics> {
  const { VICTORIA_METRICS_URL } = process.env;
  if (VICTORIA_METRICS_URL) return metricsAt(VICTORIA_METRICS_URL, async () => {});
  const own = await startOwnServer('VictoriaMetrics', {
    command: 'victoria-metrics',
    prepare: async (directory, port) => [
      `-storageDataPath=${directory}/data`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-search.latencyOffset=0s',
      '-loggerLevel=WARN',
    ],
    isReady: async (url) => (await fetch(`${url}/health`)).ok,
  });
  return metricsAt(own.url, async () => own[Symbol.asyncDispose]());
}

function metricsAt(url: string, dispose: () => Promise<void>): VictoriaMetrics {
  return {
    url,
    samples: async (match) => {
      await fetch(`${url}/internal/force_flush`);
      const text = await (await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent(match)}`)).text();
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    },
    [Symbol.asyncDispose]: dispose,
  };
}
