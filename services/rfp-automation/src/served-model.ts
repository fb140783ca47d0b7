import type { RespondInput } from '@bluefly/vast-worker';

/**
 * `@huggingface/inference` without a model puts its endpoint's URL into `model`, which vLLM answers with 404. Such a body goes on without
 * the field: vLLM takes the model it serves. Every other body is passed on byte for byte.
 */
export const relayToServedModel =
  (path: string) =>
  ({ payload, callModel }: RespondInput): Promise<Response> | undefined => {
    if (typeof payload.model !== 'string' || !/^https?:\/\//.test(payload.model)) return undefined;
    const { model: _url, ...rest } = payload;
    return callModel(path, { json: rest });
  };
