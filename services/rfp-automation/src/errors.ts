/** What can go wrong with reading a document, besides what the worker itself refuses. The code fixes the public words. */
export const requirementsErrors = {
  MODEL_REFUSED: { status: 502, safeMessage: 'The model server refused to read the document.' },
  MODEL_ANSWER_UNUSABLE: { status: 502, safeMessage: 'The model gave no usable answer to any passage of the document.' },
  MODEL_CONTEXT_TOO_SHORT: { status: 502, safeMessage: 'The context of the model is too short to read documents in.' },
} as const satisfies Record<string, { status: number; safeMessage: string }>;

export type RequirementsErrorCode = keyof typeof requirementsErrors;

/** `message` is for logs; it holds nothing of the document and nothing that the model wrote. */
export class RequirementsError extends Error {
  override readonly name = 'RequirementsError';
  readonly code: RequirementsErrorCode;

  constructor(code: RequirementsErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }

  get status(): number {
    return requirementsErrors[this.code].status;
  }

  get safeMessage(): string {
    return requirementsErrors[this.code].safeMessage;
  }
}
