import { CertificateSource } from '../adapters/certificate.ts';
import { type Clock, systemClock } from '../adapters/clock.ts';
import { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import { diskUsageGib } from '../adapters/disk-usage.ts';
import { describeGpus } from '../adapters/gpu.ts';
import { HttpServer } from '../adapters/http-server.ts';
import { createLogger, type Logger } from '../adapters/logger.ts';
import { WorkerMetrics } from '../adapters/metrics.ts';
import { ModelServerClient } from '../adapters/model-server-client.ts';
import { createPerfCache, noPerfCache } from '../adapters/perf-cache.ts';
import { chooseBenchmark } from './benchmark-calls.ts';
import type { ResolvedConfig } from './config.ts';
import { type GrantRules, GrantVerifier } from './grant-verifier.ts';
import { handleRequest, type RequestDeps } from './handle-request.ts';
import { healthReport } from './health-report.ts';
import { HealthWatch } from './health-watch.ts';
import { ModelProbe } from './model-probe.ts';
import { createInternalApp, createOpsApp } from './ops-app.ts';
import type { ReportDeps } from './report-loop.ts';
import { Sessions } from './sessions.ts';
import type { StartUpDeps } from './start-up.ts';
import { WorkerState } from './state.ts';
import { TicketDesk } from './tickets.ts';

/** What tests may replace: parts, never modules. */
export interface Parts {
  /** Where the start script looks for the wish to be updated. */
  updateMarkerFile: string;
  clock: Clock;
  log: Logger;
  metrics: WorkerMetrics;
}

/** A worker put together and not yet running. */
export interface AssembledWorker {
  config: ResolvedConfig;
  parts: Parts;
  state: WorkerState;
  desk: TicketDesk;
  server: HttpServer;
  /** For the model server itself; undefined when it has no port. */
  internalServer: HttpServer | undefined;
  sessions: Sessions;
  /** undefined: plain HTTP. */
  certificate: CertificateSource | undefined;
  modelServer: ModelServerClient;
  controlPlane: ControlPlaneClient;
  verifier: GrantVerifier | undefined;
  startUp: StartUpDeps;
  watch: HealthWatch;
  /** undefined: standalone. */
  reporting: ReportDeps | undefined;
}

/** Where the parts meet; the only function that knows them all. */
export function createWorker(config: ResolvedConfig, overrides: Partial<Parts> = {}): AssembledWorker {
  const parts: Parts = {
    clock: overrides.clock ?? systemClock,
    log: overrides.log ?? createLogger(config.logLevel),
    updateMarkerFile: overrides.updateMarkerFile ?? '/.force_update',
    metrics: overrides.metrics ?? new WorkerMetrics(),
  };
  const { clock, log, metrics } = parts;
  const state = new WorkerState({ clock, log, keepDeletions: config.identity !== undefined });
  const desk = new TicketDesk(state, clock);
  const modelServer = new ModelServerClient({
    origin: config.modelServerOrigin,
    maxConnections: config.maxModelServerConnections,
    firstByteTimeout: config.firstByteTimeout,
    idleTimeout: config.idleTimeout,
    token: config.hfToken,
  });
  const controlPlane = new ControlPlaneClient({ addresses: config.reportAddresses, log });
  const verifier = config.isUnsecured ? undefined : new GrantVerifier({ rules: grantRules(config), controlPlane, clock, log });
  const routes = config.handlers.map((handler) => desk.openRoute(handler, metrics.forRoute(handler.route)));

  const verify: RequestDeps['verify'] = (auth, rawAuth, inSession) => verifier?.verify(auth, rawAuth, inSession);
  const sessions = new Sessions({
    state,
    modelServer,
    clock,
    log,
    maxSessions: config.maxSessions,
    maxSessionLifetime: config.maxSessionLifetime,
    maxBodyDepth: config.maxBodyDepth,
    verify,
  });
  const requestDeps: RequestDeps = {
    desk,
    modelServer,
    metrics,
    log,
    maxBodyBytes: config.maxBodyBytes,
    maxBodyDepth: config.maxBodyDepth,
    verify,
    sessions,
  };
  const workerId = config.answersCarryIds ? String(config.identity?.id ?? 'standalone') : undefined;
  const certificate = config.useSsl
    ? new CertificateSource({ ...config.certificateFiles, apiUrl: config.vastApiUrl, instanceId: config.identity?.id, clock, log })
    : undefined;
  const server = new HttpServer({
    port: config.workerPort,
    host: config.workerHost,
    portVariable: 'WORKER_PORT',
    workerId,
    certificate: certificate && ((signal) => certificate.load(signal)),
    routes: new Map(routes.map((route) => [route.handler.route, (exchange) => void handleRequest(exchange, route, requestDeps)])),
    everythingElse: createOpsApp({
      metrics,
      sessions,
      masterToken: config.identity?.masterToken ?? '',
      updateMarkerFile: parts.updateMarkerFile,
      maxBodyBytes: config.maxBodyBytes,
      routes: routes.map((route) => route.handler.route),
      health: () => healthReport(state, desk, { workloadUnit: config.workloadUnit, reportsToControlPlane: config.identity !== undefined }),
    }),
  });
  const internalServer =
    config.workerHttpPort === undefined
      ? undefined
      : new HttpServer({
          port: config.workerHttpPort,
          host: config.workerHttpHost,
          portVariable: 'WORKER_HTTP_PORT',
          workerId,
          certificate: undefined,
          routes: new Map(),
          everythingElse: createInternalApp({ metrics, sessions }),
        });
  metrics.observe({
    phase: () => state.phase,
    phaseSeconds: () => state.phaseSeconds(),
    loadSeconds: () => state.loadSeconds,
    perf: () => state.perf,
    openLoad: () => state.ledger.openLoad,
    openRequests: () => state.ledger.openCount,
    queuedRequests: () => desk.queuedCount,
    requestsReceived: () => state.ledger.requestCount,
    waitSeconds: () => state.waitSeconds,
    totals: () => ({ ...state.ledger.totals }),
    pendingDeletions: () => state.ledger.unreportedDeletions,
    droppedDeletions: () => state.ledger.droppedDeletions,
    openSessions: () => sessions.openCount,
  });

  const startUp: StartUpDeps = {
    state,
    modelServer,
    probe: new ModelProbe({ modelServer, healthUrl: config.modelHealthUrl, isHealthUrlConfigured: config.isHealthUrlConfigured }),
    metrics,
    clock,
    log,
    benchmark: chooseBenchmark(routes),
    perfCache: config.perfCacheFile === undefined ? noPerfCache : createPerfCache(config.perfCacheFile),
    describeGpus,
    verifier,
    loadedBy: config.modelLogFile !== undefined && config.logActionConfig.onLoad.length > 0 ? 'log' : 'health',
    loadTimeout: config.loadTimeout,
    initialPerf: config.initialPerf,
  };
  return {
    config,
    parts,
    state,
    desk,
    server,
    internalServer,
    sessions,
    certificate,
    modelServer,
    controlPlane,
    verifier,
    startUp,
    watch: new HealthWatch(startUp),
    reporting: config.identity && { state, identity: config.identity, controlPlane, metrics, clock, diskUsageGib },
  };
}

const grantRules = (config: ResolvedConfig): GrantRules => ({
  form: config.signatureForm,
  urlCheck: config.urlCheck,
  url: config.identity?.url,
  endpoint: config.endpointName,
  replayWindow: config.replayWindow,
});
