/** Of RFC 9110 and 9112, as sources of regular expressions. */

/** A method, or the name of a header. */
export const tokenPattern = String.raw`[!#$%&'*+\-.^_\`|~0-9A-Za-z]+`;
/** The value of a header, in Latin-1. */
export const textPattern = String.raw`[\t\x20-\x7e\x80-\xff]*`;
/** Percent-encoded, with its query. */
export const pathPattern = String.raw`/[!-~]*`;
