/** Resolves the library from here: from this folder's own node_modules, else from where the package is installed. */
export * from '@huggingface/transformers';
