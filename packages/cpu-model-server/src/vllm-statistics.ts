import type { EngineCore } from './vllm-engine-core.ts';
import type { VllmLog } from './vllm-log.ts';
import type { VllmMetrics } from './vllm-metrics.ts';

/** The line of statistics, every few seconds unless nothing happened. @returns stops it */
export function logStatistics(log: VllmLog, metrics: VllmMetrics, core: EngineCore, intervalSeconds: number): () => void {
  let last = { prompt: 0, generated: 0, busy: false };
  const timer = setInterval(() => {
    const { promptTokens: prompt, generatedTokens: generated } = metrics;
    const busy = prompt > last.prompt || generated > last.generated || core.running > 0;
    if (busy || last.busy) {
      const figures = { prompt: (prompt - last.prompt) / intervalSeconds, generated: (generated - last.generated) / intervalSeconds };
      log.api('INFO', 'loggers.py:310', statisticsLine(figures, core));
    }
    last = { prompt, generated, busy };
  }, intervalSeconds * 1000);
  timer.unref();
  return () => clearInterval(timer);
}

/** @param perSecond tokens */
export function statisticsLine(
  perSecond: { prompt: number; generated: number },
  { running, waiting, kvCacheUsage }: Pick<EngineCore, 'running' | 'waiting' | 'kvCacheUsage'>,
): string {
  return (
    `Engine 000: Avg prompt throughput: ${perSecond.prompt.toFixed(1)} tokens/s, ` +
    `Avg generation throughput: ${perSecond.generated.toFixed(1)} tokens/s, Running: ${running} reqs, Waiting: ${waiting} reqs, ` +
    `GPU KV cache usage: ${(kvCacheUsage * 100).toFixed(1)}%, Prefix cache hit rate: 0.0%`
  );
}
