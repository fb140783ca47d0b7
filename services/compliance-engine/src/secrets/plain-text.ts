/** Text as patterns can read it, and the way back to where it came from. */

export interface PlainText {
  text: string;
  /** Index in the original of the unit at `index`. */
  originOf: (index: number) => number;
}

/** What shows nothing: soft hyphens, zero-width blanks and joiners, marks of direction and of byte order. */
const unseen = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/;
const fullWidth = /[\uff01-\uff5e]/g;
const distanceToAscii = 0xfee0;

/** Full-width letters as ASCII, and nothing that shows nothing. */
export function plainTextOf(original: string): PlainText {
  const narrow = original.replace(fullWidth, (unit) => String.fromCharCode(unit.charCodeAt(0) - distanceToAscii)); // unit for unit
  if (!unseen.test(narrow)) return { text: narrow, originOf: (index) => index };
  const origins: number[] = [];
  const units: string[] = [];
  for (let index = 0; index < narrow.length; index += 1) {
    const unit = narrow[index] as string;
    if (unseen.test(unit)) continue;
    origins.push(index);
    units.push(unit);
  }
  return { text: units.join(''), originOf: (index) => origins[index] as number };
}
