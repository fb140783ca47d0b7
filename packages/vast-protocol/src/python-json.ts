/**
 * Text as Python's default JSON encoder writes it: everything outside printable ASCII as \uXXXX in lower-case hex,
 * beyond the basic plane as a surrogate pair. `JSON.stringify` differs there and agrees elsewhere.
 */
export function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escapeUnit);
}

/**
 * A number that Python holds as a float: `242.0` where JavaScript writes `242`. Both write the fewest digits that read
 * back as the same number; they differ in when they write an exponent (Python: below 1e-4, from 1e16) and in its zeros.
 */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
