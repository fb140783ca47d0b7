import { cleanLogLine } from './log-lines.ts';

/**
 * Why model servers die, by what they wrote last. The words here are all that leaves this machine: never a line of the log,
 * which may hold customers' texts. Source of the patterns: text-embeddings-inference 1.9.3 (TEI), vLLM of August 2026.
 */

export interface FailureKind {
  /** What happened, after "the model server …:". */
  reason: string;
  /** What its operator can do. `$1` and so on are numbers that the pattern captured. */
  advice: string;
  /** One line of the log that shows it. */
  pattern: RegExp;
  /** Another start on this machine would end the same way. */
  isPermanent: boolean;
}

/** The first that matches any line decides, so causes stand before what follows from them. */
export const failureCatalogue: readonly FailureKind[] = [
  {
    reason: 'the context length needs more GPU memory than there is',
    advice: 'start vLLM with --max-model-len $1 or less, or take a GPU with more memory',
    pattern: /max seq len \(\d+\).*estimated maximum model length is (\d+)/,
    isPermanent: true,
  },
  {
    reason: 'no GPU memory is left for the KV cache',
    advice: 'raise --gpu-memory-utilization, quantise the model, or take a GPU with more memory',
    pattern: /No available memory for the cache blocks/,
    isPermanent: true,
  },
  {
    reason: 'another process holds GPU memory',
    advice: 'end that process (nvidia-smi lists it), or lower --gpu-memory-utilization',
    pattern: /Free memory on device .* is less than desired GPU memory utilization/,
    isPermanent: false,
  },
  {
    reason: 'GPU memory in use changed while the model server measured it',
    advice: 'start one model server after the other when several share a GPU',
    pattern: /Error in memory profiling/,
    isPermanent: false,
  },
  {
    reason: 'out of GPU memory while warming up',
    advice: 'lower --max-num-seqs or --gpu-memory-utilization',
    pattern: /CUDA out of memory occurred when warming up sampler/,
    isPermanent: false,
  },
  {
    reason: 'out of GPU memory',
    advice: 'take a GPU with more memory or a smaller model, or lower --max-batch-tokens (TEI) or --max-model-len (vLLM)',
    pattern: /CUDA_ERROR_OUT_OF_MEMORY|CUDA out of memory|torch\.OutOfMemoryError|not enough GPU memory/,
    isPermanent: false,
  },
  {
    reason: 'the image is built for GPUs of another compute capability',
    advice: 'use the TEI image for this GPU: its tag names the capability, such as 86-1.9, or cuda-1.9 for all',
    pattern: /Runtime compute cap \d+ is not compatible with compile time compute cap \d+/,
    isPermanent: true,
  },
  {
    reason: 'this GPU is not supported by the image',
    advice: 'rent a GPU of compute capability 7.5 or newer',
    pattern: /cuda compute cap \S+ is not supported/,
    isPermanent: true,
  },
  {
    reason: 'the container has no GPU driver',
    advice: 'start the container with GPUs; vast-worker doctor shows what it sees',
    pattern: /'nvidia-smi' command not found|Found no NVIDIA driver|libcuda\.so\.1: cannot open shared object/,
    isPermanent: true,
  },
  {
    reason: 'the GPU failed',
    advice: 'destroy this instance if it happens again: its GPU or driver is faulty',
    pattern:
      /uncorrectable ECC error|CUDA error: (?:unspecified launch failure|an illegal memory access)|CUDA_ERROR_(?:ILLEGAL_ADDRESS|LAUNCH_FAILED|ECC_UNCORRECTABLE|UNKNOWN)/,
    isPermanent: false,
  },
  {
    reason: 'the model may not be downloaded with this token',
    advice: 'set HF_TOKEN to a token that has access, and accept the licence of a gated model',
    pattern: /(?:status client error|Client Error).*\b(?:401|403)\b|\b(?:401|403) Client Error|GatedRepoError|Cannot access gated repo/,
    isPermanent: true,
  },
  {
    reason: 'there is no such model, or it is not one that this model server can load',
    advice: 'check the name and the revision of the model',
    pattern:
      /RepositoryNotFoundError|RevisionNotFoundError|`config\.json` not found|tokenizer\.json not found|is not a valid model identifier/,
    isPermanent: true,
  },
  {
    reason: 'the disk is full',
    advice: 'take an instance with more disk space',
    pattern: /No space left on device|os error 28\b/,
    isPermanent: true,
  },
  {
    reason: 'its port is taken',
    advice: 'end what listens there, or give the model server another port and set MODEL_SERVER_PORT to it',
    pattern: /Address already in use|address already in use|os error 98\b|EADDRINUSE|Could not bind TCP Listener/,
    isPermanent: false,
  },
  {
    reason: 'the model could not be downloaded',
    advice: 'check the network of this machine and whether huggingface.co is up',
    pattern:
      /Could not download model artifacts|LocalEntryNotFoundError|Max retries exceeded with url|Temporary failure in name resolution/,
    isPermanent: false,
  },
  {
    reason: 'an option is wrong',
    advice: "read the model server's last lines and correct its arguments",
    pattern:
      /^error: (?:unexpected argument|invalid value|the following required arguments|unrecognized|argument )|: error: (?:unrecognized arguments|argument |the following arguments)/,
    isPermanent: true,
  },
  {
    reason: 'it panicked',
    advice: "read the model server's last lines; this is a fault of TEI or of the model's files",
    pattern: /panicked at/,
    isPermanent: false,
  },
  {
    reason: "vLLM's engine failed",
    advice: "read the model server's last lines for the cause",
    pattern:
      /EngineCore encountered a fatal error|EngineDeadError|Engine core initialization failed|EngineCore failed to start|engine core exited unexpectedly/,
    isPermanent: false,
  },
  {
    reason: "TEI's back end could not be started",
    advice: "read the model server's last lines for the cause",
    pattern: /Could not start \w+ backend|Could not create backend|Model backend is not healthy/,
    isPermanent: false,
  },
];

export interface Diagnosis {
  reason: string;
  advice: string;
  isPermanent: boolean;
}

/** @param lines the last ones, as they came @returns undefined when none of them is known */
export function diagnose(lines: readonly string[]): Diagnosis | undefined {
  const cleaned = lines.map(cleanLogLine);
  for (const { reason, advice, pattern, isPermanent } of failureCatalogue) {
    const match = cleaned.map((line) => pattern.exec(line)).find((found) => found !== null);
    if (match) return { reason, advice: advice.replaceAll(/\$(\d)/g, (_, group) => match[Number(group)] ?? ''), isPermanent };
  }
  return undefined;
}
