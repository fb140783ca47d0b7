/** The errors of text-embeddings-inference: a type fixes the status; two shapes of body, by route. */

const statusOf = {
  Validation: 422,
  Tokenizer: 422,
  Empty: 400,
  Backend: 424,
  Overloaded: 429,
  Unhealthy: 503,
} as const;

export type TeiErrorType = keyof typeof statusOf;

export class TeiError extends Error {
  override readonly name = 'TeiError';
  readonly type: TeiErrorType;
  /** Label of `te_request_failure`. */
  readonly metric: string;

  constructor(type: TeiErrorType, message: string, metric = defaultMetric[type]) {
    super(message);
    this.type = type;
    this.metric = metric;
  }

  get status(): number {
    return statusOf[this.type];
  }
}

const defaultMetric: Record<TeiErrorType, string> = {
  Validation: 'validation',
  Tokenizer: 'tokenization',
  Empty: 'validation',
  Backend: 'inference',
  Overloaded: 'overloaded',
  Unhealthy: 'unhealthy',
};

/** What the HTTP framework answers itself, in plain text. */
export class FrameworkError extends Error {
  override readonly name = 'FrameworkError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const nativeErrorBody = (error: TeiError) => ({ error: error.message, error_type: error.type });

/** The OpenAI route's errors have no `error` around them. */
export const openAiErrorBody = (error: TeiError) => ({ message: error.message, code: error.status, type: error.type });
