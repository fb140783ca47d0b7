import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBlocks } from './blocks.ts';
import { anyDocument } from './testing.ts';

const read = (text: string) =>
  readBlocks(text).map((block) => {
    const content = text.slice(block.start, block.end);
    if (block.kind === 'heading') return `h${block.level} ${content}`;
    if (block.kind === 'item') return `item${block.label ? ` [${text.slice(block.label.start, block.label.end)}]` : ''} ${content}`;
    if (block.kind === 'row')
      return `${block.isHeader ? 'head' : 'row'} ${block.cells.map(({ start, end }) => text.slice(start, end)).join(' / ')}`;
    return `${block.kind} ${content}`;
  });

describe('blocks', () => {
  it('reads Markdown', () => {
    const text = [
      '# Request for Proposal',
      '',
      'The city invites',
      'proposals.',
      '',
      'Security',
      '--------',
      '- **SEC-01** Encrypt it.',
      '  Everywhere.',
      '- Log it.',
      '',
      '| Id | Text |',
      '|----|------|',
      '| A-1 | Keep \\| it |',
      '',
      '```',
      'The vendor shall not read this.',
      '```',
      '***',
      '**Support**',
      '',
      'Done.',
    ].join('\n');
    expect(read(text)).toEqual([
      'h1 Request for Proposal',
      'paragraph The city invites\nproposals.',
      'h2 Security',
      'item [SEC-01] Encrypt it.\n  Everywhere.',
      'item Log it.',
      'head Id / Text',
      'row A-1 / Keep \\| it',
      'code ```\nThe vendor shall not read this.\n```',
      'h6 **Support**',
      'paragraph Done.',
    ]);
  });

  it('reads plain text', () => {
    const text = [
      'REQUEST FOR PROPOSAL',
      '',
      'SECTION 3 - Scope of Work',
      '',
      '3.1 Technical Requirements',
      '',
      '3.1.1 The vendor shall deliver it',
      '      on time.',
      '3.1.2. It shall work.',
      '(a) Here.',
      '(b) There.',
      '',
      'The proposal shall contain:',
      '',
      '1. Cover Letter',
      '',
      '2. Price Sheet',
      '',
      'R-12: Keep records.',
    ].join('\r\n');
    expect(read(text)).toEqual([
      'h1 REQUEST FOR PROPOSAL',
      'h1 SECTION 3 - Scope of Work',
      'h2 3.1 Technical Requirements',
      'item [3.1.1] The vendor shall deliver it\r\n      on time.',
      'item [3.1.2] It shall work.',
      'item Here.',
      'item There.',
      'paragraph The proposal shall contain:',
      'item Cover Letter',
      'item Price Sheet',
      'item [R-12] Keep records.',
    ]);
  });

  it('takes no sentence for a heading', () => {
    for (const text of ['4.2 The Vendor Shall Deliver Everything', 'IT SHALL BE SO.', '3. Keep it short.', 'A line of small words']) {
      expect(read(text)[0]).not.toMatch(/^h\d/);
    }
  });

  it('gives blocks that ascend, do not overlap, and leave out nothing but marks and blanks', () => {
    fc.assert(
      fc.property(anyDocument, (text) => {
        let end = 0;
        for (const block of readBlocks(text)) {
          expect(block.lineStart).toBeGreaterThanOrEqual(end);
          expect(block.start).toBeGreaterThanOrEqual(block.lineStart);
          expect(block.end).toBeGreaterThan(block.start);
          expect(text.slice(end, block.lineStart)).toMatch(/^[\s|:*_=~`-]*$/);
          expect(text.slice(block.lineStart, block.start).trim().length).toBeLessThan(50);
          end = block.end;
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  it('reads long texts of one kind in time that grows with their length', () => {
    for (const unit of ['- ', '.', '* ', '1.', '|', '\n', '\n- a', '#', 'A.1', ' ', 'a b. ', '**', '\n1. A', '|-']) {
      const text = unit.repeat(Math.ceil(200_000 / unit.length));
      expect(readBlocks(text).length).toBeGreaterThanOrEqual(0);
    }
  });
});
