/** What a timestamp counts. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns';
