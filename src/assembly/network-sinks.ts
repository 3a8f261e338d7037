/** Sinks on the network, with this machine's clock. */
import { systemClock } from '../platform/system-clock.ts';
import * as http from '../sinks/http-sink.ts';
import * as influx from '../sinks/influx-sink.ts';
import type { Sink } from '../sinks/sink.ts';

/**
 * Points to InfluxDB 1.x, 2.x or 3.x, VictoriaMetrics, or what else takes line protocol. Without `point` a batch is line protocol
 * and its bytes are sent untouched; with it points are made of records.
 *
 * A point is known by measurement, tags and time: sent again it is there once, with the values that came last. A row without
 * a time is refused, unless `serverTime` leaves it to the server and gives up idempotency.
 * @throws ConfigError naming the option at fault
 */
export function influxSink(options: influx.InfluxSinkOptions): Sink {
  return influx.influxSink({ clock: systemClock, ...options });
}

/**
 * Records to any HTTP endpoint, as NDJSON, a JSON array or the bytes as received. Requests carry an Idempotency-Key made of the
 * keys of their rows. At-least-once, unless the target tells rows apart and `idempotent` says so.
 * @throws ConfigError naming the option at fault
 */
export function httpSink(options: http.HttpSinkOptions): Sink {
  return http.httpSink({ clock: systemClock, ...options });
}
