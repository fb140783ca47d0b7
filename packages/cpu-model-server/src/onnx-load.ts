import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { importLibrary, type Library, type LoadOptions, type ProgressEvent } from './onnx-library.ts';
import { ModelError } from './server.ts';

/** Where a model comes from: a folder of this machine, or a hub, kept in a folder from then on. */

export interface ModelSource {
  /** A hub's id, or a folder. */
  model: string;
  /** undefined: the library's own hub. */
  hubUrl: string | undefined;
  /** undefined: below the home folder. */
  cacheDir: string | undefined;
  /** Which of the model's files: fp32, fp16, q8, … */
  dtype: string;
}

export interface Loading {
  /** A file begins, or has this share of it, 0 to 100. */
  onProgress: (file: string, percent: number | undefined) => void;
  /** Ends it early. */
  signal: AbortSignal;
}

export interface OpenedSource {
  library: Library;
  /** What the library calls the model. */
  name: string;
  options: LoadOptions;
  /** A small JSON file of the model; undefined when it has none. */
  readJson: (file: string) => Promise<unknown>;
}

/** @throws OptionsError when the library is not installed */
export async function openSource(source: ModelSource, loading: Loading): Promise<OpenedSource> {
  const library = await importLibrary();
  const isFolder = existsSync(source.model);
  const name = isFolder ? resolve(source.model) : source.model;
  const { env } = library;
  env.logLevel = 40; // errors; its warnings are for its developers
  env.allowRemoteModels = !isFolder;
  env.allowLocalModels = isFolder;
  if (source.hubUrl !== undefined) env.remoteHost = source.hubUrl.endsWith('/') ? source.hubUrl : `${source.hubUrl}/`;
  env.cacheDir = source.cacheDir ?? join(homedir(), '.cache', 'cpu-model-server');
  env.fetch = (input, init) => fetch(input, { ...init, signal: loading.signal });
  const progress = isFolder ? () => {} : progressOf(loading); // nothing is downloaded
  const options: LoadOptions = { progress_callback: progress, dtype: source.dtype, device: 'cpu' };
  return { library, name, options, readJson: (file) => (isFolder ? readLocal(join(name, file)) : readFromHub(library, name, file)) };
}

/** Runs a step of the loading: it ends with the signal, and what fails names the model. @throws ModelError, AbortError */
export async function load<Value>(what: string, source: ModelSource, { signal }: Loading, step: () => Promise<Value>): Promise<Value> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([step(), aborted.promise]);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ModelError(`${what} of ${JSON.stringify(source.model)}: ${reasonOf(error as Error)}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** fetch says why in the cause alone. */
const reasonOf = ({ message, cause }: Error) => (cause instanceof Error ? `${message} (${cause.message})` : message);

/** Every tenth of a file; files of the library are told from their parts by name. */
function progressOf({ onProgress }: Loading): LoadOptions['progress_callback'] {
  const told = new Map<string, number>();
  return ({ status, file, progress }: ProgressEvent) => {
    if (file === undefined) return;
    if (status === 'initiate' && !told.has(file)) {
      told.set(file, 0);
      onProgress(file, undefined);
    }
    const tenth = Math.floor((progress ?? 0) / 10);
    if (status !== 'progress' || tenth <= (told.get(file) ?? 0)) return;
    told.set(file, tenth);
    onProgress(file, tenth * 10);
  };
}

async function readLocal(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Kept where the library keeps the model's other files; that it has none is kept as `null`. */
async function readFromHub({ env }: Library, model: string, file: string): Promise<unknown> {
  const path = join(env.cacheDir, model, file);
  const kept = await readLocal(path);
  if (kept !== undefined) return kept ?? undefined;
  const answer = await env.fetch(`${env.remoteHost}${model}/resolve/main/${file}`);
  if (!answer.ok && answer.status !== 404) throw new Error(`the hub answered ${answer.status} for ${file}`);
  const value: unknown = answer.ok ? await answer.json() : null;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(value));
  return value ?? undefined;
}
