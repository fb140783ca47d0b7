/** vLLM's errors: `{"error": {message, type, param, code}}`, the code being the status as a number. */

const statusOf = {
  /** Parameters that fit the schema and still cannot be. */
  BadRequestError: 400,
  /** A body that does not fit the schema. */
  'Bad Request': 400,
  NotFoundError: 404,
  'Request Entity Too Large': 413,
  InternalServerError: 500,
} as const;

export type VllmErrorType = keyof typeof statusOf;

export class VllmError extends Error {
  override readonly name = 'VllmError';
  readonly type: VllmErrorType;
  readonly param: string | null;

  constructor(type: VllmErrorType, message: string, param: string | null = null) {
    super(message);
    this.type = type;
    this.param = param;
  }

  get status(): number {
    return statusOf[this.type];
  }
}

/** What every request gets once the engine is dead. */
export class EngineDeadError extends VllmError {
  constructor() {
    super('InternalServerError', 'EngineCore encountered an issue. See stack trace (above) for the root cause.');
  }
}

export const vllmErrorBody = ({ message, type, param, status }: VllmError) => ({ error: { message, type, param, code: status } });

/** Also for what was not foreseen: the caller learns nothing about it but that it happened. */
export const asVllmError = (error: unknown): VllmError =>
  error instanceof VllmError ? error : new VllmError('InternalServerError', 'This is a bug of cpu-model-server; its log says more.');
