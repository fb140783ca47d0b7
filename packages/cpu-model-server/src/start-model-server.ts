import { defaultOptions, kindProblem, type ModelServerOptions, OptionsError } from './options.ts';
import type { ModelServer, Surroundings } from './server.ts';
import { startTei } from './start-tei.ts';
import { startVllm } from './start-vllm.ts';

/** Loads, then listens: until the promise resolves connections are refused. @throws StartError, OptionsError, AbortError */
export async function startModelServer(given: Partial<ModelServerOptions> = {}, surroundings: Surroundings = {}): Promise<ModelServer> {
  const options: ModelServerOptions = { ...defaultOptions(given), ...given };
  const problem = kindProblem(options);
  if (problem) throw new OptionsError(problem);
  return options.dialect === 'tei' ? startTei(options, surroundings) : startVllm(options, surroundings);
}
