import type { EngineInput, Tokenizer } from './engine.ts';
import type { LibraryTokenizer } from './onnx-library.ts';

/** A model's own tokenizer. It does not know where in the text a token is. */
export function createOnnxTokenizer(tokenizer: LibraryTokenizer): Tokenizer & { ids(input: EngineInput): readonly number[] } {
  const encode = (text: string, special: boolean) => tokenizer.encode(text, { add_special_tokens: special });
  const specials = new Set(tokenizer.all_special_ids);
  const frame = frameOf(encode);
  /** Ids are taken as they are. */
  const ids = (input: EngineInput) => (typeof input === 'string' ? encode(input, true) : input);
  return {
    ids,
    tokenize: (text, addSpecialTokens) =>
      encode(text, addSpecialTokens).map((id) => ({
        id,
        text: tokenizer.decode([id], { skip_special_tokens: false }),
        special: specials.has(id),
        start: null,
        stop: null,
      })),
    count: (input) => ids(input).length,
    cut(input, limit, cutOff) {
      const whole = typeof input === 'string' ? encode(input, false) : input;
      const { head, tail } = typeof input === 'string' ? frame : { head: [], tail: [] };
      const room = Math.max(0, limit - head.length - tail.length);
      return [...head, ...(cutOff === 'right' ? whole.slice(0, room) : whole.slice(whole.length - room)), ...tail];
    },
  };
}

/** The special tokens around a text. */
function frameOf(encode: (text: string, special: boolean) => number[]): { head: number[]; tail: number[] } {
  const plain = encode('a', false);
  const framed = encode('a', true);
  const start = framed.indexOf(plain[0] as number);
  return { head: framed.slice(0, start), tail: framed.slice(start + plain.length) };
}
