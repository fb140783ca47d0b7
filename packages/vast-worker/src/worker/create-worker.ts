import { CertificateSource } from '../adapters/certificate.ts';
import { type Clock, systemClock } from '../adapters/clock.ts';
import { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import { diskUsageGib } from '../adapters/disk-usage.ts';
import { describeGpus } from '../adapters/gpu.ts';
import { hostOf } from '../adapters/host-of.ts';
import { HttpServer } from '../adapters/http-server.ts';
import { KeepAlive } from '../adapters/keep-alive.ts';
import { createLogger, type Logger } from '../adapters/logger.ts';
import { WorkerMetrics } from '../adapters/metrics.ts';
import { ModelServerClient } from '../adapters/model-server-client.ts';
import { createPerfCache, noPerfCache } from '../adapters/perf-cache.ts';
import { Tracing } from '../adapters/tracing.ts';
import { chooseBenchmark } from './benchmark-calls.ts';
import type { ResolvedConfig } from './config.ts';
import { createDirectListeners, type DirectListeners } from './direct-listeners.ts';
import { type GrantRules, GrantVerifier } from './grant-verifier.ts';
import { handleRequest, type RequestDeps } from './handle-request.ts';
import { healthReport } from './health-report.ts';
import { HealthWatch } from './health-watch.ts';
import { ModelProbe } from './model-probe.ts';
import { ModelSupervisor } from './model-supervisor.ts';
import { createInternalApp, createOpsApp } from './ops-app.ts';
import { Reporter } from './report-loop.ts';
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
  /** Takes each line that a model server of ours writes. */
  modelOutput: (line: string) => void;
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
  /** Direct mode: none unless configured. */
  direct: DirectListeners;
  sessions: Sessions;
  keepAlive: KeepAlive;
  /** undefined: plain HTTP. */
  certificate: CertificateSource | undefined;
  modelServer: ModelServerClient;
  controlPlane: ControlPlaneClient;
  verifier: GrantVerifier | undefined;
  startUp: StartUpDeps;
  watch: HealthWatch;
  /** undefined: somebody else starts the model server. */
  supervisor: ModelSupervisor | undefined;
  /** undefined: off. */
  tracing: Tracing | undefined;
  /** undefined: standalone. */
  reporting: Reporter | undefined;
}

/** Where the parts meet; the only function that knows them all. */
export function createWorker(config: ResolvedConfig, overrides: Partial<Parts> = {}): AssembledWorker {
  const parts: Parts = {
    clock: overrides.clock ?? systemClock,
    log: overrides.log ?? createLogger(config.logLevel),
    updateMarkerFile: overrides.updateMarkerFile ?? '/.force_update',
    metrics: overrides.metrics ?? new WorkerMetrics(),
    modelOutput: overrides.modelOutput ?? ((line) => void process.stderr.write(`${line}\n`)),
  };
  const { clock, log, metrics } = parts;
  const state = new WorkerState({ clock, log, keepDeletions: config.identity !== undefined });
  const desk = new TicketDesk(state, clock);
  const modelServer = new ModelServerClient({
    origin: config.modelServerOrigin,
    maxConnections: config.maxModelServerConnections,
    firstByteTimeout: config.firstByteTimeout,
    idleTimeout: config.idleTimeout,
    clock,
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
  const tracing =
    config.tracing && new Tracing({ config: config.tracing, clock, log, count: (result, spans) => metrics.spansEnded(result, spans) });
  const keepAlive = new KeepAlive(config.streamKeepAlive ?? 0, clock);
  const requestDeps: RequestDeps = {
    desk,
    modelServer,
    metrics,
    log,
    maxBodyBytes: config.maxBodyBytes,
    maxBodyDepth: config.maxBodyDepth,
    verify,
    sessions,
    keepAlive,
    tracing,
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
      metricsToken: config.metricsToken,
      serviceMetrics: config.serviceMetrics,
      modelMetrics: (signal) => modelServer.metrics(signal),
      masterToken: config.identity?.masterToken ?? '',
      updateMarkerFile: parts.updateMarkerFile,
      maxBodyBytes: config.maxBodyBytes,
      routes: routes.map((route) => route.handler.route),
      health: () =>
        healthReport(state, desk, {
          workloadUnit: config.workloadUnit,
          reportsToControlPlane: config.identity !== undefined,
          modelServer: supervisor?.facts,
        }),
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
  const direct = createDirectListeners(config.direct, { routes, requestDeps, workerId, clock, log });
  const waitLimitSeconds = Math.min(...config.handlers.map(({ maxQueueTime }) => maxQueueTime ?? Number.POSITIVE_INFINITY));
  metrics.observe({
    accounts: () => direct.accounts(),
    phase: () => state.phase,
    phaseSeconds: () => state.phaseSeconds(),
    loadSeconds: () => state.loadSeconds,
    perf: () => state.perf,
    throughput: () => state.throughput,
    openLoad: () => state.ledger.openLoad,
    openRequests: () => state.ledger.openCount,
    queuedRequests: () => desk.queuedCount,
    requestsReceived: () => state.ledger.requestCount,
    waitSeconds: () => state.waitSeconds,
    waitLimitSeconds: () => waitLimitSeconds,
    totals: () => ({ ...state.ledger.totals }),
    pendingDeletions: () => state.ledger.unreportedDeletions,
    droppedDeletions: () => state.ledger.droppedDeletions,
    openSessions: () => sessions.openCount,
  });

  const probe = new ModelProbe({ modelServer, healthUrl: config.modelHealthUrl, isHealthUrlConfigured: config.isHealthUrlConfigured });
  const startUp: StartUpDeps = {
    state,
    modelServer,
    probe: { check: (...args) => (supervisor?.isRunning === false ? notRunning : probe.check(...args)) },
    metrics,
    clock,
    log,
    benchmark: chooseBenchmark(routes),
    perfCache: config.perfCacheFile === undefined ? noPerfCache : createPerfCache(config.perfCacheFile),
    describeGpus,
    verifier,
    loadedBy: () =>
      supervisor?.loadedBy ?? (config.modelLogFile !== undefined && config.logActionConfig.onLoad.length > 0 ? 'log' : 'health'),
    loadTimeout: config.loadTimeout,
    probeTimeoutMs: config.modelHealthTimeout * 1000,
    initialPerf: config.initialPerf,
  };
  const watch = new HealthWatch(startUp);
  const supervisor =
    config.supervised &&
    new ModelSupervisor({
      modelServer: config.supervised,
      startUp,
      state,
      watch,
      log,
      rules: config.logActionConfig,
      address: addressOf(config),
      passOn: (line) => parts.modelOutput(config.hfToken ? line.replaceAll(config.hfToken, '[HF_TOKEN]') : line),
    });
  return {
    config,
    parts,
    state,
    desk,
    server,
    internalServer,
    direct,
    sessions,
    keepAlive,
    tracing,
    certificate,
    modelServer,
    controlPlane,
    verifier,
    startUp,
    watch,
    supervisor,
    reporting: config.identity && new Reporter({ state, identity: config.identity, controlPlane, metrics, clock, diskUsageGib }),
  };
}

/** What a probe finds while no model server of ours runs, whoever may answer on its port. */
const notRunning = Promise.resolve({ ok: false, status: undefined, isRefused: true, description: 'is not running' });

const addressOf = ({ modelServerOrigin, modelServerPort }: ResolvedConfig) => ({
  host: hostOf(new URL(modelServerOrigin)),
  port: modelServerPort,
});

const grantRules = (config: ResolvedConfig): GrantRules => ({
  form: config.signatureForm,
  urlCheck: config.urlCheck,
  url: config.identity?.url,
  endpoint: config.endpointName,
  replayWindow: config.replayWindow,
});
