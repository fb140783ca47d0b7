export { completionTokens, maxTokensOr256, promptTokens } from './completions.ts';
export { countDocuments, countRerankTokens } from './documents.ts';
export { countInputs, countInputTokens } from './inputs.ts';
export { estimateTokens, type TokenizerFamily, tokenizerFamilyOf } from './tokens.ts';
