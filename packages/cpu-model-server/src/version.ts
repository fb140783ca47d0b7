import manifest from '../package.json' with { type: 'json' };

/** Named so that nobody takes it for text-embeddings-inference's. */
export const version = `${manifest.version}-cpu-model-server`;
