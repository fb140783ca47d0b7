import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive, launchers } from './start/ancestors.ts';
import { Child, ChildFailed } from './start/child.ts';
import { greeting } from './start/greeting.ts';
import { helpText, readStartOptions, type StartOptions, UsageError } from './start/options.ts';
import { portProblem } from './start/ports.ts';
import { startCommandOf } from './start/start-command.ts';

/**
 * `npm start`: build, start the embedded model server and the agent-brain worker in front of it, wait until the worker
 * is ready, say how to use it, and take everything down again on Ctrl-C.
 */
async function main(): Promise<void> {
  const options = readStartOptions(process.argv.slice(2), process.env);
  if (options === 'help') return void process.stdout.write(helpText);
  const stop = new AbortController();
  stopOnSignals(stop);
  await requireFreePorts(options);

  const children: Child[] = [];
  try {
    await build(options, children, stop.signal);
    const model = new Child('model', process.execPath, modelServerArguments(options), { ...process.env, NO_COLOR: '1' }, options.verbose);
    children.push(model);
    const worker = new Child(
      'worker',
      process.execPath,
      [...workerCommand.flags, workerCommand.bundle],
      workerEnvironment(options),
      options.verbose,
    );
    children.push(worker);
    say('Waiting for the worker to be ready …');
    await Promise.race([untilReady(options, stop.signal), model.failure, worker.failure]);
    process.stdout.write(greeting(options));
    await Promise.race([untilAborted(stop.signal), model.failure, worker.failure]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    if (stop.signal.aborted) say('\nStopping …');
    for (const child of children.reverse()) await child.stop(); // the worker first: it drains while the model server still answers
  }
  say('Stopped.');
}

const root = fileURLToPath(new URL('..', import.meta.url));
const workerCommand = startCommandOf('agent-brain');

const modelServerArguments = ({ modelPort }: StartOptions) => [
  `${root}packages/cpu-model-server/dist/main.js`,
  ...['--dialect', 'tei', '--hostname', '127.0.0.1', '--port', String(modelPort)],
];

/** Signatures are not verified, so the worker listens on the loopback interface only. */
function workerEnvironment({ workerPort, modelPort }: StartOptions): NodeJS.ProcessEnv {
  const { CONTAINER_ID: _id, REPORT_ADDR: _address, MODEL_LOG: _log, MODEL_HEALTH_ENDPOINT: _health, ...inherited } = process.env;
  return {
    ...workerCommand.env,
    ...inherited,
    WORKER_PORT: String(workerPort),
    WORKER_HOST: '127.0.0.1',
    MODEL_SERVER_URL: 'http://127.0.0.1',
    MODEL_SERVER_PORT: String(modelPort),
    UNSECURED: 'true',
  };
}

async function requireFreePorts({ workerPort, modelPort }: StartOptions): Promise<void> {
  const ports = [workerPort, modelPort];
  const problems = [
    await portProblem(workerPort, { purpose: 'the worker', flag: '--worker-port', variable: 'WORKER_PORT' }, ports),
    await portProblem(modelPort, { purpose: 'the model server', flag: '--model-port', variable: 'MODEL_SERVER_PORT' }, ports),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
}

async function build({ verbose }: StartOptions, children: Child[], signal: AbortSignal): Promise<void> {
  say('Building …');
  const startedAt = performance.now();
  const filters = ['--filter=@bluefly/agent-brain', '--filter=@bluefly/cpu-model-server'];
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
async function untilReady({ workerPort }: StartOptions, signal: AbortSignal): Promise<void> {
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
