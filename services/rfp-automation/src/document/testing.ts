import fc from 'fast-check';

/** For tests: documents with everything in them that the readers know, in any order. */
const fragment = fc.oneof(
  fc.constantFrom(
    ...[
      '\n',
      '\n\n',
      '\r\n',
      '# ',
      '## 3.1 ',
      '- ',
      '* ',
      '1. ',
      '(a) ',
      '3.2.1 ',
      '[SEC-04] ',
      '| ',
      ' |',
      '|---|',
      '```',
      '\t',
      '  ',
      ': ',
      '. ',
    ],
    ...[
      'The vendor shall ',
      'must',
      'may not',
      'should',
      'The city will',
      'by March 5, 2027',
      'within 10 days',
      'e.g. ',
      'U.S. ',
      '3.5',
      'a.m. ',
    ],
    ...['**', '_', '“', '”', '’', '—', '…', 'ﬁ', 'é', 'e\u0301', '日本語。', '😀', '\u00ad', '\u00a0'],
  ),
  fc.string(),
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
);
export const anyDocument = fc.array(fragment, { maxLength: 60 }).map((fragments) => fragments.join(''));
