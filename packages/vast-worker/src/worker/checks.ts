import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { parsePublicKey, paths } from '@bluefly/vast-protocol';
import { Agent, request } from 'undici';
import { AbortScope } from '../adapters/abort-scope.ts';
import { checkPair } from '../adapters/certificate.ts';
import { folderProblem, freeDisk } from '../adapters/disk-usage.ts';
import { isProgram } from '../adapters/find-program.ts';
import { lookForGpus } from '../adapters/gpu.ts';
import { StateFolder } from '../adapters/model-server-process.ts';
import { listenProblem } from '../adapters/port-check.ts';
import type { ConfigProblem } from '../errors.ts';
import type { Environment } from './environment.ts';
import type { Finding } from './finding.ts';

/** What can be wrong with a machine, one function per check. `doctor` runs them all, the start of a worker those that it cannot do without. */

export interface CheckContext {
  env: NodeJS.ProcessEnv;
  values: Environment;
  problems: readonly ConfigProblem[];
  /** For one answer over the network. */
  timeoutMs: number;
}

export type Check = (context: CheckContext, signal: AbortSignal) => Promise<Finding[]>;

export async function checkEnvironment({ values, problems }: CheckContext): Promise<Finding[]> {
  const findings: Finding[] = problems.map(({ where, expected, found }) => ({
    check: 'environment',
    status: 'wrong',
    found: found === 'nothing' ? `${where} is not set` : `${where} is ${found}`,
    todo: `set it to ${expected}`,
  }));
  const { identity, isUnsecured } = values;
  if (identity && isUnsecured) {
    findings.push({
      check: 'environment',
      status: 'warning',
      found: 'UNSECURED with a CONTAINER_ID: whoever reaches this worker may use it',
      todo: 'unset UNSECURED',
    });
  }
  if (identity?.masterToken === '') {
    findings.push({
      check: 'environment',
      status: 'warning',
      found: 'MASTER_TOKEN is empty: the control plane may not accept reports',
      todo: 'take the environment as Vast sets it; over ssh it is in /proc/1/environ',
    });
  }
  if (findings.length > 0) return findings;
  return [
    { check: 'environment', status: 'ok', found: identity ? `worker ${identity.id} at ${identity.url}` : 'standalone: reports to nobody' },
  ];
}

export async function checkPorts({ values, timeoutMs }: CheckContext, signal: AbortSignal): Promise<Finding[]> {
  const { workerPort, workerHost, workerHttpPort, workerHttpHost, useSsl } = values;
  const main = await listenProblem(workerPort, workerHost);
  const worker = main === 'EADDRINUSE' ? await phaseOfWorker(workerPort, workerHost, useSsl, timeoutMs, signal) : undefined;
  if (worker !== undefined) return [{ check: 'ports', status: 'ok', found: `${workerPort}: a worker listens, ${worker}` }];
  const findings = [portFinding(workerPort, 'WORKER_PORT', 'WORKER_HOST', main)];
  if (workerHttpPort !== undefined) {
    findings.push(portFinding(workerHttpPort, 'WORKER_HTTP_PORT', 'WORKER_HTTP_HOST', await listenProblem(workerHttpPort, workerHttpHost)));
  }
  const { apiKeys, cloudflareAccess } = values.direct;
  if (apiKeys) findings.push(portFinding(apiKeys.port, 'API_KEYS_PORT', '127.0.0.1', await listenProblem(apiKeys.port, '127.0.0.1')));
  if (cloudflareAccess) {
    findings.push(
      portFinding(cloudflareAccess.port, 'CF_ACCESS_PORT', '127.0.0.1', await listenProblem(cloudflareAccess.port, '127.0.0.1')),
    );
  }
  return findings;
}

function portFinding(port: number, variable: string, hostVariable: string, problem: string | undefined): Finding {
  switch (problem) {
    case undefined:
      return { check: 'ports', status: 'ok', found: port === 0 ? `${variable} takes a free one` : `${port} is free` };
    case 'EADDRINUSE':
      return { check: 'ports', status: 'wrong', found: `${port} is taken`, todo: `end what listens there, or set ${variable} to another` };
    case 'EADDRNOTAVAIL':
      return { check: 'ports', status: 'wrong', found: `${hostVariable} is no address of this machine`, todo: `unset ${hostVariable}` };
    default:
      return { check: 'ports', status: 'wrong', found: `${port} cannot be used (${problem})`, todo: `set ${variable} to another` };
  }
}

/** undefined: who listens there is no worker. */
async function phaseOfWorker(
  port: number,
  host: string | undefined,
  useSsl: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const address = host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  try {
    const answer = await get(`${useSsl ? 'https' : 'http'}://${address}:${port}/health`, timeoutMs, signal, { verifyTls: false });
    if (answer.text === '' && answer.headers['x-worker-id'] !== undefined) return answer.status === 200 ? 'ready' : 'not ready'; // METRICS_TOKEN
    const { phase } = JSON.parse(answer.text) as { phase?: unknown };
    return typeof phase === 'string' ? `phase ${phase}` : undefined;
  } catch {
    return undefined;
  }
}

export async function checkGpu({ env, values }: Pick<CheckContext, 'env' | 'values'>): Promise<Finding[]> {
  const look = await lookForGpus(env);
  switch (look.kind) {
    case 'gpus':
      return [{ check: 'gpu', status: 'ok', found: look.gpus.join('; ') }];
    case 'none':
      return [
        {
          check: 'gpu',
          status: values.requiresGpu ? 'wrong' : 'warning',
          found: 'no GPU is visible (there is no nvidia-smi)',
          todo: 'start the container with GPUs (docker run --gpus all); without one text-embeddings-inference runs on the CPU and says little about it',
        },
      ];
    case 'broken':
      return [
        {
          check: 'gpu',
          status: 'wrong',
          found: `nvidia-smi fails (${look.code})`,
          todo: 'destroy this instance: driver and container do not fit, or the GPU is faulty',
        },
      ];
  }
}

export async function checkDisk({ env, values }: Pick<CheckContext, 'env' | 'values'>): Promise<Finding[]> {
  const { minFreeDiskGib } = values;
  const disks = await freeDisk([values.modelStateDir, modelCache(env), '/']);
  return disks.map(({ path, freeGib }): Finding => {
    const found = `${freeGib.toFixed(1)} GiB free for ${path}`;
    if (freeGib < minFreeDiskGib) {
      return {
        check: 'disk',
        status: 'wrong',
        found: `${found}, less than ${minFreeDiskGib}`,
        todo: 'take more disk space, or lower MIN_FREE_DISK_GIB',
      };
    }
    if (freeGib >= scarceGib) return { check: 'disk', status: 'ok', found };
    return { check: 'disk', status: 'warning', found, todo: 'see to it that the model fits: 2 bytes per parameter in fp16' };
  });
}

const scarceGib = 5;

/** Where Hugging Face's libraries and text-embeddings-inference download to. */
const modelCache = (env: NodeJS.ProcessEnv) =>
  env.HUGGINGFACE_HUB_CACHE || env.HF_HUB_CACHE || env.HF_HOME || `${env.HOME || '/root'}/.cache/huggingface`;

/** @param command of the model server when the worker starts it */
export async function checkModelServerCommand(
  command: { command: string; cwd?: string | undefined; env: NodeJS.ProcessEnv },
  stateDir: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (!(await isProgram(command.command, command.env, command.cwd))) {
    findings.push({
      check: 'model server',
      status: 'wrong',
      found: `there is no program ${command.command}`,
      todo: 'install it, or correct modelServer.command or MODEL_SERVER_COMMAND',
    });
  }
  const problem = await folderProblem(stateDir);
  if (problem !== undefined) {
    findings.push({
      check: 'model server',
      status: 'wrong',
      found: `MODEL_STATE_DIR ${stateDir} cannot be written (${problem})`,
      todo: 'set MODEL_STATE_DIR to a folder that can',
    });
  } else if (!new StateFolder(stateDir).isPrivate) {
    findings.push({
      check: 'model server',
      status: 'wrong',
      found: `MODEL_STATE_DIR ${stateDir} belongs to another user, or others may write it`,
      todo: 'set MODEL_STATE_DIR to a folder of mode 700',
    });
  }
  return findings;
}

export async function checkModelServer({ env, values, timeoutMs }: CheckContext, signal: AbortSignal): Promise<Finding[]> {
  const { modelServerCommand: override } = values;
  const findings =
    override === undefined || override === 'none' ? [] : await checkModelServerCommand({ command: override[0], env }, values.modelStateDir);
  const origin = `${values.modelServerUrl}:${values.modelServerPort}`;
  const url = new URL(values.modelHealthcheckUrl ?? '/health', origin).href;
  const found = await modelServerHealth(withoutPassword(url), timeoutMs, signal);
  if (found.status === 'warning' && override !== undefined && override !== 'none') {
    return [...findings, { check: 'model server', status: 'ok', found: `${found.found}; the worker starts it` }];
  }
  return [...findings, found];
}

async function modelServerHealth(url: string, timeoutMs: number, signal: AbortSignal): Promise<Finding> {
  const check = 'model server';
  try {
    const { status } = await get(url, timeoutMs, signal);
    if (status === 200) return { check, status: 'ok', found: `${url} answers 200` };
    if (status === 404 || status === 405) {
      return {
        check,
        status: 'warning',
        found: `${url} answers ${status}`,
        todo: 'set MODEL_HEALTH_ENDPOINT to its health; without one an accepted connection counts as healthy',
      };
    }
    return { check, status: 'wrong', found: `${url} answers ${status}`, todo: 'it is loading, or unhealthy: read its log' };
  } catch (error) {
    const reason = reasonOf(error, timeoutMs);
    if (reason === 'refuses connections') {
      return {
        check,
        status: 'warning',
        found: `nobody listens at ${url}`,
        todo: 'start it, or correct MODEL_SERVER_URL and MODEL_SERVER_PORT; while it loads this is normal',
      };
    }
    return {
      check,
      status: 'wrong',
      found: `${url} ${reason}`,
      todo: 'restart it: it hangs, or MODEL_SERVER_URL is of another machine that cannot be reached',
    };
  }
}

export async function checkControlPlane({ values, timeoutMs }: CheckContext, signal: AbortSignal): Promise<Finding[]> {
  const { reportAddresses } = values;
  if (reportAddresses.length === 0) return [{ check: 'control plane', status: 'ok', found: 'no REPORT_ADDR: there is none' }];
  const looks = await Promise.all(reportAddresses.map((address) => publicKeyAt(address, timeoutMs, signal)));
  const isReachable = looks.some(({ status }) => status === 'ok');
  return looks.map((look) => (look.status === 'wrong' && isReachable ? { ...look, status: 'warning' } : look));
}

async function publicKeyAt(address: string, timeoutMs: number, signal: AbortSignal): Promise<Finding> {
  const check = 'control plane';
  const url = withoutPassword(`${address}${paths.publicKey}`);
  try {
    const { status, text } = await get(url, timeoutMs, signal);
    if (status !== 200) {
      return { check, status: 'wrong', found: `${url} answers ${status}`, todo: 'correct REPORT_ADDR; Vast sets it' };
    }
    if (!parsePublicKey(text)) {
      return {
        check,
        status: 'wrong',
        found: `${url} gives no RSA key of 2048 bits or more`,
        todo: 'correct REPORT_ADDR: no request can be verified without the key',
      };
    }
    return { check, status: 'ok', found: `${url} gives a key` };
  } catch (error) {
    return {
      check,
      status: 'wrong',
      found: `${url} ${reasonOf(error, timeoutMs)}`,
      todo: 'see whether this machine may reach it (firewall, DNS, proxy), or correct REPORT_ADDR',
    };
  }
}

export async function checkCertificate({ values }: CheckContext): Promise<Finding[]> {
  if (!values.useSsl) return [];
  const check = 'certificate';
  const { certFile, keyFile } = values.certificateFiles;
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    const validTo = checkPair({ cert, key });
    if (validTo.getTime() < Date.now()) {
      return [
        {
          check,
          status: 'wrong',
          found: `${certFile} was good until ${validTo.toISOString()}`,
          todo: `delete it and ${keyFile}: the worker asks for another`,
        },
      ];
    }
    return [{ check, status: 'ok', found: `${certFile} is good until ${validTo.toISOString()}` }];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      return [
        {
          check,
          status: 'wrong',
          found: code ? `${certFile} or ${keyFile} cannot be read (${code})` : message,
          todo: `replace ${certFile} and ${keyFile}, or delete both`,
        },
      ];
    if (values.identity) return [{ check, status: 'ok', found: 'none yet; the worker asks Vast for one' }];
    return [{ check, status: 'wrong', found: `${certFile} and ${keyFile} are not there`, todo: 'make them, or unset USE_SSL' }];
  }
}

async function get(
  url: string,
  timeoutMs: number,
  signal: AbortSignal,
  { verifyTls = true }: { verifyTls?: boolean } = {},
): Promise<{ status: number; text: string; headers: IncomingHttpHeaders }> {
  const dispatcher = new Agent({ allowH2: false, connect: { rejectUnauthorized: verifyTls, timeout: timeoutMs } });
  try {
    using limit = new AbortScope(signal, timeoutMs);
    const answer = await request(url, { signal: limit.signal, dispatcher });
    return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
  } finally {
    await dispatcher.destroy();
  }
}

/** An address may hold one, and findings are shown. */
function withoutPassword(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}

/** After an address. */
function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || code === 'UND_ERR_CONNECT_TIMEOUT') return `does not answer within ${timeoutMs / 1000} s`;
  switch (code) {
    case 'ECONNREFUSED':
      return 'refuses connections';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'has a name that cannot be resolved';
    default:
      return `cannot be reached (${code ?? message})`;
  }
}
