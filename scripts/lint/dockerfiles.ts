import { validate } from 'dockerfile-utils';
import type { Linter } from './linter.ts';

/** Instructions that Docker would refuse, ignores or has given up. */
export const dockerfiles: Linter = {
  name: 'dockerfile-utils',
  matches: ({ path }) => /(^|\/)(Dockerfile(\.[^/]+)?|[^/]+\.Dockerfile)$/.test(path),
  check: ({ text }) =>
    validate(text).map(({ range, message }) => ({
      line: range.start.line + 1,
      message: typeof message === 'string' ? message : message.value,
    })),
};
