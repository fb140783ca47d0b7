import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive, launchers } from './start/ancestors.ts';
import { Child, ChildFailed } from './start/child.ts';
import { greeting } from './start/greeting.ts';
import { helpText, type RunningService, readStartOptions, type StartOptions, UsageError } from './start/options.ts';
import { type PortRange, portProblem } from './start/ports.ts';
import { startCommandOf } from './start/start-command.ts';

/**
 * `npm start`: build; start an embedded model server and a worker for each service; wait until all workers are ready, say
 * how to use them, and take everything down again on Ctrl-C.
 */
async function main(): Promise<void> {
  const options = readStartOptions(process.argv.slice(2), process.env);
  if (options === 'help') return void process.stdout.write(helpText);
  const { running, verbose } = options;
  const stop = new AbortController();
  stopOnSignals(stop);
  await requireFreePorts(options);

  const children: Child[] = [];
  try {
    await build(options, children, stop.signal);
    for (const one of running) children.push(startModelServer(one, verbose));
    for (const one of running) children.push(startWorker(one, verbose));
    const failures = children.map(({ failure }) => failure);
    say(`Waiting for ${running.length === 1 ? 'the worker' : `${running.length} workers`} to be ready …`);
    const ready = Promise.all(running.map(({ workerPort }) => untilReady(workerPort, stop.signal)));
    await Promise.race([ready, ...failures]);
    process.stdout.write(greeting(running));
    await Promise.race([untilAborted(stop.signal), ...failures]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    if (stop.signal.aborted) say('\nStopping …');
    const workers = children.splice(running.length); // first: they drain while the model servers still answer
    await Promise.all(workers.map((child) => child.stop()));
    await Promise.all(children.map((child) => child.stop()));
  }
  say('Stopped.');
}

const root = fileURLToPath(new URL('..', import.meta.url));

function startModelServer({ service, modelPort }: RunningService, verbose: boolean): Child {
  const args = [`${root}packages/cpu-model-server/dist/main.js`, ...service.model, '--hostname', '127.0.0.1', '--port', String(modelPort)];
  return new Child(`${service.name} model`, process.execPath, args, { ...process.env, NO_COLOR: '1' }, verbose);
}

/** Signatures are not verified, so the worker listens on the loopback interface only. */
function startWorker({ service, workerPort, modelPort }: RunningService, verbose: boolean): Child {
  const { CONTAINER_ID: _id, REPORT_ADDR: _address, MODEL_LOG: _log, MODEL_HEALTH_ENDPOINT: _health, ...inherited } = process.env;
  const { env, flags, bundle } = startCommandOf(service.name);
  const environment = {
    ...env,
    ...service.env,
    ...inherited,
    WORKER_PORT: String(workerPort),
    WORKER_HOST: '127.0.0.1',
    MODEL_SERVER_URL: 'http://127.0.0.1',
    MODEL_SERVER_PORT: String(modelPort),
    UNSECURED: 'true',
  };
  return new Child(`${service.name} worker`, process.execPath, [...flags, bundle], environment, verbose);
}

async function requireFreePorts({ running, firstWorkerPort, firstModelPort }: StartOptions): Promise<void> {
  const ports = running.flatMap(({ workerPort, modelPort }) => [workerPort, modelPort]);
  const offsets = running.map(({ service }) => service.portOffset);
  const purposeOf = (what: string) => (offset: number) =>
    `the ${what} of ${running.find(({ service }) => service.portOffset === offset)?.service.name}`;
  const ranges: PortRange[] = [
    { first: firstWorkerPort, offsets, purposeOf: purposeOf('worker'), flag: '--worker-port', variable: 'WORKER_PORT' },
    { first: firstModelPort, offsets, purposeOf: purposeOf('model server'), flag: '--model-port', variable: 'MODEL_SERVER_PORT' },
  ];
  const problems: string[] = [];
  for (const range of ranges) {
    const problem = await portProblem(range, ports);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
}

async function build({ running, verbose }: StartOptions, children: Child[], signal: AbortSignal): Promise<void> {
  say('Building …');
  const startedAt = performance.now();
  const filters = [...running.map(({ service }) => service.name), 'cpu-model-server'].map((name) => `--filter=@bluefly/${name}`);
  const turbo = new Child(
    'build',
    'turbo',
    ['run', 'build', ...filters, '--output-logs=new-only'],
    { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
    verbose,
  );
  children.push(turbo);
  await Promise.race([turbo.success, untilAborted(signal)]);
  signal.throwIfAborted();
  children.pop();
  say(`Built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
}

/** Ready means that /health says so: the model server answered a real request. */
async function untilReady(workerPort: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    if ((await healthStatus(workerPort, signal)) === 200) return;
    await sleep(100, undefined, { signal });
  }
}

/** undefined: nobody answers yet. */
async function healthStatus(workerPort: number, signal: AbortSignal): Promise<number | undefined> {
  try {
    const health = await fetch(`http://127.0.0.1:${workerPort}/health`, { signal });
    await health.arrayBuffer();
    return health.status;
  } catch {
    return undefined;
  }
}

/** Ctrl-C, a polite kill, a closed terminal, a reader of our output that left, and the end of whoever started us. */
function stopOnSignals(stop: AbortController): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort()); // what is said from then on is lost
  const starters = launchers();
  setInterval(() => {
    if (!starters.every(isAlive)) stop.abort();
  }, 500).unref();
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ChildFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
